import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import type { Contender } from "./measure.js";
import { samplePiece } from "./streams.js";

/** The limit in Node: the bare primitive over 16 KiB chunks into one preallocated buffer. */

const CHUNK = 16 * 1024;
const TAG = 16;
const SEALED_CHUNK = CHUNK + TAG;
/** Chunks in the preallocated output, and in the piece that is sealed: 64 KiB, which it likes best. */
const CHUNKS = 4;
/** Made once: from Node 24 on, bytes as a key cost more than a chunk. */
const key = createSecretKey(randomBytes(32));
const nonce = randomBytes(12);

/** Seals one hot piece until `total` bytes (a multiple of 64 KiB) are done. */
export function bareSealing(total: number): Contender {
  const piece = samplePiece(CHUNKS * CHUNK);
  return {
    name: "bare",
    run: () => seal(piece, total / piece.length, new Uint8Array(CHUNKS * SEALED_CHUNK)),
  };
}

/** Walks through memory as opening a stream does, four times through a quarter of it. */
export function bareOpening(total: number): Contender {
  const parts = 4;
  const piece = samplePiece(CHUNKS * CHUNK);
  const pieces = total / parts / piece.length;
  const sealed = new Uint8Array(pieces * CHUNKS * SEALED_CHUNK);
  seal(piece, pieces, sealed);
  return {
    name: "bare",
    run: () => {
      for (let i = 0; i < parts; i++) open(sealed);
    },
  };
}

function seal(piece: Uint8Array, pieces: number, output: Uint8Array): void {
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

function open(sealed: Uint8Array): void {
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
