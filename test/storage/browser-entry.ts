/** Runs in a page and in a dedicated worker: the cases of every store on the browser's own. */
import { indexedDbJournal } from "../../src/storage/indexeddb.js";
import { opfsJournal } from "../../src/storage/opfs.js";
import type { JournalStore } from "../../src/storage/store.js";
import { storeCases } from "./store-cases.js";

export type Outcome = Readonly<Record<string, string>>;

async function runAll(make: (database: string) => JournalStore): Promise<Outcome> {
  const outcome: Record<string, string> = {};
  for (const [i, { name, run }] of storeCases.entries()) {
    try {
      await run(make(`cases-${i}`), "0123456789abcdef");
      outcome[name] = "passed";
    } catch (error) {
      outcome[name] = String((error as Error).stack);
    }
  }
  return outcome;
}

const tools = {
  runIndexedDb: () => runAll(indexedDbJournal),
  indexedDbJournal,
  opfsCode: (): unknown => {
    try {
      opfsJournal();
      return "no error";
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  },
  runInWorker: (store: "opfs" | "indexeddb"): Promise<Outcome> => {
    const worker = new Worker("/entry.js", { type: "module" });
    worker.postMessage(store);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  },
};
export type StorageTools = typeof tools;

if (typeof document === "undefined") {
  addEventListener("message", async ({ data }) => {
    postMessage(await runAll(data === "opfs" ? opfsJournal : indexedDbJournal));
  });
} else {
  Object.assign(globalThis, { tools });
}
