/** Runs in a page and in a dedicated worker: the cases of every store on the browser's own. */
import { indexedDbJournal } from "../../src/storage/indexeddb.js";
import { opfsJournal } from "../../src/storage/opfs.js";
import { serveJournal } from "../../src/storage/serve-journal.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";
import { workerJournal } from "../../src/storage/worker-journal.js";
import { storeCases } from "./store-cases.js";

export type Outcome = Readonly<Record<string, string>>;

async function runAll(make: (database: string) => JournalStore): Promise<Outcome> {
  const outcome: Record<string, string> = {};
  for (const [i, { name, run }] of storeCases.entries()) {
    try {
      await run(make(`cases-${i}`), "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcde0");
      outcome[name] = "passed";
    } catch (error) {
      outcome[name] = String((error as Error).stack);
    }
  }
  return outcome;
}

/** A worker that stays, and does as it is told: one after the other. */
function startWorker(): (order: Order) => Promise<unknown> {
  const worker = new Worker("/entry.js", { type: "module" });
  return (order) => {
    worker.postMessage(order);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  };
}

interface Order {
  readonly run?: "indexeddb";
  readonly call?: "create" | "open" | "takeOver" | "commit" | "list" | "discard";
}

let held: OpenJournal | undefined;

/** On one OPFS journal that all the workers share. */
async function obey(call: Order["call"]): Promise<unknown> {
  const store = opfsJournal("shared");
  const name = "f".repeat(32);
  try {
    if (call === "create") held = await store.create(name, { label: "shared" });
    else if (call === "open") held = (await store.open(name)).journal;
    else if (call === "takeOver") held = (await store.open(name, { takeOver: true })).journal;
    else if (call === "commit") await held!.commit({ records: [new Uint8Array(3)] });
    else if (call === "discard") await store.discard(name);
    else {
      // Strays, also of the name that a journal has.
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle("shared", { create: true });
      await folder.getDirectoryHandle("folder", { create: true });
      await folder.getFileHandle(".DS_Store", { create: true });
      await folder.getFileHandle("e".repeat(32), { create: true });
      return (await store.list()).map(({ label }) => label);
    }
    return "done";
  } catch (error) {
    return (error as { code?: unknown }).code ?? String((error as Error).stack);
  }
}

/** The journals of an OPFS folder, from a page. */
const opfsInWorker = (folder: string, reserve = 0): JournalStore =>
  workerJournal(new Worker(`/entry.js#${folder},${reserve}`, { type: "module" }));

/** Journals that hold room back, and how many have it. */
async function reservesOf(prefix: string): Promise<number> {
  let found = 0;
  const root = await navigator.storage.getDirectory();
  for await (const name of (root as FileSystemDirectoryHandle & { keys(): AsyncIterable<string> }).keys())
    if (name.startsWith(prefix)) found++;
  return found;
}

const tools = {
  startWorker,
  runInPage: () => runAll((folder) => opfsInWorker(`page-${folder}`)),
  /** Of a worker whose script is not there. */
  missingWorker: () =>
    workerJournal(new Worker("/missing.js", { type: "module" }))
      .list()
      .catch((error) => error.code),
  runIndexedDb: () => runAll(indexedDbJournal),
  indexedDbJournal,
  opfsInWorker,
  reservesOf,
  opfsCode: (): unknown => {
    try {
      opfsJournal();
      return "no error";
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  },
  runInWorker: () => startWorker()({ run: "indexeddb" }) as Promise<Outcome>,
};
export type StorageTools = typeof tools;

if (typeof document === "undefined" && location.hash) {
  const [folder, reserve] = location.hash.slice(1).split(",");
  serveJournal(opfsJournal(folder, { reserve: Number(reserve) }));
} else if (typeof document === "undefined") {
  addEventListener("message", async ({ data }: MessageEvent<Order>) => {
    if (data.run) postMessage(await runAll(indexedDbJournal));
    else postMessage(await obey(data.call));
  });
} else {
  Object.assign(globalThis, { tools });
}
