import { constants, createReadStream, fstatSync, openSync, read, readSync, statSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty, ReadStream } from "node:tty";
import { promisify } from "node:util";
import type { fileHandleSource } from "blindreel";
import { CliError, inputUnreadable, usageError } from "./cli-error.js";
import { closeDescriptor } from "./descriptor.js";
import { protect } from "./protected.js";
import { isSameFile, isUnchanged, type Stamp, untilTelling } from "./stamp.js";

/**
 * Bytes per read, one read ahead, and about as many per write: with 512 KiB, 1 GiB took 1.1 to 2.0 s, with these 1.2 to
 * 1.4 s, since larger writes ask for larger folios (docs/decisions/workers.md).
 */
const PIECE = 256 * 1024;

/** A file, a pipe or a device that is read once from its beginning. */
export interface Input {
  /** For messages: the path as given, or "standard input". */
  readonly name: string;
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** Length in bytes; undefined for what has none, as a pipe. */
  readonly size: number | undefined;
  /** Of a regular file, as it was opened; undefined for others and for standard input. */
  readonly stamp: Stamp | undefined;
  /** Only for regular files, which can be read at any place. The input closes it. */
  readonly handle: Parameters<typeof fileHandleSource>[0] | undefined;
  /** Only for regular files: to be read by others, by positions. */
  readonly file: RegularInput | undefined;
  /**
   * The bytes, piece by piece. A piece is overwritten by later reads: it may be looked at until the next is asked
   * for, which is the SDK's rule as well. A regular file ends without an error only if it did not change meanwhile.
   *
   * @throws CliError `input-unreadable`, `input-changed`.
   */
  pieces(pieceSize?: number): AsyncGenerator<Uint8Array, void, undefined>;
  close(): Promise<void>;
}

export interface RegularInput {
  readonly descriptor: number;
  /** @throws CliError `input-changed` where it is not as it was when it was opened. */
  checkUnchanged(): void;
}

const readAt = promisify(read);
let isStdinTaken = false;

/**
 * Opens an input. No output may be the same file from then on.
 *
 * @param path a file, or "-" for standard input, which can be named once.
 * @param what is said of an output that is this file.
 * @throws CliError `input-unreadable`, `usage`.
 */
export async function openInput(path: string, what = "the input itself"): Promise<Input> {
  if (path === "-") return standardInput();
  let descriptor: number | undefined;
  try {
    // Without waiting for a pipe's writer: a thread that waits in `open` cannot be interrupted by a signal.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = fstatSync(descriptor, { bigint: true });
    if (stat.isDirectory()) throw isDirectory();
    protect(what, stat);
    if (stat.isFile()) return fileInput(path, descriptor, await settled(descriptor, stat));
    return streamInput(path, path, streamOf(descriptor, stat.isFIFO() || stat.isSocket()));
  } catch (error) {
    if (descriptor !== undefined) await closeDescriptor(descriptor).catch(() => {});
    throw inputUnreadable(path, error);
  }
}

async function standardInput(): Promise<Input> {
  const name = "standard input";
  if (isStdinTaken) throw usageError(`${name} can be read only once; name a file in place of one of the -`);
  isStdinTaken = true;
  const stat = fstatSync(0, { bigint: true });
  if (stat.isDirectory()) throw inputUnreadable(name, isDirectory());
  if (!stat.isFile()) return streamInput(name, undefined, process.stdin);
  protect(`the file that ${name} reads`, stat);
  const before = await settled(0, stat);
  // A redirected file: read in larger pieces than `process.stdin` does.
  const stream = createReadStream("", { fd: 0, autoClose: false, highWaterMark: PIECE });
  return streamInput(name, undefined, stream, () => checkUnchanged(name, before, [statOf(0)]));
}

function isDirectory(): Error {
  return Object.assign(new Error("it is a directory"), { code: "EISDIR" });
}

function statOf(descriptor: number): Stamp {
  return fstatSync(descriptor, { bigint: true });
}

/** A stamp from which that of every later change differs. */
async function settled(descriptor: number, stat: Stamp): Promise<Stamp> {
  const pause = untilTelling(stat);
  if (pause === 0) return stat;
  await sleep(pause);
  return statOf(descriptor);
}

/** @throws CliError `input-changed`. */
function checkUnchanged(name: string, before: Stamp, after: readonly Stamp[]): void {
  if (after.every((stamp) => isUnchanged(before, stamp))) return;
  const sizes = after.map(({ size }) => size).filter((size) => size !== before.size);
  const how =
    sizes.length > 0
      ? `it had ${before.size} bytes at first and ${sizes[0]} at the end`
      : "its time of change is another";
  throw changed(name, how);
}

function changed(name: string, how: string): CliError {
  return new CliError(
    "input-changed",
    `${name} changed while it was read: ${how}. Try again when it is complete.`,
  );
}

function fileInput(path: string, descriptor: number, stamp: Stamp): Input {
  const size = Number(stamp.size);
  const check = () => checkUnchanged(path, stamp, [statOf(descriptor), statAgain(path, descriptor)]);
  const checkEnd = () => {
    // What the kernel makes up while it is read says that it has no bytes.
    if (readSync(descriptor, new Uint8Array(1), 0, 1, size) > 0)
      throw changed(path, `it had ${size} bytes at first and more at the end`);
    check();
  };
  return {
    name: path,
    path,
    size,
    stamp,
    handle: {
      stat: async () => ({ size }),
      read: (buffer, offset, length, position) => readAt(descriptor, buffer, offset, length, position),
      close: async () => {},
    },
    file: { descriptor, checkUnchanged: checkEnd },
    async *pieces(pieceSize = PIECE) {
      const length = yield* readAhead(path, descriptor, pieceSize);
      if (length !== size) throw changed(path, `it had ${size} bytes at first and ${length} at the end`);
      check();
    },
    close: () => closeDescriptor(descriptor),
  };
}

/** The name may have been given to another file, or to none. */
function statAgain(path: string, descriptor: number): Stamp {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat || !isSameFile(stat, statOf(descriptor))) throw changed(path, "the name is another file's now");
  return stat;
}

/** Reads into two buffers in turn, so that the disk works while the caller does. @returns the length. */
async function* readAhead(
  name: string,
  descriptor: number,
  pieceSize: number,
): AsyncGenerator<Uint8Array, number, undefined> {
  let position = 0;
  const startRead = (buffer: Uint8Array) => {
    const reading = readAt(descriptor, buffer, 0, buffer.length, position);
    reading.catch(() => {});
    return { buffer, reading };
  };
  let spare: Uint8Array = new Uint8Array(pieceSize);
  let current = startRead(new Uint8Array(pieceSize));
  try {
    for (;;) {
      const { bytesRead } = await current.reading;
      if (bytesRead === 0) return position;
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
    await current.reading.catch(() => {});
  }
}

/** Pipes and terminals are read by the event loop: a thread that waits in `read` cannot be interrupted by a signal. */
function streamOf(descriptor: number, isPipe: boolean): Readable {
  if (isPipe) return new Socket({ fd: descriptor, readable: true, writable: false });
  if (isatty(descriptor)) return new ReadStream(descriptor);
  return createReadStream("", { fd: descriptor, highWaterMark: PIECE });
}

/** @param stream its descriptor is closed with it. @param atEnd throws where the end is none. */
function streamInput(
  name: string,
  path: string | undefined,
  stream: Readable,
  atEnd: () => void = () => {},
): Input {
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of stream) yield piece as Buffer;
    } catch (error) {
      throw inputUnreadable(name, error);
    }
    atEnd();
  }
  return {
    name,
    path,
    size: undefined,
    stamp: undefined,
    handle: undefined,
    file: undefined,
    pieces,
    close: async () => {
      stream.destroy();
    },
  };
}

/**
 * Reads a small file whole.
 *
 * @param ceiling the most bytes it may have: nothing larger is read into memory.
 * @throws CliError `input-unreadable`, `input-changed`; `tooLong` where the file exceeds the ceiling.
 */
export async function readSmall(
  input: Input,
  ceiling: number,
  tooLong: (name: string) => CliError,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of input.pieces(Math.min(ceiling + 1, PIECE))) {
    length += piece.length;
    if (length > ceiling) throw tooLong(input.name);
    pieces.push(new Uint8Array(piece));
  }
  return Buffer.concat(pieces);
}

/** What is wrong with a small text. */
export type TextFault = "long" | "binary";

/** The same for UTF-8 in a file of its own. @param fault makes the error. */
export async function readSmallText(
  path: string,
  ceiling: number,
  fault: (name: string, what: TextFault) => CliError,
): Promise<string> {
  const input = await openInput(path, `the same file as ${path}, which is read here`);
  try {
    const bytes = await readSmall(input, ceiling, (name) => fault(name, "long"));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw error instanceof TypeError ? fault(input.name, "binary") : error;
  } finally {
    await input.close();
  }
}
