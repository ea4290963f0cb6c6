import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { encode, u64 } from "../../src/formats/codec.js";
import { bytesSource } from "../../src/source/bytes.js";
import { openMessage, openThrough } from "../../src/stream/open.js";
import { type Padding, paddedLength, paddingArgument, padme, Unpadder } from "../../src/stream/padding.js";
import { type ByteInput, piecesOf } from "../../src/stream/pieces.js";
import { openRandomAccess } from "../../src/stream/random-access.js";
import { layOut, sealBytes, sealLayout, sealThrough } from "../../src/stream/seal.js";
import { backends, nobleProvider } from "../helpers/backends.js";
import { collect, cut, drain, expectBytes, pattern, withRandom } from "../helpers/bytes.js";
import { expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

const CHUNK = 16384;
/** Made anew for each call: the functions under the public ones wipe the key they are given. */
const newStreamKey = () => ({ key: pattern(32, 1), context: pattern(30, 2) });
const newPlan = () => ({ streamKey: newStreamKey(), isPadded: true });
const salt = pattern(24, 3);
const node = backends[0]!;
const MODES = ["chunk", "padme"] as const;

async function sealWhole(data: Bytes, padding: Padding, crypto: CryptoProvider): Promise<Bytes> {
  const plan = { prefix: new Uint8Array(0), streamKey: newStreamKey() };
  return sealLayout(layOut(data, 0, padding), plan, { crypto });
}

function sealPieces(input: ByteInput, padding: Padding, crypto: CryptoProvider): ReadableStream<Bytes> {
  const sealPlan = async () => ({ prefix: new Uint8Array(0), streamKey: newStreamKey() });
  return sealThrough(piecesOf(input), sealPlan, { padding, crypto });
}

const openWhole = (sealed: Bytes, crypto = node) => openMessage(sealed, 0, newPlan(), { crypto });
const openPieces = (input: ByteInput, crypto = node) =>
  openThrough(piecesOf(input), async () => newPlan(), { crypto });
const openRanges = (sealed: Bytes, crypto = node) =>
  openRandomAccess(bytesSource(sealed), 0, newPlan(), { crypto });

refuseUnhandledRejections();

describe("the length of padded content", () => {
  const lengths = fc.oneof(
    fc.nat(40_000),
    fc.nat(2 ** 31 - 1),
    fc.maxSafeNat().map((n) => n % 2 ** 45),
  );

  it("leaves 8 to 16383 modulo 16384, and holds data and length field", () => {
    for (const padding of MODES) {
      for (let length = 0; length < 3 * CHUNK; length++) checkRule(padding, length);
      fc.assert(
        fc.property(lengths, (length) => checkRule(padding, length)),
        { numRuns: 2000 },
      );
    }
  });

  function checkRule(padding: Padding, length: number): void {
    const total = paddedLength(padding, length);
    const rest = total % CHUNK;
    if (total < length + 8 || rest < 8) throw new Error(`${padding} of ${length} is ${total}`);
    if (padding === "chunk" && (rest !== CHUNK - 1 || total - length - 8 >= CHUNK)) {
      throw new Error(`chunk padding of ${length} is ${total}, not the smallest`);
    }
    // Padmé's bound (PURBs §4): 12 %, and the few bytes of the rule above.
    if (padding === "padme" && total > (length + 8) * 1.12 + 8)
      throw new Error(`padmé of ${length}: ${total}`);
  }

  it("is the smallest number that follows the rule, by counting", () => {
    for (const length of [0, 1, 16374, 16375, 16376, 16383, 16384, 32758, 32759, 100_000]) {
      let total = length + 8;
      while (total % CHUNK !== CHUNK - 1) total++;
      expect(paddedLength("chunk", length)).toBe(total);
      total = padme(length + 8);
      while (total % CHUNK < 8) total++;
      expect(paddedLength("padme", length)).toBe(total);
    }
  });

  it("is Padmé as published, and grows with the length", () => {
    // ⌊log2 ⌊log2 L⌋⌋ + 1 significant bits are kept.
    for (const [length, padded] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [8, 8],
      [9, 10],
      [100, 104],
      [1000, 1024],
      [1023, 1024],
      [10_000, 10_240],
      [1_000_000, 1_015_808],
      [2 ** 40, 2 ** 40],
      [2 ** 40 + 1, 2 ** 40 + 2 ** 34],
    ] as const) {
      expect(padme(length), String(length)).toBe(padded);
    }
    fc.assert(
      fc.property(lengths, (length) => {
        expect(padme(padme(length))).toBe(padme(length));
        expect(padme(length + 1)).toBeGreaterThanOrEqual(padme(length));
      }),
    );
  });

  it("of another mode is a TypeError", async () => {
    for (const mode of ["none", "", "Chunk", "__proto__", null, 5]) {
      await expectWrongType(() => paddingArgument("padding", mode));
    }
    for (const mode of MODES) expect(paddingArgument("padding", mode)).toBe(mode);
  });
});

describe("padded content opens to what was sealed", () => {
  const sizes = [
    0,
    1,
    7,
    8,
    9,
    16367,
    16374,
    16375,
    16376,
    16377,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    50_000,
  ];
  for (const crypto of backends) {
    for (const padding of MODES) {
      it(`${padding} on ${crypto.name}: whole, streamed and by range, equal and exact`, async () => {
        for (const size of sizes) {
          for (const data of [pattern(size, 9), new Uint8Array(size), endingInZeros(size)]) {
            const whole = await sealWhole(data, padding, withRandom(crypto, salt));
            const pieces = cut(data, 7, 16384, 5000, 30_000);
            const streamed = await collect(sealPieces(pieces, padding, withRandom(crypto, salt)));
            expectBytes(streamed, whole, `sealed, ${size}`);
            expectBytes(await openWhole(whole, crypto), data, `whole, ${size}`);
            expectBytes(await collect(openPieces(cut(whole, 999, 16400, 40_000), crypto)), data, `${size}`);
            const access = await openRanges(whole, crypto);
            expect(access.size).toBe(size);
            expectBytes(await access.read(0, size), data, "random access");
            expectBytes(await collect(access.stream()), data, "random access stream");
            const start = Math.floor(size / 3);
            expectBytes(await access.read(start, size), data.slice(start), "a range");
          }
        }
      });
    }
  }

  it("random lengths and contents of long runs of zeros", async () => {
    const run = fc.record({ zeros: fc.boolean(), length: fc.nat(40_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(run, { maxLength: 5 }), fc.constantFrom(...MODES), async (runs, padding) => {
        const data = concatBytes(
          ...runs.map(({ zeros, length }, i) => (zeros ? new Uint8Array(length) : pattern(length, i + 1))),
        );
        const sealed = await collect(sealPieces(cut(data, 20_000), padding, node));
        expectBytes(sealed, await sealWhole(data, padding, withRandom(node, sealed.slice(0, 24))));
        expectBytes(await collect(openPieces(cut(sealed, 12_345))), data);
        expectBytes(await openWhole(sealed), data);
        const access = await openRanges(sealed);
        expectBytes(await access.read(0, access.size), data);
      }),
      { numRuns: 60 },
    );
  });

  function endingInZeros(size: number): Bytes {
    const data = pattern(size, 10);
    data.fill(0, Math.floor(size / 2));
    return data;
  }
});

describe("long runs of zeros", () => {
  it("64 MiB of them come out as they went in, never held", async () => {
    const length = 64 * 2 ** 20 + 5;
    for (const data of ["all zeros", "a one in front", "a one at the end", "padding only"] as const) {
      const zeros = new Uint8Array(2 ** 20);
      async function* pieces() {
        if (data === "padding only") return;
        yield data === "a one in front" ? Uint8Array.of(1) : Uint8Array.of(0);
        for (let left = length - 2; left > 0; left -= zeros.length) {
          yield zeros.subarray(0, Math.min(left, zeros.length));
        }
        yield data === "a one at the end" ? Uint8Array.of(1) : Uint8Array.of(0);
      }
      let total = 0;
      let ones = 0;
      const sealed = sealPieces(pieces(), "padme", node);
      for await (const piece of openPieces(sealed)) {
        total += piece.length;
        expect(piece.length).toBeLessThanOrEqual(2 ** 20);
        if (piece.length === 1 || piece.at(0) === 1 || piece.at(-1) === 1) {
          ones += piece.reduce((sum, byte) => sum + byte, 0);
        }
      }
      expect(total).toBe(data === "padding only" ? 0 : length);
      expect(ones).toBe(data.startsWith("a one") ? 1 : 0);
    }
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(256 * 2 ** 20);
  });

  it("are given in pieces of bounded size, whatever their count", () => {
    const unpadder = new Unpadder();
    const zeros = new Uint8Array(64 * CHUNK);
    for (let i = 0; i < 100; i++) expect(unpadder.push(zeros).next().done).toBe(true);
    const last = concatBytes(new Uint8Array(100), encode(u64, 100 * zeros.length + 50));
    let count = 0;
    const released = unpadder.finish(last);
    for (let next = released.next(); !next.done; next = released.next()) {
      expect(next.value.length).toBeLessThanOrEqual(64 * 1024);
      count += next.value.length;
    }
    expect(count).toBe(100 * zeros.length + 50);
  });
});

describe("a sealer that does not follow the format is the one failure", () => {
  /** Sealed as it stands, then opened as padded: a key holder can write anything. */
  async function forms(padded: Bytes, crypto: CryptoProvider) {
    const sealed = await sealBytes(padded, newStreamKey(), { crypto });
    return {
      whole: () => openWhole(sealed, crypto),
      streamed: () => drain(openPieces(cut(sealed, 10_000), crypto)),
      ranges: () => openRanges(sealed, crypto),
    };
  }

  const zeros = (length: number): Bytes => new Uint8Array(length);
  const field = (text: string): Bytes => new Uint8Array(Buffer.from(text.padStart(16, "0"), "hex"));
  const length = (value: number): Bytes => encode(u64, value);

  const cases: Record<string, { padded: Bytes; seenByRanges?: boolean; mayRelease?: number }> = {
    "a length beyond the content": { padded: concatBytes(zeros(100), length(101)) },
    "a length that includes its own field": { padded: concatBytes(zeros(100), length(108)) },
    "a length of 2^53": { padded: concatBytes(zeros(100), field("0020000000000000")) },
    "a length of 2^64 - 1": { padded: concatBytes(zeros(100), field("ffffffffffffffff")) },
    "a negative-looking length": { padded: concatBytes(zeros(100), field("8000000000000000")) },
    "a one in the padding": { padded: concatBytes(zeros(99), Uint8Array.of(1), length(50)) },
    "a one right behind the data": {
      padded: concatBytes(pattern(50), Uint8Array.of(1), zeros(49), length(50)),
    },
    "a one in the padding of an earlier chunk": {
      padded: concatBytes(pattern(50), zeros(CHUNK - 51), Uint8Array.of(1), zeros(500), length(50)),
      seenByRanges: false,
      mayRelease: CHUNK,
    },
    "a one before the length field, two chunks": {
      padded: concatBytes(pattern(50), zeros(CHUNK), Uint8Array.of(1), length(50)),
      mayRelease: 50,
    },
    "no room for a length field": { padded: pattern(7) },
    "nothing at all": { padded: zeros(0) },
    "a length field across two chunks": { padded: concatBytes(zeros(CHUNK - 4), length(10)), mayRelease: 0 },
    "an empty last chunk": { padded: concatBytes(zeros(CHUNK - 8), length(10)), mayRelease: CHUNK },
  };

  for (const crypto of backends.filter((backend) => backend !== nobleProvider)) {
    for (const [name, { padded, seenByRanges = true, mayRelease = 0 }] of Object.entries(cases)) {
      it(`${name}, on ${crypto.name}`, async () => {
        const { whole, streamed, ranges } = await forms(padded, crypto);
        await expectCode(whole, "authentication-failed");
        const { released, failed, error } = await streamed();
        expect(failed).toBe(true);
        expectErrorCode(error, "authentication-failed");
        expect(released.length).toBeLessThanOrEqual(mayRelease);
        expectBytes(released, padded.slice(0, released.length));
        if (seenByRanges) return void (await expectCode(ranges, "authentication-failed"));
        // Opening looks at the last chunk only; reading gives the right bytes or sees the fault.
        const access = await ranges();
        expect(access.size).toBe(50);
        const read = access.read(0, 50).then(
          (bytes) => expectBytes(bytes, padded.slice(0, 50)),
          (failure) => expectErrorCode(failure, "authentication-failed"),
        );
        await read;
      });
    }
  }

  it("padding longer than needed is accepted: only its zeros and length are the format's", async () => {
    const padded = concatBytes(pattern(50), zeros(40_000), length(50));
    const { whole, streamed, ranges } = await forms(padded, node);
    expectBytes(await whole(), pattern(50));
    expectBytes((await streamed()).released, pattern(50));
    expect((await ranges()).size).toBe(50);
  });
});
