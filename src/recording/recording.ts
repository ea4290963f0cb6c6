import { closedError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { LossCause } from "../log/entry.js";
import { MAX_REASON } from "../log/manifest.js";
import { asyncDispose } from "../stream/operation.js";
import { Completion } from "./completion.js";
import type { RecordingContext } from "./context.js";
import type { Journal } from "./journal/journal.js";
import type { SealingKeys } from "./journal/keys.js";
import { LifeCycle, type LifeState } from "./life-cycle.js";
import {
  boundedTextArgument,
  type FinishOptions,
  type RecordingSettings,
  readFinishOptions,
  type TrackOptions,
} from "./options.js";
import { Outbox, type RecordingObject } from "./outbox.js";
import { quiet } from "./timing.js";
import { type RecordingTrack, Tracks } from "./tracks.js";
import { type PutObject, type UploadOptions, type UploadOutcome, uploadAll } from "./upload.js";

/** A journal and its keys, as a recording starts or goes on. */
export interface RecordingParts {
  readonly journal: Journal;
  /** Undefined where it only uploads. Wiped by the recording. */
  readonly keys: SealingKeys | undefined;
  readonly settings: RecordingSettings;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  readonly label: string;
}

/** How a recording ended. */
export interface FinishedRecording {
  /** Names of tracks that had more to come; the log says so too. */
  readonly undrained: readonly string[];
}

/**
 * A recording that is being made: seals the input of its tracks, keeps the ciphertext in a journal until it is acknowledged, and closes
 * with a signed manifest. Made by `startRecording` and `resumeRecording`. Its states are in `life-cycle.ts`.
 */
export class Recording {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. Tell it to the institution by a way that the server does not control: it pins the recording. */
  readonly coreHash: string;
  readonly label: string;
  readonly #context: RecordingContext;
  readonly #outbox: Outbox;
  readonly #completion: Completion;
  /** Undefined where nothing can be written any more. */
  readonly #tracks: Tracks | undefined;
  #finishCalls = 0;
  #closing: Promise<void> | undefined;
  #shut: Promise<void> | undefined;

  /** @internal */
  constructor({ journal, keys, settings, time, label }: RecordingParts) {
    const { start, phase } = journal.state;
    this.recordingId = encodeHex(start!.recordingId);
    this.coreHash = encodeHex(start!.coreHash);
    this.label = label;
    const isWritable = phase === "recording" && keys !== undefined;
    const life = new LifeCycle(phase === "signed" ? phase : isWritable ? "recording" : "finished");
    this.#context = { settings, journal, life, time };
    this.#outbox = new Outbox(this.#context);
    this.#completion = new Completion(this.#context, this.#outbox, keys);
    if (isWritable) this.#tracks = new Tracks(this.#context, this.#outbox, keys.contentKey);
    else wipe(keys?.contentKey);
    life.onChange = () => this.#changed();
    this.#completion.start();
  }

  get state(): LifeState {
    return this.#context.life.state;
  }

  /** A copy of the envelope: the first of the objects to be stored. */
  get envelope(): Bytes {
    return this.#context.journal.state.start!.envelope.slice();
  }

  /** Whether the log can be signed: false where the journal's storage lost the session key. The verdict is `unfinished` then. */
  get canSign(): boolean {
    return this.#completion.canSign;
  }

  /** Whether a crash can be survived: false where the journal did not keep the keys, is memory, or failed. */
  get isResumable(): boolean {
    return this.#context.journal.isResumable;
  }

  /** First failure of the journal's storage. */
  get journalFailure(): unknown {
    return this.#context.journal.failure;
  }

  /** Bytes of segments without an acknowledgement. */
  get unacknowledgedBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /**
   * The track of this name, made on first use. Names are sealed; the server sees numbers.
   *
   * @param name 1 to 64 bytes of UTF-8. @param options on first use.
   * @throws BlindreelError `closed`; the recording's failure; TypeError, RangeError.
   */
  track(name: string, options?: TrackOptions): RecordingTrack {
    this.#context.life.check("track");
    return this.#tracks!.track(name, options);
  }

  /** Ends every track's segment, with the data of running recorders: all of it survives a crash. */
  flush(): Promise<void> {
    return this.#context.life.call("flush", () => this.#tracks!.flush());
  }

  /**
   * Signs a checkpoint of all stored objects, if they are more than the last one covers; it is then among the {@link objects}. Made
   * every `checkpointEvery` by itself.
   *
   * @returns whether there was more.
   */
  checkpoint(): Promise<boolean> {
    return this.#context.life.call("checkpoint", () => this.#completion.checkpoint());
  }

  /**
   * Ends the recording: stops its recorders, seals all their data and all input of tracks. The last manifest is signed when all else
   * is stored, and is the last of the {@link objects}. Where it rejects, it may be called again.
   *
   * @param reason how it ended, in 1 to 255 bytes of UTF-8; sealed.
   * @param options `timeout`: see {@link FinishOptions}.
   * @throws BlindreelError `closed`; the recording's failure; TypeError, RangeError.
   */
  async finish(reason: string, options?: FinishOptions): Promise<FinishedRecording> {
    const { journal, life } = this.#context;
    life.check("finish");
    const text = boundedTextArgument("reason", reason, 1, MAX_REASON);
    const { timeout } = readFinishOptions(options);
    const cause = life.is("failed") ? LossCause.storage : LossCause.deadline;
    const call = ++this.#finishCalls;
    life.enter("finishing");
    try {
      const undrained = (await this.#tracks?.end(text, timeout, cause)) ?? [];
      // Records of a failed commit.
      await journal.write(() => ({}));
      // A call that was made after this one's failure may have ended it.
      if (!life.is("finished", "signed") && !life.enter("finished")) throw life.refusal;
      this.#tracks?.wipe();
      this.#completion.advance();
      return { undrained };
    } catch (error) {
      if (call === this.#finishCalls) life.fail(error);
      throw error;
    }
  }

  /**
   * The objects to be stored, each whole, under its name. Settle each by `acknowledge`, `retry` or `refuse`; objects that are
   * out when a loop is left are handed out again. Several loops share the objects. A loop ends when the recording is finished and
   * all of it stored, or closed.
   *
   * @throws (from its iteration) the recording's failure, behind all objects of the journal; the cause with which an envelope or
   *   last manifest was refused.
   */
  objects(): AsyncGenerator<RecordingObject, void, undefined> {
    this.#context.life.check("objects");
    return this.#outbox.objects();
  }

  /**
   * Stores everything: the loop over {@link objects}, with retries. Start it beside the recording; it settles when all is stored,
   * or the recording is closed or aborted.
   *
   * @param put stores one object; where it throws, the object is tried again, but for {@link uploadRefused}.
   * @throws as {@link objects}; `signal.reason`; TypeError, RangeError.
   */
  upload(put: PutObject, options?: UploadOptions): Promise<UploadOutcome> {
    // Closed by itself: all is stored.
    if (this.state === "closed" && this.#shut === undefined) return Promise.resolve("stored");
    return this.#context.life.call("upload", () => uploadAll(this.#outbox, put, options));
  }

  /**
   * The receipt for the test taker: the signed head of the finished recording, to be countersigned by the server and others.
   *
   * @returns resolves when the last manifest is signed. @throws BlindreelError `closed` without one.
   */
  receipt(): Promise<Bytes> {
    return quiet(this.#completion.receipt.then((bytes) => bytes.slice()));
  }

  /** Seals all input, if it can, and releases the journal, from which the recording can be resumed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Throws the recording away: journal, keys, and all that is not uploaded. */
  abort(): Promise<void> {
    return this.#shutDown(() => this.#context.journal.erase());
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(): void {
    const { life, settings } = this.#context;
    this.#completion.stopCheckpoints();
    if (life.failure) {
      settings.onEvent({ type: "failed", error: life.failure.error });
      this.#tracks?.destroy(life.failure.error);
    }
    this.#outbox.wake();
  }

  async #close(): Promise<void> {
    const { life, journal } = this.#context;
    // No write is taken any more: it would be cut off.
    if (life.is("recording") && life.enter("finishing")) await this.#tracks!.release(DRAIN_AT_CLOSE);
    await this.#shutDown(() => journal.close());
  }

  #shutDown(end: () => Promise<void>): Promise<void> {
    if (!this.#context.life.enter("closed")) return this.#shut ?? Promise.resolve();
    this.#tracks?.destroy(closedError("the recording"));
    this.#completion.close();
    this.#outbox.close();
    // Behind all steps of the journal: no operation outlives its keys.
    const wipeKeys = () => Promise.all([this.#tracks?.wipe(), this.#completion.wipe()]);
    this.#shut = end().finally(wipeKeys);
    return this.#shut;
  }
}

/** Milliseconds that `close` waits for tracks to be sealed. */
const DRAIN_AT_CLOSE = 10_000;
