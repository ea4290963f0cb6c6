import { defaultProvider } from "../crypto/default.js";
import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { coreParts, decodeCore } from "../envelope/core.js";
import { hashCore } from "../envelope/key-schedule.js";
import { authenticationFailed, BlindreelError, malformed, outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, compareBytes } from "../formats/bytes.js";
import { type Codec, checked, decode, encode, fixed, prefixed, struct, u16, u32 } from "../formats/codec.js";
import { HASH_LENGTH, Kind, LIMITS, Magic, SenderType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import { type Block, blockOf } from "./layout.js";
import { hashChunks, hashSegmentHead, SEGMENT_HEAD_LENGTH } from "./leaf.js";
import { decodeManifest, type ManifestEntry } from "./manifest.js";
import { decodeManifestHeader, MANIFEST_HEADER_LENGTH } from "./manifest-header.js";
import { type OpenedManifest, SIGNATURE_LENGTH, signedMessage } from "./manifest-seal.js";
import { objectName } from "./object-name.js";
import { checkAnnounced } from "./origin.js";
import { leafHash, rangePath, rootFromRange, SUBTREE_CHUNKS } from "./tree.js";
import type { Origin } from "./verdict.js";

/** Format-v1, "Range proof". */
interface WireProof extends ObjectStart {
  readonly core: Bytes;
  readonly manifestHeader: Bytes;
  readonly body: Bytes;
  readonly signature: Bytes;
  readonly parts: readonly ProofPart[];
}

/** Chunks `[firstChunk, endChunk)` of one segment. */
export interface ProofPart {
  readonly track: number;
  readonly index: number;
  readonly head: Bytes;
  readonly firstChunk: number;
  readonly endChunk: number;
  /** Roots beside the range, for its first subtree and its last, from left to right. */
  readonly path: readonly Bytes[];
}

function listOf<T>(item: Codec<T>, what: string): Codec<readonly T[]> {
  return {
    write(writer, items) {
      u16.write(writer, items.length);
      for (const each of items) item.write(writer, each);
    },
    read(reader) {
      const count = u16.read(reader);
      if (count > reader.remaining) throw reader.malformed(`more ${what} than can follow`);
      return Array.from({ length: count }, () => item.read(reader));
    },
  };
}

const part = checked(
  struct<ProofPart>({
    track: u32,
    index: u32,
    head: fixed(SEGMENT_HEAD_LENGTH),
    firstChunk: u32,
    endChunk: u32,
    path: listOf(fixed(HASH_LENGTH), "hashes"),
  }),
  ({ firstChunk, endChunk }, fail) => {
    if (firstChunk >= endChunk) throw fail("a proof of no chunk");
  },
);

const codec = checked(
  struct<WireProof>({
    ...objectStart(Magic.rangeProof, "the proof"),
    core: prefixed(u32, "the core's length", LIMITS.core),
    manifestHeader: fixed(MANIFEST_HEADER_LENGTH),
    body: prefixed(u32, "the manifest", LIMITS.manifest),
    signature: fixed(SIGNATURE_LENGTH),
    parts: listOf(part, "parts"),
  }),
  ({ parts }, fail) => {
    if (parts.length === 0) throw fail("a proof of nothing");
  },
);

/** A proof, and the ciphertext it is about. */
export interface RangeProof {
  /**
   * The proof. It discloses the manifest, as that is signed as a whole: names of tracks, media types, media index,
   * times, how the recording ended, and the length and hashes of every segment; besides, the envelope's core, which
   * the server knows. It holds no key and no content.
   */
  readonly proof: Bytes;
  /** What of the stored objects to show with it, in this order. */
  readonly ciphertext: readonly StoredRange[];
}

/** A range of a stored object, in bytes. */
export interface StoredRange {
  readonly object: string;
  readonly start: number;
  readonly end: number;
}

/** Chunks of a segment, as one part of a proof. `readBlock` gives a block's ciphertext. */
export async function provePart(
  crypto: CryptoProvider,
  entry: ManifestEntry,
  head: Bytes,
  chunks: { readonly firstChunk: number; readonly endChunk: number },
  readBlock: (block: Block) => Promise<Bytes>,
): Promise<ProofPart> {
  const { firstChunk, endChunk } = chunks;
  const path: Bytes[] = [];
  for (const index of new Set([blockIndexOf(firstChunk), blockIndexOf(endChunk - 1)])) {
    const block = blockOf(entry, index);
    const from = Math.max(firstChunk, block.firstChunk) - block.firstChunk;
    const to = Math.min(endChunk, block.endChunk) - block.firstChunk;
    if (to - from === block.endChunk - block.firstChunk) continue;
    const leaves = (await hashChunks(crypto, await readBlock(block))).map(leafHash);
    path.push(...rangePath(leaves, from, to));
  }
  return { track: entry.track, index: entry.index, head, firstChunk, endChunk, path };
}

const blockIndexOf = (chunk: number): number => Math.floor(chunk / SUBTREE_CHUNKS);

export function encodeRangeProof(
  core: Bytes,
  { header, body, signature }: OpenedManifest,
  parts: readonly ProofPart[],
): Bytes {
  return encode(codec, {
    magic: undefined,
    version: undefined,
    core,
    manifestHeader: header,
    body,
    signature,
    parts,
  });
}

export interface VerifyRangeOptions {
  /** What was announced by a way that the one who shows the proof does not control. */
  readonly expected?: { readonly coreHash: string };
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** What a proof shows. */
export interface ProvenRange {
  /** 64 hex digits. */
  readonly coreHash: string;
  readonly recordingId: string;
  /** The recording's Ed25519 public key, which signed it. */
  readonly sender: Bytes;
  /** `pinned` only where the expected coreHash was given: without it anyone can make a recording and prove things of it. */
  readonly origin: Origin;
  /** What the ciphertext is part of, in the order given. */
  readonly ranges: readonly (StoredRange & { readonly track: string })[];
}

/**
 * Checks, without any key, that ciphertext belongs to a signed recording.
 *
 * @param ciphertext the bytes of the ranges that came with the proof, in their order.
 * @throws BlindreelError `malformed`, `unsupported-version`, `limit-exceeded` for a proof that is none,
 *   `wrong-recording` for one put together from two recordings, `unexpected-recording`, `authentication-failed`
 *   where something does not fit.
 */
export async function verifyRange(
  proof: Uint8Array,
  ciphertext: readonly Uint8Array[],
  options: VerifyRangeOptions = {},
): Promise<ProvenRange> {
  const crypto = options.crypto ?? defaultProvider();
  const given = decode(codec, bytesArgument("proof", proof).slice(), "the proof");
  if (!Array.isArray(ciphertext)) throw wrongType("ciphertext", "an array of Uint8Array", ciphertext);
  const shown = ciphertext.map((bytes) => bytesArgument("ciphertext", bytes).slice());
  if (shown.length !== given.parts.length)
    throw outOfRange("ciphertext", `${given.parts.length} ranges`, shown.length);

  const core = decodeCore(given.core, LIMITS, 0);
  if (core.kind !== Kind.recording || core.senderType !== SenderType.ed25519)
    throw malformed("the proof: its core is not that of a signed recording", 0);
  const coreHash = await hashCore(crypto, coreParts(given.core, core.sealedMetadata.length));
  const origin = checkAnnounced(coreHash, options.expected);
  const header = decodeManifestHeader(given.manifestHeader);
  if (compareBytes(header.recordingId, core.recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", "this manifest belongs to another recording", undefined);
  }
  const message = signedMessage(coreHash, given.manifestHeader, given.body);
  if (!(await verifyEd25519(crypto, core.sender, message, given.signature))) throw authenticationFailed();

  const manifest = decodeManifest(given.body);
  const recordingId = encodeHex(core.recordingId);
  const ranges: ProvenRange["ranges"][number][] = [];
  for (const [i, each] of given.parts.entries()) {
    const entry = manifest.entries.find(({ track, index }) => track === each.track && index === each.index);
    if (!entry) throw authenticationFailed();
    const { start, end } = await verifyPart(crypto, entry, each, shown[i]!);
    const { name } = manifest.tracks.find(({ id }) => id === each.track)!;
    ranges.push({ track: name, object: objectName(recordingId, each.track, each.index), start, end });
  }
  return { coreHash: encodeHex(coreHash), recordingId, sender: core.sender.slice(), origin, ranges };
}

/** @returns where in the object the ciphertext stands. */
async function verifyPart(
  crypto: CryptoProvider,
  entry: ManifestEntry,
  { head, firstChunk, endChunk, path }: ProofPart,
  ciphertext: Bytes,
): Promise<{ start: number; end: number }> {
  if (endChunk > entry.chunks) throw authenticationFailed();
  if (compareBytes(await hashSegmentHead(crypto, head), entry.head) !== 0) throw authenticationFailed();
  const { start, end } = storedRange(entry, firstChunk, endChunk);
  if (ciphertext.length !== end - start) throw authenticationFailed();
  const leaves = (await hashChunks(crypto, ciphertext)).map(leafHash);
  const left = [...path];
  for (let index = blockIndexOf(firstChunk); index <= blockIndexOf(endChunk - 1); index++) {
    const block = blockOf(entry, index);
    const from = Math.max(firstChunk, block.firstChunk);
    const own = leaves.slice(from - firstChunk, Math.min(endChunk, block.endChunk) - firstChunk);
    const size = block.endChunk - block.firstChunk;
    const root = rootFromRange(size, from - block.firstChunk, own, () => left.shift());
    if (!root || compareBytes(root, entry.subroots[index]!) !== 0) throw authenticationFailed();
  }
  if (left.length > 0) throw authenticationFailed();
  return { start, end };
}

/** Where chunks are in the stored object. */
export function storedRange(
  { chunks, length }: ManifestEntry,
  firstChunk: number,
  endChunk: number,
): { start: number; end: number } {
  return {
    start: SEGMENT_HEAD_LENGTH + firstChunk * SEALED_CHUNK,
    end: endChunk === chunks ? length : SEGMENT_HEAD_LENGTH + endChunk * SEALED_CHUNK,
  };
}
