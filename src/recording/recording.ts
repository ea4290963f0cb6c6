import { type BlindreelError, closedError, limitExceeded } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { LossCause } from "../log/entry.js";
import { KeyHolder } from "../log/keys.js";
import { MAX_REASON } from "../log/manifest.js";
import { asyncDispose } from "../stream/operation.js";
import { BlockPool, Copies } from "./blocks.js";
import { Completion } from "./completion.js";
import type { Journal, JournalStep } from "./journal/journal.js";
import type { Unsettled } from "./journal/state.js";
import { LifeCycle, type LifeState } from "./life-cycle.js";
import type { LogWriter } from "./log-writer.js";
import {
  type FinishOptions,
  type RecordingSettings,
  readFinishOptions,
  type TrackOptions,
  textArgument,
} from "./options.js";
import type { RecordingObject } from "./outbox.js";
import { lifeOf, logWriterOf, type RecordingParts } from "./parts.js";
import type { ContentKeys } from "./segment.js";
import { Shelf } from "./shelf.js";
import { quiet } from "./timing.js";
import type { TrackHost } from "./track-host.js";
import { type RecordingTrack, Tracks } from "./tracks.js";
import { type PutObject, type UploadOptions, type UploadOutcome, uploadAll } from "./upload.js";

/** How a recording ended. */
export interface FinishedRecording {
  /** Names of tracks that had more to come; the log says so too. */
  readonly undrained: readonly string[];
}

/**
 * A recording that is being made: seals what is written to its tracks, keeps it in a journal until the server has it, and closes
 * with a signed manifest. Made by `startRecording` and `resumeRecording`. What it may do when is in `life-cycle.ts`.
 */
export class Recording {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. Tell it to the institution by a way that the server does not control: it pins the recording. */
  readonly coreHash: string;
  readonly label: string;
  readonly #journal: Journal;
  readonly #settings: RecordingSettings;
  readonly #time: () => number;
  readonly #life: LifeCycle;
  readonly #shelf: Shelf;
  readonly #keepsKeys: boolean;
  readonly #content: ContentKeys | undefined;
  readonly #log: LogWriter | undefined;
  readonly #completion: Completion;
  readonly #tracks: Tracks | undefined; // Where something can still be written.
  #journalFailure: unknown;
  #finishCalls = 0;
  #undrained: readonly string[] = [];
  #closing: Promise<void> | undefined;
  #shut: Promise<void> | undefined;

  /** @internal */
  constructor(parts: RecordingParts) {
    const { journal, settings, time, keys, label, isResumable } = parts;
    const { crypto } = settings;
    const { recordingId, coreHash } = journal.state.start!;
    this.recordingId = encodeHex(recordingId);
    this.coreHash = encodeHex(coreHash);
    this.label = label;
    this.#journal = journal;
    this.#settings = settings;
    this.#time = time;
    this.#keepsKeys = isResumable;
    this.#life = new LifeCycle(lifeOf(journal, keys));
    this.#shelf = new Shelf({
      crypto,
      journal,
      time,
      onEvent: settings.onEvent,
      onSettled: () => this.#completion.advance(),
      onLogged: () => this.#completion.sealPages(),
      onFailure: (error) => this.#fail(error),
    });
    this.#log = logWriterOf(parts);
    this.#completion = new Completion({
      journal,
      life: this.#life,
      shelf: this.#shelf,
      log: this.#log,
      fail: (error) => this.#fail(error),
    });
    if (keys && journal.state.phase === "recording") {
      this.#content = new KeyHolder({ contentKey: keys.contentKey }, "the recording");
      const host: TrackHost = {
        crypto,
        recordingId,
        journal,
        blocks: new BlockPool(),
        copies: new Copies(),
        time,
        keys: this.#content,
        segmentEvery: settings.segmentEvery,
        maxQueued: settings.maxQueued,
        queuedBytes: 0,
        isFull: () => this.#isFull(),
        room: async () => {
          while (this.#isFull()) await this.#shelf.outbox.next();
        },
        checkLog: () => this.#checkLog(),
        keep: (segment) => this.#shelf.keep(segment),
        logged: () => this.#completion.sealPages(),
        fail: (error) => this.#fail(error),
      };
      this.#tracks = new Tracks(host, this.#life, settings.onEvent);
      this.#completion.startCheckpoints(settings.checkpointEvery);
    } else keys?.contentKey.fill(0);
    this.#shelf.addAll();
    this.#completion.sealPages();
    this.#completion.advance();
  }

  get state(): LifeState {
    return this.#life.state;
  }

  /** A copy of the envelope: the first of the objects to be stored. */
  get envelope(): Bytes {
    return this.#journal.state.start!.envelope.slice();
  }

  /** Whether the log can be signed: false where the journal's storage lost the session key. The verdict is `unfinished` then. */
  get canSign(): boolean {
    return this.#log !== undefined || this.#journal.state.phase === "signed";
  }

  /** Whether a crash can be survived: false where the journal did not keep the keys, is memory, or failed. */
  get isResumable(): boolean {
    return this.#keepsKeys && this.#journalFailure === undefined;
  }

  /** What the journal's storage failed with; undefined while all is well. */
  get journalFailure(): unknown {
    return this.#journalFailure;
  }

  /** Bytes of segments that the server does not have yet. */
  get unacknowledgedBytes(): number {
    return this.#shelf.outbox.pendingBytes;
  }

  /**
   * The track of this name, made on first use. Names are sealed; the server sees numbers.
   *
   * @param name 1 to 64 bytes of UTF-8. @param options on first use.
   * @throws BlindreelError `closed`; what the recording failed with; TypeError, RangeError.
   */
  track(name: string, options?: TrackOptions): RecordingTrack {
    this.#life.check("track");
    return this.#tracks!.track(name, options);
  }

  /** Ends every track's segment, with what running recorders have: what was written so far survives a crash. */
  flush(): Promise<void> {
    const flush = async (): Promise<void> => {
      this.#life.check("flush");
      await this.#tracks!.flush();
    };
    return quiet(flush());
  }

  /**
   * Signs what is stored, if that is more than the last checkpoint covers; it is then among the {@link objects}. Made every
   * `checkpointEvery` by itself.
   *
   * @returns whether there was more.
   */
  checkpoint(): Promise<boolean> {
    return quiet(this.#completion.checkpoint());
  }

  /**
   * Ends the recording: stops its recorders, seals what they and the tracks still hold. The last manifest is signed when all else
   * is stored, and is the last of the {@link objects}. Where it rejects, it may be called again.
   *
   * @param reason how it ended, in 1 to 255 bytes of UTF-8; sealed.
   * @param options `timeout`: see {@link FinishOptions}.
   * @throws BlindreelError `closed`; what the recording failed with; TypeError, RangeError.
   */
  async finish(reason: string, options?: FinishOptions): Promise<FinishedRecording> {
    this.#life.check("finish");
    const text = textArgument("reason", reason, 1, MAX_REASON);
    const { timeout } = readFinishOptions(options);
    const hasFailed = this.#life.is("failed");
    const call = ++this.#finishCalls;
    this.#life.enter("finishing");
    this.#completion.stopCheckpoints();
    this.#shelf.outbox.fail(undefined);
    try {
      const undrained = await this.#end(text, timeout, hasFailed ? LossCause.storage : LossCause.deadline);
      // A call that was made after this one's failure may have ended it.
      if (!this.#life.is("finished", "signed") && !this.#life.enter("finished"))
        throw this.#life.failure?.error ?? closedError("the recording");
      this.#content?.close();
      this.#completion.sealPages();
      this.#completion.advance();
      return { undrained };
    } catch (error) {
      if (call === this.#finishCalls) this.#fail(error);
      throw error;
    }
  }

  /**
   * What is to be stored, each object whole, under its name. Settle each by `acknowledge`, `retry` or `refuse`; objects that are
   * out when a loop is left are handed out again. Several loops share the objects. A loop ends when the recording is finished and
   * all of it stored, or closed.
   *
   * @throws (from its iteration) what the recording failed with, when all that is in the journal was handed out; the cause with
   *   which an envelope or last manifest was refused.
   */
  objects(): AsyncGenerator<RecordingObject, void, undefined> {
    this.#life.check("objects");
    return this.#shelf.outbox.objects();
  }

  /**
   * Stores everything: the loop over {@link objects}, with retries. Start it beside the recording; it settles when all is stored,
   * or the recording is closed or aborted.
   *
   * @param put stores one object; what it throws is tried again, but for {@link uploadRefused}.
   * @throws as {@link objects}; `signal.reason`; TypeError, RangeError.
   */
  upload(put: PutObject, options?: UploadOptions): Promise<UploadOutcome> {
    const upload = async (): Promise<UploadOutcome> => {
      if (this.#life.is("closed") && this.#shut === undefined) return "stored";
      this.#life.check("upload");
      return uploadAll(this.#shelf.outbox, put, options);
    };
    return quiet(upload());
  }

  /**
   * What a test taker keeps: the signed head of the finished recording, to be countersigned by the server and others.
   *
   * @returns resolves when the last manifest is signed. @throws BlindreelError `closed` where none will be.
   */
  receipt(): Promise<Bytes> {
    return quiet(this.#completion.receipt.then((bytes) => bytes.slice()));
  }

  /** Lets go of the recording, and leaves its journal to be resumed. Seals what was written, if it can. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Throws the recording away: what is not uploaded is gone, and the journal with it. */
  async abort(): Promise<void> {
    await this.#shutWith(() => this.#journal.erase());
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#life.is("recording")) {
      // Nothing is taken any more: what came now would be cut off.
      this.#life.enter("finishing");
      this.#completion.stopCheckpoints();
      this.#shelf.outbox.fail(undefined);
      const late = await this.#tracks!.drain(DRAIN_AT_CLOSE);
      if (this.#life.is("finishing") && late.length === 0)
        await this.#journal.write(() => ({ records: [{ kind: "closed" }] })).catch(() => {});
    }
    await this.#shutWith(() => this.#journal.close());
  }

  async #end(reason: string, timeout: number, cause: LossCause): Promise<string[]> {
    const { state } = this.#journal;
    if (this.#tracks && state.phase === "recording") {
      this.#undrained = await this.#tracks.drain(timeout);
      if (!this.#life.is("finishing")) throw this.#life.failure?.error ?? closedError("the recording");
      this.#tracks.destroy(closedError("the recording"));
    }
    // Nothing but what a failed commit left, where it is called again after a failure that came later.
    await this.#journal.write(() => this.#ending(reason, this.#undrained, cause));
    return [...this.#undrained];
  }

  /** The last step that says something of tracks: what was not sealed, and that the recording has ended. */
  async #ending(reason: string, undrained: readonly string[], cause: LossCause): Promise<JournalStep> {
    if (!this.#tracks || this.#journal.state.phase !== "recording") return {};
    const records = await this.#tracks.remains(undrained, cause);
    return { records: [...records, { kind: "ended", time: this.#time(), reason }] };
  }

  #isFull(): boolean {
    return this.#life.is("recording") && this.unacknowledgedBytes > this.#settings.maxUnacknowledged;
  }

  /** Leaves room for what the end may have to say. @throws BlindreelError `limit-exceeded`. */
  #checkLog(): void {
    const { head, unsettled } = this.#journal.state;
    const size = head.size + unsettled.size + 4 * (this.#tracks?.count ?? 0);
    if (size >= LIMITS.log - LOG_RESERVE)
      throw limitExceeded("the recording's log", LIMITS.log - LOG_RESERVE, size);
  }

  /** @internal */
  stored(objects: readonly Unsettled[]): void {
    for (const object of objects) this.#shelf.add(object);
  }

  /** @internal */
  journalFailed(error: BlindreelError, isFatal: boolean): void {
    this.#journalFailure ??= error;
    this.#settings.onEvent({ type: "journal-failed", error, goesOn: !isFatal });
    if (isFatal) this.#fail(error);
  }

  #fail(error: unknown): void {
    if (!this.#life.enter("failed", error)) return;
    this.#settings.onEvent({ type: "failed", error });
    this.#completion.stopCheckpoints();
    this.#tracks?.destroy(error);
    this.#shelf.outbox.fail({ error });
  }

  #shutWith(end: () => Promise<void>): Promise<void> {
    if (!this.#life.enter("closed")) return this.#shut ?? Promise.resolve();
    this.#shut = this.#shutDown(end);
    return this.#shut;
  }

  async #shutDown(end: () => Promise<void>): Promise<void> {
    const error = closedError("the recording");
    this.#completion.stopCheckpoints();
    this.#tracks?.destroy(error);
    this.#completion.close();
    this.#shelf.outbox.close();
    // Behind what is under way: no operation outlives its keys.
    await end();
    await Promise.all([this.#content?.close(), this.#log?.wipe()]);
  }
}

/** Milliseconds that `close` waits for what was written; entries of a log that writing leaves to losses and ends. */
const [DRAIN_AT_CLOSE, LOG_RESERVE] = [10_000, 4096];
