import type { CryptoProvider } from "../crypto/provider.js";
import type { BlindreelError } from "../errors.js";
import { type Bytes, compareBytes, concatBytes } from "../formats/bytes.js";
import { HASH_LENGTH, SegmentEnd } from "../formats/constants.js";
import { journalDamaged, journalLost, storageFault } from "../storage/faults.js";
import { memoryJournal } from "../storage/memory.js";
import type { JournalBlob, OpenedJournal, OpenJournal } from "../storage/store.js";
import { decodeRecord, encodeRecord, type JournalRecord } from "./journal-record.js";
import { JournalState, rootOfChunks, type SegmentState } from "./journal-state.js";
import type { MediaPoint } from "./manifest.js";
import type { Range } from "./ranges.js";
import { SUBTREE_CHUNKS } from "./tree.js";

/** Sealed bytes of one segment, in the order in which they were sealed. */
export interface SegmentOutput {
  readonly segment: SegmentState;
  /** The hash of the segment's first 86 bytes. */
  readonly head: Bytes;
  readonly bytes: readonly Bytes[];
  /** Of the chunks in `bytes`. */
  readonly hashes: Promise<readonly Bytes[]>;
  readonly isLast: boolean;
  readonly points: readonly MediaPoint[];
}

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

/** Full subroots that the tail keeps of a segment before they become facts. */
const SUBROOTS_IN_TAIL = 32;
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
  readonly onStored: (segment: SegmentState, offset: number, bytes: Bytes) => void;
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

  /** Bytes that were journalled at `offset`. @throws BlindreelError `journal-lost`, `journal-damaged`. */
  async blob(name: string): Promise<Bytes> {
    const stored = (await this.#store.blob(name)) ?? (await this.#failedStore?.blob(name));
    if (!stored) throw journalLost(`ciphertext in the journal (${name})`);
    const bytes = stored.subarray(HASH_LENGTH);
    const digest = await this.#crypto.digestBulk("SHA-256", bytes);
    if (compareBytes(digest, stored.subarray(0, HASH_LENGTH)) !== 0)
      throw journalDamaged(`its ciphertext (${name})`);
    return bytes;
  }

  async blobOf(name: string, bytes: Bytes): Promise<JournalBlob> {
    return { name, parts: [await this.#crypto.digestBulk("SHA-256", bytes), bytes] };
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
    for (const output of await merged(items)) {
      const { segment, bytes } = output;
      const { length } = segment;
      blobs.push(await this.blobOf(blobName(segment, length), bytes));
      stored.push(() => this.#options.onStored(segment, length, bytes));
      if (output.isLast) facts.push(...this.endOf(segment, output));
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
    this.#noteSubroots();
    this.#tailLength += tailBytes.reduce((length, record) => length + record.length + RECORD_OVERHEAD, 0);
    if (dropped.length > 0) await this.#drop(dropped);
    if (this.#tailLength > this.#liveLength + TAIL_SLACK) await this.#rewriteTail();
  }

  /** The facts that end a segment, with what `last` adds to it: nothing where it is cut. */
  endOf(
    segment: SegmentState,
    last?: {
      readonly head: Bytes;
      readonly bytes: Bytes;
      readonly hashes: readonly Bytes[];
      readonly points: readonly MediaPoint[];
    },
  ): JournalRecord[] {
    const { track, index, recorded, subroots, openHashes } = segment;
    const hashes = [...openHashes, ...(last?.hashes ?? [])];
    const all = [...subroots];
    for (let at = 0; at < hashes.length; at += SUBTREE_CHUNKS) {
      all.push(rootOfChunks(hashes.slice(at, at + SUBTREE_CHUNKS)));
    }
    const trackState = this.state.track(track);
    const points = [...loosePoints(trackState), ...(last?.points ?? [])];
    const end: JournalRecord = {
      kind: "end",
      track,
      index,
      end: last ? SegmentEnd.final : SegmentEnd.cut,
      length: segment.length + (last?.bytes.length ?? 0),
      chunks: segment.chunks + (last?.hashes.length ?? 0),
      head: last?.head ?? segment.head!,
      from: recorded,
      subroots: all.slice(recorded),
    };
    return points.length > 0 ? [{ kind: "points", track, points }, end] : [end];
  }

  /** The facts that end every segment that still grows, where it stands. */
  endOfAll(): JournalRecord[] {
    return [...this.state.growing].flatMap((segment): JournalRecord[] => {
      const { track, index, chunks } = segment;
      return chunks > 0 ? this.endOf(segment) : [{ kind: "stored", track, index }];
    });
  }

  /** Subroots that have gathered become facts, with the next commit. */
  #noteSubroots(): void {
    for (const { track, index, recorded, subroots } of this.state.growing) {
      if (subroots.length - recorded < SUBROOTS_IN_TAIL) continue;
      const record: JournalRecord = {
        kind: "subroots",
        track,
        index,
        from: recorded,
        subroots: subroots.slice(recorded),
      };
      const points = loosePoints(this.state.track(track));
      const records: JournalRecord[] =
        points.length > 0 ? [{ kind: "points", track, points }, record] : [record];
      for (const each of records) this.state.apply(each);
      this.#lateFacts.push(...records);
    }
  }

  async #rewriteTail(): Promise<void> {
    const late = this.#lateFacts.splice(0);
    if (late.length > 0) await this.#persist((store) => store.commit({ facts: late.map(encodeRecord) }));
    const live: JournalRecord[] = [];
    for (const { track, index, head, recorded, subroots, openHashes: hashes } of this.state.growing) {
      if (!head) continue;
      const points = loosePoints(this.state.track(track));
      const rest = subroots.slice(recorded);
      live.push({ kind: "state", track, index, head, from: recorded, subroots: rest, hashes, points });
    }
    for (const { track, index, acknowledged } of this.state.unstored) {
      for (const range of acknowledged) live.push({ kind: "acknowledged", track, index, ...range });
    }
    const records = live.map(encodeRecord);
    await this.#persist((store) => store.replaceTail(records));
    this.#liveLength = records.reduce((length, record) => length + record.length + RECORD_OVERHEAD, 0);
    this.#tailLength = this.#liveLength;
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

export function blobName({ track, index }: SegmentState, offset: number): string {
  return `${track}-${index}-${offset}`;
}

type MergedOutput = Omit<SegmentOutput, "bytes" | "hashes"> & {
  readonly bytes: Bytes;
  readonly hashes: readonly Bytes[];
};

/** The outputs of each segment as one. */
async function merged(items: readonly Item[]): Promise<MergedOutput[]> {
  const bySegment = new Map<SegmentState, SegmentOutput[]>();
  for (const item of items) {
    if (!("output" in item)) continue;
    const { output } = item;
    const outputs = bySegment.get(output.segment);
    if (outputs) outputs.push(output);
    else bySegment.set(output.segment, [output]);
  }
  const results: MergedOutput[] = [];
  for (const [segment, outputs] of bySegment) {
    const parts = outputs.flatMap(({ bytes }) => bytes);
    const hashes = (await Promise.all(outputs.map((output) => output.hashes))).flat();
    results.push({
      segment,
      head: outputs[0]!.head,
      bytes: parts.length === 1 ? parts[0]! : concatBytes(...parts),
      hashes,
      isLast: outputs.at(-1)!.isLast,
      points: outputs.flatMap(({ points }) => points),
    });
  }
  return results;
}

function chunksRecord({ segment, head, hashes, points }: MergedOutput): JournalRecord {
  const { track, index, chunks: from } = segment;
  return { kind: "chunks", track, index, head, from, hashes, points };
}

function loosePoints({ takes, loosePoints: count }: JournalState["tracks"][number]): readonly MediaPoint[] {
  return count === 0 ? [] : (takes.at(-1)?.points.slice(-count) ?? []);
}
