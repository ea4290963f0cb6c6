import { closedError, limitExceeded, outOfRange } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Check, type Checks, flagArgument, functionArgument, readOptions } from "../formats/options.js";
import { type LossCause, MAX_NAME, MAX_TRACKS, MAX_TYPE } from "../log/entry.js";
import { KeyHolder } from "../log/keys.js";
import { BlockPool } from "./blocks.js";
import { CadenceTrack } from "./cadence-track.js";
import type { RecordingContext } from "./context.js";
import type { TrackInput } from "./input.js";
import { Intake } from "./intake.js";
import type { NewEntry } from "./journal/entries.js";
import { bindRecorder, type MediaRecorderLike, type RecordOptions } from "./media-recorder.js";
import { boundedTextArgument, readTrackOptions, type TrackOptions } from "./options.js";
import type { Outbox } from "./outbox.js";
import { quiet, settlesWithin } from "./timing.js";
import { type TrackContext, TrackWriter } from "./track.js";
import { type TrackSink, type TrackSource, trackSink, trackSourceArgument } from "./track-source.js";

/** A track that is being written. */
export interface RecordingTrack {
  /** From 1, in the order of first use: all that the server sees of it. */
  readonly id: number;
  readonly name: string;
  /**
   * Takes a Blob, bytes or text, in the order of the calls; copies before it returns. Resolves when its whole chunks are in
   * the journal: await it, that is the backpressure.
   *
   * @param options `startsSegment`: it begins with a key frame, and so a segment begins with it.
   * @throws BlindreelError `queue-full`: nothing of it was taken; `source-failed` for a Blob that cannot be read, which the log
   *   then names; `closed`; the recording's failure.
   */
  write(data: TrackInput, options?: { readonly startsSegment?: boolean }): Promise<void>;
  /** Begins a take: later input plays apart from earlier input. @param options `type`: media type with codecs. */
  startTake(options?: { readonly type?: string }): void;
  /**
   * Writes all that a `MediaRecorder` gives, as a take of its own. Call it before `start()`.
   *
   * @returns settles when its last blob is in the journal, or the recording is over.
   */
  record(mediaRecorder: MediaRecorderLike, options?: RecordOptions): Promise<void>;
  /**
   * Binds another source of media, as `capture` of `blindreel/capture` does: it ends with the recording, as a recorder does.
   *
   * @param bind is given the track's sink, and returns the source. One source at a time.
   * @returns the source's `done`.
   */
  attach(bind: (sink: TrackSink) => TrackSource): Promise<void>;
  /** Ends the segment: all input so far can be uploaded, and survives a crash. */
  flush(): Promise<void>;
}

type AnyTrack = TrackWriter | CadenceTrack;

const WRITE: Checks<{ readonly startsSegment?: boolean }> = { startsSegment: flagArgument };
const mediaType: Check<string> = (name, value) => boundedTextArgument(name, value, 0, MAX_TYPE);
const TAKE: Checks<{ readonly type?: string }> = { type: mediaType };

/** @throws RangeError for a track with a cadence. */
function mediaWriter(writer: AnyTrack): TrackWriter {
  if (!(writer instanceof TrackWriter)) throw outOfRange("track", "without a cadence", writer.name);
  return writer;
}

/** A recording's tracks, and the sources that write to them. */
export class Tracks {
  readonly #context: TrackContext;
  readonly #writers = new Map<string, { readonly writer: AnyTrack; readonly options: string }>();
  readonly #sources = new Map<TrackSource, TrackWriter>();
  #count: number;
  #undrained: readonly string[] = [];

  /** @param contentKey wiped by {@link wipe}. */
  constructor(context: RecordingContext, outbox: Outbox, contentKey: Bytes) {
    const { journal, settings } = context;
    const keys = new KeyHolder({ contentKey }, "the recording");
    const intake = new Intake(settings.maxQueued);
    this.#context = { ...context, outbox, keys, blocks: new BlockPool(), intake };
    this.#count = journal.state.tracks.length;
  }

  /** @throws TypeError, RangeError; BlindreelError `limit-exceeded`. */
  track(name: string, options: TrackOptions | undefined): RecordingTrack {
    const text = boundedTextArgument("name", name, 1, MAX_NAME);
    const read = readTrackOptions(options);
    const wanted = `${read.padding} ${read.cadence}`;
    const known = this.#writers.get(text);
    if (known && options !== undefined && known.options !== wanted)
      throw outOfRange("options", "those that the track was made with", "others");
    return this.#handleOf(known?.writer ?? this.#make(text, read, wanted));
  }

  async flush(of?: AnyTrack): Promise<void> {
    const sources = [...this.#sources].filter(([, writer]) => !of || writer === of);
    await Promise.all(sources.map(([source]) => source.drain()));
    const writers = of ? [of] : [...this.#writers.values()].map(({ writer }) => writer);
    await Promise.all(writers.map((writer) => writer.flush()));
  }

  /** Gives up all unsealed input; every promise settles. */
  destroy(error: unknown): void {
    for (const { writer } of this.#writers.values()) writer.destroy(error);
    for (const source of this.#sources.keys()) source.abandon(error);
  }

  /** Wipes the content key behind its last use. */
  wipe(): Promise<void> {
    return this.#context.keys.close();
  }

  /**
   * Ends the recording in the journal: seals all input, and writes lost entries for the rest. May be called again where it rejects.
   *
   * @param timeout milliseconds. @param cause of losses.
   * @returns names of the tracks that had more to come.
   */
  async end(reason: string, timeout: number, cause: LossCause): Promise<readonly string[]> {
    const { journal, life, time } = this.#context;
    const { state } = journal;
    if (state.phase === "recording") {
      this.#undrained = await this.#drain(timeout);
      if (!life.is("finishing")) throw life.refusal;
      this.destroy(closedError("the recording"));
    }
    await journal.write(async () => {
      // Records of a failed commit only, where it is called again after the end.
      if (state.phase !== "recording") return {};
      const entries: NewEntry[] = [];
      for (const [name, { writer }] of this.#writers) {
        const isLate = this.#undrained.includes(name);
        entries.push(...(await writer.remains(state.track(writer.id), cause, isLate)));
      }
      return { entries, records: [{ kind: "ended", time: time(), reason }] };
    });
    return [...this.#undrained];
  }

  /** Seals all input, and frees the indices that were reserved ahead. */
  async release(timeout: number): Promise<void> {
    const { journal, life } = this.#context;
    const late = await this.#drain(timeout);
    if (life.is("finishing") && late.length === 0)
      await journal.write(() => ({ records: [{ kind: "closed" }] })).catch(() => {});
  }

  #bind(writer: TrackWriter, source: TrackSource): Promise<void> {
    this.#sources.set(source, writer);
    const forget = (): unknown => this.#sources.delete(source);
    source.done.then(forget, forget);
    return source.done;
  }

  /** Stops recorders and seals all that was written. @returns names of the tracks that were not done in time. */
  async #drain(timeout: number): Promise<string[]> {
    const late = new Set(this.#writers.keys());
    const busy = [...this.#sources];
    const drained = [...this.#writers].map(async ([name, { writer }]) => {
      await Promise.all(busy.flatMap(([source, of]) => (of === writer ? source.stop() : [])));
      await writer.drain();
      late.delete(name);
    });
    await settlesWithin(Promise.allSettled(drained), timeout);
    return [...late].filter((name) => this.#writers.get(name)!.writer.hasMore);
  }

  #make(name: string, { padding, cadence }: TrackOptions, options: string): AnyTrack {
    const { journal } = this.#context;
    const known = journal.state.tracks.find((track) => track.name === name);
    const id = known?.id ?? this.#count + 1;
    if (id > MAX_TRACKS) throw limitExceeded("the number of tracks", MAX_TRACKS, id);
    if (!known) {
      this.#count = id;
      journal.write(() => ({ records: [{ kind: "track", track: id, name }] }));
    }
    const writer =
      cadence === undefined
        ? new TrackWriter(this.#context, { id, name }, padding)
        : new CadenceTrack(this.#context, { id, name }, cadence);
    this.#writers.set(name, { writer, options });
    return writer;
  }

  #handleOf(writer: AnyTrack): RecordingTrack {
    const { life, time } = this.#context;
    const { id, name } = writer;
    return {
      id,
      name,
      write: (data, given) => {
        try {
          life.check("write");
          return quiet(writer.write(data, readOptions("options", given, WRITE)));
        } catch (error) {
          return Promise.reject(error);
        }
      },
      startTake: (given) => {
        life.check("write");
        const { type = "" } = readOptions("options", given, TAKE);
        writer.startTake({ time: time(), type });
      },
      record: (mediaRecorder, options) => {
        life.check("record");
        const taking = mediaWriter(writer);
        return this.#bind(taking, bindRecorder(this.#context, taking, mediaRecorder, options));
      },
      attach: (bind) => {
        life.check("record");
        const taking = mediaWriter(writer);
        if ([...this.#sources.values()].includes(taking))
          throw outOfRange("track", "one without another source: stop that one first", name);
        return this.#bind(
          taking,
          trackSourceArgument(functionArgument("bind", bind)(trackSink(this.#context, taking))),
        );
      },
      flush: () => life.call("flush", () => this.flush(writer)),
    };
  }
}
