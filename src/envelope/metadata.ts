import type { CryptoProvider } from "../crypto/provider.js";
import { limitExceeded, malformed, wrongType } from "../errors.js";
import { type Bytes, EMPTY, isAllZero } from "../formats/bytes.js";
import { decode, encode, u32 } from "../formats/codec.js";
import { CREATED_AT_STEP, HASH_LENGTH, LIMITS, METADATA_BLOCK } from "../formats/constants.js";
import { decodeBase64Url, encodeHex } from "../formats/encoding.js";
import { decodeJson, encodeJson, isJsonObject, type JsonObject, type JsonValue } from "../formats/json.js";
import { openBytes } from "../stream/open.js";
import { layOut, sealLayout } from "../stream/seal.js";
import { metadataContext } from "./key-schedule.js";
import { encodeReference, type KeysetReference } from "./provenance.js";

/** The sealed metadata's JSON, for recipients only (format-v1, "Sealed metadata"). */
interface SealedMetadata {
  /** Exact time of sealing, in seconds since 1970. */
  readonly createdAt: number;
  /** The application's: file name, codec, exam, candidate. */
  readonly metadata: JsonObject | undefined;
  /** The keyset that named the recipients; undefined where the caller did. */
  readonly keyset?: KeysetReference | undefined;
}

/** Bytes of `jsonLength`. */
const JSON_LENGTH_FIELD = 4;

/** The plaintext: `jsonLength:u32 || json || zeros`, a multiple of 512 bytes. */
export function encodeMetadata({ createdAt, metadata, keyset }: SealedMetadata): Bytes {
  if (metadata !== undefined && !isJsonObject(metadata))
    throw wrongType("metadata", "a plain object", metadata);
  const json = encodeJson({
    createdAt,
    ...(metadata && { metadata }),
    ...(keyset && { keyset: encodeReference(keyset) }),
  });
  const length = Math.ceil((JSON_LENGTH_FIELD + json.length) / METADATA_BLOCK) * METADATA_BLOCK;
  // The stream's header and tags (at most 136 bytes) stay below the ceiling of the sealed form.
  const ceiling = LIMITS.sealedMetadata - 2 * METADATA_BLOCK;
  if (length > ceiling) throw limitExceeded("the metadata", ceiling, length);
  const plaintext = new Uint8Array(length);
  plaintext.set(encode(u32, json.length));
  plaintext.set(json, JSON_LENGTH_FIELD);
  return plaintext;
}

/** @throws BlindreelError `malformed`, `invalid-json`, for authentic plaintext against the format's rules. */
function decodeMetadata(plaintext: Bytes, publicCreatedAt: number): SealedMetadata {
  const fail = (reason: string) => malformed(`the sealed metadata ${reason}`, 0);
  const jsonLength = decode(u32, plaintext.subarray(0, JSON_LENGTH_FIELD), "the sealed metadata");
  const end = JSON_LENGTH_FIELD + jsonLength;
  if (end > plaintext.length) throw fail("is shorter than it says");
  if (Math.ceil(end / METADATA_BLOCK) * METADATA_BLOCK !== plaintext.length)
    throw fail("has too much padding");
  if (!isAllZero(plaintext.subarray(end))) throw fail("is padded with something else than zeros");
  const value = decodeJson(plaintext.slice(JSON_LENGTH_FIELD, end), "the sealed metadata");
  if (!isJsonObject(value)) throw fail("is not an object");
  // Own members only: members of a polluted Object.prototype are not authenticated.
  const createdAt = Object.hasOwn(value, "createdAt") ? value.createdAt : undefined;
  const metadata = Object.hasOwn(value, "metadata") ? value.metadata : undefined;
  const reference = Object.hasOwn(value, "keyset") ? value.keyset : undefined;
  if (typeof createdAt !== "number" || !Number.isSafeInteger(createdAt) || createdAt < 0)
    throw fail("has no createdAt");
  if (createdAt - (createdAt % CREATED_AT_STEP) !== publicCreatedAt)
    throw fail("has another createdAt than the core");
  if (metadata !== undefined && !isJsonObject(metadata)) throw fail("holds something else than an object");
  const keyset = reference === undefined ? undefined : decodeReference(reference);
  if (reference !== undefined && !keyset) throw fail("names a keyset in another form");
  return { createdAt, metadata, keyset };
}

/** Exactly a sequence and a hash of 32 bytes in base64url; undefined for anything else. */
function decodeReference(value: JsonValue): KeysetReference | undefined {
  if (!isJsonObject(value) || Object.keys(value).join() !== "hash,sequence") return undefined;
  const { sequence, hash } = value;
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 0 || typeof hash !== "string")
    return undefined;
  const bytes = decodeBase64Url(hash);
  return bytes.length === HASH_LENGTH ? { sequence: sequence as number, hash: encodeHex(bytes) } : undefined;
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
