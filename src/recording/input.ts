import { outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, utf8 } from "../formats/bytes.js";
import { CHUNK } from "../stream/geometry.js";

/** Input of a track. Text is stored as UTF-8. */
export type TrackInput = Blob | Uint8Array | string;

/** Sealed and hashed in one go: on asynchronous backends its chunks are all in flight. */
export const PIECE = 16 * CHUNK;
/** A Blob up to this size is read at once: that is faster than a stream. */
const SMALL_BLOB = 2 ** 20;
const HALF_PAIR_AT_END = /[\ud800-\udbff]$/;

/** Inputs of one track, as bytes: surrogate pairs that are split over two writes are joined. */
export class TrackInputs {
  #half = "";

  /** Whether the text so far ends in the first half of a surrogate pair. */
  get hasHalf(): boolean {
    return this.#half !== "";
  }

  /** @throws TypeError; RangeError for half a pair that no later write can complete. */
  read(input: TrackInput): Blob | Bytes {
    if (typeof input === "string") return this.#text(input);
    if (ArrayBuffer.isView(input)) return bytesArgument("data", input);
    const { arrayBuffer, size } = (input ?? {}) as Partial<Blob>;
    if (typeof arrayBuffer === "function" && typeof size === "number") return input;
    throw wrongType("data", "a Blob, a Uint8Array or a string", input);
  }

  #text(input: string): Bytes {
    const text = this.#half + input;
    const half = HALF_PAIR_AT_END.exec(text)?.[0] ?? "";
    const whole = text.slice(0, text.length - half.length);
    if (/\p{Surrogate}/u.test(whole))
      throw outOfRange("data", "text without half of a surrogate pair", `${input.length} characters`);
    this.#half = half;
    return utf8(whole);
  }
}

export function sizeOf(data: Blob | Bytes): number {
  return data instanceof Uint8Array ? data.length : data.size;
}

/** A Blob whose file is gone or was changed: its bytes are lost, and nothing else. */
export class UnreadableBlob extends Error {}

export async function* inputPieces(data: Blob | Bytes): AsyncGenerator<Bytes, void, undefined> {
  if (data instanceof Uint8Array) return yield* cutPieces(data);
  for (let offset = 0; offset < data.size; offset += SMALL_BLOB) {
    const part = data.size <= SMALL_BLOB ? data : data.slice(offset, offset + SMALL_BLOB);
    const bytes = await part.arrayBuffer().catch((cause) => {
      throw new UnreadableBlob("", { cause });
    });
    yield* cutPieces(new Uint8Array(bytes));
  }
}

export function* cutPieces(bytes: Bytes): Generator<Bytes, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += PIECE) yield bytes.subarray(offset, offset + PIECE);
}
