import type * as NodeCrypto from "node:crypto";
import { authenticationFailed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { checkNonce } from "./aead.js";

/** AES-256-GCM by `node:crypto`, synchronous, on the main thread and in workers. */

const CIPHER = "aes-256-gcm";

/**
 * Seals one message to `output` at `offset`, tag included.
 *
 * @param key made once for many messages: from Node 24 on, bytes as a key cost 12 µs each time, more than a chunk.
 */
export function nodeSealInto(
  crypto: typeof NodeCrypto,
  key: NodeCrypto.KeyObject,
  nonce: Bytes,
  plaintext: Uint8Array,
  output: Uint8Array,
  offset: number,
  additionalData?: Bytes,
): void {
  checkNonce(nonce);
  const cipher = crypto.createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
  if (additionalData) cipher.setAAD(additionalData);
  output.set(cipher.update(plaintext), offset);
  cipher.final();
  output.set(cipher.getAuthTag(), offset + plaintext.length);
}

/** The reverse of {@link nodeSealInto}. @throws BlindreelError `authentication-failed`, `output` unchanged. */
export function nodeOpenInto(
  crypto: typeof NodeCrypto,
  key: NodeCrypto.KeyObject,
  nonce: Bytes,
  ciphertext: Uint8Array,
  output: Uint8Array,
  offset: number,
  additionalData?: Bytes,
): void {
  checkNonce(nonce);
  const length = ciphertext.length - TAG_LENGTH;
  if (length < 0) throw authenticationFailed();
  const decipher = crypto.createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
  if (additionalData) decipher.setAAD(additionalData);
  const unauthenticated = decipher.update(ciphertext.subarray(0, length));
  decipher.setAuthTag(ciphertext.subarray(length));
  try {
    decipher.final();
  } catch {
    throw authenticationFailed();
  }
  output.set(unauthenticated, offset);
}
