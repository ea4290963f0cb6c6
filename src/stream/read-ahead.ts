import type { Bytes } from "../formats/bytes.js";
import type { PieceReader } from "./pieces.js";
import type { Transcoder } from "./transcoder.js";

/** For asynchronous backends: reads ahead of its consumer so that calls stay in flight, and keeps their order. */
export class ReadAhead {
  readonly #queue: Promise<Bytes>[] = [];
  #stopped = false;
  #hasRead = false;
  #wakeConsumer = (): void => {};
  #wakeReader = (): void => {};

  constructor(reader: PieceReader, transcoder: Transcoder) {
    this.#read(reader, transcoder).catch((error) => this.#enqueue(Promise.reject(error)));
  }

  /** Whether results are still to come after those already taken. */
  get hasMore(): boolean {
    return !this.#hasRead || this.#queue.length > 0;
  }

  async next(): Promise<Bytes> {
    while (this.#queue.length === 0) await new Promise<void>((wake) => (this.#wakeConsumer = wake));
    const chunk = await this.#queue[0]!;
    this.#queue.shift();
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
        // First, since it may throw: until its error is in the queue, more is to come.
        const last = Promise.resolve(transcoder.finish());
        this.#hasRead = true;
        return this.#enqueue(last);
      }
      for (const chunk of transcoder.pushApart(piece)) this.#enqueue(chunk);
      while (this.#queue.length >= transcoder.callsInFlight) {
        if (this.#stopped) return;
        await new Promise<void>((wake) => (this.#wakeReader = wake));
      }
    }
  }

  #enqueue(chunk: Promise<Bytes>): void {
    // A rejection is the consumer's to see when its turn comes, even if that is never.
    chunk.catch(() => {});
    this.#queue.push(chunk);
    this.#wakeConsumer();
  }
}
