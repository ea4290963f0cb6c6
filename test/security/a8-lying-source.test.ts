/**
 * A8: storage lies. A source may state any size, change its mind, answer short, long or late, and hand out memory
 * that it goes on writing to: what is read is right or refused, and nothing is allocated for a claim alone.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  type ByteSource,
  type ExportableIdentity,
  generateIdentity,
  inspect,
  isBlindreelError,
  openSource,
  seal,
} from "../../src/index.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { backends } from "../helpers/backends.js";
import { generator, pattern, SEED, sameBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

refuseUnhandledRejections();

const content = pattern(5 * CHUNK + 300);
let identity: ExportableIdentity;
let file: Bytes;
let start: number;

beforeAll(async () => {
  identity = await generateIdentity();
  file = await seal(content, { to: identity.recipient });
  start = inspect(file).envelopeLength + 86;
});

const honest = (): ByteSource => ({
  size: async () => file.length,
  read: async (from, to) => file.slice(from, to),
});

const open = (source: ByteSource, crypto = backends[0]!) =>
  openSource(source, { identities: identity, crypto });

describe("A8 a size that is a lie", () => {
  it.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, 2 ** 53, undefined, null, "2000", {}, 2000n])(
    "%s is no size",
    async (size) => {
      await expectCode(() => open({ ...honest(), size: async () => size as number }), "source-failed");
    },
  );

  it("0 is no sealed file", async () => {
    await expectCode(() => open({ ...honest(), size: async () => 0 }), "not-an-envelope");
  });

  it("any smaller or larger one is refused: the last chunk would not be there", async () => {
    const near = [-SEALED_CHUNK, -300, -17, -16, -1, 1, 15, 16, 17, SEALED_CHUNK, 10 * SEALED_CHUNK];
    for (const difference of near) {
      const size = file.length + difference;
      const padded = new Uint8Array(Math.max(size, file.length) + 1);
      padded.set(file);
      const error = await caught(() =>
        open({ size: async () => size, read: async (from, to) => padded.slice(from, to) }),
      );
      expect(isBlindreelError(error) && error.code, `${difference}`).toMatch(
        /^(authentication-failed|truncated)$/,
      );
    }
  });

  it("D7 of 64 TiB and more costs no memory and one read of a chunk", async () => {
    const before = process.memoryUsage();
    for (const size of [
      2 ** 32,
      2 ** 40,
      2 ** 46,
      start + 2 ** 32 * SEALED_CHUNK - 1,
      2 ** 52,
      2 ** 53 - 1,
    ]) {
      const asked: number[] = [];
      const source: ByteSource = {
        size: async () => size,
        read: async (from, to) => {
          asked.push(to - from);
          return to <= file.length ? file.slice(from, to) : new Uint8Array(Math.min(to - from, 2 ** 20));
        },
      };
      const error = await caught(() => open(source));
      expect(isBlindreelError(error) && error.code).toMatch(/^(authentication-failed|truncated|malformed)$/);
      expect(Math.max(...asked)).toBeLessThanOrEqual(SEALED_CHUNK);
    }
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(8 * 2 ** 20);
  });

  it("that changes after opening changes nothing", async () => {
    let size = file.length;
    const source = await open({ ...honest(), size: async () => size });
    size = 10;
    expect(source.size).toBe(content.length);
    expect(sameBytes(await source.read(0, source.size), content)).toBe(true);
  });
});

describe.each(backends)("A8 answers that are lies, on $name", (crypto) => {
  it("of another length or type are refused", async () => {
    let answer: (from: number, to: number) => unknown = (from, to) => file.slice(from, to);
    const source = await open({ ...honest(), read: async (from, to) => answer(from, to) as Bytes }, crypto);
    for (const wrong of [-1, 1, -1000]) {
      answer = (from, to) => new Uint8Array(to - from + wrong);
      await expectCode(() => source.read(0, 10), "source-failed");
    }
    answer = () => new Uint8Array(0);
    await expectCode(() => source.read(0, 10), "source-failed");
    for (const type of [undefined, null, "text", [1, 2], new ArrayBuffer(SEALED_CHUNK)]) {
      answer = () => type;
      await expectWrongType(() => source.read(0, 10));
    }
    answer = (from, to) => new Uint8Array(new SharedArrayBuffer(to - from));
    await expectWrongType(() => source.read(0, 10));
    // One bad answer is not the end: the next good one is believed.
    answer = (from, to) => file.slice(from, to);
    expect(sameBytes(await source.read(5, 50_000), content.subarray(5, 50_000))).toBe(true);
  });

  it("of another place in the file are refused", async () => {
    let shift = 0;
    const source = await open(
      { ...honest(), read: async (from, to) => file.slice(from + shift, to + shift) },
      crypto,
    );
    for (shift of [1, 16, SEALED_CHUNK, 2 * SEALED_CHUNK]) {
      await expectCode(() => source.read(0, CHUNK), "authentication-failed");
    }
  });

  it("that differ from read to read are right or refused", async () => {
    const random = generator(SEED);
    let right = 0;
    let refused = 0;
    let armed = false;
    const source = await open(
      {
        ...honest(),
        read: async (from, to) => {
          const bytes = file.slice(from, to);
          if (armed && random() < 0.5)
            bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
          return bytes;
        },
      },
      crypto,
    );
    armed = true;
    for (let turn = 0; turn < 60; turn++) {
      const from = Math.floor(random() * content.length);
      const to = from + 1 + Math.floor(random() * (content.length - from));
      try {
        expect(sameBytes(await source.read(from, to), content.subarray(from, to))).toBe(true);
        right++;
      } catch (error) {
        if (!isBlindreelError(error)) throw error;
        expect(error.code).toBe("authentication-failed");
        refused++;
      }
    }
    expect(right).toBeGreaterThan(5);
    expect(refused).toBeGreaterThan(5);
  });

  it("while the file is being opened are refused, or were never looked at", async () => {
    // The n-th read is altered at one byte, for every n and a spread of bytes.
    for (let n = 0; n < 3; n++) {
      for (let at = 0; at < 4096; at += 331) {
        let reads = 0;
        const read = async (from: number, to: number) => {
          const bytes = file.slice(from, to);
          if (reads++ === n) bytes[at % bytes.length]! ^= 4;
          return bytes;
        };
        try {
          const source = await open({ ...honest(), read }, crypto);
          expect(sameBytes(await source.read(0, source.size), content)).toBe(true);
        } catch (error) {
          expect(isBlindreelError(error), String(error)).toBe(true);
        }
      }
    }
  });

  it("that are written to after they were handed out are right or refused (I3)", async () => {
    const shared = file.slice();
    const source = await open({ ...honest(), read: async (from, to) => shared.subarray(from, to) }, crypto);
    const reading = source.read(0, content.length);
    await Promise.resolve();
    shared.fill(0xee);
    const bytes = await reading.catch((error) => {
      expect(error.code).toBe("authentication-failed");
    });
    if (bytes) expect(sameBytes(bytes, content)).toBe(true);
    await expectCode(() => source.read(0, 1), "authentication-failed");
  });
});

describe("A8 another file behind the same source", () => {
  it("is refused, though the same recipient can open it", async () => {
    const other = await seal(content, { to: identity.recipient });
    let current = file;
    const source = await open({ ...honest(), read: async (from, to) => current.slice(from, to) });
    expect(await source.read(0, 3)).toEqual(content.slice(0, 3));
    current = other;
    await expectCode(() => source.read(0, 3), "authentication-failed");
    await expectCode(() => source.read(CHUNK, 2 * CHUNK), "authentication-failed");
  });

  it("swapped in between two reads of the opening is refused", async () => {
    const other = await seal(content, { to: identity.recipient });
    let reads = 0;
    await expectCode(
      () => open({ ...honest(), read: async (from, to) => (reads++ === 0 ? file : other).slice(from, to) }),
      "authentication-failed",
    );
  });
});

describe("ranges that are none", () => {
  it.each([
    [Number.NaN, 1],
    [0, Number.NaN],
    [-1, 1],
    [0.5, 1],
    [0, 1.5],
    [2, 1],
    [0, 1e9],
    [0, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, 0],
    ["0", 1],
    [0, undefined],
    [undefined, 1],
    [0n, 1],
    [2 ** 53, 2 ** 53],
  ])("read(%s, %s) is a RangeError", async (from, to) => {
    const source = await open(honest());
    await expectOutOfRange(() => source.read(from as number, to as number));
    if (from !== undefined && to !== undefined) {
      await expectOutOfRange(() => source.stream(from as number, to as number));
    }
  });

  it("empty ones are empty, everywhere inside", async () => {
    const source = await open(honest());
    for (const at of [0, 1, CHUNK, content.length]) expect(await source.read(at, at)).toHaveLength(0);
    await expectOutOfRange(() => source.read(content.length + 1, content.length + 1));
  });
});

describe("what a source gets to see", () => {
  it("of the opener's options is the signal alone, never identities or keys (I4)", async () => {
    const seen: unknown[] = [];
    const { signal } = new AbortController();
    const source: ByteSource = {
      size: async (options) => {
        seen.push(options);
        return file.length;
      },
      read: async (from, to, options) => {
        seen.push(options);
        return file.slice(from, to);
      },
    };
    await openSource(source, { identities: identity, signal });
    await openSource(source, { identities: identity });
    expect(seen.length).toBeGreaterThanOrEqual(4);
    for (const options of seen)
      expect(Object.keys(options as object).filter((name) => name !== "signal")).toEqual([]);
  });
});
