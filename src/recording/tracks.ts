import { limitExceeded, outOfRange } from "../errors.js";
import { type Checks, flagArgument, readOptions } from "../formats/options.js";
import { type LossCause, MAX_NAME, MAX_TRACKS, MAX_TYPE } from "../log/entry.js";
import { CadenceTrack } from "./cadence-track.js";
import type { RecordingEvent } from "./events.js";
import type { TrackInput } from "./input.js";
import type { JournalRecord } from "./journal/records.js";
import type { LifeCycle } from "./life-cycle.js";
import {
  type BoundRecorder,
  bindRecorder,
  type MediaRecorderLike,
  type RecordOptions,
} from "./media-recorder.js";
import { readTrackOptions, type TrackOptions, textArgument } from "./options.js";
import { quiet, settlesWithin } from "./timing.js";
import { TrackWriter } from "./track.js";
import type { TrackHost } from "./track-host.js";

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
   *   then says; `closed`; what the recording failed with.
   */
  write(data: TrackInput, options?: { readonly startsSegment?: boolean }): Promise<void>;
  /** What is written from now on plays apart from what was written before. @param options `type`: media type with codecs. */
  startTake(options?: { readonly type?: string }): void;
  /**
   * Writes all that a `MediaRecorder` gives, as a take of its own. Call it before `start()`.
   *
   * @returns settles when its last blob is in the journal, or the recording is over.
   */
  record(mediaRecorder: MediaRecorderLike, options?: RecordOptions): Promise<void>;
  /** Ends the segment: what was written so far can be uploaded, and survives a crash. */
  flush(): Promise<void>;
}

type Writer = TrackWriter | CadenceTrack;

interface WriteArguments {
  readonly startsSegment?: boolean;
}

const WRITE: Checks<WriteArguments> = { startsSegment: flagArgument };

/** A recording's tracks, and the recorders that write to them. */
export class Tracks {
  readonly #host: TrackHost;
  readonly #life: LifeCycle;
  readonly #onEvent: (event: RecordingEvent) => void;
  readonly #writers = new Map<string, { readonly writer: Writer; readonly options: string }>();
  readonly #recorders = new Map<BoundRecorder, TrackWriter>();
  #count: number;

  constructor(host: TrackHost, life: LifeCycle, onEvent: (event: RecordingEvent) => void) {
    this.#host = host;
    this.#life = life;
    this.#onEvent = onEvent;
    this.#count = host.journal.state.tracks.length;
  }

  get count(): number {
    return this.#count;
  }

  /** @throws TypeError, RangeError; BlindreelError `limit-exceeded`. */
  track(name: string, options: TrackOptions | undefined): RecordingTrack {
    const text = textArgument("name", name, 1, MAX_NAME);
    const read = readTrackOptions(options);
    const wanted = `${read.padding} ${read.cadence}`;
    const known = this.#writers.get(text);
    if (!known) return this.#handleOf(this.#make(text, read, wanted));
    if (options !== undefined && known.options !== wanted)
      throw outOfRange("options", "those that the track was made with", "others");
    return this.#handleOf(known.writer);
  }

  async flush(of?: Writer): Promise<void> {
    const recorders = [...this.#recorders].filter(([, writer]) => !of || writer === of);
    await Promise.all(recorders.map(([recorder]) => recorder.drain()));
    const writers = of ? [of] : [...this.#writers.values()].map(({ writer }) => writer);
    await Promise.all(writers.map((writer) => writer.flush()));
  }

  /** Stops recorders and seals all that was written. @returns names of the tracks that were not done in time. */
  async drain(timeout: number): Promise<string[]> {
    const late = new Set(this.#writers.keys());
    const busy = [...this.#recorders];
    const drained = [...this.#writers].map(async ([name, { writer }]) => {
      await Promise.all(busy.flatMap(([recorder, of]) => (of === writer ? recorder.stop() : [])));
      await writer.drain();
      late.delete(name);
    });
    await settlesWithin(Promise.allSettled(drained), timeout);
    return [...late].filter((name) => this.#writers.get(name)!.writer.hasMore);
  }

  /** Gives up what is not sealed; every promise settles. */
  destroy(error: unknown): void {
    for (const { writer } of this.#writers.values()) writer.destroy(error);
    for (const recorder of this.#recorders.keys()) recorder.abandon(error);
  }

  /** For the journal's last step that tells of tracks: what was not sealed. */
  async remains(late: readonly string[], cause: LossCause): Promise<JournalRecord[]> {
    const { state } = this.#host.journal;
    const records: JournalRecord[] = [];
    for (const [name, { writer }] of this.#writers) {
      records.push(...(await writer.remains(state.track(writer.id), cause, late.includes(name))));
    }
    return records;
  }

  #make(name: string, { padding, cadence }: TrackOptions, options: string): Writer {
    const { journal } = this.#host;
    const known = journal.state.tracks.find((track) => track.name === name);
    const id = known?.id ?? this.#count + 1;
    if (id > MAX_TRACKS) throw limitExceeded("the number of tracks", MAX_TRACKS, id);
    if (!known) {
      this.#count = id;
      journal.write(() => ({ records: [{ kind: "track", track: id, name }] }));
    }
    const writer =
      cadence === undefined
        ? new TrackWriter(this.#host, { id, name }, padding)
        : new CadenceTrack(this.#host, { id, name }, cadence);
    this.#writers.set(name, { writer, options });
    return writer;
  }

  #handleOf(writer: Writer): RecordingTrack {
    const { id, name } = writer;
    return {
      id,
      name,
      write: (data, options) => {
        try {
          this.#life.check("write");
          const { startsSegment = false } = readOptions<WriteArguments>("options", options, WRITE);
          return quiet(writer.write(data, { startsSegment }));
        } catch (error) {
          return Promise.reject(error);
        }
      },
      startTake: (options) => {
        this.#life.check("write");
        const { type = "" } = readOptions<{ readonly type?: string }>("options", options, {
          type: (option, value) => textArgument(option, value, 0, MAX_TYPE),
        });
        writer.startTake({ time: this.#host.time(), type });
      },
      record: (mediaRecorder, options) => {
        this.#life.check("record");
        if (!(writer instanceof TrackWriter)) throw outOfRange("track", "without a cadence", name);
        const recorder = bindRecorder(writer, mediaRecorder, options, this.#host.time, this.#onEvent);
        this.#recorders.set(recorder, writer);
        const forget = (): unknown => this.#recorders.delete(recorder);
        recorder.done.then(forget, forget);
        return recorder.done;
      },
      flush: () => {
        const flush = async (): Promise<void> => {
          this.#life.check("flush");
          await this.flush(writer);
        };
        return quiet(flush());
      },
    };
  }
}
