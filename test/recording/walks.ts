import type { CryptoProvider } from "../../src/crypto/provider.js";
import { deriveManifestKey, deriveSegmentKey, segmentContext } from "../../src/envelope/key-schedule.js";
import { SEGMENT_HEADER_LENGTH } from "../../src/envelope/segment-header.js";
import { unlock } from "../../src/envelope/unlock.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import { isBlindreelError } from "../../src/errors.js";
import { type Bytes, compareBytes, concatBytes } from "../../src/formats/bytes.js";
import { LIMITS } from "../../src/formats/constants.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { type Entry, EntryKind, Loss, SEGMENT_HEAD_LENGTH } from "../../src/log/entry.js";
import { type OpenedManifest, openManifest } from "../../src/log/manifest.js";
import { envelopeName, pageName, parseObjectName, segmentName } from "../../src/log/names.js";
import { openPage } from "../../src/log/page.js";
import type { RecordingEvent } from "../../src/recording/events.js";
import type { TrackInput } from "../../src/recording/input.js";
import type { TrackOptions } from "../../src/recording/options.js";
import type { RecordingObject } from "../../src/recording/outbox.js";
import type { Recording } from "../../src/recording/recording.js";
import { resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import type { RecordingTrack } from "../../src/recording/tracks.js";
import { type PutObject, uploadRefused } from "../../src/recording/upload.js";
import { openRecording } from "../../src/review/review.js";
import { bytesSource } from "../../src/source/bytes.js";
import { startOpening } from "../../src/stream/derive.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { FakeMediaRecorder, fakeBlob } from "./fake-media-recorder.js";
import { diskFull, FaultyJournal } from "./faulty-journal.js";
import { turn, VirtualTime } from "./virtual-time.js";
import { watchedCrypto } from "./watched-crypto.js";

/** A walk that found something, with what it did. */
export class WalkFault extends Error {
  constructor(
    readonly seed: number,
    readonly fault: string,
    readonly steps: readonly string[],
  ) {
    super(
      `walk ${seed}: ${fault}\n  ${steps.slice(-Number(process.env.BLINDREEL_STEPS ?? 60)).join("\n  ")}`,
    );
  }
}

/** A generator of our own, so that a seed gives the same walk for ever (mulberry32). */
export function generator(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One write, or one blob of a recorder, that a track took. */
interface Written {
  readonly id: number;
  readonly life: number;
  readonly bytes: Uint8Array;
  state: "pending" | "resolved" | "rejected";
  /** A flush that began behind it resolved, and what is in the journal survives. */
  isFlushed: boolean;
  /** Says what of it may be missing under a verdict of `complete`. */
  mayBeAbsent: boolean;
  isLost: boolean;
}

interface TrackModel {
  readonly name: string;
  /** As it was last told. */
  id: number;
  readonly isText: boolean;
  readonly options: TrackOptions | undefined;
  readonly written: Written[];
  /** A pair of surrogates of which the first half was written. */
  half: string;
}

interface Call {
  readonly name: string;
  isSettled: boolean;
  error: unknown;
}

interface Life {
  readonly recording: Recording;
  readonly number: number;
  readonly calls: Call[];
  readonly recorders: { readonly fake: FakeMediaRecorder; readonly track: TrackModel; hasGiven: boolean }[];
  isOver: boolean;
  hasFailed: boolean;
  isFinished: boolean;
}

const ALLOWED_CODES = new Set([
  "closed",
  "queue-full",
  "source-failed",
  "storage-full",
  "storage-failed",
  "journal-lost",
  "upload-refused",
  "wrong-type",
  "out-of-range",
]);

const institution = await generateIdentity();

export async function walk(seed: number): Promise<void> {
  await new Walk(seed).run();
}

class Walk {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #time = new VirtualTime();
  readonly #steps: string[] = [];
  readonly #faults: string[] = [];
  readonly #crypto: CryptoProvider;
  readonly #journal = new FaultyJournal();
  /** What the server has. */
  readonly #server = new Map<string, Bytes>();
  /** Every object that was handed out, and when it was stored. */
  readonly #handedOut = new Map<string, Bytes>();
  readonly #storedAt = new Map<string, number>();
  readonly #manifests: { readonly name: string; readonly at: number }[] = [];
  readonly #refused = new Set<string>();
  readonly #tracks: TrackModel[] = [];
  readonly #options: Record<string, unknown>;
  #clock = 0;
  #ids = 0;
  #storageFaults = 0;
  /** Why the verdict must not be `complete`. */
  readonly #blemishes = new Set<string>();
  /** Why it need not be. */
  readonly #excuses = new Set<string>();
  #mayBeUnfinished = false;
  #isAborted = false;
  #life: Life | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = generator(seed);
    this.#crypto = watchedCrypto(generator(seed ^ 0x5bd1e995), (fault) => this.#faults.push(fault));
    this.#options = {
      ...this.#maybe("segmentEvery", [1, 5, 20, 1000, Number.POSITIVE_INFINITY]),
      ...this.#maybe("checkpointEvery", [1, 5, 50, 1000, Number.POSITIVE_INFINITY]),
      ...(this.#chance(0.3) ? this.#maybe("maxQueued", [1, 100, 40_000]) : {}),
      ...(this.#chance(0.3) ? this.#maybe("maxUnacknowledged", [1, 20_000, 100_000]) : {}),
      ...(this.#chance(0.4) ? { onJournalFailure: "continue-in-memory" } : {}),
    };
  }

  async run(): Promise<void> {
    const onUnhandled = (reason: unknown): void => {
      this.#faults.push(`unhandled rejection: ${String((reason as Error)?.stack ?? reason)}`);
    };
    process.on("unhandledRejection", onUnhandled);
    // Thousands of calls are refused, and a trace costs more than the call.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 4;
    this.#time.install(generator(this.#seed ^ 0x2545f491));
    try {
      await this.#walk();
      await turn();
    } catch (error) {
      this.#faults.push(error instanceof WalkFault ? error.fault : String((error as Error).stack));
    } finally {
      this.#time.uninstall();
      process.off("unhandledRejection", onUnhandled);
      Error.stackTraceLimit = stackTraceLimit;
    }
    if (this.#faults.length > 0) throw new WalkFault(this.#seed, this.#faults.join("; "), this.#steps);
  }

  async #walk(): Promise<void> {
    this.#note(`options ${JSON.stringify(this.#options)}`);
    const hasStorageFaults = this.#chance(0.35);
    this.#setLatency();
    const hasJournal = this.#chance(0.92);
    // What is closed before its end is gone.
    if (!hasJournal) this.#mayBeUnfinished = true;
    const start = startRecording({
      to: institution.recipient,
      ...this.#settings(),
      ...(hasJournal ? { journal: this.#journal } : {}),
    });
    await this.#until("startRecording", start);
    let recording: Recording | undefined = await start;
    const lives = this.#chance(0.5) ? 1 : 1 + this.#below(3);
    for (let number = 0; recording && number < lives; number++) {
      await this.#live(recording, number, hasStorageFaults);
      this.#heal();
      if (this.#isAborted || number === lives - 1) break;
      recording = await this.#resume();
    }
    if (!this.#isAborted) await this.#epilogue();
    await this.#verify();
  }

  // ---- lives

  async #live(recording: Recording, number: number, hasStorageFaults: boolean): Promise<void> {
    const life: Life = {
      recording,
      number,
      calls: [],
      recorders: [],
      isOver: false,
      hasFailed: false,
      isFinished: recording.state !== "recording",
    };
    this.#life = life;
    this.#note(`-- life ${number}: ${recording.state}`);
    const steps = 3 + this.#below(this.#chance(0.15) ? 60 : 20);
    for (let step = 0; step < steps && !life.isOver; step++) {
      this.#step(life);
      if (hasStorageFaults && this.#chance(0.04)) this.#breakStorage();
      await this.#gap();
      this.#check();
    }
    if (!life.isOver) await this.#end(life);
    this.#check();
  }

  #step(life: Life): void {
    const { recording } = life;
    const pick = this.#below(100);
    if (pick < 34) this.#write(life);
    else if (pick < 42) this.#flushTrack(life);
    else if (pick < 46) this.#flushAll(life);
    else if (pick < 49) this.#startTake(life);
    else if (pick < 55) this.#record(life);
    else if (pick < 63) this.#driveRecorder(life);
    else if (pick < 68) this.#call(life, "checkpoint", () => recording.checkpoint());
    else if (pick < 77) this.#objectsLoop(life);
    else if (pick < 85) this.#upload(life);
    else if (pick < 87) this.#call(life, "receipt", () => recording.receipt());
    else if (pick < 90) this.#finish(life);
    else if (pick < 91 && this.#chance(0.5)) this.#call(life, "close", () => recording.close());
    else if (pick < 92 && this.#chance(0.25)) this.#abort(life);
    else if (pick < 96) this.#burst(life);
    else if (pick < 98) this.#unheard(life);
  }

  /** How a life ends: nothing that it promised may stay open, unless its process is gone. */
  async #end(life: Life): Promise<void> {
    const { recording } = life;
    const how = this.#random();
    if (how < 0.3) return this.#crash(life);
    if (how < 0.65) {
      this.#finish(life);
      this.#uploadAll(life);
      await this.#time.until(() => life.calls.every(({ isSettled }) => isSettled), 60_000, 3000);
    }
    if (how > 0.95) this.#abort(life);
    else this.#call(life, "close", () => recording.close());
    const isDone = await this.#time.until(() => life.calls.every(({ isSettled }) => isSettled));
    if (!isDone) this.#hangs(life);
    if (recording.state !== "closed") this.#fault(`the state is ${recording.state} after close`);
    this.#leave(life);
  }

  #hangs(life: Life): void {
    const hanging = life.calls.filter(({ isSettled }) => !isSettled).map(({ name }) => name);
    this.#fault(`never settled (state ${life.recording.state}): ${hanging.join(", ")}`);
  }

  #crash(life: Life): void {
    this.#note("crash");
    this.#excuses.add("crash");
    for (const { fake, track, hasGiven } of life.recorders) {
      const isRunning = fake.state !== "inactive";
      if (isRunning && hasGiven && track.written.some(({ isFlushed }) => isFlushed))
        this.#excuses.add("crash while a recorder ran");
      fake.die();
    }
    this.#leave(life);
    this.#journal.crash();
    this.#time.reset();
  }

  #leave(life: Life): void {
    life.isOver = true;
    for (const { fake } of life.recorders) fake.die();
    for (const track of this.#tracks) {
      track.half = "";
      for (const each of track.written) if (each.state === "pending") each.mayBeAbsent = true;
    }
  }

  async #resume(): Promise<Recording | undefined> {
    const [listed] = await this.#journal.list();
    if (!listed) return undefined;
    const uploadOnly = this.#chance(0.05);
    if (this.#chance(0.04)) {
      const lost = this.#chance(0.5) ? ["sessionKey"] : ["readKey", "sessionKey"];
      this.#note(`the platform lost ${lost}`);
      this.#journal.faults.keys = (keys) =>
        Object.fromEntries(
          Object.entries(keys).map(([name, key]) => [name, lost.includes(name) ? null : key]),
        );
      this.#mayBeUnfinished = true;
    }
    this.#setLatency();
    const recording = await this.#resumeOr(listed.name, uploadOnly);
    return recording;
  }

  async #resumeOr(recordingId: string, uploadOnly: boolean): Promise<Recording> {
    const from = { recordingId, store: this.#journal };
    for (const only of [uploadOnly, true]) {
      this.#note(`resume${only ? " uploadOnly" : ""}`);
      if (only) this.#mayBeUnfinished = true;
      const resuming = resumeRecording(from, { ...this.#settings(), takeOver: true, uploadOnly: only });
      try {
        await this.#until("resumeRecording", resuming);
        return await resuming;
      } catch (error) {
        if (only || !isBlindreelError(error) || error.code !== "journal-lost") throw error;
        this.#note("the keys are lost");
        this.#excuses.add("keys lost");
      }
    }
    throw new Error("unreachable");
  }

  /** Whatever was left is uploaded in the end. */
  async #epilogue(): Promise<void> {
    for (let tries = 0; tries < 4; tries++) {
      const [listed] = await this.#journal.list();
      if (!listed) return;
      this.#journal.faults = {};
      const recording = await this.#resumeOr(listed.name, false);
      const life: Life = {
        recording,
        number: 99,
        calls: [],
        recorders: [],
        isOver: false,
        hasFailed: false,
        isFinished: recording.state !== "recording",
      };
      this.#life = life;
      this.#note(`-- epilogue: ${recording.state}`);
      if (recording.state === "recording") this.#call(life, "finish", () => recording.finish("epilogue"));
      let outcome: unknown;
      this.#call(life, "upload", async () => {
        outcome = await recording.upload(this.#goodPut(life), { firstDelay: 1 });
      });
      const isDone = await this.#time.until(() => life.calls.every(({ isSettled }) => isSettled));
      if (!isDone) this.#hangs(life);
      this.#check();
      if (outcome !== "stored") this.#fault(`the epilogue's upload ended ${String(outcome)}`);
      life.isOver = true;
    }
    if ((await this.#journal.list()).length > 0) this.#fault("the journal outlives its upload");
  }

  // ---- calls

  #call(
    life: Life,
    name: string,
    action: () => unknown,
    onSettled?: (error: unknown, value: unknown) => void,
  ): Call {
    const call: Call = { name: `${name} #${life.calls.length}`, isSettled: false, error: undefined };
    life.calls.push(call);
    this.#note(call.name);
    const settle = (error: unknown, value?: unknown): void => {
      call.isSettled = true;
      call.error = error;
      if (life.isOver && error !== undefined) return;
      if (error !== undefined) {
        this.#note(`  ${call.name} failed: ${codeOf(error)}`);
        this.#checkError(call.name, error);
      } else this.#note(`  ${call.name} done`);
      onSettled?.(error, value);
    };
    try {
      Promise.resolve(action()).then(
        (value) => settle(undefined, value),
        (error) => settle(error),
      );
    } catch (error) {
      settle(error);
    }
    return call;
  }

  #checkError(name: string, error: unknown): void {
    const code = codeOf(error);
    if (error instanceof AbortReason || ALLOWED_CODES.has(code)) return;
    if (code === "journal-in-use" && this.#life!.number > 0) return;
    this.#faults.push(`${name} failed with ${(error as Error)?.stack ?? String(error)}`);
  }

  #write(life: Life, model = this.#track()): void {
    const { recording } = life;
    const kind = this.#below(12);
    const id = this.#ids++;
    const size = this.#size();
    let bytes: Uint8Array = payload(id, size);
    let input: TrackInput = bytes;
    let isReadable = true;
    if (model.isText || kind === 0) {
      let text = String.fromCharCode(...bytes.map((byte) => 33 + (byte % 90)));
      if (model.half !== "") {
        input = `\ude00${text}`;
        bytes = new TextEncoder().encode(`😀${text}`);
      } else if (this.#chance(0.05)) {
        bytes = new TextEncoder().encode(text);
        text += "\ud83d";
        input = text;
      } else {
        bytes = new TextEncoder().encode(text);
        input = text;
      }
    } else if (kind === 1) {
      input = "";
      bytes = new Uint8Array();
    } else if (kind === 2) {
      isReadable = false;
      input = fakeBlob(bytes, { isReadable: () => false });
    } else if (kind < 5) input = fakeBlob(bytes);
    const hadHalf = model.half !== "";
    if (typeof input === "string" && input !== "") model.half = input.endsWith("\ud83d") ? "\ud83d" : "";
    const written: Written = {
      id,
      life: life.number,
      bytes,
      state: "pending",
      isFlushed: false,
      mayBeAbsent: false,
      isLost: false,
    };
    const options = this.#chance(0.05) ? { startsSegment: true } : undefined;
    const name = `write ${model.name} w${id} ${typeof input === "string" ? "text" : input instanceof Uint8Array ? "bytes" : isReadable ? "blob" : "unreadable blob"} ${bytes.length}`;
    this.#call(
      life,
      name,
      () => {
        const track = this.#open(recording, model);
        const writing = track.write(input, options);
        // What the caller does with its buffer afterwards is its own business.
        if (input instanceof Uint8Array) {
          written.isLost = false;
          queueMicrotask(() => {});
          const copy = bytes.slice();
          (written as { bytes: Uint8Array }).bytes = copy;
          bytes.fill(0xee);
        }
        model.written.push(written);
        if (!isReadable && bytes.length > 0) {
          written.mayBeAbsent = true;
          written.isLost = true;
        }
        return writing;
      },
      (error) => {
        if (error === undefined) written.state = "resolved";
        else {
          written.state = "rejected";
          written.mayBeAbsent = true;
          if (codeOf(error) === "queue-full") written.isLost = true;
          if (!isReadable && codeOf(error) === "source-failed") this.#blemishes.add("unreadable blob");
          // A pair whose second half was refused.
          if (hadHalf || model.half) this.#excuses.add("half a pair");
        }
      },
    );
    if (model.half !== "" || hadHalf) this.#excuses.add("half a pair");
  }

  /** Calls whose promises nobody looks at: what they reject with must end no process. */
  #unheard({ recording, isOver }: Life): void {
    if (isOver) return;
    this.#note("unheard calls");
    void recording.flush();
    void recording.checkpoint();
    void recording.receipt();
    void recording.upload(() => new Promise(() => {}), { firstDelay: 1 });
    if (recording.state !== "recording") return;
    const model = this.#track();
    if (!model.isText) void this.#open(recording, model).flush();
  }

  #open(recording: Recording, model: TrackModel): RecordingTrack {
    const track = recording.track(model.name, model.options);
    model.id = track.id;
    return track;
  }

  #burst(life: Life): void {
    const model = this.#track();
    if (model.options?.cadence !== undefined) return;
    const count = this.#chance(0.15) ? 40 : 4;
    this.#call(life, `burst of ${count} on ${model.name}`, async () => {
      for (let i = 0; i < count && !life.isOver && life.recording.state === "recording"; i++) {
        this.#write(life, model);
        this.#flushTrack(life, model);
        await this.#time.turn();
      }
    });
  }

  #flushTrack(life: Life, model = this.#track()): void {
    const before = this.#flushable(life, [model]);
    this.#call(
      life,
      `flush ${model.name}`,
      () => this.#open(life.recording, model).flush(),
      (error) => error === undefined && this.#flushed(life, before),
    );
  }

  #flushAll(life: Life): void {
    const before = this.#flushable(life, this.#tracks);
    this.#call(
      life,
      "flush",
      () => life.recording.flush(),
      (error) => error === undefined && this.#flushed(life, before),
    );
  }

  #flushable(life: Life, tracks: readonly TrackModel[]): Written[] {
    if (!life.recording.isResumable) return [];
    return tracks.flatMap(({ written }) =>
      written.filter(({ life: of, state, isLost }) => of === life.number && state !== "rejected" && !isLost),
    );
  }

  #flushed({ recording }: Life, before: readonly Written[]): void {
    if (!recording.isResumable) return;
    for (const each of before) if (each.state !== "rejected" && !each.isLost) each.isFlushed = true;
  }

  #startTake(life: Life): void {
    const model = this.#track();
    this.#call(life, `startTake ${model.name}`, () => {
      const track = this.#open(life.recording, model);
      track.startTake(this.#chance(0.5) ? { type: "video/webm" } : undefined);
    });
  }

  #record(life: Life): void {
    const model = this.#track();
    const entry = { hasGiven: false };
    let isSilent = this.#chance(0.1);
    let isReadable = true;
    const fake = new FakeMediaRecorder({
      give: () => (isSilent ? new Uint8Array() : payload(this.#ids++, this.#size())),
      blob: (bytes) => {
        const canBeRead = isReadable;
        isReadable = true;
        return fakeBlob(bytes, { isReadable: () => canBeRead });
      },
      onGiven: (bytes) => {
        entry.hasGiven = true;
        const isOver = life.isOver || life.isFinished;
        const isLost = this.#chance(0.01);
        isReadable = !isLost;
        this.#note(`  given ${model.name} ${bytes.length}${isLost ? " unreadable" : ""}`);
        const written = { id: -1, life: life.number, bytes: bytes.slice(), isFlushed: false, isLost };
        model.written.push({ ...written, state: "pending", mayBeAbsent: isOver });
      },
      task: (task) => void setTimeout(task, this.#below(3)),
      mimeType: this.#chance(0.05) ? `video/webm;codecs=${"x".repeat(200)}` : "video/webm;codecs=vp8",
    });
    let isBound = false;
    this.#call(
      life,
      `record ${model.name}`,
      () => {
        const track = this.#open(life.recording, model);
        const done = track.record(fake, {
          ...this.#maybe("maxBuffered", [1, 1000, 1e9]),
          ...this.#maybe("onFull", ["pause", "stop"]),
          ...this.#maybe("silentAfter", [1, 100, Number.POSITIVE_INFINITY]),
        });
        isBound = true;
        life.recorders.push(Object.assign(entry, { fake, track: model }));
        return done;
      },
      (error) => {
        if (error !== undefined && isBound && codeOf(error) === "source-failed")
          this.#blemishes.add("recorder failed");
        if (error !== undefined && isBound && codeOf(error) === "queue-full")
          this.#blemishes.add("recorder overflowed");
        if (
          error === undefined &&
          isBound &&
          fake.mimeType !== "" &&
          !entry.hasGiven &&
          isSilent &&
          !life.isFinished
        )
          this.#blemishes.add("silent recorder");
      },
    );
    if (!isBound || this.#chance(0.1)) return;
    this.#excuses.add("recorder");
    fake.start(this.#chance(0.7) ? 1 + this.#below(20) : undefined);
    if (this.#chance(0.1)) isSilent = !isSilent;
  }

  #driveRecorder({ recorders }: Life): void {
    if (recorders.length === 0) return;
    const { fake } = recorders[this.#below(recorders.length)]!;
    const pick = this.#below(6);
    this.#note(`recorder ${["stop", "fail", "pause", "resume", "requestData", "stop"][pick]}`);
    if (fake.state === "inactive") return;
    if (pick === 0 || pick === 5) fake.stop();
    else if (pick === 1) fake.fail();
    else if (pick === 2) fake.pause();
    else if (pick === 3) fake.resume();
    else fake.requestData();
  }

  #finish(life: Life): void {
    const timeout = this.#pick([undefined, 0.5, 1, 5, 100, Number.POSITIVE_INFINITY, 2 ** 40]);
    const hasUpload = life.calls.some(({ name, isSettled }) => name.startsWith("upload") && !isSettled);
    // Waiting for ever for a track whose server takes nothing is what was asked for.
    const isEndless = timeout !== undefined && timeout > 1000 && (!hasUpload || life.recorders.length > 0);
    this.#call(
      life,
      `finish ${timeout}`,
      () => life.recording.finish("over", timeout === undefined || isEndless ? {} : { timeout }),
      (error, value) => {
        if (error !== undefined) {
          this.#excuses.add("finish failed");
          return;
        }
        life.isFinished = true;
        const { undrained } = value as { undrained: readonly string[] };
        if (undrained.length > 0) this.#blemishes.add(`undrained: ${undrained}`);
        if (life.hasFailed) this.#excuses.add("failed before");
      },
    );
  }

  #abort(life: Life): void {
    this.#isAborted = true;
    this.#call(life, "abort", () => life.recording.abort());
  }

  // ---- uploads

  #objectsLoop(life: Life): void {
    const { recording } = life;
    const leaveAfter = this.#chance(0.5) ? this.#below(6) : Number.POSITIVE_INFINITY;
    this.#call(life, "objects loop", async () => {
      const held: RecordingObject[] = [];
      let taken = 0;
      for await (const object of recording.objects()) {
        if (life.isOver) return;
        this.#onHandOut(object.name, object.bytes);
        if (this.#chance(0.3)) await this.#pause();
        if (life.isOver) return;
        const pick = this.#random();
        if (pick < 0.75) {
          this.#store(object.name, object.bytes);
          object.acknowledge();
          if (this.#chance(0.05)) object.retry();
        } else if (pick < 0.85) object.retry();
        else if (pick < 0.88) this.#refuse(object);
        else {
          if (this.#chance(0.3)) this.#store(object.name, object.bytes);
          held.push(object);
        }
        if (++taken > leaveAfter) break;
        if (this.#chance(0.2)) {
          const late = held.shift();
          if (late && this.#server.has(late.name)) late.acknowledge();
          else late?.retry();
        }
      }
      for (const late of held)
        this.#chance(0.5) ? late.retry() : this.#server.has(late.name) && late.acknowledge();
    });
  }

  #refuse(object: Pick<RecordingObject, "name" | "kind" | "refuse">): void {
    this.#noteRefusal(object.name, object.kind);
    object.refuse(uploadRefused("for this walk"));
  }

  #noteRefusal(name: string, kind: string): void {
    this.#note(`refused ${name.slice(33)}`);
    this.#refused.add(name);
    this.#excuses.add(`refused ${kind}`);
    if (kind === "segment" || kind === "page") this.#excuses.add("refused");
  }

  #upload(life: Life): void {
    const abort = this.#chance(0.2) ? new AbortController() : undefined;
    const failing = this.#pick([0, 0.2, 0.5]);
    const put: PutObject = async (name, bytes, { kind, signal }) => {
      this.#onHandOut(name, bytes);
      if (this.#chance(0.3)) await this.#pause();
      if (life.isOver) return new Promise(() => {});
      const pick = this.#random();
      if (pick < failing) {
        const how = this.#below(12);
        if (how === 0) return new Promise(() => {});
        if (how === 1)
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        if (how === 2) {
          this.#noteRefusal(name, kind);
          throw uploadRefused("for this walk");
        }
        if (how < 6) this.#store(name, bytes);
        throw new Error("503");
      }
      this.#store(name, bytes);
      return undefined;
    };
    const options = {
      firstDelay: this.#pick([0, 1, 4]),
      longestDelay: 8,
      concurrency: 1 + this.#below(4),
      ...(abort ? { signal: abort.signal } : {}),
      ...(this.#chance(0.2) ? { onProgress: () => {} } : {}),
    };
    this.#call(life, `upload ${JSON.stringify({ ...options, signal: abort && true })}`, () =>
      life.recording.upload(put, options),
    );
    if (abort) setTimeout(() => abort.abort(new AbortReason()), this.#below(30));
  }

  #uploadAll(life: Life): void {
    this.#call(life, "upload", () =>
      life.recording.upload(this.#goodPut(life), { firstDelay: 1, longestDelay: 4 }),
    );
  }

  #goodPut(life: Life): PutObject {
    return (name, bytes) => {
      this.#onHandOut(name, bytes);
      if (life.isOver) return new Promise(() => {});
      this.#store(name, bytes);
      return undefined;
    };
  }

  #onHandOut(name: string, bytes: Bytes): void {
    const before = this.#handedOut.get(name);
    if (before && compareBytes(before, bytes) !== 0)
      this.#faults.push(`${name.slice(33)} was handed out with two contents`);
    if (!before) {
      this.#handedOut.set(name, bytes.slice());
      if (name.includes("/manifest-")) this.#manifests.push({ name, at: this.#clock });
    }
  }

  #store(name: string, bytes: Bytes): void {
    this.#clock++;
    if (!this.#storedAt.has(name)) this.#storedAt.set(name, this.#clock);
    this.#server.set(name, bytes.slice());
  }

  // ---- the storage

  #setLatency(): void {
    const pick = this.#random();
    const journal = this.#journal;
    if (pick < 0.4) delete journal.faults.latency;
    else
      journal.faults.latency = () => {
        const wait = this.#below(6);
        if (wait === 0) return this.#time.sleep(1 + this.#below(pick < 0.5 ? 30 : 3));
        return wait < 3 ? this.#time.turn() : undefined;
      };
  }

  #breakStorage(): void {
    const times = this.#pick([1, 1, 1, 2, 5, Number.POSITIVE_INFINITY]);
    const skip = this.#below(4);
    const isErasing = this.#chance(0.2);
    const kind = this.#below(10);
    this.#excuses.add("storage failed");
    this.#note(`storage fails after ${skip} commits, ${times} times`);
    if (kind === 0) {
      const blobs = new Set<string>();
      this.#journal.faults.blob = (name, bytes) => {
        if (!name.startsWith("segment") && !name.startsWith("page")) return bytes;
        if (!blobs.has(name) && this.#chance(0.7)) return bytes;
        blobs.add(name);
        if (!bytes || this.#random() < 0.5) return undefined;
        const damaged = bytes.slice();
        damaged[this.#below(damaged.length)]! ^= 1;
        return damaged;
      };
      return;
    }
    let [left, before] = [times, skip];
    this.#journal.faults.tears = () => this.#chance(0.5);
    this.#journal.faults.fail = (call) => {
      if (call === "eraseKeys" ? isErasing : call !== "commit") return undefined;
      if (before-- > 0 || left <= 0) return undefined;
      left--;
      this.#storageFaults++;
      return this.#chance(0.5) ? diskFull() : new Error("EIO");
    };
  }

  #heal(): void {
    delete this.#journal.faults.fail;
    delete this.#journal.faults.blob;
  }

  // ---- chance

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #maybe<T>(name: string, from: readonly T[]): Record<string, T> {
    return this.#chance(0.7) ? { [name]: this.#pick(from) } : {};
  }

  #size(): number {
    const pick = this.#random();
    if (pick < 0.8) return 1 + this.#below(60);
    if (pick < 0.97) return CHUNK - 2 + this.#below(4);
    return 2 * CHUNK + this.#below(20_000);
  }

  #track(): TrackModel {
    if (this.#tracks.length > 0 && this.#chance(0.8)) return this.#pick(this.#tracks);
    const number = this.#tracks.length;
    if (number >= 5) return this.#pick(this.#tracks);
    const kind = this.#below(8);
    const options =
      kind === 0
        ? { cadence: 100 + this.#below(100) }
        : kind === 1
          ? { padding: "chunk" as const }
          : kind === 2
            ? { padding: "none" as const }
            : undefined;
    const track: TrackModel = {
      name: `t${number}`,
      id: 0,
      isText: kind === 3 || kind === 4,
      options,
      written: [],
      half: "",
    };
    if (options?.cadence) this.#excuses.add("cadence");
    this.#tracks.push(track);
    return track;
  }

  async #gap(): Promise<void> {
    const pick = this.#below(10);
    if (pick < 3) return;
    if (pick < 5) for (let i = this.#below(12); i > 0; i--) await undefined;
    else if (pick < 8) await turn();
    else await this.#time.advance(this.#pick([1, 1, 3, 10, 120]));
  }

  #pause(): Promise<void> {
    return this.#chance(0.5) ? this.#time.turn() : this.#time.sleep(this.#below(6));
  }

  // ---- what must hold

  #settings() {
    return {
      ...this.#options,
      crypto: this.#crypto,
      now: () => new Date(1_790_000_000_000 + Math.floor(this.#time.now)),
      onEvent: (event: RecordingEvent) => this.#onEvent(event),
    };
  }

  #onEvent(event: RecordingEvent): void {
    this.#note(`event ${event.type} ${"error" in event ? codeOf(event.error) : ""}`);
    if (event.type === "failed") {
      if (this.#life) this.#life.hasFailed = true;
      if (codeOf(event.error).startsWith("storage") || codeOf(event.error) === "journal-in-use") return;
      this.#faults.push(`failed with ${(event.error as Error)?.stack ?? String(event.error)}`);
    }
    if (event.type === "lost") this.#blemishes.add(`lost ${event.name.slice(33)}`);
    if (event.type === "journal-failed") this.#excuses.add("journal failed");
    // In memory, it does not survive its end.
    if (event.type === "journal-failed" && event.goesOn) this.#mayBeUnfinished = true;
    if (event.type === "journal-failed" && this.#storageFaults === 0)
      this.#fault("the journal failed by itself");
  }

  async #until(name: string, promise: Promise<unknown>): Promise<void> {
    let isSettled = false;
    promise.then(
      () => {
        isSettled = true;
      },
      () => {
        isSettled = true;
      },
    );
    if (!(await this.#time.until(() => isSettled))) this.#fault(`${name} never settled`);
    await promise;
  }

  #note(step: string): void {
    this.#steps.push(`${this.#time.now.toFixed(0)} ${step}`);
  }

  #fault(fault: string): never {
    throw new WalkFault(this.#seed, fault, this.#steps);
  }

  #check(): void {
    if (this.#faults.length > 0) this.#fault(this.#faults.splice(0).join("; "));
  }

  /** What the server has at the end, against what was done. */
  async #verify(): Promise<void> {
    const names = [...this.#server.keys()];
    const envelopeAt = names.find((name) => name.endsWith("/envelope"));
    if (!envelopeAt) {
      if (this.#manifests.length > 0) this.#fault("a manifest without an envelope");
      return;
    }
    const id = envelopeAt.slice(0, 32);
    const envelope = this.#server.get(envelopeName(id))!;
    const crypto = this.#crypto;
    const decoded = decodeEnvelope(envelope, LIMITS);
    const { coreHash, contentKey, readKey } = await unlock(decoded, ["recording"], {
      identities: [institution],
      crypto,
    });
    const manifestKey = await deriveManifestKey(crypto, readKey, coreHash);
    const { recordingId, sender } = decoded.core;
    const binding = { recordingId, coreHash, manifestKey, sender };
    await this.#verifyManifests(id, binding);

    const now = new Date(1_790_000_000_000);
    const review = await openRecording(envelope, {
      identities: institution,
      crypto,
      now,
      objects: (name) => {
        const found = this.#server.get(name);
        return found ? bytesSource(found) : null;
      },
      list: (prefix) => names.filter((name) => name.startsWith(prefix)),
    });
    const verdict = await review.verify();
    await review.close();
    const findings = JSON.stringify(verdict.findings);
    if (verdict.state === "altered" || verdict.state === "truncated")
      this.#fault(`${verdict.state}: ${findings} ${JSON.stringify(verdict.gaps)}`);
    if (this.#isAborted) return;
    const isEnded = verdict.state !== "unfinished";
    if (!isEnded && !this.#mayBeUnfinished) this.#fault(`unfinished: ${findings}`);
    // What a journal lost may be there again after a crash that came before the log said so.
    const wasForgotten = (blemish: string): boolean =>
      blemish.startsWith("lost ") && (this.#excuses.has("crash") || this.#excuses.has("storage failed"));
    if (verdict.state === "complete" && ![...this.#blemishes].every(wasForgotten))
      this.#fault(`complete, although ${[...this.#blemishes].join(", ")}`);
    if (verdict.state === "interrupted" && this.#blemishes.size === 0 && this.#excuses.size === 0)
      this.#fault(`interrupted, although nothing happened: ${JSON.stringify(verdict.losses)}`);
    await this.#verifyContent(id, contentKey, recordingId, verdict.state === "complete");
  }

  async #verifyManifests(id: string, binding: Parameters<typeof openManifest>[1]): Promise<void> {
    const crypto = this.#crypto;
    const pages = new Map<number, readonly Entry[]>();
    for (const [name, bytes] of this.#handedOut) {
      const parts = parseObjectName(id, name);
      if (parts?.kind !== "page") continue;
      const page = await openPage(crypto, binding, bytes);
      pages.set(
        parts.page,
        page.entries.map(({ entry }) => entry),
      );
    }
    let last: OpenedManifest | undefined;
    const opened = [];
    for (const { name, at } of this.#manifests)
      opened.push({ at, manifest: await openManifest(crypto, binding, this.#handedOut.get(name)!) });
    opened.sort((left, right) => left.manifest.sequence - right.manifest.sequence);
    for (const { at, manifest } of opened) {
      const { size, sequence, tail } = manifest;
      if (last && size < last.size)
        this.#fault(`manifest ${sequence} has ${size} entries, and the one before ${last.size}`);
      last = manifest;
      const isStored = (name: string): boolean =>
        (this.#storedAt.get(name) ?? Number.POSITIVE_INFINITY) <= at;
      if (!isStored(envelopeName(id))) this.#fault(`manifest ${sequence} before the envelope`);
      const entries: Entry[] = [];
      for (let page = 0; page < size >> 6; page++) entries.push(...(pages.get(page) ?? []));
      entries.push(...tail.map(({ entry }) => entry));
      const lost = new Set<string>();
      for (const entry of entries) {
        if (entry.kind !== EntryKind.lost) continue;
        for (let i = entry.first; i < entry.first + entry.count; i++) {
          if (entry.what === Loss.page) lost.add(pageName(id, i));
          if (entry.what === Loss.segment) lost.add(segmentName(id, entry.track, i));
        }
      }
      for (let page = 0; page < size >> 6; page++) {
        if (!isStored(pageName(id, page)) && !lost.has(pageName(id, page)))
          this.#fault(`manifest ${sequence} covers page ${page}, which is not stored`);
      }
      for (const entry of entries) {
        if (entry.kind !== EntryKind.segment) continue;
        const name = segmentName(id, entry.track, entry.index);
        if (!isStored(name) && !lost.has(name))
          this.#fault(`manifest ${sequence} of ${size} covers ${name.slice(33)}, which is not stored`);
      }
    }
  }

  async #verifyContent(
    id: string,
    contentKey: Bytes,
    recordingId: Bytes,
    isComplete: boolean,
  ): Promise<void> {
    void recordingId;
    const numbers = new Map<number, Map<number, Bytes>>();
    for (const [name, bytes] of this.#server) {
      const parts = parseObjectName(id, name);
      if (parts?.kind !== "segment") continue;
      const segments = numbers.get(parts.track) ?? new Map<number, Bytes>();
      numbers.set(parts.track, segments.set(parts.index, await openSegment(this.#crypto, contentKey, bytes)));
    }
    const contentOf = (track: number): Buffer => {
      const sorted = [...(numbers.get(track) ?? [])].sort(([left], [right]) => left - right);
      return Buffer.from(concatBytes(...sorted.map(([, bytes]) => bytes)));
    };
    const isRefused =
      [...this.#refused].some((name) => name.endsWith(".seg")) ||
      [...this.#blemishes].some((blemish) => blemish.startsWith("lost "));
    for (const { name, written, id: trackId } of this.#tracks) {
      const content = contentOf(trackId);
      let from = 0;
      for (const { bytes, isFlushed, state, mayBeAbsent, isLost, id: writeId } of written) {
        if (bytes.length === 0) continue;
        const mustBeThere = isComplete ? state === "resolved" && !mayBeAbsent : isFlushed && !isRefused;
        if (!mustBeThere || isLost) continue;
        const at = content.indexOf(bytes, from);
        if (at < 0)
          this.#fault(`w${writeId} of ${name} is not there (${isComplete ? "complete" : "flushed"})`);
        from = at + bytes.length;
      }
    }
  }
}

class AbortReason extends Error {}

function codeOf(error: unknown): string {
  return error instanceof AbortReason
    ? "abort"
    : String((error as { code?: unknown } | null)?.code ?? (error as Error)?.name ?? error);
}

/** Bytes that nobody else writes. */
function payload(id: number, size: number): Uint8Array<ArrayBuffer> {
  const next = generator(id + 77);
  const bytes = new Uint8Array(size);
  const head = Math.min(size, 64);
  for (let i = 0; i < head; i++) bytes[i] = 1 + next() * 255;
  for (let i = head; i < size; i++) bytes[i] = (i * 31 + id) & 0xff;
  return bytes;
}

/** A segment's content, as far as it opens. */
async function openSegment(crypto: CryptoProvider, contentKey: Bytes, bytes: Bytes): Promise<Bytes> {
  const header = bytes.slice(0, SEGMENT_HEADER_LENGTH);
  const key = await deriveSegmentKey(crypto, contentKey, header);
  const cipher = await startOpening(
    crypto,
    { key, context: segmentContext(header) },
    bytes.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH),
  );
  const chunks: Bytes[] = [];
  for (let at = SEGMENT_HEAD_LENGTH; at < bytes.length; at += SEALED_CHUNK)
    chunks.push(await cipher.open(chunks.length, bytes.subarray(at, at + SEALED_CHUNK)));
  const plaintext = concatBytes(...chunks);
  if (header[5] === 0) return plaintext;
  const length = Number(new DataView(plaintext.buffer).getBigUint64(plaintext.length - 8));
  return plaintext.slice(0, length);
}
