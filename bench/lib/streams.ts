/** `count` times the same piece: the source itself costs next to nothing. */
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

/** The same bytes in pieces of another size: views of one buffer, as a file in memory gives. */
export function recut(pieces: readonly Uint8Array[], size: number): Uint8Array[] {
  const { buffer, byteOffset, length } = Buffer.concat(pieces);
  const cut: Uint8Array[] = [];
  for (let from = 0; from < length; from += size) {
    cut.push(new Uint8Array(buffer, byteOffset + from, Math.min(size, length - from)));
  }
  return cut;
}
