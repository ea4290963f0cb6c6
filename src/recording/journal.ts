import type { CryptoProvider } from "../crypto/provider.js";
import type { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { journalDamaged, journalLost, storageFault } from "../storage/faults.js";
import { memoryJournal } from "../storage/memory.js";
import type { JournalBlob, OpenedJournal, OpenJournal } from "../storage/store.js";
import {
  blobName,
  chunksRecord,
  endRecords,
  liveTail,
  merged,
  type SegmentOutput,
  subrootRecords,
} from "./journal-batch.js";
import { checkedParts, uncheckedBlob } from "./journal-blob.js";
import { decodeRecord, encodeRecord, type JournalRecord, MANIFEST_BLOB } from "./journal-record.js";
import { JournalState, type SegmentState } from "./journal-state.js";
import type { Range } from "./ranges.js";
import { SUBTREE_CHUNKS } from "./tree.js";

/** A stretch of a segment that the server has. */
export interface Acknowledgement extends Range {
  readonly segment: SegmentState;
  /** Blobs that nobody needs any more. */
  readonly blobs: readonly string[];
  /** All of the segment has been acknowledged. */
  readonly isStored: boolean;
}

type Work =
  | { readonly facts: readonly JournalRecord[] }
  | { readonly output: SegmentOutput }
  | { readonly acknowledgement: Acknowledgement }
  | { readonly task: () => Promise<unknown> };
type Item = Work & { readonly resolve: (value?: unknown) => void; readonly reject: (error: unknown) => void };

/** Bytes of the tail that may be out of date. */
const TAIL_SLACK = 8 * 1024;
/** What a record costs in a frame of its own. */
const RECORD_OVERHEAD = 20;

export interface JournalOptions {
  readonly crypto: CryptoProvider;
  /** Goes on without the store when it fails; what is in it can still be read. */
  readonly continueInMemory: boolean;
  readonly onFailure: (error: BlindreelError) => void;
  /** Called with what the journal has taken of a segment, from `offset` of its object on. */
  readonly onStored: (segment: SegmentState, offset: number, bytes: readonly Bytes[]) => void;
}

/**
 * The one writer of a journal. What is asked of it while it writes is written together in the next commit, so that a
 * slow disk makes commits larger and not later.
 */
export class Journal {
  readonly state = new JournalState();
  readonly #crypto: CryptoProvider;
  readonly #options: JournalOptions;
  #store: OpenJournal;
  /** Where older blobs are, once the journal goes on in memory. */
  #failedStore: OpenJournal | undefined;
  #failure: { readonly error: unknown } | undefined;
  #items: Item[] = [];
  #isRunning = false;
  /** Facts that can wait for the next commit. */
  #lateFacts: JournalRecord[] = [];
  #tailLength = 0;
  #liveLength = 0;

  /** Reads what was found, all of it. @throws BlindreelError `journal-damaged`. */
  constructor(opened: OpenedJournal, options: JournalOptions) {
    this.#store = opened.journal;
    this.#crypto = options.crypto;
    this.#options = options;
    for (const record of [...opened.facts, ...opened.tail]) this.state.apply(decodeRecord(record));
    for (const { chunks, recorded, end } of this.state.segments) {
      if (end === undefined && chunks < recorded * SUBTREE_CHUNKS)
        throw journalDamaged("its tail is too short");
    }
    this.#tailLength = opened.tail.reduce((length, record) => length + record.length + RECORD_OVERHEAD, 0);
  }

  /** Where the keys are. */
  get store(): OpenJournal {
    return this.#store;
  }

  /** Resolves when the facts are durable. */
  write(...facts: JournalRecord[]): Promise<unknown> {
    return this.#enqueue({ facts });
  }

  /** Resolves when the bytes are durable, and known to {@link state}. */
  add(output: SegmentOutput): Promise<unknown> {
    output.hashes.catch(() => {});
    return this.#enqueue({ output });
  }

  acknowledge(acknowledgement: Acknowledgement): Promise<unknown> {
    return this.#enqueue({ acknowledgement });
  }

  /** Runs `task` when everything before is written, and nothing after it before it is done. */
  between<T>(task: () => Promise<T>): Promise<T> {
    return this.#enqueue({ task }) as Promise<T>;
  }

  /** To be called in {@link between} only. */
  async commitNow(facts: readonly JournalRecord[], blobs: readonly JournalBlob[] = []): Promise<void> {
    await this.#persist((store) => store.commit({ blobs, facts: facts.map(encodeRecord) }));
    for (const record of facts) this.state.apply(record);
  }

  /** Ciphertext that was journalled at `offset` of its object. @throws BlindreelError `journal-lost`, `journal-damaged`. */
  async ciphertext(segment: SegmentState, offset: number): Promise<Bytes> {
    const name = blobName(segment, offset);
    return uncheckedBlob(this.#crypto, name, offset, await this.#stored(name));
  }

  /** The closing manifest, as it was journalled. Its signature tells whether it is damaged. */
  manifest(): Promise<Bytes> {
    return this.#stored(MANIFEST_BLOB);
  }

  async eraseKeys(): Promise<void> {
    await this.#store.eraseKeys();
    await this.#failedStore?.eraseKeys().catch(() => {});
  }

  async erase(): Promise<void> {
    await this.#store.erase();
    await this.#failedStore?.erase().catch(() => {});
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#failedStore?.close().catch(() => {});
  }

  #enqueue(work: Work): Promise<unknown> {
    const done = new Promise<unknown>((resolve, reject) => this.#items.push({ ...work, resolve, reject }));
    // Whoever wants to know waits for it; a failure is reported once by `onFailure` as well.
    done.catch(() => {});
    if (!this.#isRunning) this.#run();
    return done;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is asked for in this turn of the event loop goes into one commit.
    await undefined;
    while (this.#items.length > 0) {
      const [first] = this.#items as [Item];
      const length = this.#items.findIndex((item) => "task" in item);
      const items = this.#items.splice(0, "task" in first ? 1 : length < 0 ? this.#items.length : length);
      try {
        const result = "task" in first ? await first.task() : await this.#commit(items);
        for (const { resolve } of items) resolve(result);
      } catch (error) {
        for (const { reject } of items) reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #commit(items: readonly Item[]): Promise<void> {
    const facts: JournalRecord[] = this.#lateFacts.splice(0);
    const known = facts.length;
    const tail: JournalRecord[] = [];
    const blobs: JournalBlob[] = [];
    const stored: (() => void)[] = [];
    for (const item of items) if ("facts" in item) facts.push(...item.facts);
    const outputs = await merged(items.flatMap((item) => ("output" in item ? item.output : [])));
    for (const output of outputs) {
      const { segment, bytes, hashes } = output;
      const { length } = segment;
      blobs.push({ name: blobName(segment, length), parts: checkedParts(length, bytes, hashes) });
      stored.push(() => this.#options.onStored(segment, length, bytes));
      if (output.isLast) facts.push(...endRecords(this.state, segment, output));
      else tail.push(chunksRecord(output));
    }
    const dropped: string[] = [];
    for (const item of items) {
      if (!("acknowledgement" in item)) continue;
      const { segment, start, end, blobs: names, isStored } = item.acknowledgement;
      const { track, index } = segment;
      if (isStored) facts.push({ kind: "stored", track, index });
      else tail.push({ kind: "acknowledged", track, index, start, end });
      dropped.push(...names);
    }
    const [tailBytes, factBytes] = [tail.map(encodeRecord), facts.map(encodeRecord)];
    await this.#persist((store) => store.commit({ blobs, tail: tailBytes, facts: factBytes }));
    for (const record of [...tail, ...facts.slice(known)]) this.state.apply(record);
    for (const tell of stored) tell();
    const gathered = subrootRecords(this.state);
    for (const record of gathered) this.state.apply(record);
    this.#lateFacts.push(...gathered);
    this.#tailLength += tailBytes.reduce((length, record) => length + record.length + RECORD_OVERHEAD, 0);
    if (dropped.length > 0) await this.#drop(dropped);
    if (this.#tailLength > this.#liveLength + TAIL_SLACK) await this.#rewriteTail();
  }

  async #rewriteTail(): Promise<void> {
    const late = this.#lateFacts.splice(0);
    if (late.length > 0) await this.#persist((store) => store.commit({ facts: late.map(encodeRecord) }));
    const records = liveTail(this.state).map(encodeRecord);
    await this.#persist((store) => store.replaceTail(records));
    this.#liveLength = records.reduce((length, record) => length + record.length + RECORD_OVERHEAD, 0);
    this.#tailLength = this.#liveLength;
  }

  async #stored(name: string): Promise<Bytes> {
    const stored = (await this.#store.blob(name)) ?? (await this.#failedStore?.blob(name));
    if (!stored) throw journalLost(`${name} in the journal`);
    return stored;
  }

  async #drop(names: readonly string[]): Promise<void> {
    await this.#persist((store) => store.dropBlobs(names));
    await this.#failedStore?.dropBlobs(names).catch(() => {});
  }

  /** Writes, or fails for good, or goes on in memory. */
  async #persist(action: (store: OpenJournal) => Promise<void>): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    try {
      await action(this.#store);
    } catch (cause) {
      const error = storageFault(cause);
      this.#options.onFailure(error);
      if (!this.#options.continueInMemory || this.#failedStore) {
        this.#failure = { error };
        throw error;
      }
      const { journal } = await memoryJournal().open("", "create");
      this.#failedStore = this.#store;
      this.#store = journal;
      await action(journal);
    }
  }
}
