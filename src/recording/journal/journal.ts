import { type BlindreelError, closedError } from "../../errors.js";
import type { Bytes } from "../../formats/bytes.js";
import { journalLost } from "../../storage/faults.js";
import { memoryJournal } from "../../storage/memory.js";
import type { JournalPiece, OpenJournal } from "../../storage/store.js";
import { Queue } from "../queue.js";
import { encodeRecord, type JournalRecord } from "./records.js";
import type { JournalState, Unsettled } from "./state.js";
import { segmentBlob } from "./steps.js";

/** What one step writes. */
export interface JournalStep {
  readonly records?: readonly JournalRecord[];
  readonly pieces?: readonly JournalPiece[];
  /** Blobs that nobody needs once the records are durable. */
  readonly dropped?: readonly string[];
}

interface Step {
  readonly make: () => JournalStep | Promise<JournalStep>;
}

/** What is done to the store when all steps before are durable. */
interface Action {
  readonly action: (store: OpenJournal) => Promise<void>;
  /** Nothing is written behind it. */
  readonly isEnd: boolean;
}

type Work = Step | Action;
type Item = Work & { readonly resolve: () => void; readonly reject: (error: unknown) => void };

export interface JournalOptions {
  /** Goes on without the store when it fails; what is in it can still be read. */
  readonly continueInMemory: boolean;
  /** Told of the store's first failure. `isFatal`: the journal could not go on in memory. */
  readonly onFailure: (error: BlindreelError, isFatal: boolean) => void;
  /** Told of the objects that are durable now, each once: whoever made their steps may have been told that they failed. */
  readonly onStored: (objects: readonly Unsettled[]) => void;
}

/** Bytes that one commit takes at most, so that a step never waits for more than a moment's worth of others. */
const COMMIT_BYTES = 8 * 2 ** 20;

/**
 * The one writer of a journal, and the one owner of its state. Steps run one after the other; those that come while the
 * store writes go into the next commit together, so a slow disk makes commits larger and not more. A step sees the
 * state with all steps before it, and changes it by its records, which the state's gate takes or refuses.
 */
export class Journal {
  readonly state: JournalState;
  readonly #options: JournalOptions;
  #store: OpenJournal;
  /** Where older blobs are, once the journal goes on in memory. */
  #failedStore: OpenJournal | undefined;
  readonly #items = new Queue<Item>();
  #running: Promise<void> | undefined;
  /** What a failed commit did not write, in {@link state} already: the next commit writes it first. */
  #unwritten = emptyBatch();
  #isClosed = false;

  /** @param state what the store's records say, or a new one. */
  constructor(store: OpenJournal, state: JournalState, options: JournalOptions) {
    this.#store = store;
    this.state = state;
    this.#options = options;
    // Known already.
    state.takeFresh();
  }

  /**
   * Makes a step when all before it are made. Resolves when it is durable. A rejection that nobody waits for is not
   * reported: failures of the store are told to `onFailure`.
   *
   * @throws BlindreelError `closed` where the gate, or `make`, refuses; `storage-full`, `storage-failed`, `journal-in-use`.
   */
  write(make: Step["make"]): Promise<void> {
    return this.#enqueue({ make });
  }

  /** A blob, or its first `length` bytes. @throws BlindreelError `journal-lost`; those of the store. */
  async blob(name: string, length = 1): Promise<Bytes> {
    for (const store of [this.#store, this.#failedStore]) {
      const bytes = await store?.blob(name);
      if (bytes && bytes.length >= length) return length === 1 ? bytes : bytes.subarray(0, length);
    }
    throw journalLost(`${name} in the journal`);
  }

  eraseKeys(): Promise<void> {
    return this.#enqueue({ action: (store) => store.eraseKeys(), isEnd: false });
  }

  /** Erases the journal behind all steps; none follows. */
  erase(): Promise<void> {
    return this.#enqueue({ action: (store) => store.erase(), isEnd: true });
  }

  /** Lets go behind all steps; none follows. */
  close(): Promise<void> {
    return this.#enqueue({ action: (store) => store.close(), isEnd: true });
  }

  #enqueue(work: Work): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#items.push({ ...work, resolve, reject }));
    done.catch(() => {});
    this.#running ??= this.#run();
    return done;
  }

  async #run(): Promise<void> {
    // What is asked for in this turn of the event loop goes into one commit.
    await undefined;
    while (this.#items.length > 0) {
      const { first } = this.#items;
      await ("action" in first! ? this.#act(this.#items.shift() as Item & Action) : this.#commit());
    }
    this.#running = undefined;
  }

  /** The steps that wait, up to the next action, as one commit. */
  async #commit(): Promise<void> {
    const made: Item[] = [];
    const batch = this.#unwritten;
    this.#unwritten = emptyBatch();
    for (let bytes = 0; bytes < COMMIT_BYTES; ) {
      const { first: item } = this.#items;
      if (!item || "action" in item) break;
      this.#items.shift();
      try {
        if (this.#isClosed) throw closedError("the recording's journal");
        const { records = [], pieces = [], dropped = [] } = await item.make();
        const frees = records.length === 1 && records[0]!.kind === "settled";
        for (const record of records) {
          const encoded = encodeRecord(record);
          this.state.apply(record);
          (frees ? batch.settled : batch.records).push(encoded);
        }
        for (const piece of pieces) {
          batch.pieces.push(piece);
          for (const { length } of piece.parts) bytes += length;
        }
        for (const blob of dropped) batch.dropped.push(blob);
        made.push(item);
      } catch (error) {
        item.reject(error);
      }
    }
    try {
      await this.#persist(batch);
      this.#options.onStored(this.state.takeFresh());
      for (const { resolve } of made) resolve();
    } catch (error) {
      this.#unwritten = batch;
      for (const { reject } of made) reject(error);
    }
  }

  async #act({ action, isEnd, resolve, reject }: Item & Action): Promise<void> {
    try {
      if (!this.#isClosed) {
        if (isEnd) this.#isClosed = true;
        if (this.#failedStore) await action(this.#failedStore).catch(() => {});
        await action(this.#store);
      }
      resolve();
    } catch (cause) {
      reject(cause);
    }
  }

  async #persist(batch: Batch): Promise<void> {
    const { pieces, records, settled } = batch;
    if (pieces.length > 0 || records.length > 0 || settled.length > 0) {
      try {
        await this.#write(batch);
      } catch (cause) {
        const error = cause as BlindreelError;
        if (!(await this.#makeRoom(error, batch))) {
          await this.#goOn(error, pieces);
          await this.#write(batch);
        }
      }
    }
    await this.#drop(batch);
  }

  async #write({ pieces, records, settled }: Batch): Promise<void> {
    await this.#store.commit({ pieces, records: [...records, ...settled] });
  }

  /**
   * They take room, and nothing depends on it. A store that failed keeps its own until it is erased: its records do not say that
   * they are not needed.
   */
  async #drop({ dropped }: Batch): Promise<void> {
    const blobs = dropped.splice(0);
    if (blobs.length === 0) return;
    await this.#store.dropBlobs(blobs).catch(() => {});
  }

  /**
   * A store that is full has room again when what the server has is let go of: that comes first, whatever waits before it. It
   * says nothing of the other records, and they say nothing of it.
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
   * Goes on in memory. The old journal must never be resumed: what it does not know of would be spent twice. So its keys
   * are erased first, and where that fails too the recording stops.
   */
  async #goOn(error: BlindreelError, pieces: readonly JournalPiece[]): Promise<void> {
    const isPossible =
      this.#options.continueInMemory && !this.#failedStore && error.code !== "journal-in-use";
    const isAbandoned = isPossible && (await hasSucceeded(this.#store.eraseKeys()));
    if (isAbandoned) {
      this.#failedStore = this.#store;
      this.#store = await memoryJournal().create("0".repeat(32), { label: "" });
      await this.#takeAlong(this.#failedStore, pieces);
    }
    this.#options.onFailure(error, !isAbandoned);
    if (!isAbandoned) throw error;
  }

  /** What is open, or ends with these pieces, goes on behind what there is of it; what is sealed is read where it is. */
  async #takeAlong(from: OpenJournal, pieces: readonly JournalPiece[]): Promise<void> {
    const blobs = new Set<string>();
    for (const { open } of this.state.tracks)
      if (open && open.length > 0) blobs.add(segmentBlob(open.track, open.index));
    for (const { blob, offset } of pieces) if (offset > 0) blobs.add(blob);
    for (const blob of blobs) {
      const bytes = await from.blob(blob).catch(() => undefined);
      if (bytes) await this.#store.commit({ pieces: [{ blob, offset: 0, parts: [bytes] }] });
    }
  }
}

async function hasSucceeded(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

interface Batch {
  readonly pieces: JournalPiece[];
  readonly records: Bytes[];
  /** Records of what the server has now, each a step of its own. */
  readonly settled: Bytes[];
  readonly dropped: string[];
}

function emptyBatch(): Batch {
  return { pieces: [], records: [], settled: [], dropped: [] };
}
