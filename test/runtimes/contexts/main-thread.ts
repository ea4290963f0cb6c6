import { generateIdentity, importRecipient, open, openFrom, seal, sealFrom } from "blindreel";
import { type Bytes, pattern } from "../suite/bytes.js";
import { report } from "../suite/data.js";
import { strangerKey } from "../suite/fixed.js";
import { taskOf } from "./run-cases.js";

/** How long the event loop of a page is held while the SDK works in it. */

const LENGTH = 64 * 2 ** 20;
const PIECE = 64 * 1024;
const RUNS = 3;

/** Milliseconds. */
export interface Hold {
  /** The longest time between two turns of the event loop. */
  readonly longest: number;
  /** The whole operation. */
  readonly took: number;
}

async function holdOf(work: () => Promise<unknown>): Promise<Hold> {
  const { port1, port2 } = new MessageChannel();
  const start = performance.now();
  let last = start;
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
  return { longest, took: last - start };
}

/** A source that always has the next piece at hand: whoever reads it never waits, and must yield of its own accord. */
function readyPieces(bytes: Bytes): ReadableStream<Bytes> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(offset, offset + PIECE));
      offset += PIECE;
    },
  });
}

async function readAll(stream: ReadableStream<Bytes>): Promise<void> {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
}

/** Lets others run after this many milliseconds, as the SDK does. */
const TURN = 10;

/** The platform's own part: AES-GCM over chunks of 16 KiB, one after another, and nothing of ours. */
async function bareLoop(): Promise<void> {
  const { subtle } = crypto;
  const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const chunk = pattern(16 * 1024, 1);
  let since = performance.now();
  for (let index = 0; index < LENGTH / chunk.length; index++) {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(8, index);
    await subtle.encrypt({ name: "AES-GCM", iv }, key, chunk);
    if (performance.now() - since < TURN) continue;
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
    since = performance.now();
  }
}

async function measure(): Promise<Record<string, readonly Hold[]>> {
  const identity = await generateIdentity();
  const to = identity.recipient;
  const content = new Uint8Array(LENGTH);
  for (let offset = 0; offset < LENGTH; offset += PIECE) content.set(pattern(PIECE, 1 + offset), offset);
  const sealed = await seal(content, { to });
  const blob = new Blob([content]);
  const recipients = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => importRecipient(strangerKey(i))),
  );
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    "nothing, for half a second": () => new Promise((resolve) => void setTimeout(resolve, 500)),
    "bare AES-GCM over 64 MiB": bareLoop,
    "sealing 64 MiB": () => readAll(sealFrom(readyPieces(content), { to })),
    "opening 64 MiB": () => readAll(openFrom(readyPieces(sealed), { identities: identity })),
    "sealing a Blob of 64 MiB": () => readAll(sealFrom(blob, { to })),
    "copying an array of 64 MiB": async () => content.slice(),
    "sealing an array of 64 MiB": () => seal(content, { to }),
    "opening an array of 64 MiB": () => open(sealed, { identities: identity }),
    "wrapping to 1000 recipients": () => seal(content.subarray(0, 100), { to: recipients }),
  };
  const holds: Record<string, readonly Hold[]> = {};
  for (const [name, work] of Object.entries(works)) {
    const runs: Hold[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await holdOf(work));
    holds[name] = runs;
  }
  return holds;
}

async function start(): Promise<void> {
  const { name, origin } = taskOf(location.search);
  const holds = await measure().catch((error: Error) => ({ [String(error.stack)]: [] }));
  await report({ name, origin }, `${name}, main thread`, holds);
}

void start();
