import type { Bytes } from "../formats/bytes.js";
import { CHUNK } from "./geometry.js";
import type { PieceReader } from "./pieces.js";
import type { Transcoder } from "./transcoder.js";

/** For asynchronous backends: reads ahead of its consumer so that calls stay in flight, and keeps their order. */
export class ReadAhead {
  readonly #queue: { readonly chunks: Promise<Bytes>; readonly size: number }[] = [];
  #inFlight = 0;
  #stopped = false;
  #hasRead = false;
  #wakeConsumer = (): void => {};
  #wakeReader = (): void => {};

  constructor(reader: PieceReader, transcoder: Transcoder) {
    this.#read(reader, transcoder).catch((error) => this.#enqueue(Promise.reject(error), 0));
  }

  /** Whether results are still to come after those already taken. */
  get hasMore(): boolean {
    return !this.#hasRead || this.#queue.length > 0;
  }

  async next(): Promise<Bytes> {
    while (this.#queue.length === 0) await new Promise<void>((wake) => (this.#wakeConsumer = wake));
    const { chunks, size } = this.#queue.shift()!;
    const result = await chunks;
    this.#inFlight -= size;
    this.#wakeReader();
    return result;
  }

  stop(): void {
    this.#stopped = true;
    this.#wakeReader();
  }

  async #read(reader: PieceReader, transcoder: Transcoder): Promise<void> {
    for (;;) {
      const piece = reader.accept(await reader.fetch());
      if (this.#stopped) return;
      const chunks = piece ? transcoder.push(piece) : transcoder.finish();
      this.#hasRead = !piece;
      if (!piece || chunks instanceof Promise) this.#enqueue(Promise.resolve(chunks), piece?.length ?? 0);
      if (!piece) return;
      while (this.#inFlight >= transcoder.callsInFlight * CHUNK) {
        if (this.#stopped) return;
        await new Promise<void>((wake) => (this.#wakeReader = wake));
      }
    }
  }

  #enqueue(chunks: Promise<Bytes>, size: number): void {
    // A rejection is the consumer's to see when its turn comes, even if that is never.
    chunks.catch(() => {});
    this.#inFlight += size;
    this.#queue.push({ chunks, size });
    this.#wakeConsumer();
  }
}
