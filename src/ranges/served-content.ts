import { closedError } from "../errors.js";
import { type ByteSource, readExactly } from "../source/byte-source.js";
import { answerTo, type Representation } from "./answer.js";
import type { RangeAnswer, RangePiece, RangeQuestion } from "./forward.js";

/** Bytes of one read, and of a piece of a body. */
export const ANSWER_PIECE = 256 * 1024;
/** Milliseconds between two signs of life. */
const ALIVE = 5000;

interface ServedOptions {
  readonly maxAnswer: number;
  readonly onError: ((error: unknown) => void) | undefined;
}

/** A served source, and the answers that are on their way. */
export class ServedContent {
  readonly #source: ByteSource;
  readonly #what: Representation;
  readonly #options: ServedOptions;
  readonly #closing = new AbortController();

  constructor(source: ByteSource, what: Representation, options: ServedOptions) {
    this.#source = source;
    this.#what = what;
    this.#options = options;
  }

  close(): void {
    this.#closing.abort(closedError("the served source"));
  }

  /** @param keepAlive is called every few seconds of a body that is being read. */
  answer(question: RangeQuestion, reply: MessagePort, keepAlive: () => void): void {
    const { status, headers, body } = answerTo(question, this.#what, this.#options.maxAnswer);
    if (body) this.#sendBody(body, reply, keepAlive);
    reply.postMessage({ status, headers, hasBody: body !== undefined } satisfies RangeAnswer);
    if (!body) reply.close();
  }

  /** A piece for each `"pull"`, until `"cancel"`, which the worker also says at the end. */
  #sendBody({ start, end }: { start: number; end: number }, reply: MessagePort, keepAlive: () => void): void {
    const canceling = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, canceling.signal]);
    let position = start;
    let saidAlive = performance.now();
    const stop = (): void => {
      canceling.abort();
      this.#closing.signal.removeEventListener("abort", fail);
      reply.close();
    };
    const fail = (): void => {
      reply.postMessage({ failed: true } satisfies RangePiece);
      stop();
    };
    const alive = (): void => {
      saidAlive = performance.now();
      keepAlive();
    };
    const send = async (): Promise<void> => {
      const timer = setInterval(() => {
        reply.postMessage({ alive: true } satisfies RangePiece);
        alive();
      }, ALIVE);
      try {
        const next = Math.min(end, position + ANSWER_PIECE);
        // Copied: its buffer is transferred, and a source may return a view of another.
        const bytes = (await readExactly(this.#source, position, next, { signal })).slice();
        position = next;
        reply.postMessage({ bytes, isLast: position === end } satisfies RangePiece, [bytes.buffer]);
        if (performance.now() - saidAlive > ALIVE) alive();
      } catch (error) {
        if (signal.aborted) return;
        fail();
        this.#options.onError?.(error);
      } finally {
        clearInterval(timer);
      }
    };
    this.#closing.signal.addEventListener("abort", fail);
    reply.onmessage = ({ data }: MessageEvent<"pull" | "cancel">) => {
      if (data === "pull") void send();
      else stop();
    };
  }
}
