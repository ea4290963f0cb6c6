import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** Bytes of an open file, from its beginning, piece by piece. */
export async function* piecesOf(
  file: FileHandle,
  length = 512 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(length), { position });
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
