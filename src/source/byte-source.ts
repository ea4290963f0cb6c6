import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { type Checks, readOptions, signalArgument } from "../formats/options.js";

/** Options of a source's methods. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/**
 * Random access to stored bytes, implemented by the application or by this module. Everything it returns is
 * untrusted until authenticated. Ranges are half-open, in bytes.
 */
export interface ByteSource {
  /** Length of the whole object. */
  size(options?: ReadOptions): Promise<number>;
  /** Exactly the bytes `[start, end)`, not written to afterwards, not by the source either. */
  read(start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
  close?(): Promise<void> | void;
}

const READ: Checks<ReadOptions> = { signal: signalArgument };

export function readOptionsOf(given: ReadOptions | undefined): ReadOptions {
  return readOptions<ReadOptions>("options", given, READ);
}

/** A caller's {@link ByteSource}. @throws TypeError. */
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

/** Reads `[start, end)`. @throws BlindreelError `source-failed` for another length; TypeError. */
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

/** The length, unauthenticated. @throws BlindreelError `source-failed` for no integer of 0 or more. */
export async function claimedSize(source: ByteSource, options: ReadOptions): Promise<number> {
  options.signal?.throwIfAborted();
  const size = await source.size(onlySignal(options));
  if (!Number.isSafeInteger(size) || size < 0) throw sourceFailed("the source stated an impossible size");
  return size;
}

/** A source is foreign code: it receives the signal, not the caller's other options, which may hold keys. */
function onlySignal({ signal }: ReadOptions): ReadOptions {
  return signal ? { signal } : {};
}

export function sourceFailed(message: string, options?: ErrorOptions): BlindreelError<"source-failed"> {
  return new BlindreelError("source-failed", message, undefined, options);
}
