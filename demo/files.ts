import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { ByteSource } from "blindreel";

/** Bytes of an open file, from its beginning, piece by piece. */
export async function* piecesOf(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(512 * 1024), { position });
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Runs `use` on an opened file and closes it. */
export async function withFile<T>(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

export async function writeStream(path: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  return withFile(path, "wx", async (file) => {
    let length = 0;
    for await (const chunk of stream) {
      await file.writeFile(chunk);
      length += chunk.length;
    }
    return length;
  });
}

/** SHA-256 of a file or of a stream, in hex. */
export async function hashOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of input) hash.update(piece);
  return hash.digest("hex");
}

export function hashOfFile(path: string): Promise<string> {
  return withFile(path, "r", (file) => hashOf(piecesOf(file)));
}

export function readPart(path: string, start: number, end: number): Promise<Uint8Array> {
  return withFile(path, "r", async (file) => {
    const bytes = new Uint8Array(end - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  });
}

/** Turns one bit of a file, runs `attempt`, and turns it back. */
export async function withFlippedBit<T>(path: string, at: number, attempt: () => Promise<T>): Promise<T> {
  await flipBit(path, at);
  try {
    return await attempt();
  } finally {
    await flipBit(path, at);
  }
}

async function flipBit(path: string, at: number): Promise<void> {
  await withFile(path, "r+", async (file) => {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, at);
    await file.write(Uint8Array.of(byte[0]! ^ 1), 0, 1, at);
  });
}

/** A source that counts what is fetched through it. */
export function counting(source: ByteSource): ByteSource & { readonly fetched: number } {
  let fetched = 0;
  return {
    get fetched() {
      return fetched;
    },
    size: (options) => source.size(options),
    async read(start, end, options) {
      fetched += end - start;
      return source.read(start, end, options);
    },
    close: () => source.close?.(),
  };
}
