import { outOfRange } from "../errors.js";
import { type Bytes, concatBytes, EMPTY, wipe } from "../formats/bytes.js";
import { type CryptoProvider, HASH_BYTES, type HashName } from "./provider.js";

/** HKDF (RFC 5869) over a provider's HMAC, for every backend: WebCrypto's HKDF has no Expand alone. */

/** RFC 5869 §2.2. An empty salt equals a salt of zeros. */
export async function hkdfExtract(
  crypto: CryptoProvider,
  hash: HashName,
  salt: Bytes,
  ikm: Bytes,
): Promise<Bytes> {
  return crypto.hmac(hash, salt.length > 0 ? salt : new Uint8Array(HASH_BYTES[hash]), ikm);
}

/** RFC 5869 §2.3. @param length in bytes, at most 255 hash lengths. @throws RangeError. */
export async function hkdfExpand(
  crypto: CryptoProvider,
  hash: HashName,
  prk: Bytes,
  info: Bytes,
  length: number,
): Promise<Bytes> {
  const hashLength = HASH_BYTES[hash];
  const blocks = Math.ceil(length / hashLength);
  if (blocks > 255) throw outOfRange("length", `at most ${255 * hashLength}`, length);
  const okm = new Uint8Array(blocks * hashLength);
  let previous = EMPTY;
  for (let i = 1; i <= blocks; i++) {
    previous = await crypto.hmac(hash, prk, concatBytes(previous, info, Uint8Array.of(i)));
    okm.set(previous, (i - 1) * hashLength);
  }
  if (length === okm.length) return okm;
  const result = okm.slice(0, length);
  wipe(okm, previous);
  return result;
}
