import { signEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { limitExceeded, malformed } from "../errors.js";
import { type Bytes, joinBytes } from "../formats/bytes.js";
import { decode, encode, fixed, prefixed, Reader, struct, u16, u32, u64 } from "../formats/codec.js";
import { LIMITS, type Limits, Magic } from "../formats/constants.js";
import { type LoggedEntry, logLeaf, readEntry } from "./entry.js";
import { hash, readMany, signature, text } from "./fields.js";
import {
  encodeSealedHeader,
  type LogBinding,
  openLogObject,
  type SealedObjectKind,
  type SignedBinding,
  sealLogObject,
} from "./sealed-object.js";
import {
  checkSignature,
  ManifestState,
  manifestMessage,
  manifestState,
  type Statement,
} from "./statement.js";
import { isSameHash, peakCount, rootFromPeaks, SUBTREE } from "./tree.js";

const MANIFEST: SealedObjectKind = { magic: Magic.manifest, name: "manifest", limit: LIMITS.manifest };

/** When a recording ran, and how it ended. */
export interface Details {
  /** 32 random bytes, so that the rest cannot be guessed from its hash. */
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

/** The body up to the peaks. */
const headCodec = struct({
  state: manifestState,
  size: u32,
  logRoot: hash,
  details: prefixed(u16, "the manifest's details", 2 ** 16 - 1),
});

/** The head of the log, and the entries behind its last full page. */
export interface ManifestContent<E = Bytes> {
  readonly state: ManifestState;
  readonly size: number;
  readonly details: Details;
  /** Over the full pages; as many as bits are set in `size >> 6`. */
  readonly peaks: readonly Bytes[];
  /** The `size mod 64` entries behind the last full page, as they are in the log. */
  readonly tail: readonly E[];
}

const REASON = "a final manifest states a reason, and no other does";

function hasReason(state: ManifestState, { reason }: Details): boolean {
  return (reason === "") === (state === ManifestState.open);
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
  { state, size, details, peaks, tail }: ManifestContent,
): Promise<SealedManifest> {
  if (!hasReason(state, details)) throw malformed(REASON, 0);
  if (peaks.length !== peakCount(size) || tail.length !== size % SUBTREE)
    throw malformed("peaks or a tail of another size", 0);
  const header = encodeSealedHeader(MANIFEST, binding.recordingId, sequence);
  const logRoot = rootFromPeaks(peaks, tail.map(logLeaf));
  const detailsBytes = encode(detailsCodec, details);
  const head = encode(headCodec, { state, size, logRoot, details: detailsBytes });
  const detailsHash = await taggedHash(crypto, "details", detailsBytes);
  const statement = { header, state, size, logRoot, detailsHash };
  const signed = await signEd25519(crypto, signingKey, manifestMessage(binding.coreHash, statement));
  const body = joinBytes([head, ...peaks, ...tail, signed]);
  return {
    bytes: await sealLogObject(crypto, MANIFEST, binding, header, body),
    statement,
    signature: signed,
  };
}

/** A manifest whose seal and signature fit its recording, and whose root is that of its peaks and entries. */
export interface OpenedManifest extends ManifestContent<LoggedEntry> {
  readonly sequence: number;
  readonly statement: Statement;
  readonly signature: Bytes;
}

/**
 * Opens a manifest and checks its signature under the core's key.
 *
 * @param bytes must not change until this is done. @param limits bytes of the manifest, entries of the log.
 * @throws BlindreelError `limit-exceeded`, `truncated`, `malformed`, `unsupported-version`, `wrong-recording`,
 *   `authentication-failed`.
 */
export async function openManifest(
  crypto: CryptoProvider,
  binding: SignedBinding,
  bytes: Bytes,
  limits: Pick<Limits, "manifest" | "log"> = LIMITS,
): Promise<OpenedManifest> {
  const { header, number, content } = await openLogObject(crypto, MANIFEST, binding, bytes, limits.manifest);
  const reader = new Reader(content, "the manifest");
  const { state, size, logRoot, details: detailsBytes } = headCodec.read(reader);
  if (size > limits.log) throw limitExceeded("the recording's log", limits.log, size);
  const details = decode(detailsCodec, detailsBytes, "the manifest's details");
  if (!hasReason(state, details)) throw reader.malformed(REASON);
  const peaks = readMany(reader, hash, peakCount(size));
  const tail = Array.from({ length: size % SUBTREE }, () => readEntry(reader, content));
  const signed = signature.read(reader);
  reader.end();
  const detailsHash = await taggedHash(crypto, "details", detailsBytes);
  const statement = { header, state, size, logRoot, detailsHash };
  await checkSignature(crypto, binding.sender, manifestMessage(binding.coreHash, statement), signed);
  const leaves = tail.map((entry) => logLeaf(entry.bytes));
  if (!isSameHash(rootFromPeaks(peaks, leaves), logRoot)) throw reader.malformed("a root of other entries");
  return { sequence: number, state, size, details, peaks, tail, statement, signature: signed };
}
