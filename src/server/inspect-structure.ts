import { wrongType } from "../errors.js";
import { isBlob, isUint8Array } from "../formats/brand.js";
import { readOptions } from "../formats/options.js";
import { blobSource } from "../source/blob.js";
import { type ByteSource, claimedSize, type ReadOptions, readExactly } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import { type ByteInput, PieceReader, piecesOf } from "../stream/pieces.js";
import { STRUCTURE, type StructureArguments, type StructureOptions } from "./arguments.js";
import { ObjectCheck } from "./object-check.js";
import type { Structure } from "./structure.js";

/** Bytes read from a source at a time. */
const READ_LENGTH = 4096;

/**
 * For servers: recognises any object of the format and checks all of it that shows without a key: every length and offset is
 * possible, nothing is missing and nothing trails (format-v1, throughout). From a source, a Blob or bytes it reads the
 * head and asks for the size, whatever the size; a stream is read to its end and not kept.
 *
 * @throws BlindreelError `not-an-envelope` for anything that is none of the format's objects, `wrong-kind` for one that
 *   `accept` or the expected name leaves out, `wrong-recording`, `unsupported-version`, `unsupported-algorithm`, `malformed`,
 *   `truncated`, `limit-exceeded`, `source-failed`; TypeError and RangeError for arguments; `signal.reason` when aborted.
 */
export async function inspectStructure(
  input: ByteSource | ByteInput,
  given?: StructureOptions,
): Promise<Structure> {
  const options = readOptions<StructureArguments>("options", given, STRUCTURE);
  const check = new ObjectCheck(options);
  const source = sourceOf(input);
  if (isUint8Array(input)) check.push(input);
  else if (source) await pushSource(check, source, options);
  else await eachPiece(input as ByteInput, options, (piece) => check.push(piece));
  return check.finish();
}

/** A source, or a Blob as one. */
export function sourceOf(input: unknown): ByteSource | undefined {
  if (isBlob(input)) return blobSource(input);
  const { read, size } = (input ?? {}) as Partial<ByteSource>;
  return typeof read === "function" && typeof size === "function" ? (input as ByteSource) : undefined;
}

/** Reads the head and counts the rest. */
export async function pushSource(
  check: ObjectCheck,
  source: ByteSource,
  options: ReadOptions,
): Promise<void> {
  const size = await claimedSize(source, options);
  while (check.offset < size) {
    if (check.isCounting) return check.skip(size - check.offset);
    const end = Math.min(size, check.offset + Math.max(check.wanted, READ_LENGTH));
    check.push(await readExactly(source, check.offset, end, options));
  }
}

/** Hands over a stream's pieces one by one; the event loop runs between them. */
export async function eachPiece(
  input: ByteInput,
  { signal }: ReadOptions,
  push: (piece: Uint8Array) => Promise<void> | void,
): Promise<void> {
  if (input === null || input === undefined)
    throw wrongType("input", "bytes, a Blob, a stream or a source", input);
  const reader = new PieceReader(piecesOf(input));
  const breathe = breather();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const piece = reader.accept(await reader.fetch());
      if (!piece) break;
      await push(piece);
      await breathe();
    }
    reader.finish();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}
