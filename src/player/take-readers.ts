import { type BlindreelError, isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { untilAborted } from "../review/retry.js";
import type { ReadOptions } from "../source/byte-source.js";
import type { MediaReader } from "./content.js";
import type { PlayerGapCause, TimedTake } from "./timeline.js";

/** Initialisation parts kept: as many as a jump to and fro needs. */
const INITS = 4;

interface Early {
  readonly take: TimedTake;
  readonly start: number;
  readonly end: number;
  readonly parts: Promise<[Bytes, Bytes]>;
}

/** What is read of takes: one is open at a time. */
export class TakeReaders {
  /** One that cannot be had is not asked for again. */
  readonly #inits = new Map<TimedTake, Promise<Bytes>>();
  #early: Early | undefined;
  #open: { readonly take: TimedTake; readonly reader: MediaReader } | undefined;

  async open(take: TimedTake): Promise<MediaReader> {
    if (this.#open?.take !== take) {
      await this.close();
      this.#open = { take, reader: take.open() };
    }
    return this.#open.reader;
  }

  /** The take's initialisation part. The take is open. */
  init(take: TimedTake, options: ReadOptions): Promise<Bytes> {
    const known = this.#inits.get(take);
    if (known) return known;
    const init = this.#open!.reader.read(0, take.initEnd, options);
    this.#inits.set(take, init);
    init.catch((error) => {
      if (!causeOf(error)) this.#inits.delete(take);
    });
    for (const [oldest] of this.#inits) if (this.#inits.size > INITS) this.#inits.delete(oldest);
    return init;
  }

  /** The take's initialisation part, beside a piece of its content. */
  async begin(take: TimedTake, start: number, end: number, options: ReadOptions): Promise<[Bytes, Bytes]> {
    const early = this.#early;
    this.#early = undefined;
    if (early?.take === take && early.start === start && early.end === end)
      return untilAborted(options.signal, () => early.parts);
    const reader = await this.open(take);
    return Promise.all([this.init(take, options), reader.read(start, end, options)]);
  }

  /** Asks now for what {@link begin} is going to be asked for. */
  fetch(take: TimedTake, start: number, end: number, options: ReadOptions): void {
    const parts = this.begin(take, start, end, options);
    parts.catch(() => {});
    this.#early = { take, start, end, parts };
  }

  async close(): Promise<void> {
    await this.#open?.reader.close();
    this.#open = undefined;
  }
}

/** Why there is no content; undefined where the error is no statement about it. */
export function causeOf(error: unknown): PlayerGapCause | undefined {
  if (!isBlindreelError(error)) return undefined;
  const { code } = error as BlindreelError;
  if (code === "truncated") return "missing";
  if (code === "unsupported-runtime") return "unsupported";
  return code === "authentication-failed" || code === "malformed" ? "altered" : undefined;
}
