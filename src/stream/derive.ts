import { NONCE_LENGTH } from "../crypto/aead.js";
import { hkdfExpand } from "../crypto/hkdf.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { authenticationFailed, closedError, outOfRange } from "../errors.js";
import {
  ascii,
  type Bytes,
  bytesArgument,
  concatBytes,
  constantTimeEqual,
  isAllZero,
  wipe,
} from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { type Check, type Checks, readOptions } from "../formats/options.js";
import { ChunkCipher } from "./chunk.js";
import { COMMITMENT_LENGTH, HEADER_LENGTH, SALT_LENGTH } from "./geometry.js";
import type { SpanStarter, Spans } from "./spans.js";

const INFO_PREFIX = /* @__PURE__ */ concatBytes(
  ascii("c2sp.org/chunked-encryption@v1+"),
  ascii("AEAD_AES_256_GCM"),
  Uint8Array.of(0),
);

/** Inputs of one message: a uniformly random key of 32 bytes, and context bytes known to both sides. */
export interface StreamKey {
  readonly key: Bytes;
  readonly context: Bytes;
}

/** A copy: the caller may change or wipe its key after the call. @throws TypeError, RangeError. */
export function streamKeyArgument(streamKey: StreamKey): StreamKey {
  return readOptions<StreamKey>("streamKey", streamKey, STREAM_KEY, ["key", "context"]);
}

const bytesCopy: Check<Bytes> = (name, value) => bytesArgument(name, value).slice();

const STREAM_KEY: Checks<StreamKey> = {
  key(name, value) {
    const key = bytesCopy(name, value);
    if (key.length !== KEY_LENGTH) throw outOfRange(`${name}'s length`, `${KEY_LENGTH} bytes`, key.length);
    return key;
  },
  context: bytesCopy,
};

/**
 * Chunked-encryption, "Key derivation": key || base nonce || commitment = HKDF-Expand-SHA-512. Wipes the
 * stream's key, never a caller's buffer.
 *
 * @throws BlindreelError `closed` for an all-zero key: a wiped one, under which anyone could open.
 */
async function derive(
  crypto: CryptoProvider,
  { key, context }: StreamKey,
  salt: Bytes,
  startSpans?: (key: Bytes, baseNonce: Bytes) => Spans | undefined,
) {
  if (key.length !== KEY_LENGTH) throw outOfRange("key length", `${KEY_LENGTH} bytes`, key.length);
  if (isAllZero(key)) throw closedError("the key");
  const info = concatBytes(INFO_PREFIX, salt, context);
  const okm = await hkdfExpand(crypto, "SHA-512", key, info, KEY_LENGTH + NONCE_LENGTH + COMMITMENT_LENGTH);
  wipe(key);
  const cipherKey = okm.subarray(0, KEY_LENGTH);
  const baseNonce = okm.slice(KEY_LENGTH, KEY_LENGTH + NONCE_LENGTH);
  const commitment = okm.slice(KEY_LENGTH + NONCE_LENGTH);
  const aeadKey = await crypto.importAesGcmKey(cipherKey);
  const cipher = new ChunkCipher(
    aeadKey,
    baseNonce,
    crypto.callsInFlight,
    startSpans?.(cipherKey, baseNonce),
  );
  wipe(okm);
  return { cipher, commitment };
}

/** The cipher of a new message under a random salt, and its header of 56 bytes. Wipes the stream's key. */
export async function startSealing(
  crypto: CryptoProvider,
  streamKey: StreamKey,
  workers?: SpanStarter,
): Promise<{ cipher: ChunkCipher; header: Bytes }> {
  const salt = randomBytes(crypto, SALT_LENGTH);
  const startSpans = workers?.startSpans.bind(workers, "seal");
  const { cipher, commitment } = await derive(crypto, streamKey, salt, startSpans);
  return { cipher, header: concatBytes(salt, commitment) };
}

/**
 * The cipher of an existing message. The only check of a stream's commitment. Wipes the stream's key.
 *
 * @param header the message's first 56 bytes.
 * @throws BlindreelError `authentication-failed` for another key, context, salt or commitment.
 */
export async function startOpening(
  crypto: CryptoProvider,
  streamKey: StreamKey,
  header: Bytes,
  workers?: SpanStarter,
): Promise<ChunkCipher> {
  if (header.length !== HEADER_LENGTH)
    throw outOfRange("header length", `${HEADER_LENGTH} bytes`, header.length);
  const startSpans = workers?.startSpans.bind(workers, "open");
  const { cipher, commitment } = await derive(crypto, streamKey, header.slice(0, SALT_LENGTH), startSpans);
  if (constantTimeEqual(commitment, header.subarray(SALT_LENGTH))) return cipher;
  cipher.spans?.end();
  throw authenticationFailed();
}
