import { expect } from "vitest";
import { type BlindreelError, type ErrorCode, isBlindreelError } from "../../src/errors.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { type OpenOptions, open, openFrom, openSource, openStream } from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { cut, drain, sameBytes } from "../helpers/bytes.js";
import { expectErrorCode } from "../helpers/errors.js";
import { readableOf } from "../helpers/readable.js";

/** Every way to open a sealed file, for tests that attack them all alike. */

export interface Outcome {
  readonly released: Bytes;
  /** Undefined at a clean end. */
  readonly error: unknown;
}

export interface Way {
  readonly name: string;
  /** Whether content comes out before all of it was checked. */
  readonly releases: boolean;
  run(file: Bytes, options: OpenOptions): Promise<Outcome>;
}

const NOTHING = new Uint8Array(0);

async function settle(action: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await action();
  } catch (error) {
    return { released: NOTHING, error };
  }
}

/** What a stream gives, and that reading on gives the same error (A7). */
async function drainTwice(stream: ReadableStream<Bytes>): Promise<Outcome> {
  const { released, error, failed } = await drain(stream);
  if (!failed) return { released, error: undefined };
  const reader = stream.locked ? undefined : stream.getReader();
  for (let turn = 0; turn < 2 && reader; turn++) {
    await expect(reader.read()).rejects.toBe(error);
  }
  return { released, error };
}

export const whole: Way = {
  name: "open",
  releases: false,
  run: (file, options) =>
    settle(async () => ({ released: (await open(file, options)).data, error: undefined })),
};

export const pulled: Way = {
  name: "openFrom",
  releases: true,
  run: (file, options) => settle(() => drainTwice(openFrom(cut(file, 65_536, 1, 16_399), options))),
};

export const piped: Way = {
  name: "openStream",
  releases: true,
  run: (file, options) =>
    settle(() => drainTwice(readableOf(cut(file, 4097)).pipeThrough(openStream(options)))),
};

export const ranged: Way = {
  name: "openSource.read",
  releases: false,
  run: (file, options) =>
    settle(async () => {
      const source = await openSource(bytesSource(file), options);
      const parts: Bytes[] = [];
      for (let start = 0; start < source.size; start += 1_000_003) {
        parts.push(await source.read(start, Math.min(source.size, start + 1_000_003)));
      }
      return { released: concatBytes(...parts), error: undefined };
    }),
};

export const rangedStream: Way = {
  name: "openSource.stream",
  releases: true,
  run: (file, options) =>
    settle(async () => drainTwice((await openSource(bytesSource(file), options)).stream())),
};

export const ways: readonly Way[] = [whole, pulled, piped, ranged, rangedStream];

/** The refusals that altered bytes may meet. */
export const DAMAGED: readonly ErrorCode[] = ["authentication-failed", "truncated"];

/** Asserts a refusal with one of `codes`, and that nothing but a true prefix of whole chunks came out before it. */
export function expectRefused(
  { released, error }: Outcome,
  content: Bytes,
  codes: readonly ErrorCode[] = DAMAGED,
): BlindreelError {
  if (!isBlindreelError(error)) throw new Error("expected a refusal", { cause: error });
  expect(codes).toContain(error.code);
  expect(released.length % CHUNK).toBe(0);
  expect(released.length).toBeLessThanOrEqual(content.length);
  expect(sameBytes(released, content.subarray(0, released.length))).toBe(true);
  return expectErrorCode(error, error.code);
}

/** A sealed file cut at its joints. */
export interface Parts {
  readonly head: Bytes;
  readonly chunks: readonly Bytes[];
}

/** @param envelopeLength of a `.reel`; its segment header and stream header go to `head`. */
export function partsOf(file: Bytes, envelopeLength: number): Parts {
  const start = envelopeLength + 30 + 56;
  return { head: file.slice(0, start), chunks: [...cut(file.slice(start), SEALED_CHUNK)] };
}

export const join = (head: Bytes, chunks: readonly Bytes[]): Bytes => concatBytes(head, ...chunks);
