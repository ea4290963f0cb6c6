import { signEd25519, verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { authenticationFailed, limitExceeded, malformed } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import {
  type Codec,
  checked,
  decode,
  encode,
  fixed,
  prefixed,
  Reader,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../formats/codec.js";
import { HASH_LENGTH, LIMITS, Magic } from "../formats/constants.js";
import { type LoggedEntry, logLeaf, readEntry } from "./entry.js";
import {
  encodeSealedHeader,
  type LogBinding,
  openObject,
  type SealedObjectKind,
  SIGNATURE_LENGTH,
  sealObject,
} from "./sealed-object.js";
import { ManifestState, manifestMessage, type Statement } from "./statement.js";
import { readMany, text } from "./text.js";
import { isSameHash, peakCount, rootFromPeaks, SUBTREE } from "./tree.js";

const MANIFEST: SealedObjectKind = { magic: Magic.manifest, name: "manifest", limit: LIMITS.manifest };

/** When a recording ran, and how it ended. */
export interface Details {
  /** 32 random bytes: nobody guesses the rest from its hash. */
  readonly salt: Bytes;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** When the recording ended, or when this checkpoint was made. */
  readonly ended: number;
  /** Empty exactly in a checkpoint. */
  readonly reason: string;
}

export const DETAILS_SALT_LENGTH = 32;
export const MAX_REASON = 255;

const detailsCodec = struct<Details>({
  salt: fixed(DETAILS_SALT_LENGTH),
  started: u64,
  ended: u64,
  reason: text("a reason", MAX_REASON),
});

const hash = fixed(HASH_LENGTH);
const detailsField = prefixed(u16, "the manifest's details", 2 ** 16 - 1);

const state: Codec<ManifestState> = checked(u8, (value, fail) => {
  if (value !== ManifestState.open && value !== ManifestState.final)
    throw fail(`a manifest's state ${value}`);
}) as Codec<ManifestState>;

/** What a manifest says: the head of the log, and the entries that no full page holds yet. */
export interface ManifestContent {
  readonly state: ManifestState;
  readonly size: number;
  readonly details: Details;
  /** Over the full pages; as many as bits are set in `size >> 6`. */
  readonly peaks: readonly Bytes[];
  /** The `size mod 64` entries behind the last full page, as they are in the log. */
  readonly tail: readonly Bytes[];
}

const REASON = "a final manifest states a reason, and no other does";

function hasReason(of: ManifestState, { reason }: Details): boolean {
  return (reason === "") === (of === ManifestState.open);
}

/** A sealed manifest, with what a receipt shows of it. */
export interface SealedManifest {
  readonly bytes: Bytes;
  readonly statement: Statement;
  readonly signature: Bytes;
}

/**
 * Signs and seals the head of the log (format-v1, "Manifest").
 *
 * @throws BlindreelError `malformed` for what no reader would take: a reason that does not fit the state, peaks or a tail that
 *   do not fit the size.
 */
export async function sealManifest(
  crypto: CryptoProvider,
  binding: LogBinding,
  signingKey: PrivateKeyHandle,
  sequence: number,
  content: ManifestContent,
): Promise<SealedManifest> {
  const { size, peaks, tail } = content;
  const stateByte = encode(state, content.state);
  if (!hasReason(content.state, content.details)) throw malformed(REASON, 0);
  if (peaks.length !== peakCount(size) || tail.length !== size % SUBTREE)
    throw malformed("peaks or a tail of another size", 0);
  const header = encodeSealedHeader(MANIFEST, binding.recordingId, sequence);
  const logRoot = rootFromPeaks(content.peaks, content.tail.map(logLeaf));
  const details = encode(detailsCodec, content.details);
  const detailsHash = await taggedHash(crypto, "details", details);
  const statement = { header, state: content.state, size: content.size, logRoot, detailsHash };
  const signature = await signEd25519(crypto, signingKey, manifestMessage(binding.coreHash, statement));
  const body = concatBytes(
    stateByte,
    encode(u32, content.size),
    logRoot,
    encode(detailsField, details),
    ...content.peaks,
    ...content.tail,
    signature,
  );
  return { bytes: await sealObject(crypto, MANIFEST, binding, header, body), statement, signature };
}

/** A manifest whose seal and signature fit its recording, and whose root is that of its peaks and entries. */
export interface OpenedManifest {
  readonly sequence: number;
  readonly state: ManifestState;
  readonly size: number;
  readonly details: Details;
  readonly peaks: readonly Bytes[];
  readonly tail: readonly LoggedEntry[];
  readonly statement: Statement;
  readonly signature: Bytes;
}

/**
 * Opens a manifest and checks who signed it: `sender` is the core's public key.
 *
 * @param bytes must not change until this is done. @param limits bytes it may have, entries it may speak of.
 * @throws BlindreelError `limit-exceeded`, `truncated`, `malformed`, `unsupported-version`, `wrong-recording`,
 *   `authentication-failed`.
 */
export async function openManifest(
  crypto: CryptoProvider,
  binding: LogBinding & { readonly sender: Bytes },
  bytes: Bytes,
  limits: { readonly manifest: number; readonly log: number } = LIMITS,
): Promise<OpenedManifest> {
  const { header, number, content } = await openObject(crypto, MANIFEST, binding, bytes, limits.manifest);
  const reader = new Reader(content, "the manifest");
  const manifestState = state.read(reader);
  const size = u32.read(reader);
  if (size > limits.log) throw limitExceeded("the recording's log", limits.log, size);
  const logRoot = hash.read(reader);
  const detailsBytes = detailsField.read(reader);
  const details = decode(detailsCodec, detailsBytes, "the manifest's details");
  if (!hasReason(manifestState, details)) throw reader.malformed(REASON);
  const peaks = readMany(reader, hash, peakCount(size));
  const tail = Array.from({ length: size % SUBTREE }, () => readEntry(reader, content));
  const signature = reader.take(SIGNATURE_LENGTH);
  reader.end();
  const detailsHash = await taggedHash(crypto, "details", detailsBytes);
  const statement = { header, state: manifestState, size, logRoot, detailsHash };
  const message = manifestMessage(binding.coreHash, statement);
  if (!(await verifyEd25519(crypto, binding.sender, message, signature))) throw authenticationFailed();
  const leaves = tail.map((entry) => logLeaf(entry.bytes));
  if (!isSameHash(rootFromPeaks(peaks, leaves), logRoot)) throw reader.malformed("a root of other entries");
  return { sequence: number, state: manifestState, size, details, peaks, tail, statement, signature };
}
