/** Somebody else at a journal, as a process of their own or as a worker thread: does as it is told, and says how it went. */
import { createInterface } from "node:readline";
import { parentPort, workerData } from "node:worker_threads";
import { directoryJournal } from "../../src/storage/directory.js";
import type { OpenJournal } from "../../src/storage/store.js";

export type Order = "create" | "open" | "takeOver" | "commit" | "erase" | "close" | "discard";
export interface Answer {
  readonly code: string;
  readonly message?: string;
  readonly records?: number;
}

const [root, name] = (workerData ?? process.argv.slice(2)) as [string, string];
const store = directoryJournal(root);
let journal: OpenJournal | undefined;

async function obey(order: Order): Promise<Answer> {
  try {
    if (order === "create") journal = await store.create(name, { label: "" });
    else if (order === "open" || order === "takeOver") {
      const found = await store.open(name, { takeOver: order === "takeOver" });
      journal = found.journal;
      return { code: "done", records: found.records.length };
    } else if (order === "discard") await store.discard(name);
    else if (order === "commit") await journal!.commit({ records: [new Uint8Array(3)] });
    else await journal![order]();
    return { code: "done" };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { code: code ?? "no code", message };
  }
}

if (parentPort) {
  parentPort.on("message", async (order: Order) => parentPort!.postMessage(await obey(order)));
} else {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    process.stdout.write(`${JSON.stringify(await obey(line as Order))}\n`);
  });
}
