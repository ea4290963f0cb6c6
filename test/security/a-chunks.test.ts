/**
 * A1 to A4 and A7 to A9 on sealed files of 1, 2, 256 and 257 chunks: Hoang, Reyhanitabar, Rogaway, Vizár, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (STREAM, 2015), CCTV's age vectors, Tink's
 * streaming tests. Every way to open, streaming and by range.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import {
  type ExportableIdentity,
  generateIdentity,
  inspect,
  type OpenOptions,
  openFrom,
  openSource,
  seal,
} from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { backends } from "../helpers/backends.js";
import { drain, generator, pattern, SEED, sameBytes } from "../helpers/bytes.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { expectRefused, join, type Parts, partsOf, pulled, rangedStream, ways, whole } from "./ways.js";

refuseUnhandledRejections();

const [node, ...others] = backends;
const COUNTS = [1, 2, 256, 257];

interface Sealed {
  readonly content: Bytes;
  readonly file: Bytes;
  readonly parts: Parts;
}

const sealed = new Map<number, Sealed>();
let identity: ExportableIdentity;

beforeAll(async () => {
  identity = await generateIdentity();
  for (const count of COUNTS) {
    const content = pattern((count - 1) * CHUNK + 150, count);
    const file = await seal(content, { to: identity.recipient });
    sealed.set(count, { content, file, parts: partsOf(file, inspect(file).envelopeLength) });
  }
});

/** First, last, and around the borders of the counter's bytes. */
function sample(count: number): number[] {
  const wanted = [0, 1, 127, 254, 255, count - 2, count - 1];
  return [...new Set(wanted)].filter((index) => index >= 0 && index < count);
}

async function refusedEverywhere(file: Bytes, content: Bytes, intactChunks: number): Promise<void> {
  for (const way of ways) {
    const outcome = await way.run(file, { identities: identity });
    expectRefused(outcome, content);
    expect(outcome.released.length, way.name).toBeLessThanOrEqual(intactChunks * CHUNK);
    if (!way.releases) expect(outcome.released.length, way.name).toBe(0);
  }
}

/** Every range of one chunk gives the right bytes or an error (A8). @returns how many gave bytes. */
async function rightOrRefused(file: Bytes, content: Bytes): Promise<number> {
  let right = 0;
  const source = await openSource(bytesSource(file), { identities: identity }).catch(() => undefined);
  if (!source) return 0;
  for (let start = 0; start < source.size; start += CHUNK) {
    const end = Math.min(source.size, start + CHUNK);
    const bytes = await source.read(start, end).catch((error) => {
      expectRefused({ released: new Uint8Array(0), error }, content);
      return undefined;
    });
    if (!bytes) continue;
    expect(sameBytes(bytes, content.subarray(start, end))).toBe(true);
    right++;
  }
  return right;
}

/** Head and chunks as single pieces, so that nothing is held back that could come out. */
function chunkByChunk(file: Bytes, options: OpenOptions) {
  const { head, chunks } = partsOf(file, inspect(file).envelopeLength);
  return drain(openFrom([head, ...chunks], options));
}

describe.each(COUNTS)("a file of %i chunks", (count) => {
  it("opens every way, and every other backend opens it too", async () => {
    const { content, file } = sealed.get(count)!;
    for (const crypto of backends) {
      for (const way of crypto === node ? ways : [pulled, rangedStream]) {
        const { released, error } = await way.run(file, { identities: identity, crypto });
        expect(error).toBeUndefined();
        expect(sameBytes(released, content)).toBe(true);
      }
    }
  });

  it("A1 with two chunks swapped is refused", async () => {
    const { content, parts } = sealed.get(count)!;
    for (const index of sample(count)) {
      for (const other of [index + 1, count - 1]) {
        if (other >= count || other === index) continue;
        const chunks = [...parts.chunks];
        [chunks[index], chunks[other]] = [chunks[other]!, chunks[index]!];
        const file = join(parts.head, chunks);
        await refusedEverywhere(file, content, index);
        await rightOrRefused(file, content);
      }
    }
  });

  it("A1 with a chunk deleted is refused", async () => {
    const { content, parts } = sealed.get(count)!;
    for (const index of sample(count)) {
      const chunks = parts.chunks.filter((_, i) => i !== index);
      await refusedEverywhere(join(parts.head, chunks), content, index);
      expect(await rightOrRefused(join(parts.head, chunks), content)).toBe(0);
    }
  });

  it("A1 with a chunk duplicated is refused", async () => {
    const { content, parts } = sealed.get(count)!;
    for (const index of sample(count)) {
      const chunks = parts.chunks.flatMap((chunk, i) => (i === index ? [chunk, chunk] : [chunk]));
      await refusedEverywhere(join(parts.head, chunks), content, index + 1);
    }
  });

  it("A2 cut around every sampled border is refused", async () => {
    const { content, file, parts } = sealed.get(count)!;
    for (const index of sample(count)) {
      const border = parts.head.length + index * SEALED_CHUNK;
      for (const offset of [-17, -16, -1, 0, 1, 15, 16, 17]) {
        const cutFile = file.slice(0, border + offset);
        await refusedEverywhere(cutFile, content, index);
        expect(await rightOrRefused(cutFile, content)).toBe(0);
      }
    }
    await refusedEverywhere(file.slice(0, -1), content, count - 1);
  });

  it("A3 with a byte, a part of a chunk, a chunk or a second last chunk behind it is refused", async () => {
    const { content, file, parts } = sealed.get(count)!;
    const last = parts.chunks.at(-1)!;
    const additions = [
      new Uint8Array(1),
      pattern(16),
      pattern(1000),
      pattern(SEALED_CHUNK - last.length),
      pattern(SEALED_CHUNK),
      last,
      parts.chunks[0]!,
      file,
    ];
    for (const addition of additions) {
      const longer = concatBytes(file, addition);
      await refusedEverywhere(longer, content, count - 1);
      expect(await rightOrRefused(longer, content)).toBe(0);
    }
  });

  it(`A4 with one bit of a random byte flipped is refused, and A8 the rest is readable (seed ${SEED})`, async () => {
    const { content, file, parts } = sealed.get(count)!;
    const random = generator(SEED + count);
    for (let turn = 0; turn < 12; turn++) {
      const at = parts.head.length + Math.floor(random() * (file.length - parts.head.length));
      const flipped = file.slice();
      flipped[at]! ^= 1 << Math.floor(random() * 8);
      const damaged = Math.floor((at - parts.head.length) / SEALED_CHUNK);
      await refusedEverywhere(flipped, content, damaged);
      // A damaged last chunk means that no size is believed; any other costs itself alone.
      expect(await rightOrRefused(flipped, content)).toBe(damaged === count - 1 ? 0 : count - 1);
    }
  });

  it("A7 exactly the whole chunks before the fault come out, on every backend", async () => {
    const { content, file, parts } = sealed.get(count)!;
    for (const damaged of sample(count)) {
      const flipped = file.slice();
      flipped[parts.head.length + damaged * SEALED_CHUNK + 5]! ^= 0x10;
      for (const crypto of count > 2 && damaged > 1 ? [node!] : backends) {
        const outcome = await chunkByChunk(flipped, { identities: identity, crypto });
        expectRefused(outcome, content, ["authentication-failed"]);
        expect(outcome.released.length).toBe(damaged * CHUNK);
      }
    }
  });
});

describe("a small file, byte by byte", () => {
  it("A2 cut at every byte offset is refused every way", async () => {
    const { content, file } = sealed.get(1)!;
    for (let end = 0; end < file.length; end++) {
      const cutFile = file.slice(0, end);
      for (const way of ways) {
        const { released, error } = await way.run(cutFile, { identities: identity });
        expectRefused({ released, error }, content, end === 0 ? ["not-an-envelope"] : undefined);
        expect(released.length, `${way.name} at ${end}`).toBe(0);
      }
    }
  });

  it("A4, D1 one bit flipped in every byte is refused every way", async () => {
    const { content, file } = sealed.get(1)!;
    const refusals = [
      "not-an-envelope",
      "unsupported-version",
      "unsupported-algorithm",
      "limit-exceeded",
      "malformed",
      "wrong-kind",
      "no-matching-key",
      "truncated",
      "authentication-failed",
      "expired",
    ] as const;
    const seen = new Set<string>();
    for (let at = 0; at < file.length; at++) {
      const flipped = file.slice();
      flipped[at]! ^= 1 << (at % 8);
      for (const way of ways) {
        const { released, error } = await way.run(flipped, { identities: identity });
        seen.add(expectRefused({ released, error }, content, refusals).code);
        expect(released.length, `${way.name} at ${at}`).toBe(0);
      }
    }
    // An altered expiry is reported as altered, not as expired (D8).
    expect(seen).not.toContain("expired");
  });

  it.each(others)("A4, D1 the same on $name, every seventh byte", async (crypto) => {
    const { content, file } = sealed.get(1)!;
    for (let at = 0; at < file.length; at += 7) {
      const flipped = file.slice();
      flipped[at]! ^= 0x80 >> (at % 8);
      const expected = await whole.run(flipped, { identities: identity });
      const actual = await pulled.run(flipped, { identities: identity, crypto });
      expectRefused(actual, content, [(expected.error as { code: "malformed" }).code]);
    }
  });
});

describe("A5 splices between files that one recipient can open", () => {
  it("no chunk, segment, metadata or slot of one file is of use in another", async () => {
    const content = pattern(CHUNK + 500);
    const make = () => seal(content, { to: identity.recipient, metadata: { name: "x" } });
    const [left, right] = [await make(), await make()];
    const { envelopeLength } = inspect(left);
    expect(inspect(right).envelopeLength).toBe(envelopeLength);
    const joints = [
      ["the envelope", 0, envelopeLength],
      ["the core's head", 18, 18 + 57],
      ["the recording id", 23, 39],
      ["the sealed metadata", 18 + 61, 18 + 61 + 584],
      ["the commitment", 18 + 61 + 584, 18 + 93 + 584],
      ["the slot", 24 + 93 + 584, envelopeLength - 32],
      ["the MAC", envelopeLength - 32, envelopeLength],
      ["the segment's header", envelopeLength, envelopeLength + 30],
      ["the stream's salt", envelopeLength + 30, envelopeLength + 54],
      ["the stream's commitment", envelopeLength + 54, envelopeLength + 86],
      ["the first chunk", envelopeLength + 86, envelopeLength + 86 + SEALED_CHUNK],
      ["the last chunk", envelopeLength + 86 + SEALED_CHUNK, left.length],
      ["the whole stream", envelopeLength + 30, left.length],
    ] as const;
    for (const [name, from, to] of joints) {
      const spliced = left.slice();
      spliced.set(right.subarray(from, to), from);
      for (const way of ways) {
        const outcome = await way.run(spliced, { identities: identity });
        expectRefused(outcome, content, ["authentication-failed"]);
        if (name !== "the last chunk") expect(outcome.released.length, name).toBe(0);
      }
    }
  });
});
