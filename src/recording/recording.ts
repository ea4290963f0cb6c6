import { type BlindreelError, closedError, outOfRange, wrongType } from "../errors.js";
import { utf8, wipe } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { journalLost } from "../storage/faults.js";
import { asyncDispose } from "../stream/operation.js";
import { closeJournal, type ManifestSigner, signManifest } from "./closing.js";
import type { Journal } from "./journal.js";
import type { RecordingKeys } from "./journal-keys.js";
import { envelopeName } from "./object-name.js";
import type { Outbox, PartOptions, RecordingPart } from "./outbox.js";
import { type BoundRecorder, bindRecorder } from "./recorder.js";
import type { FinishedRecording, RecordingTrack } from "./recording-track.js";
import type { StoredObject } from "./stored-object.js";
import { lazyTimeout, type TrackHost, TrackWriter } from "./track-writer.js";
import type { RecordingSettings } from "./writer-options.js";

/** What the pieces of a recording are, when it starts or goes on. */
export interface RecordingParts {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly settings: RecordingSettings;
  /** Undefined where the recording has ended already. */
  readonly keys: RecordingKeys | undefined;
  readonly keepsKeys: boolean;
  readonly journalFailure: { current: BlindreelError | undefined };
}

const DEFAULT_TIMEOUT = 10_000;
const LONGEST_REASON = 255;

/**
 * A recording that is being made: seals what is written to its tracks, keeps it in a journal until the server has it,
 * and closes with a signed manifest. Made by `startRecording` and `resumeRecording`.
 */
export class Recording {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. Tell it to the institution by a way that the server does not control: it pins the recording. */
  readonly coreHash: string;
  /** To be stored before anything else. */
  readonly envelope: StoredObject;
  readonly #journal: Journal;
  readonly #outbox: Outbox;
  readonly #settings: RecordingSettings;
  readonly #keepsKeys: boolean;
  readonly #journalFailure: { readonly current: BlindreelError | undefined };
  readonly #tracks = new Map<string, TrackWriter>();
  readonly #recorders = new Map<BoundRecorder, TrackWriter>();
  readonly #host: TrackHost;
  #keys: RecordingKeys | undefined;
  #finished: FinishedRecording | undefined;
  #isManifestStored = false;
  #failure: { readonly error: unknown } | undefined;
  #phase: "open" | "finishing" | "finished" | "closed";
  #checkpointTimer: ReturnType<typeof setTimeout> | undefined;

  /** Not to be called by users. */
  constructor({ journal, outbox, settings, keys, keepsKeys, journalFailure }: RecordingParts) {
    const start = journal.state.start!;
    this.recordingId = encodeHex(start.recordingId);
    this.coreHash = encodeHex(start.coreHash);
    this.envelope = { objectName: envelopeName(this.recordingId), bytes: start.envelope.slice() };
    this.#journal = journal;
    this.#outbox = outbox;
    this.#settings = settings;
    this.#keys = keys;
    this.#keepsKeys = keepsKeys;
    this.#journalFailure = journalFailure;
    this.#phase = keys ? "open" : "finished";
    this.#host = {
      ...settings,
      recordingId: start.recordingId,
      contentKey: keys?.contentKey ?? new Uint8Array(0),
      journal,
      queuedBytes: 0,
      hasRoom: () => this.#hasRoom(),
      room: () => this.#room(),
      fail: (error) => this.#fail(error),
    };
    for (const track of journal.state.tracks)
      this.#tracks.set(track.name, new TrackWriter(this.#host, track));
    if (keys) this.#scheduleCheckpoint();
    else outbox.end();
  }

  /** Whether manifests can be signed: false where the journal's storage lost the session key. */
  get canSign(): boolean {
    return this.#phase === "finished"
      ? this.#finished?.manifest !== undefined
      : this.#keys?.signingKey !== undefined;
  }

  /** Whether a crash can be survived: false where the journal's storage did not keep the keys, or is memory. */
  get isResumable(): boolean {
    return this.#keepsKeys && this.#journalFailure.current === undefined;
  }

  /** What the journal's storage failed with; undefined while all is well. */
  get journalFailure(): BlindreelError | undefined {
    return this.#journalFailure.current;
  }

  /** How it ended; undefined before. */
  get finished(): FinishedRecording | undefined {
    return this.#finished;
  }

  /** Bytes of ciphertext that the server does not have yet. */
  get unacknowledgedBytes(): number {
    return this.#outbox.unacknowledgedBytes;
  }

  /**
   * The track of this name, made on first use. Names are sealed; the server sees numbers.
   *
   * @param name 1 to 255 bytes of UTF-8.
   * @throws BlindreelError `closed`; TypeError, RangeError.
   */
  track(name: string): RecordingTrack {
    this.#checkOpen();
    if (typeof name !== "string") throw wrongType("name", "a string", name);
    const { length } = utf8(name);
    if (length === 0 || length > 255) throw outOfRange("name", "1 to 255 bytes of UTF-8", `${length} bytes`);
    let writer = this.#tracks.get(name);
    if (!writer) {
      const id = this.#tracks.size + 1;
      writer = new TrackWriter(this.#host, { id, name, nextIndex: 0 });
      this.#tracks.set(name, writer);
      this.#journal.write({ kind: "track", track: id, name }).catch((error) => this.#fail(error));
    }
    return this.#trackOf(writer);
  }

  /** Seals all that was written so far, and what running recorders have: everything up to here is whole. */
  async flush(): Promise<void> {
    this.#checkOpen();
    await Promise.all([...this.#recorders.keys()].map((recorder) => recorder.drain()));
    await Promise.all([...this.#tracks.values()].map((track) => track.flush()));
  }

  /**
   * A signed statement of what there is so far. Without a later one, it says how far the recording got.
   *
   * @throws BlindreelError `closed`; `journal-lost` where the session key is lost; `limit-exceeded` above 16 MiB.
   */
  async checkpoint(): Promise<StoredObject> {
    this.#checkOpen();
    return this.#journal.between(async () => {
      const manifest = await signManifest(this.#signer());
      if (!manifest) throw journalLost("the recording's session key");
      return manifest.object;
    });
  }

  /**
   * Ends the recording: stops its recorders, seals what they and the tracks still hold, signs the closing manifest and
   * erases the keys. Parts can be uploaded before and after.
   *
   * @param reason how it ended, in 1 to 255 bytes of UTF-8; sealed.
   * @param options `timeout`: milliseconds to wait for recorders and tracks; 10,000 unless given. Whatever is not there
   *   by then is named in `undrained`, and missing.
   * @throws BlindreelError `closed` where it has ended already; what the recording failed with.
   */
  async finish(reason: string, options: { readonly timeout?: number } = {}): Promise<FinishedRecording> {
    const { timeout = DEFAULT_TIMEOUT } = options;
    this.#checkOpen();
    if (typeof reason !== "string") throw wrongType("reason", "a string", reason);
    const { length } = utf8(reason);
    if (length === 0 || length > LONGEST_REASON) {
      throw outOfRange("reason", `1 to ${LONGEST_REASON} bytes of UTF-8`, `${length} bytes`);
    }
    this.#phase = "finishing";
    clearTimeout(this.#checkpointTimer);
    const undrained = await this.#drain(timeout);
    if (this.#failure) throw this.#failure.error;
    for (const track of this.#tracks.values()) track.destroy(closedError("the recording"));
    const manifest = await this.#journal.between(() => closeJournal(this.#signer(), { reason, undrained }));
    this.#wipeKeys();
    const names = this.#journal.state.tracks
      .filter(({ id }) => undrained.includes(id))
      .map(({ name }) => name);
    const finished = this.#finishedWith(manifest, names);
    this.#phase = "finished";
    this.#finished = finished;
    this.#outbox.end();
    this.#eraseWhenStored();
    return finished;
  }

  /**
   * What is sealed, cut into parts, for uploading. Handle each by `acknowledge()` or `retry()`; parts that are still
   * out when an iteration is left are handed out again. Several iterations share the parts. An iteration ends when the
   * recording has ended and every part is acknowledged.
   */
  parts(options: PartOptions = {}): AsyncIterableIterator<RecordingPart> {
    return this.#outbox.parts(options);
  }

  /** Throws the recording away: what is not uploaded is gone, and the journal with it. */
  async abort(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#stop(closedError("the recording"));
    await this.#journal.between(() => this.#journal.erase());
  }

  /** Lets go of the recording, and leaves its journal to be resumed. Seals what was written, if it can. */
  async close(): Promise<void> {
    if (this.#phase === "closed") return;
    if (this.#phase === "open" && !this.#failure) await this.#drain(DEFAULT_TIMEOUT);
    this.#stop(closedError("the recording"));
    await this.#journal.between(() => this.#journal.close());
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Not to be called by users: a journal of a recording that had ended. */
  restoreFinished(manifest: StoredObject | undefined): void {
    this.#finished = this.#finishedWith(manifest, []);
    this.#eraseWhenStored();
  }

  #trackOf(writer: TrackWriter): RecordingTrack {
    const { id, name } = writer.state;
    return {
      id,
      name,
      write: async (data) => {
        this.#checkOpen();
        await writer.write(data);
      },
      startTake: ({ type = "" } = {}) => {
        this.#checkOpen();
        if (typeof type !== "string") throw wrongType("type", "a string", type);
        writer.startTake({ startedAt: this.#settings.now().getTime(), type });
      },
      record: (mediaRecorder, options = {}) => {
        this.#checkOpen();
        const recorder = bindRecorder(writer, mediaRecorder, options, this.#settings.now);
        this.#recorders.set(recorder, writer);
        const forget = (): unknown => this.#recorders.delete(recorder);
        recorder.done.then(forget, forget);
        return recorder.done;
      },
    };
  }

  /** @returns ids of the tracks that were not done in time. */
  async #drain(timeout: number): Promise<number[]> {
    const late = new Set([...this.#tracks.values()].map(({ state }) => state.id));
    const busy = [...this.#recorders];
    const drained = [...this.#tracks.values()].map(async (track) => {
      await Promise.all(busy.flatMap(([recorder, of]) => (of === track ? recorder.stop() : [])));
      track.close();
      await track.flush();
      late.delete(track.state.id);
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeout);
    });
    await Promise.race([Promise.allSettled(drained), tooLong]);
    clearTimeout(timer);
    return [...late];
  }

  #signer(): ManifestSigner {
    return { journal: this.#journal, keys: this.#keys!, settings: this.#settings };
  }

  #finishedWith(manifest: StoredObject | undefined, undrained: readonly string[]): FinishedRecording {
    this.#isManifestStored = manifest === undefined;
    return {
      manifest,
      undrained,
      acknowledge: () => {
        this.#isManifestStored = true;
        this.#outbox.changed();
      },
    };
  }

  async #eraseWhenStored(): Promise<void> {
    while (this.#phase === "finished") {
      if (this.#isManifestStored && this.#journal.state.unstored.size === 0) {
        this.#phase = "closed";
        await this.#journal.between(() => this.#journal.erase()).catch(() => {});
        return;
      }
      await this.#outbox.nextChange();
    }
  }

  #hasRoom(): boolean {
    return this.#outbox.unacknowledgedBytes <= this.#settings.maxUnacknowledged;
  }

  /** Waits while too much ciphertext waits for its upload. */
  async #room(): Promise<void> {
    while (!this.#failure && !this.#hasRoom()) await this.#outbox.nextChange();
    if (this.#failure) throw this.#failure.error;
  }

  #scheduleCheckpoint(): void {
    const { onCheckpoint, checkpointEvery } = this.#settings;
    if (!onCheckpoint || !this.canSign) return;
    this.#checkpointTimer = lazyTimeout(() => {
      if (this.#phase !== "open" || this.#failure) return;
      this.checkpoint()
        .then(onCheckpoint)
        .catch((error) => {
          // The caller's own error is the caller's to see.
          if (this.#phase === "open" && !this.#failure) queueMicrotask(() => Promise.reject(error));
        })
        .finally(() => this.#scheduleCheckpoint());
    }, checkpointEvery);
  }

  #fail(error: unknown): void {
    if (this.#failure || this.#phase === "closed" || this.#phase === "finished") return;
    this.#failure = { error };
    for (const track of this.#tracks.values()) track.destroy(error);
    for (const recorder of this.#recorders.keys()) recorder.stop().catch(() => {});
    this.#outbox.close(error);
  }

  #stop(reason: unknown): void {
    this.#phase = "closed";
    clearTimeout(this.#checkpointTimer);
    this.#failure ??= { error: reason };
    for (const track of this.#tracks.values()) track.destroy(reason);
    for (const recorder of this.#recorders.keys()) recorder.stop().catch(() => {});
    this.#wipeKeys();
    this.#outbox.close();
  }

  #wipeKeys(): void {
    wipe(this.#keys?.contentKey, this.#keys?.manifestKey);
    this.#keys = undefined;
  }

  #checkOpen(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#phase !== "open") throw closedError("the recording");
  }
}
