import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** The limit everything is compared with: the bare primitive over 16 KiB chunks into one preallocated buffer. */

const CHUNK = 16 * 1024;
const TAG = 16;

export function bareSeal(piece: Uint8Array, pieces: number): void {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const output = new Uint8Array((piece.length / CHUNK) * (CHUNK + TAG));
  for (let p = 0, counter = 0; p < pieces; p++) {
    for (let from = 0, to = 0; from < piece.length; from += CHUNK, to += CHUNK + TAG) {
      nonce.writeUInt32BE(counter++, 8);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      output.set(cipher.update(piece.subarray(from, from + CHUNK)), to);
      cipher.final();
      output.set(cipher.getAuthTag(), to + CHUNK);
    }
  }
}

/** Opens one sealed chunk again and again: the same work as opening as many. */
export function bareOpen(bytes: number): void {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const ciphertext = cipher.update(new Uint8Array(CHUNK));
  cipher.final();
  const tag = cipher.getAuthTag();
  const output = new Uint8Array(4 * CHUNK);
  for (let done = 0; done < bytes; done += CHUNK) {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    decipher.setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    decipher.final();
    output.set(plaintext, done % output.length);
  }
}
