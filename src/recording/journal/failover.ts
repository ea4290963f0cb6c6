import type { BlindreelError } from "../../errors.js";
import type { Bytes } from "../../formats/bytes.js";
import { journalLost } from "../../storage/faults.js";
import { memoryJournal } from "../../storage/memory.js";
import type { JournalPiece, OpenJournal } from "../../storage/store.js";

export interface FailoverOptions {
  /** Whether memory takes the place of a store that fails. */
  readonly continueInMemory: boolean;
  /** Of the store that memory has replaced already. */
  readonly failure?: BlindreelError | undefined;
}

/** One commit. Written parts are taken out. */
export interface Batch {
  readonly pieces: JournalPiece[];
  readonly records: Bytes[];
  /** Records of acknowledged objects, each a step of its own. */
  readonly settled: Bytes[];
  /** Blobs without use once the records are durable. */
  readonly dropped: string[];
}

export function emptyBatch(): Batch {
  return { pieces: [], records: [], settled: [], dropped: [] };
}

/** A journal's store, and the memory that may take its place; blobs of the store can still be read then. */
export class FailoverStore {
  readonly #continueInMemory: boolean;
  #store: OpenJournal;
  #failedStore: OpenJournal | undefined;
  #failure: BlindreelError | undefined;
  /** Told of the first failure, and of each that memory could not take over. */
  onFailure: (error: BlindreelError, isFatal: boolean) => void = () => {};

  constructor(store: OpenJournal, { continueInMemory, failure }: FailoverOptions) {
    this.#store = store;
    this.#continueInMemory = continueInMemory;
    this.#failure = failure;
  }

  get failure(): BlindreelError | undefined {
    return this.#failure;
  }

  /** A blob, or its first `length` bytes. @throws BlindreelError `journal-lost`; those of the store. */
  async blob(name: string, length = 1): Promise<Bytes> {
    for (const store of [this.#store, this.#failedStore]) {
      const bytes = await store?.blob(name);
      if (bytes && bytes.length >= length) return length === 1 ? bytes : bytes.subarray(0, length);
    }
    throw journalLost(`${name} in the journal`);
  }

  /** A failure of the store in use only counts. */
  async call(action: (store: OpenJournal) => Promise<void>): Promise<void> {
    if (this.#failedStore) await action(this.#failedStore).catch(() => {});
    await action(this.#store);
  }

  /** @param growing names of blobs that later commits write to. */
  async commit(batch: Batch, growing: () => readonly string[]): Promise<void> {
    const { pieces, records, settled } = batch;
    if (pieces.length > 0 || records.length > 0 || settled.length > 0) {
      try {
        await this.#write(batch);
      } catch (cause) {
        const error = cause as BlindreelError;
        if (!(await this.#makeRoom(error, batch))) {
          await this.#goOn(error, [
            ...growing(),
            ...pieces.flatMap(({ blob, offset }) => (offset > 0 ? blob : [])),
          ]);
          await this.#write(batch);
        }
      }
    }
    await this.#drop(batch);
  }

  async #write({ pieces, records, settled }: Batch): Promise<void> {
    await this.#store.commit({ pieces, records: [...records, ...settled] });
  }

  /** Failures do not count: the blobs take room, and nothing depends on them. A failed store keeps its own until erased. */
  async #drop({ dropped }: Batch): Promise<void> {
    const blobs = dropped.splice(0);
    if (blobs.length > 0) await this.#store.dropBlobs(blobs).catch(() => {});
  }

  /**
   * Room in a full store: records and blobs of acknowledged objects first, before all that waits. Neither depends on the other.
   *
   * @returns whether all is written.
   */
  async #makeRoom({ code }: BlindreelError, batch: Batch): Promise<boolean> {
    if (code !== "storage-full" || batch.settled.length === 0) return false;
    const { settled } = batch;
    if (!(await hasSucceeded(this.#store.commit({ records: [...settled] })))) return false;
    settled.length = 0;
    await this.#drop(batch);
    return hasSucceeded(this.#write(batch));
  }

  /**
   * Memory takes the store's place, with the first bytes of `growing` blobs. The old journal must never be resumed: indices
   * of the memory would be spent twice. So its keys are erased first; where that fails too, the recording stops.
   */
  async #goOn(error: BlindreelError, growing: readonly string[]): Promise<void> {
    const isPossible = this.#continueInMemory && !this.#failedStore && error.code !== "journal-in-use";
    const isAbandoned = isPossible && (await hasSucceeded(this.#store.eraseKeys()));
    if (isAbandoned) {
      const [from, memory] = [this.#store, await memoryJournal().create("0".repeat(32), { label: "" })];
      for (const blob of new Set(growing)) {
        const bytes = await from.blob(blob).catch(() => undefined);
        if (bytes) await memory.commit({ pieces: [{ blob, offset: 0, parts: [bytes] }] });
      }
      this.#failedStore = from;
      this.#store = memory;
    }
    this.#failure ??= error;
    this.onFailure(error, !isAbandoned);
    if (!isAbandoned) throw error;
  }
}

export function hasSucceeded(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
