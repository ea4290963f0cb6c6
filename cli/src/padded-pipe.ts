import { type ByteSource, type Identity, openSource } from "blindreel";
import type { Head } from "./head.js";

/** Salt and commitment in front of the first chunk (format-v1, "Segment"). */
const STREAM_HEADER = 24 + 32;
const SEALED_CHUNK = 16 * 1024 + 16;
const NOTHING = new Uint8Array(0);

/**
 * A padded file on its way through a pipe. Its length stands in the last chunk, so what a stream has released before
 * may be more than content where the sealer broke the rules (format-v1, "Padding"). Head and end are kept to tell.
 */
export class PaddedPipe {
  readonly #head: Head;
  #streamHeader = NOTHING;
  #end = NOTHING;
  #length = 0;
  #isWhole = false;

  constructor(head: Head) {
    this.#head = head;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    yield this.#head.bytes;
    for await (const piece of this.#head.rest) {
      if (this.#streamHeader.length < STREAM_HEADER) {
        this.#streamHeader = joined(this.#streamHeader, piece).slice(0, STREAM_HEADER);
      }
      const end = piece.subarray(-SEALED_CHUNK);
      this.#end = joined(end.length < SEALED_CHUNK ? this.#end : NOTHING, end).slice(-SEALED_CHUNK);
      this.#length += piece.length;
      yield piece;
    }
    this.#isWhole = true;
  }

  /** Bytes of content, as the last chunk says. @returns undefined where that is not known, or not authentic. */
  async contentLength(unlocking: {
    readonly identities: readonly Identity[];
    readonly ignoreExpiry: boolean;
  }): Promise<number | undefined> {
    if (!this.#isWhole) return undefined;
    const opened = await openSource(this.#source(), unlocking).catch(() => undefined);
    await opened?.close();
    return opened?.size;
  }

  /** Of what lies between, which is not opened, zeros. */
  #source(): ByteSource {
    const { bytes } = this.#head;
    const size = bytes.length + this.#length;
    return {
      size: async () => size,
      read: async (start, end) => {
        const range = new Uint8Array(end - start);
        place(range, start, bytes, 0);
        place(range, start, this.#streamHeader, bytes.length);
        place(range, start, this.#end, size - this.#end.length);
        return range;
      },
    };
  }
}

/** Copies what `part`, which stands at `offset`, has in common with `range`, which stands at `start`. */
function place(range: Uint8Array, start: number, part: Uint8Array, offset: number): void {
  const from = Math.max(start, offset);
  const to = Math.min(start + range.length, offset + part.length);
  if (from < to) range.set(part.subarray(from - offset, to - offset), from - start);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
