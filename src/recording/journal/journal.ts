import type { CryptoProvider } from "../../crypto/provider.js";
import { type BlindreelError, closedError } from "../../errors.js";
import type { Bytes } from "../../formats/bytes.js";
import type { JournalPiece, OpenJournal } from "../../storage/store.js";
import { Queue } from "../queue.js";
import { segmentBlob } from "./blobs.js";
import { entryRecord, type NewEntry } from "./entries.js";
import { type Batch, emptyBatch, type FailoverOptions, FailoverStore } from "./failover.js";
import type { PendingObject } from "./pending.js";
import { encodeRecord, type JournalRecord } from "./records.js";
import type { JournalState } from "./state.js";

/** One step of a journal: all of it is durable, or none. */
export interface JournalStep {
  /** Next entries of the log, before all records. */
  readonly entries?: readonly NewEntry[];
  readonly records?: readonly JournalRecord[];
  readonly pieces?: readonly JournalPiece[];
  /** Blobs without use once the records are durable. */
  readonly dropped?: readonly string[];
}

type MakeStep = () => JournalStep | Promise<JournalStep>;

/** A step, or a call of the store behind all steps before it. `isEnd`: nothing is written behind it. */
type Work =
  | { readonly make: MakeStep }
  | { readonly action: (store: OpenJournal) => Promise<void>; readonly isEnd: boolean };
type Item = Work & { readonly resolve: () => void; readonly reject: (error: unknown) => void };

export interface JournalOptions extends FailoverOptions {
  readonly crypto: CryptoProvider;
  /** Whether a crash can be survived: the store gave the keys back. */
  readonly keepsKeys: boolean;
}

/** The recording of a journal. */
export interface JournalListener {
  /** After each commit: objects that are durable now, each once, also those whose step was told of a failure before. */
  committed(objects: readonly PendingObject[]): void;
  /** The store's first failure, and each that the journal did not survive. */
  failed(error: BlindreelError, isFatal: boolean): void;
}

/** Ceiling of one commit in bytes: a step waits for a moment's worth of others at most. */
const COMMIT_BYTES = 8 * 2 ** 20;

/**
 * The one writer of a journal, and the one owner of its state. Steps run one after the other; those that come during a commit
 * share the next one, so a slow disk makes commits larger and not more. A step sees the state with all steps before it, and
 * changes it by its records, which the state's gate takes or refuses.
 */
export class Journal {
  readonly state: JournalState;
  readonly #options: JournalOptions;
  readonly #store: FailoverStore;
  #listener: JournalListener | undefined;
  readonly #items = new Queue<Item>();
  #running: Promise<void> | undefined;
  /** Of a failed commit, in {@link state} already: the next commit writes it first. */
  #unwritten = emptyBatch();
  #isClosed = false;

  /** @param state replayed from the store's records, or a new one whose start is in the store. */
  constructor(store: OpenJournal, state: JournalState, options: JournalOptions) {
    this.state = state;
    this.#options = options;
    this.#store = new FailoverStore(store, options);
  }

  /** Whether the recording can be resumed after a crash. */
  get isResumable(): boolean {
    return this.#options.keepsKeys && this.failure === undefined;
  }

  /** The store's first failure. */
  get failure(): BlindreelError | undefined {
    return this.#store.failure;
  }

  /** Reports all pending objects and a failure, now and from now on. */
  listen(listener: JournalListener): void {
    this.#listener = listener;
    this.#store.onFailure = (error, isFatal) => listener.failed(error, isFatal);
    listener.committed(this.state.pending.takeFresh());
    if (this.failure) listener.failed(this.failure, false);
  }

  /**
   * Makes a step behind all before it. Resolves when it is durable. A rejection needs no handler: the listener is told of
   * failures.
   *
   * @throws BlindreelError `closed` where the gate, or `make`, refuses; `storage-full`, `storage-failed`, `journal-in-use`.
   */
  write(make: MakeStep): Promise<void> {
    return this.#enqueue({ make });
  }

  /** A blob, or its first `length` bytes. @throws BlindreelError `journal-lost`; those of the store. */
  blob(name: string, length?: number): Promise<Bytes> {
    return this.#store.blob(name, length);
  }

  eraseKeys(): Promise<void> {
    return this.#enqueue({ action: (store) => store.eraseKeys(), isEnd: false });
  }

  /** Erases the journal behind all steps; none follows. */
  erase(): Promise<void> {
    return this.#enqueue({ action: (store) => store.erase(), isEnd: true });
  }

  /** Releases the store behind all steps; none follows. */
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
    // Steps of one turn of the event loop share a commit.
    await undefined;
    for (let item = this.#items.first; item; item = this.#items.first)
      await ("action" in item ? this.#act() : this.#commit());
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
        const step = await item.make();
        this.#apply(step, batch);
        for (const { parts } of step.pieces ?? []) for (const { length } of parts) bytes += length;
        made.push(item);
      } catch (error) {
        item.reject(error);
      }
    }
    try {
      await this.#store.commit(batch, () => this.#growingBlobs());
      if (this.#listener) this.#listener.committed(this.state.pending.takeFresh());
      for (const { resolve } of made) resolve();
    } catch (error) {
      this.#unwritten = batch;
      for (const { reject } of made) reject(error);
    }
  }

  #apply({ entries = [], records = [], pieces = [], dropped = [] }: JournalStep, batch: Batch): void {
    const all = [...entries.map((entry) => entryRecord(this.#options.crypto, entry)), ...records];
    const frees = all.length === 1 && all[0]!.kind === "settled";
    for (const record of all) {
      const encoded = encodeRecord(record);
      this.state.apply(record);
      (frees ? batch.settled : batch.records).push(encoded);
    }
    batch.pieces.push(...pieces);
    batch.dropped.push(...dropped);
  }

  async #act(): Promise<void> {
    const { action, isEnd, resolve, reject } = this.#items.shift() as Extract<Item, { isEnd: boolean }>;
    try {
      if (!this.#isClosed) {
        if (isEnd) this.#isClosed = true;
        await this.#store.call(action);
      }
      resolve();
    } catch (cause) {
      reject(cause);
    }
  }

  #growingBlobs(): string[] {
    const open = this.state.tracks.flatMap((track) => track.open ?? []);
    return open.flatMap(({ track, index, length }) => (length > 0 ? segmentBlob(track, index) : []));
  }
}
