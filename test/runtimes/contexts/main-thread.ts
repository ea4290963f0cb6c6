import { generateIdentity, importRecipient, seal, sealFrom } from "blindreel";
import { pattern } from "../suite/bytes.js";
import { report } from "../suite/data.js";
import { strangerKey } from "../suite/fixed.js";
import { taskOf } from "./run-cases.js";

/** How long the event loop of a page is held while the SDK works in it. */

const MIB = 2 ** 20;
const RUNS = 5;

/** The longest time between two turns of the event loop, in milliseconds, until `work` is done. */
async function longestGap(work: () => Promise<unknown>): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now();
  let longest = 0;
  let isDone = false;
  const turns = new Promise<void>((resolve) => {
    port1.onmessage = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (isDone) resolve();
      else port2.postMessage(undefined);
    };
  });
  port2.postMessage(undefined);
  await work();
  isDone = true;
  await turns;
  port1.close();
  return longest;
}

async function measure(): Promise<Record<string, readonly number[]>> {
  const { recipient } = await generateIdentity();
  const piece = pattern(MIB);
  const whole = new Uint8Array(64 * MIB);
  for (let at = 0; at < whole.length; at += MIB) whole.set(piece, at);
  const blob = new Blob([whole]);
  const keys = Array.from({ length: 1000 }, (_, i) => strangerKey(i));
  const recipients = await Promise.all(keys.map((key) => importRecipient(key)));
  const works: Record<string, () => Promise<unknown>> = {
    "nothing, for a second": () => new Promise((resolve) => setTimeout(resolve, 1000)),
    "sealing a Blob of 64 MiB": async () => {
      const reader = sealFrom(blob, { to: recipient }).getReader();
      while (!(await reader.read()).done);
    },
    "sealing 64 MiB in one piece": () => seal(whole, { to: recipient }),
    "wrapping to 1000 recipients": () => seal(piece.subarray(0, 100), { to: recipients }),
  };
  const gaps: Record<string, readonly number[]> = {};
  for (const [name, work] of Object.entries(works)) {
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await longestGap(work));
    gaps[name] = runs;
  }
  return gaps;
}

async function start(): Promise<void> {
  const { name, origin } = taskOf(location.search);
  const gaps = await measure().catch((error) => ({ failed: String(error.stack) }));
  await report({ name, origin }, `${name}, main thread`, gaps);
}

void start();
