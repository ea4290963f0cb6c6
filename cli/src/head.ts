import { type Inspection, inspect, inspectionLength } from "blindreel";
import type { Input } from "./input.js";

/** `"BLINDREEL"`, version and length: what tells how long the envelope is. */
const PREAMBLE = 14;

/** The beginning of a sealed file, and what follows it. */
export interface Head {
  /** The envelope and the segment header; less where the file ends there. */
  readonly bytes: Uint8Array;
  /** Everything behind `bytes`. Read it before closing the input. */
  readonly rest: AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Reads as much of the input as can be understood without a key.
 *
 * @throws BlindreelError as `inspectionLength`; CliError `input-unreadable`.
 */
export async function readHead(input: Input, pieceSize?: number): Promise<Head> {
  const pieces = input.pieces(pieceSize);
  let bytes: Uint8Array = new Uint8Array(0);
  let behind: Uint8Array = new Uint8Array(0);
  const fill = async (length: number): Promise<void> => {
    while (bytes.length < length) {
      const { done, value } = behind.length > 0 ? { done: false, value: behind } : await pieces.next();
      if (done || value === undefined) return;
      const taken = value.subarray(0, length - bytes.length);
      const longer = new Uint8Array(bytes.length + taken.length);
      longer.set(bytes);
      longer.set(taken, bytes.length);
      bytes = longer;
      // Copied: the input may fill its buffer again.
      behind = value.slice(taken.length);
    }
  };
  await fill(PREAMBLE);
  await fill(inspectionLength(bytes));
  async function* rest() {
    if (behind.length > 0) yield behind;
    yield* pieces;
  }
  return { bytes, rest: rest() };
}

/** The input again, from its beginning. */
export async function* wholeOf({ bytes, rest }: Head): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
  yield* rest;
}

/** @throws BlindreelError as `inspect`. */
export function inspectHead({ bytes }: Pick<Head, "bytes">, size: number): Inspection {
  return inspect(bytes, { size });
}

/** Of any of the format's objects. */
const MAGIC_LENGTH = 4;

/**
 * Looks at an input's first bytes.
 *
 * @returns them, and the input as if nothing had been read.
 */
export async function peek(input: Input): Promise<{ readonly magic: Uint8Array; readonly input: Input }> {
  const pieces = input.pieces(PEEK);
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < MAGIC_LENGTH) {
    const { done, value } = await pieces.next();
    if (done || !value) break;
    first.push(new Uint8Array(value));
    length += value.length;
  }
  const magic = Buffer.concat(first).subarray(0, MAGIC_LENGTH);
  if (input.handle) {
    await pieces.return();
    return { magic, input };
  }
  async function* again() {
    yield* first;
    yield* pieces;
  }
  return { magic, input: { ...input, pieces: again } };
}

const PEEK = 4096;
