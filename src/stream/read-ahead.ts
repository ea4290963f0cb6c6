import type { Bytes } from "../formats/bytes.js";
import type { PieceReader } from "./pieces.js";
import type { Transcoder } from "./transcoder.js";

/** For asynchronous backends: reads ahead of its consumer to keep calls in flight; results stay in order. */
export class ReadAhead {
  readonly #queue: Promise<Bytes>[] = [];
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

  async next(): Promise<Bytes> {
    while (this.#queue.length === 0) await new Promise<void>((wake) => (this.#wakeConsumer = wake));
    const chunk = await this.#queue[0]!;
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
        const last = Promise.resolve(transcoder.finish());
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

  #enqueue(chunk: Promise<Bytes>): void {
    // Handled: the consumer sees a rejection in its turn, or never.
    chunk.catch(() => {});
    this.#queue.push(chunk);
    this.#wakeConsumer();
  }
}
