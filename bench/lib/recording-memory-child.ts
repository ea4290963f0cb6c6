/**
 * Records `argv[2]` MiB on four tracks, uploaded to nowhere, in a process of its own, and prints what memory it took:
 * as `memory-child.ts` does.
 */
import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";

const MIB = 2 ** 20;
const total = Number(process.argv[2]) * MIB;
const piece = new Uint8Array(64 * 1024).fill(7);
const { recipient: to } = await generateIdentity();

const inUse = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

let peak = 0;
let peakResident = 0;

async function record(length: number): Promise<void> {
  const recording = await startRecording({ to });
  const uploading = (async () => {
    let bytes = 0;
    for await (const part of recording.parts({ minSize: MIB })) {
      bytes += part.bytes.length;
      part.acknowledge();
      peak = Math.max(peak, inUse());
      peakResident = Math.max(peakResident, process.memoryUsage.rss());
    }
    return bytes;
  })();
  for (let written = 0, i = 0; written < length; written += piece.length, i++) {
    await recording.track(`track ${i % 4}`).write(piece);
  }
  const finished = await recording.finish("done");
  finished.acknowledge();
  if ((await uploading) < length) throw new Error("less was uploaded than written");
}

await record(MIB);
globalThis.gc?.();
const idle = inUse();
[peak, peakResident] = [idle, 0];
await record(total);
console.log(JSON.stringify({ idle: idle / MIB, peak: peak / MIB, rss: peakResident / MIB }));
