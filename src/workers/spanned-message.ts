import type * as NodeCrypto from "node:crypto";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import { closedError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import type { MessageFiles, SpanDirection } from "../stream/spans.js";
import { wipeShared } from "./copy.js";
import type { SharedBytes } from "./job.js";
import type { SpanBuffer, WorkerPool } from "./pool.js";
import { type Run, transformChunks, UNITS } from "./transform.js";

/** What a span is of its message. */
export interface SpanPart {
  readonly first: number;
  readonly chunks: number;
  /** Of the last chunk, in bytes. */
  readonly lastLength: number;
  readonly files?: MessageFiles;
}

/** Takes the results of a span, or those before its first failure, from a buffer that is gone afterwards. */
type Settle = (results: SharedBytes, failure: Error | undefined) => void;

/** One message in a pool: its key in a shared buffer, from which threads copy it for the time of a span, and its spans' buffers. */
export class SpannedMessage {
  readonly #pool: WorkerPool;
  readonly #direction: SpanDirection;
  readonly #key: SharedBytes;
  /** For the calling thread, as the next. */
  readonly #crypto: typeof NodeCrypto = nodeBuiltin<typeof NodeCrypto>("node:crypto")!;
  readonly #ownKey: Bytes;
  readonly #baseNonce: Bytes;
  /** Buffers of spans that are back, wiped and returned after the last. */
  readonly #spare: SpanBuffer[] = [];
  /** Spans in the pool's hands. */
  #away = 0;
  #hasEnded = false;

  constructor(pool: WorkerPool, direction: SpanDirection, key: Bytes, baseNonce: Bytes) {
    this.#pool = pool;
    this.#direction = direction;
    this.#key = new Uint8Array(new SharedArrayBuffer(key.length));
    this.#key.set(key);
    this.#ownKey = key.slice();
    this.#baseNonce = baseNonce.slice();
  }

  get units(): (typeof UNITS)[SpanDirection] {
    return UNITS[this.#direction];
  }

  /** @throws BlindreelError `closed` after the end. */
  borrow(): SpanBuffer {
    this.#checkUsable();
    return this.#spare.pop() ?? this.#pool.borrow();
  }

  /** Of a span that does not go. */
  putBack(buffer: SpanBuffer): void {
    this.#spare.push(buffer);
  }

  run(buffer: SpanBuffer, part: SpanPart, settle: Settle): void {
    this.#away++;
    this.#pool.run({
      job: { direction: this.#direction, key: this.#key, baseNonce: this.#baseNonce, ...buffer, ...part },
      settle: (length, failure) => {
        this.#away--;
        settle(buffer.span.subarray(0, length), failure);
        this.#spare.push(buffer);
        this.#release();
      },
    });
  }

  /** On the calling thread. @throws as the first chunk in order that fails; `run.done` says which. */
  transform(run: Run): void {
    this.#checkUsable();
    transformChunks(
      this.#crypto,
      { direction: this.#direction, key: this.#ownKey, baseNonce: this.#baseNonce },
      run,
    );
  }

  /** No chunk passes under a key that was wiped. */
  #checkUsable(): void {
    if (this.#hasEnded) throw closedError("the message");
  }

  /** No more spans. */
  end(): void {
    this.#hasEnded = true;
    this.#release();
  }

  /** Wipes all that was shared, once nothing is under way. */
  #release(): void {
    if (!this.#hasEnded || this.#away > 0) return;
    this.#key.fill(0);
    this.#ownKey.fill(0);
    for (const buffer of this.#spare.splice(0)) {
      wipeShared(buffer.span);
      this.#pool.giveBack(buffer);
    }
  }
}

/** Where the chunk at `index` of a span begins. */
export const placeInSpan = ({ span }: SpanBuffer, index: number): SharedBytes =>
  span.subarray(index * SEALED_CHUNK);
