import { effectiveLimits } from "../envelope/wire.js";
import { BlindreelError, closedError, limitExceeded, outOfRange, wrongType } from "../errors.js";
import { isBlob, isUint8Array } from "../formats/brand.js";
import { bytesArgument } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { blobSource } from "../source/blob.js";
import { type ByteSource, claimedSize, readExactly } from "../source/byte-source.js";
import { type ByteInput, PieceReader, piecesOf } from "../stream/pieces.js";
import { Scanner } from "./scanner.js";
import { OBJECT_NAMES, type ObjectName, type Structure } from "./structure.js";

/** Options of the checks of structure. */
export interface StructureOptions {
  /** Which objects are wanted here: one name or several. Any of the format's, where this is left out. */
  readonly accept?: ObjectName | readonly ObjectName[];
  /** Most bytes that an object may have. */
  readonly maxLength?: number;
  /** Lowers the format's ceilings. */
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
}

/** Checks an object that is handed over in pieces, for callers with no use for web streams. */
export interface StructureValidator {
  /**
   * Takes the next piece, which is not looked at after the call.
   *
   * @throws BlindreelError at the first piece with which the bytes cannot be the beginning of an object.
   */
  push(piece: Uint8Array): void;
  /** @throws BlindreelError where no object ends here. */
  finish(): Structure;
}

/** A {@link Scanner} that holds to its caller's options and stays failed. */
export class CheckedScanner implements StructureValidator {
  readonly #scanner: Scanner;
  readonly #accepted: readonly ObjectName[] | undefined;
  readonly #maxLength: number;
  #failure: { readonly error: unknown } | undefined;
  #isFinished = false;

  constructor({ accept, maxLength = Number.POSITIVE_INFINITY, limits }: StructureOptions) {
    this.#accepted = accept === undefined || typeof accept !== "string" ? accept : [accept];
    const unknown = this.#accepted?.find((name) => !OBJECT_NAMES.includes(name));
    if (unknown !== undefined) throw outOfRange("accept", OBJECT_NAMES.join(", "), unknown);
    if (typeof maxLength !== "number" || !(maxLength >= 0)) {
      throw outOfRange("maxLength", "a number of 0 or more", String(maxLength));
    }
    this.#maxLength = maxLength;
    this.#scanner = new Scanner(effectiveLimits(limits));
  }

  get scanner(): Scanner {
    return this.#scanner;
  }

  push(piece: Uint8Array): void {
    const bytes = bytesArgument("piece", piece);
    this.#step(() => this.#scanner.push(bytes), bytes.length);
  }

  skip(length: number): void {
    this.#step(() => this.#scanner.skip(length), length);
  }

  finish(): Structure {
    let structure!: Structure;
    this.#step(() => {
      structure = this.#scanner.finish();
    }, 0);
    this.#isFinished = true;
    return structure;
  }

  #step(action: () => void, length: number): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#isFinished) throw closedError("the validator");
    try {
      const total = this.#scanner.length + length;
      if (total > this.#maxLength) throw limitExceeded("the object's length", this.#maxLength, total);
      action();
      this.#checkAccepted(this.#scanner.possible);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #checkAccepted(possible: readonly ObjectName[]): void {
    if (!this.#accepted || this.#accepted.some((name) => possible.includes(name))) return;
    const message = `this is a Blindreel ${possible.join(" or ")}; wanted here: ${this.#accepted.join(", ")}`;
    throw new BlindreelError("wrong-kind", message, undefined);
  }
}

/** The validator as calls, for an endpoint that gets its body in pieces: `push` each, `finish` at the end. */
export function structureValidator(options: Omit<StructureOptions, "signal"> = {}): StructureValidator {
  const scanner = new CheckedScanner(options);
  return { push: (piece) => scanner.push(piece), finish: () => scanner.finish() };
}

/** Bytes read from a source at a time. */
const READ_LENGTH = 4096;

/**
 * Recognises any object of the format and checks all of it that shows without a key: every length and offset is
 * possible, nothing is missing and nothing trails (format-v1, throughout). From a source, a Blob or bytes it reads the
 * head and asks for the size, whatever the size; a stream is read to its end and not kept.
 *
 * @throws BlindreelError `not-an-envelope` for anything that is none of the format's objects, `wrong-kind` for one that
 *   `accept` leaves out, `unsupported-version`, `unsupported-algorithm`, `malformed`, `truncated`, `limit-exceeded`,
 *   `invalid-json`, `source-failed`; TypeError and RangeError for arguments; `signal.reason` when aborted.
 */
export async function inspectStructure(
  input: ByteSource | ByteInput,
  options: StructureOptions = {},
): Promise<Structure> {
  const scanner = new CheckedScanner(options);
  if (isUint8Array(input)) {
    scanner.push(input);
    return scanner.finish();
  }
  if (isBlob(input)) return scanSource(scanner, blobSource(input), options);
  if (isSource(input)) return scanSource(scanner, input, options);
  return scanPieces(scanner, input, options);
}

export function isSource(input: unknown): input is ByteSource {
  const candidate = input as Partial<ByteSource> | null | undefined;
  return typeof candidate?.read === "function" && typeof candidate.size === "function";
}

async function scanSource(
  scanner: CheckedScanner,
  source: ByteSource,
  options: StructureOptions,
): Promise<Structure> {
  const size = await claimedSize(source, options);
  let position = 0;
  while (position < size) {
    const { wanted } = scanner.scanner;
    if (wanted === 0) {
      scanner.skip(size - position);
      break;
    }
    const end = Math.min(size, position + Math.max(wanted, READ_LENGTH));
    scanner.push(await readExactly(source, position, end, options));
    position = end;
  }
  return scanner.finish();
}

async function scanPieces(
  scanner: CheckedScanner,
  input: ByteInput,
  { signal }: StructureOptions,
): Promise<Structure> {
  if (input === null || input === undefined)
    throw wrongType("input", "bytes, a Blob, a stream or a source", input);
  const reader = new PieceReader(piecesOf(input));
  try {
    for (;;) {
      signal?.throwIfAborted();
      const piece = reader.accept(await reader.fetch());
      if (!piece) break;
      scanner.push(piece);
    }
    const structure = scanner.finish();
    reader.finish();
    return structure;
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}
