import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { type Checks, readOptions, signalArgument } from "../formats/options.js";

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/**
 * Random access to stored bytes. Reviewers' code implements or picks one; everything it returns is treated as
 * hostile until authenticated. Ranges are half-open, in bytes.
 */
export interface ByteSource {
  /** Length of the whole object. */
  size(options?: ReadOptions): Promise<number>;
  /** Exactly the bytes `[start, end)`. Nobody writes to the result afterwards, the source included. */
  read(start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
  close?(): Promise<void> | void;
}

const READ: Checks<ReadOptions> = { signal: signalArgument };

export function readOptionsOf(given: ReadOptions | undefined): ReadOptions {
  return readOptions<ReadOptions>("options", given, READ);
}

/** @throws TypeError for what is none. */
export function sourceArgument(name: string, value: unknown): ByteSource {
  const source = value as Partial<ByteSource> | null | undefined;
  if (typeof source?.size !== "function" || typeof source.read !== "function") {
    throw wrongType(name, "a ByteSource", value);
  }
  return source as ByteSource;
}

/** Checks a half-open range. @throws RangeError. */
export function checkRange(start: number, end: number, size: number): void {
  if (!Number.isSafeInteger(start) || start < 0) throw outOfRange("start", "an integer of 0 or more", start);
  if (!Number.isSafeInteger(end) || end < start) throw outOfRange("end", `an integer from ${start} on`, end);
  if (end > size) throw outOfRange("end", `at most the size, ${size}`, end);
}

/** Reads, and refuses an answer of another length. @throws BlindreelError `source-failed`; TypeError for other types. */
export async function readExactly(
  source: ByteSource,
  start: number,
  end: number,
  options: ReadOptions,
): Promise<Bytes> {
  options.signal?.throwIfAborted();
  if (start === end) return new Uint8Array(0);
  const bytes = bytesArgument("what the source returned", await source.read(start, end, onlySignal(options)));
  options.signal?.throwIfAborted();
  if (bytes.length !== end - start) {
    throw sourceFailed(`the source did not return the ${end - start} bytes asked for at ${start}`);
  }
  return bytes;
}

/**
 * Asks a source for its length. It may be a lie, but it is a number.
 *
 * @throws BlindreelError `source-failed`.
 */
export async function claimedSize(source: ByteSource, options: ReadOptions): Promise<number> {
  options.signal?.throwIfAborted();
  const size = await source.size(onlySignal(options));
  if (!Number.isSafeInteger(size) || size < 0) throw sourceFailed("the source stated an impossible size");
  return size;
}

/** A source is somebody else's code: of the caller's options, keys among them, it sees the signal alone. */
function onlySignal({ signal }: ReadOptions): ReadOptions {
  return signal ? { signal } : {};
}

export function sourceFailed(message: string, options?: ErrorOptions): BlindreelError<"source-failed"> {
  return new BlindreelError("source-failed", message, undefined, options);
}
