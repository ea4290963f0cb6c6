import { expect } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { isBlindreelError, type OpenOptions, open, openFrom, openSource } from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { importXWingIdentity } from "../../src/keywrap/x-wing.js";
import { bytesSource } from "../../src/source/index.js";
import { sha256Hex, type Vector } from "./vector-file.js";

/** What came out, and the code it ended with; `ok` at a clean end. */
interface Outcome {
  readonly code: string;
  readonly released: Uint8Array;
}

async function outcomeOf(pieces: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const parts: Uint8Array[] = [];
  try {
    for await (const piece of pieces) parts.push(piece);
    return { code: "ok", released: Buffer.concat(parts) };
  } catch (error) {
    return { code: codeOf(error), released: Buffer.concat(parts) };
  }
}

function codeOf(error: unknown): string {
  if (!isBlindreelError(error)) throw error;
  return error.code;
}

function* cut(file: Uint8Array, size: number): Generator<Uint8Array> {
  for (let from = 0; from < file.length; from += size) yield file.slice(from, from + size);
}

async function* wholeFile(file: Uint8Array, options: OpenOptions) {
  yield (await open(file, options)).data;
}

/** Opening by range and reading all of it, in ranges that cross the chunks' borders. */
async function* byRange(file: Uint8Array, options: OpenOptions) {
  const source = await openSource(bytesSource(file), options);
  for (let start = 0; start < source.size; start += 10_001) {
    yield await source.read(start, Math.min(source.size, start + 10_001));
  }
  await source.close();
}

/** Every way to open, and whether it lets out what it can before it fails. */
const ways: Record<
  string,
  { run: (file: Uint8Array, options: OpenOptions) => AsyncIterable<Uint8Array>; isEager: boolean }
> = {
  whole: { run: wholeFile, isEager: false },
  "byte by byte": { run: (file, options) => openFrom(cut(file, 1), options), isEager: true },
  "odd pieces": { run: (file, options) => openFrom(cut(file, 1013), options), isEager: true },
  "large pieces": { run: (file, options) => openFrom(cut(file, 65_536), options), isEager: false },
  ranges: { run: byRange, isEager: false },
};

function expectOutcome(vector: Vector, way: string, isEager: boolean, { code, released }: Outcome): void {
  expect(vector.expect, `${way}: ${code}`).toContain(code);
  if (code === "ok" || isEager) {
    expect(released.length, way).toBe(vector.released);
    expect(sha256Hex(released), way).toBe(vector.releasedSha256);
  }
}

/** Reads it in every way, and expects what it says. */
export async function checkFile(vector: Vector, crypto: CryptoProvider): Promise<void> {
  const identities = await Promise.all([
    ...vector.identities.map((secret) => importIdentity(secret, { crypto })),
    ...vector.seeds.map((seed) => importXWingIdentity(seed, { crypto })),
  ]);
  const { ignoreExpiry, minEpoch } = vector;
  const options = { identities, crypto, now: new Date(vector.now * 1000), ignoreExpiry, minEpoch };
  for (const [way, { run, isEager }] of Object.entries(ways)) {
    const before = vector.file.slice();
    const outcome = await outcomeOf(run(vector.file, options));
    expectOutcome(vector, way, isEager, outcome);
    expect(outcome.released.length, way).toBeLessThanOrEqual(vector.released);
    expect(Buffer.compare(before, vector.file), "the input is left alone").toBe(0);
  }
}
