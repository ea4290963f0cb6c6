/**
 * Streams `argv[2]` MiB through sealing and opening, in a process of its own, and prints what memory it took:
 * `{ idle, peak, rss }` in MiB, idle and peak being heap and array buffers, sampled as they are, garbage included.
 */
import { generateIdentity, openFrom, sealFrom } from "blindreel";
import { drain, repeat } from "./streams.js";

const MIB = 2 ** 20;
const mebibytes = Number(process.argv[2]);
const piece = new Uint8Array(64 * 1024).fill(7);
const identity = await generateIdentity();
const total = mebibytes * MIB;

const inUse = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

await drain(openFrom(sealFrom(repeat(piece, 16), { to: identity.recipient }), { identities: identity }));
globalThis.gc?.();
const idle = inUse();
let peak = idle;
let sinceSample = 0;
let peakResident = 0;
const opened = openFrom(sealFrom(repeat(piece, total / piece.length), { to: identity.recipient }), {
  identities: identity,
});
const bytes = await drain(opened, ({ length }) => {
  sinceSample += length;
  if (sinceSample < MIB) return;
  sinceSample = 0;
  peak = Math.max(peak, inUse());
  // Sampled, because the system's own maximum starts from the parent's.
  peakResident = Math.max(peakResident, process.memoryUsage.rss());
});
if (bytes !== total) throw new Error(`${bytes} of ${total} bytes came out`);
console.log(JSON.stringify({ idle: idle / MIB, peak: peak / MIB, rss: peakResident / MIB }));
