import { createCipheriv, createDecipheriv } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

/** Seals or opens the chunks of each buffer it is handed, and hands back another: the bare primitive, nothing else. */
const CHUNK = 16 * 1024;
const TAG = 16;
const { key, verb } = workerData as { key: Uint8Array; verb: "seal" | "open" };

parentPort!.on("message", ({ first, bytes }: { first: number; bytes: Uint8Array<ArrayBuffer> }) => {
  const output = verb === "seal" ? seal(first, bytes) : open(first, bytes);
  parentPort!.postMessage(output, [output.buffer]);
});

function seal(first: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array((bytes.length / CHUNK) * (CHUNK + TAG));
  for (let from = 0, to = 0, index = first; from < bytes.length; from += CHUNK, to += CHUNK + TAG, index++) {
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(index));
    output.set(cipher.update(bytes.subarray(from, from + CHUNK)), to);
    cipher.final();
    output.set(cipher.getAuthTag(), to + CHUNK);
  }
  return output;
}

function open(first: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array((bytes.length / (CHUNK + TAG)) * CHUNK);
  for (let from = 0, to = 0, index = first; from < bytes.length; from += CHUNK + TAG, to += CHUNK, index++) {
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(index));
    const plaintext = decipher.update(bytes.subarray(from, from + CHUNK));
    decipher.setAuthTag(bytes.subarray(from + CHUNK, from + CHUNK + TAG));
    decipher.final();
    output.set(plaintext, to);
  }
  return output;
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}
