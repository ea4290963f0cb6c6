import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** The limit everything is compared with: the bare primitive over 16 KiB chunks into one preallocated buffer. */

const CHUNK = 16 * 1024;
const TAG = 16;
const SEALED_CHUNK = CHUNK + TAG;
const CHUNKS = 4;
const key = randomBytes(32);
const nonce = randomBytes(12);

/** Seals `piece` (a multiple of 16 KiB) `pieces` times. */
export function bareSeal(
  piece: Uint8Array,
  pieces: number,
  output = new Uint8Array(CHUNKS * SEALED_CHUNK),
): void {
  for (let p = 0, counter = 0, to = 0; p < pieces; p++) {
    for (let from = 0; from < piece.length; from += CHUNK, to = (to + SEALED_CHUNK) % output.length) {
      nonce.writeUInt32BE(counter++, 8);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      output.set(cipher.update(piece.subarray(from, from + CHUNK)), to);
      cipher.final();
      output.set(cipher.getAuthTag(), to + CHUNK);
    }
  }
}

/** What `bareOpen` opens: as many different chunks as a stream of this length has, since reading them costs too. */
export function bareSealed(piece: Uint8Array, pieces: number): Uint8Array {
  const output = new Uint8Array(((pieces * piece.length) / CHUNK) * SEALED_CHUNK);
  bareSeal(piece, pieces, output);
  return output;
}

export function bareOpen(sealed: Uint8Array): void {
  const output = new Uint8Array(CHUNKS * CHUNK);
  for (let from = 0, counter = 0, to = 0; from < sealed.length; from += SEALED_CHUNK) {
    nonce.writeUInt32BE(counter++, 8);
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    const plaintext = decipher.update(sealed.subarray(from, from + CHUNK));
    decipher.setAuthTag(sealed.subarray(from + CHUNK, from + SEALED_CHUNK));
    decipher.final();
    output.set(plaintext, to);
    to = (to + CHUNK) % output.length;
  }
}
