/**
 * Records `argv[2]` MiB on four tracks, uploaded as `argv[3]` says, in a process of its own, and prints what memory it took:
 * as `memory-child.ts` does.
 *
 * - `prompt`: a journal in memory, and a server that answers at once.
 * - `slow`: a journal in the directory `argv[4]`, and a server that takes so long that most of it waits there.
 */
import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { directoryJournal } from "blindreel/storage";

const MIB = 2 ** 20;
const total = Number(process.argv[2]) * MIB;
const isSlow = process.argv[3] === "slow";
const folder = process.argv[4]!;
/** Milliseconds that the slow server takes for an object: three at a time are 40 to 80 MB/s. */
const SLOW = 300;
const piece = new Uint8Array(64 * 1024).fill(7);
const { recipient: to } = await generateIdentity();

const inUse = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

let peak = 0;
let peakResident = 0;
const sample = (): void => {
  peak = Math.max(peak, inUse());
  peakResident = Math.max(peakResident, process.memoryUsage.rss());
};

async function record(length: number): Promise<void> {
  const recording = await startRecording({ to, ...(isSlow && { journal: directoryJournal(folder) }) });
  let uploaded = 0;
  const uploading = recording.upload(async (_name, bytes) => {
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, SLOW));
    uploaded += bytes.length;
    sample();
  });
  for (let written = 0, i = 0; written < length; written += piece.length, i++) {
    await recording.track(`track ${i % 4}`).write(piece);
    if (i % 16 === 0) sample();
  }
  await recording.finish("done");
  await uploading;
  if (uploaded < length) throw new Error("less was uploaded than written");
}

await record(MIB);
globalThis.gc?.();
const idle = inUse();
[peak, peakResident] = [idle, 0];
await record(total);
console.log(JSON.stringify({ idle: idle / MIB, peak: peak / MIB, rss: peakResident / MIB }));
process.exit();
