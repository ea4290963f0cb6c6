import type { CryptoProvider } from "../crypto/provider.js";
import { limitExceeded, malformed, wrongType } from "../errors.js";
import { type Bytes, EMPTY, isAllZero } from "../formats/bytes.js";
import { decode, encode, u32 } from "../formats/codec.js";
import { CREATED_AT_STEP, LIMITS, METADATA_BLOCK } from "../formats/constants.js";
import { decodeJson, encodeJson, type JsonObject, type JsonValue } from "../formats/json.js";
import { openBytes } from "../stream/open.js";
import { layOut, sealLayout } from "../stream/seal.js";
import { metadataContext } from "./key-schedule.js";

/** What only recipients learn about a recording, beside its content (format-v1, "Sealed metadata"). */
export interface SealedMetadata {
  /** Exact time of sealing, in seconds since 1970. */
  readonly createdAt: number;
  /** The caller's own: file name, codec, exam, candidate. */
  readonly metadata: JsonObject | undefined;
}

const LENGTH_FIELD = 4;

/** `length:u32 || canonical JSON || zeros` to a multiple of 512 bytes. */
export function encodeMetadata({ createdAt, metadata }: SealedMetadata): Bytes {
  if (metadata !== undefined && !isObject(metadata)) throw wrongType("metadata", "a plain object", metadata);
  const json = encodeJson(metadata === undefined ? { createdAt } : { createdAt, metadata });
  const length = Math.ceil((LENGTH_FIELD + json.length) / METADATA_BLOCK) * METADATA_BLOCK;
  // Room for the stream's own bytes stays inside the ceiling of the sealed form.
  const ceiling = LIMITS.sealedMetadata - 2 * METADATA_BLOCK;
  if (length > ceiling) throw limitExceeded("the metadata", ceiling, length);
  const plaintext = new Uint8Array(length);
  plaintext.set(encode(u32, json.length));
  plaintext.set(json, LENGTH_FIELD);
  return plaintext;
}

/** @throws BlindreelError `malformed`, `invalid-json`: authentic, but not written by these rules. */
export function decodeMetadata(plaintext: Bytes, publicCreatedAt: number): SealedMetadata {
  const fail = (reason: string) => malformed(`the sealed metadata ${reason}`, 0);
  const length = decode(u32, plaintext.subarray(0, LENGTH_FIELD), "the sealed metadata");
  const end = LENGTH_FIELD + length;
  if (end > plaintext.length) throw fail("is shorter than it says");
  if (Math.ceil(end / METADATA_BLOCK) * METADATA_BLOCK !== plaintext.length)
    throw fail("has too much padding");
  if (!isAllZero(plaintext.subarray(end))) throw fail("is padded with something else than zeros");
  const value = decodeJson(plaintext.slice(LENGTH_FIELD, end), "the sealed metadata");
  if (!isObject(value)) throw fail("is not an object");
  // Own members only: nothing that somebody put on Object.prototype may pass for authenticated.
  const createdAt = Object.hasOwn(value, "createdAt") ? value.createdAt : undefined;
  const metadata = Object.hasOwn(value, "metadata") ? value.metadata : undefined;
  if (typeof createdAt !== "number" || !Number.isSafeInteger(createdAt) || createdAt < 0)
    throw fail("has no createdAt");
  if (createdAt - (createdAt % CREATED_AT_STEP) !== publicCreatedAt)
    throw fail("has another createdAt than the core");
  if (metadata === undefined) return { createdAt, metadata };
  if (!isObject(metadata)) throw fail("holds something else than an object");
  return { createdAt, metadata };
}

/** Wipes `metadataKey`. */
export async function sealMetadata(
  crypto: CryptoProvider,
  metadataKey: Bytes,
  plaintext: Bytes,
): Promise<Bytes> {
  const streamKey = { key: metadataKey, context: metadataContext() };
  return sealLayout(layOut(plaintext, 0), { prefix: EMPTY, streamKey }, { crypto });
}

export async function openMetadata(
  crypto: CryptoProvider,
  metadataKey: Bytes,
  sealed: Bytes,
  publicCreatedAt: number,
): Promise<SealedMetadata> {
  const plaintext = await openBytes(sealed, { key: metadataKey, context: metadataContext() }, { crypto });
  return decodeMetadata(plaintext, publicCreatedAt);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
