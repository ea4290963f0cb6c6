import { isPromise } from "../formats/brand.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import type { PieceReader } from "./pieces.js";
import type { Transcoder } from "./transcoder.js";

/** For asynchronous backends: reads ahead of its consumer to keep calls in flight; results stay in order. */
export class ReadAhead {
  readonly #queue: MaybePromise<Bytes>[] = [];
  /** Bytes of what was taken from the queue. */
  #taken = 0;
  #stopped = false;
  #hasRead = false;
  #wakeConsumer = (): void => {};
  #wakeReader = (): void => {};

  constructor(reader: PieceReader, transcoder: Transcoder) {
    this.#read(reader, transcoder).catch((error) => this.#enqueue(Promise.reject(error)));
  }

  /** Whether further results are pending. */
  get hasMore(): boolean {
    return !this.#hasRead || this.#queue.length > 0;
  }

  next(): MaybePromise<Bytes> {
    const first = this.#queue[0];
    return first === undefined || isPromise(first) ? this.#nextLater() : this.#take(first);
  }

  async #nextLater(): Promise<Bytes> {
    while (this.#queue.length === 0) await new Promise<void>((wake) => (this.#wakeConsumer = wake));
    return this.#take(await this.#queue[0]!);
  }

  #take(chunk: Bytes): Bytes {
    this.#queue.shift();
    this.#taken += chunk.length;
    this.#wakeReader();
    return chunk;
  }

  stop(): void {
    this.#stopped = true;
    this.#wakeReader();
  }

  async #read(reader: PieceReader, transcoder: Transcoder): Promise<void> {
    for (;;) {
      const piece = reader.accept(await reader.fetch());
      if (this.#stopped) return;
      if (!piece) {
        // Before `#hasRead`: an error of `finish` is a pending result too.
        const last = transcoder.finish();
        this.#hasRead = true;
        return this.#enqueue(last);
      }
      for (const chunk of transcoder.pushAhead(piece)) this.#enqueue(chunk);
      while (transcoder.isFull(this.#queue.length, this.#taken)) {
        if (this.#stopped) return;
        await new Promise<void>((wake) => (this.#wakeReader = wake));
      }
    }
  }

  #enqueue(chunk: MaybePromise<Bytes>): void {
    // Handled: the consumer sees a rejection in its turn, or never.
    if (isPromise(chunk)) chunk.catch(() => {});
    this.#queue.push(chunk);
    this.#wakeConsumer();
  }
}
