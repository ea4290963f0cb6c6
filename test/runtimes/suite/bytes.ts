/** Bytes for tests in all runtimes, with nothing that only some have. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** `length` bytes that differ from chunk to chunk and never repeat in short periods. */
export function pattern(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** A small repeatable generator (mulberry32): numbers in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lowercase hex of megabytes, which the package's own strict decoding is not made for. */
export function fromHex(text: string): Bytes {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (nibble(text.charCodeAt(2 * i)) << 4) | nibble(text.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** "0" to "9" are 0x30 to 0x39, "a" to "f" 0x61 to 0x66. */
function nibble(code: number): number {
  return code < 0x40 ? code - 0x30 : code - 0x57;
}

/** Cuts `bytes` into copies of the given sizes, used in turn and for ever; the last may be shorter. */
export function* cut(bytes: Uint8Array, ...sizes: readonly number[]): Generator<Bytes> {
  for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.slice(offset, offset + size) as Bytes;
    offset += size;
  }
}

export function join(pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** A stream over pieces, pulled one by one: `ReadableStream.from` is missing in Chromium and WebKit. */
export function readableOf(pieces: Iterable<Bytes>): ReadableStream<Bytes> {
  const iterator = pieces[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** What a stream gave, and whether and with what it failed. */
export interface Outcome {
  readonly released: Bytes;
  readonly failed: boolean;
  readonly error: unknown;
}

/** Reads by a reader: WebKit's streams are no async iterables. */
export async function drain(
  stream: ReadableStream<Uint8Array> | (() => ReadableStream<Uint8Array>),
): Promise<Outcome> {
  const pieces: Uint8Array[] = [];
  try {
    const reader = (typeof stream === "function" ? stream() : stream).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    return { released: join(pieces), failed: false, error: undefined };
  } catch (error) {
    return { released: join(pieces), failed: true, error };
  }
}

/** Everything a stream gives; rejects with its error. */
export async function collect(stream: ReadableStream<Uint8Array>): Promise<Bytes> {
  const { released, failed, error } = await drain(stream);
  if (failed) throw error;
  return released;
}
