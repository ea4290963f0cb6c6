import { isBlindreelError, outOfRange, wrongType } from "../errors.js";
import { guardedStore } from "./guarded.js";
import type { JournalStore, OpenJournal } from "./store.js";
import {
  JOURNAL_TOPIC,
  type JournalAnswer,
  type JournalCall,
  type JournalPort,
  type PlacedPiece,
} from "./worker-journal.js";

/**
 * Answers, in a dedicated worker, for the journals of a page's `workerJournal`.
 *
 * @param store where they are kept: one that takes platform keys, as `opfsJournal()`.
 * @param port the worker's own end unless given.
 * @throws TypeError; RangeError for a store of another `keyForm`.
 */
export function serveJournal(store: JournalStore, port: JournalPort = globalThis as JournalPort): void {
  const served = guardedStore(store);
  if (served.keyForm === "bytes") throw outOfRange("store.keyForm", '"platform" or "any"', served.keyForm);
  if (typeof port?.postMessage !== "function" || "document" in port)
    throw wrongType("port", "a worker's end or a MessagePort", port);
  const journals = new Journals(served);
  port.addEventListener("message", async (event) => {
    const { data } = event as MessageEvent<JournalCall | undefined>;
    if (data?.topic !== JOURNAL_TOPIC) return;
    const { topic, id } = data;
    const buffer = data.args.find((each) => each instanceof ArrayBuffer);
    const answer = (rest: Partial<JournalAnswer>): void =>
      port.postMessage({ topic, id, buffer, ...rest } satisfies JournalAnswer, buffer ? [buffer] : []);
    try {
      answer({ value: await journals.call(data) });
    } catch (error) {
      const { message } = error as Error;
      const { code = undefined, details = undefined } = isBlindreelError(error) ? error : {};
      answer({ failure: { code, message, details } });
    }
  });
  port.start?.();
}

/** A store and its open journals, by number. */
class Journals {
  readonly #store: JournalStore;
  readonly #open = new Map<number, OpenJournal>();
  #count = 0;

  constructor(store: JournalStore) {
    this.#store = store;
  }

  async call({ journal: number, method, args }: JournalCall): Promise<unknown> {
    if (number === 0) return this.#ofStore(method as keyof JournalStore, args);
    const journal = this.#open.get(number);
    if (!journal) throw outOfRange("the journal", "an open one", number);
    if (method === "commit") return commit(journal, args as Parameters<typeof commit>[1]);
    const ask = journal[method as keyof OpenJournal] as (...given: unknown[]) => Promise<unknown>;
    const value = await ask(...args);
    if (method === "close" || method === "erase") this.#open.delete(number);
    return value;
  }

  async #ofStore(method: keyof JournalStore, args: readonly unknown[]): Promise<unknown> {
    const [name, options] = args as Parameters<JournalStore["create"]>;
    if (method === "create") return this.#keep(await this.#store.create(name, options));
    if (method === "discard") return this.#store.discard(name, options as { takeOver?: boolean });
    if (method === "list") return this.#store.list();
    const { journal, records } = await this.#store.open(name, options as { takeOver?: boolean });
    return { journal: this.#keep(journal), records };
  }

  #keep(journal: OpenJournal): number {
    this.#open.set(++this.#count, journal);
    return this.#count;
  }
}

function commit(
  journal: OpenJournal,
  [placed, records, buffer]: readonly [
    readonly PlacedPiece[],
    readonly Uint8Array<ArrayBuffer>[],
    ArrayBuffer?,
  ],
): Promise<void> {
  const pieces = placed.map(({ blob, offset, start, length }) => ({
    blob,
    offset,
    parts: buffer ? [new Uint8Array(buffer, start, length)] : [],
  }));
  return journal.commit({ pieces, records });
}
