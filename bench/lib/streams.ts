/** Sources and sinks that cost next to nothing. They run in every runtime. */

/** `count` times the same piece. */
export function repeat(piece: Uint8Array, count: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(piece);
      else controller.close();
    },
  });
}

export function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let index = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[index++];
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}

/** Reads to the end. @returns how many bytes there were. */
export async function drain(
  stream: ReadableStream<Uint8Array>,
  onPiece: (piece: Uint8Array) => void = () => {},
): Promise<number> {
  const reader = stream.getReader();
  let bytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length;
    onPiece(next.value);
  }
  return bytes;
}

export async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  await drain(stream, (piece) => pieces.push(piece));
  return pieces;
}

export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** The same bytes in pieces of another size: views of one buffer, as a file in memory gives. */
export function recut(pieces: readonly Uint8Array[], size: number): Uint8Array[] {
  const whole = join(pieces);
  const cut: Uint8Array[] = [];
  for (let from = 0; from < whole.length; from += size) cut.push(whole.subarray(from, from + size));
  return cut;
}

/** A run that loses bytes must not count as a fast one. */
export async function expectBytes(actual: Promise<number>, atLeast: number): Promise<void> {
  const bytes = await actual;
  if (bytes < atLeast) throw new Error(`only ${bytes} of ${atLeast} bytes came out`);
}

/** Bytes that differ from their neighbours, so that nothing is measured on zeros. */
export function samplePiece(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => (i * 31) & 255);
}
