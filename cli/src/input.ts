import { createReadStream, fstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { CliError, inputUnreadable } from "./cli-error.js";

/** Bytes per read, one read ahead: with the SDK, smaller pieces measured slower and larger ones no faster. */
const PIECE = 512 * 1024;

/** A file, a pipe or a device that is read once from its beginning. */
export interface Input {
  /** For messages: the path as given, or "standard input". */
  readonly name: string;
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** Length in bytes; undefined for what has none, as a pipe. */
  readonly size: number | undefined;
  /** Only for regular files, which can be read at any place. */
  readonly handle: FileHandle | undefined;
  /**
   * The bytes, piece by piece. A piece is overwritten by later reads: it may be looked at until the next is asked
   * for, which is the SDK's rule as well.
   */
  pieces(pieceSize?: number): AsyncGenerator<Uint8Array, void, undefined>;
  close(): Promise<void>;
}

/** @param path a file, or "-" for standard input. @throws CliError `input-unreadable`. */
export async function openInput(path: string): Promise<Input> {
  if (path === "-") return streamInput("standard input", undefined, standardInput(), async () => {});
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    if (stat.isDirectory()) throw Object.assign(new Error("directory"), { code: "EISDIR" });
    if (stat.isFile()) return fileInput(path, handle, stat.size);
    return pipeInput(path, handle, stat.isFIFO() || stat.isSocket());
  } catch (error) {
    await handle?.close().catch(() => {});
    throw inputUnreadable(path, error);
  }
}

function fileInput(path: string, handle: FileHandle, size: number): Input {
  const pieces = (pieceSize = PIECE) => readAhead(path, handle, pieceSize);
  return { name: path, path, size, handle, pieces, close: () => handle.close() };
}

/** Reads into two buffers in turn, so that the disk works while the caller does. */
async function* readAhead(
  name: string,
  handle: FileHandle,
  pieceSize: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  const startRead = (buffer: Uint8Array) => {
    const read = handle.read(buffer, 0, buffer.length, position);
    read.catch(() => {});
    return { buffer, read };
  };
  let spare: Uint8Array = new Uint8Array(pieceSize);
  let current = startRead(new Uint8Array(pieceSize));
  try {
    for (;;) {
      const { bytesRead } = await current.read;
      if (bytesRead === 0) return;
      position += bytesRead;
      const { buffer } = current;
      current = startRead(spare);
      spare = buffer;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw inputUnreadable(name, error);
  } finally {
    // Closing the file under a read would fail that read; the last one is let finish.
    await current.read.catch(() => {});
  }
}

/** A pipe is read by the event loop: a thread that waits in `read` could not be interrupted by a signal. */
function pipeInput(path: string, handle: FileHandle, isPipe: boolean): Input {
  const stream = isPipe
    ? new Socket({ fd: handle.fd, readable: true, writable: false })
    : createReadStream(path, { fd: handle, autoClose: false, highWaterMark: PIECE });
  return streamInput(path, path, stream, () => handle.close());
}

function standardInput(): Readable {
  // A redirected file: read in larger pieces than `process.stdin` does.
  if (isRegularFile(0)) return createReadStream("", { fd: 0, autoClose: false, highWaterMark: PIECE });
  return process.stdin;
}

function isRegularFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
}

function streamInput(
  name: string,
  path: string | undefined,
  stream: Readable,
  close: () => Promise<void>,
): Input {
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of stream) yield piece as Buffer;
    } catch (error) {
      throw inputUnreadable(name, error);
    }
  }
  return {
    name,
    path,
    size: undefined,
    handle: undefined,
    pieces,
    close: async () => {
      stream.destroy();
      await close().catch(() => {});
    },
  };
}

/**
 * Reads a small file whole.
 *
 * @param ceiling the most bytes it may have: nothing larger is read into memory.
 * @throws CliError `input-unreadable`; `tooLong` where the file exceeds the ceiling.
 */
export async function readSmallFile(
  path: string,
  ceiling: number,
  tooLong: (name: string) => CliError,
): Promise<string> {
  const input = await openInput(path);
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let text = "";
    let length = 0;
    for await (const piece of input.pieces(ceiling + 1)) {
      length += piece.length;
      if (length > ceiling) throw tooLong(input.name);
      text += decodeText(decoder, piece, input.name);
    }
    return text + decodeText(decoder, undefined, input.name);
  } finally {
    await input.close();
  }
}

function decodeText(decoder: TextDecoder, piece: Uint8Array | undefined, name: string): string {
  try {
    return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
  } catch (error) {
    throw new CliError("usage", `${name} is not text`, { cause: error });
  }
}
