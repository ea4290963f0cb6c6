import { memoryJournal } from "../../src/storage/memory.js";
import type { JournalStore, OpenJournal, StoredKeys } from "../../src/storage/store.js";

/** What goes wrong, asked before every call; undefined: nothing. */
export interface Faults {
  /** Thrown instead of doing it. For `commit`, pieces may be written all the same. */
  fail?(call: keyof OpenJournal | "create" | "open"): unknown;
  /** Waits before and after. */
  latency?(): Promise<void> | undefined;
  /** Whether what fails has written its pieces. */
  tears?(): boolean;
  /** Whether the crash that comes now lets the commit that is under way be durable. */
  blob?(name: string, bytes: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> | undefined;
  keys?(keys: StoredKeys): StoredKeys;
}

/** A journal in memory that fails as it is told to, and whose process can crash. */
export class FaultyJournal implements JournalStore {
  readonly keyForm = "any";
  readonly inner: JournalStore = memoryJournal();
  faults: Faults = {};
  commits = 0;
  #process = 0;

  /** The process is gone: what it asked for is never answered. */
  crash(): void {
    this.#process++;
  }

  list: JournalStore["list"] = () => this.inner.list();

  create: JournalStore["create"] = async (name, options) => {
    this.#check("create");
    return this.#watched(await this.inner.create(name, options));
  };

  open: JournalStore["open"] = async (name, options) => {
    this.#check("open");
    const { journal, records } = await this.inner.open(name, options);
    return { journal: this.#watched(journal), records };
  };

  discard: JournalStore["discard"] = (name, options) => this.inner.discard(name, options);

  #check(call: keyof OpenJournal | "create" | "open"): void {
    const error = this.faults.fail?.(call);
    if (error !== undefined) throw error;
  }

  #watched(journal: OpenJournal): OpenJournal {
    const process = this.#process;
    const alive = async (): Promise<void> => {
      if (process !== this.#process) await new Promise(() => {});
    };
    const call = async <T>(
      name: keyof OpenJournal,
      action: () => Promise<T>,
      torn?: () => Promise<void>,
    ): Promise<T> => {
      await alive();
      await this.faults.latency?.();
      await alive();
      const error = this.faults.fail?.(name);
      if (error !== undefined) {
        if (this.faults.tears?.()) await torn?.();
        throw error;
      }
      const result = await action();
      await this.faults.latency?.();
      await alive();
      return result;
    };
    return {
      commit: (changes) => {
        this.commits++;
        return call(
          "commit",
          () => journal.commit(changes),
          () => journal.commit({ pieces: changes.pieces ?? [] }),
        );
      },
      blob: (name) =>
        call("blob", async () => {
          const bytes = await journal.blob(name);
          return this.faults.blob ? this.faults.blob(name, bytes) : bytes;
        }),
      dropBlobs: (names) => call("dropBlobs", () => journal.dropBlobs(names)),
      saveKeys: (keys) => call("saveKeys", () => journal.saveKeys(keys)),
      keys: () =>
        call("keys", async () => {
          const keys = await journal.keys();
          return this.faults.keys ? this.faults.keys(keys) : keys;
        }),
      eraseKeys: () => call("eraseKeys", () => journal.eraseKeys()),
      erase: () => call("erase", () => journal.erase()),
      close: () => call("close", () => journal.close()),
    };
  }
}

/** @returns the error of a full disk. */
export function diskFull(): unknown {
  return new DOMException("There is no room left", "QuotaExceededError");
}
