import type { CryptoProvider } from "../crypto/provider.js";
import { BlindreelError, limitExceeded, malformed, truncated } from "../errors.js";
import { type Bytes, compareBytes, concatBytes, isAllZero } from "../formats/bytes.js";
import { type Codec, decode, encode, fixed, struct, u32 } from "../formats/codec.js";
import { RECORDING_ID_LENGTH } from "../formats/constants.js";
import { label } from "../formats/label.js";
import { type ObjectStart, objectStart, startOf } from "../formats/magic.js";
import { openBytes } from "../stream/open.js";
import { sealBytes } from "../stream/seal.js";

/** Common to pages and manifests: a header, and a padded plaintext sealed under manifestKey (format-v1, "Pages"). */
export interface SealedObjectKind {
  readonly magic: Bytes;
  /** In errors, and in the stream's context. */
  readonly name: "page" | "manifest";
  readonly limit: number;
}

export const SEALED_HEADER_LENGTH = 4 + 1 + RECORDING_ID_LENGTH + 4;
export const PADDING_STEP = 1024;
const LENGTH_FIELD = 4;

/** The recording that pages and manifests are sealed for. */
export interface LogBinding {
  readonly recordingId: Bytes;
  readonly coreHash: Bytes;
  /** Wiped by its owner. */
  readonly manifestKey: Bytes;
}

/** The same with the core's public key, which the signatures are checked under. */
export interface SignedBinding extends LogBinding {
  readonly sender: Bytes;
}

export interface SealedHeader {
  readonly recordingId: Bytes;
  /** Of the page, or sequence of the manifest. */
  readonly number: number;
}

const headerFields = { recordingId: fixed(RECORDING_ID_LENGTH), number: u32 };

export function encodeSealedHeader({ magic }: SealedObjectKind, recordingId: Bytes, number: number): Bytes {
  return concatBytes(startOf(magic), encode(struct<SealedHeader>(headerFields), { recordingId, number }));
}

export function sealedHeaderReader(magic: Bytes, what: string): Pick<Codec<SealedHeader>, "read"> {
  return struct<SealedHeader & ObjectStart>({ ...objectStart(magic, what), ...headerFields });
}

/** @throws BlindreelError `malformed`, `unsupported-version`. */
export function decodeSealedHeader(magic: Bytes, header: Bytes, what: string): SealedHeader {
  return decode(sealedHeaderReader(magic, what), header, what);
}

function streamKey({ name }: SealedObjectKind, { manifestKey }: LogBinding, header: Bytes) {
  // A copy: the stream wipes its key.
  return { key: manifestKey.slice(), context: concatBytes(label(name), header) };
}

/** `length:u32 || content || zeros`, to a multiple of 1024 bytes. */
function padded(content: Bytes): Bytes {
  const whole = LENGTH_FIELD + content.length;
  const output = new Uint8Array(Math.ceil(whole / PADDING_STEP) * PADDING_STEP);
  output.set(encode(u32, content.length));
  output.set(content, LENGTH_FIELD);
  return output;
}

function unpadded(plaintext: Bytes, what: string): Bytes {
  if (plaintext.length < LENGTH_FIELD) throw malformed(`${what} has no length`, 0);
  const end = LENGTH_FIELD + decode(u32, plaintext.subarray(0, LENGTH_FIELD), what);
  const isExact = Math.ceil(end / PADDING_STEP) * PADDING_STEP === plaintext.length;
  if (!isExact || !isAllZero(plaintext.subarray(end)))
    throw malformed(`${what} is not padded as it must be`, 0);
  return plaintext.subarray(LENGTH_FIELD, end);
}

export async function sealLogObject(
  crypto: CryptoProvider,
  kind: SealedObjectKind,
  binding: LogBinding,
  header: Bytes,
  content: Bytes,
): Promise<Bytes> {
  const sealed = await sealBytes(padded(content), streamKey(kind, binding, header), { crypto });
  return concatBytes(header, sealed);
}

/**
 * @throws BlindreelError `limit-exceeded`, `truncated`, `malformed`, `unsupported-version`, `wrong-recording`,
 *   `authentication-failed`, in this order.
 */
export async function openLogObject(
  crypto: CryptoProvider,
  kind: SealedObjectKind,
  binding: LogBinding,
  bytes: Bytes,
  limit: number,
): Promise<{ readonly header: Bytes; readonly number: number; readonly content: Bytes }> {
  const what = `the ${kind.name}`;
  if (bytes.length > limit) throw limitExceeded(what, limit, bytes.length);
  if (bytes.length < SEALED_HEADER_LENGTH) throw truncated(what, bytes.length);
  const header = bytes.slice(0, SEALED_HEADER_LENGTH);
  const { recordingId, number } = decodeSealedHeader(kind.magic, header, what);
  if (compareBytes(recordingId, binding.recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", `${what} belongs to another recording`, undefined);
  }
  const sealed = bytes.subarray(SEALED_HEADER_LENGTH);
  const plaintext = await openBytes(sealed, streamKey(kind, binding, header), { crypto });
  return { header, number, content: unpadded(plaintext, what) };
}
