import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlindreelError, malformed } from "../../src/errors.js";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  type Codec,
  checked,
  constant,
  decode,
  encode,
  fixed,
  prefixed,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../../src/formats/codec.js";
import { toHex } from "../helpers/bytes.js";
import { expectCode, expectOutOfRange } from "../helpers/errors.js";

interface Sample {
  readonly magic: undefined;
  readonly small: number;
  readonly even: number;
  readonly large: number;
  readonly huge: number;
  readonly id: Uint8Array<ArrayBuffer>;
  readonly text: Uint8Array<ArrayBuffer>;
}

/** One of each combinator. */
const sample: Codec<Sample> = struct<Sample>({
  magic: constant(Uint8Array.of(0x42, 0x4c), (reader) => reader.malformed("another magic")),
  small: u8,
  even: checked(u16, (value, fail) => {
    if (value % 2 !== 0) throw fail("odd");
  }),
  large: u32,
  huge: u64,
  id: fixed(4),
  text: prefixed(u16, "text", 20),
});

const samples: fc.Arbitrary<Sample> = fc.record({
  magic: fc.constant(undefined),
  small: fc.integer({ min: 0, max: 0xff }),
  even: fc.integer({ min: 0, max: 0x7fff }).map((half) => 2 * half),
  large: fc.integer({ min: 0, max: 0xffff_ffff }),
  huge: fc.maxSafeNat(),
  id: fc.uint8Array({ minLength: 4, maxLength: 4 }) as fc.Arbitrary<Bytes>,
  text: fc.uint8Array({ maxLength: 20 }) as fc.Arbitrary<Bytes>,
});

describe("codecs (D6)", () => {
  it("decode what they encode, and encode what they decode", () => {
    fc.assert(
      fc.property(samples, (value) => {
        const encoded = encode(sample, value);
        const decoded = decode(sample, encoded, "a sample");
        expect({ ...decoded, id: toHex(decoded.id), text: toHex(decoded.text) }).toEqual({
          ...value,
          id: toHex(value.id),
          text: toHex(value.text),
        });
        expect(toHex(encode(sample, decoded))).toBe(toHex(encoded));
      }),
    );
  });

  /** Whatever is accepted is the encoding of what it decodes to; what is not gives one of our errors. */
  function expectCanonical(bytes: Bytes): void {
    let decoded: Sample;
    try {
      decoded = decode(sample, bytes, "a sample");
    } catch (error) {
      expect(error).toBeInstanceOf(BlindreelError);
      expect(["malformed", "limit-exceeded"]).toContain((error as BlindreelError).code);
      return;
    }
    expect(toHex(encode(sample, decoded))).toBe(toHex(bytes));
  }

  it("every mutation of accepted bytes fails or re-encodes to itself", () => {
    const mutation = fc.oneof(
      fc.record({ kind: fc.constant("flip"), at: fc.nat(), value: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ kind: fc.constant("cut"), at: fc.nat(), value: fc.constant(0) }),
      fc.record({ kind: fc.constant("insert"), at: fc.nat(), value: fc.nat(255) }),
      fc.record({ kind: fc.constant("delete"), at: fc.nat(), value: fc.constant(0) }),
    );
    fc.assert(
      fc.property(samples, mutation, (value, { kind, at, value: byte }) => {
        const encoded = encode(sample, value);
        const position = at % encoded.length;
        const bytes = Array.from(encoded);
        if (kind === "flip") bytes[position]! ^= byte;
        if (kind === "cut") bytes.length = position;
        if (kind === "insert") bytes.splice(position, 0, byte);
        if (kind === "delete") bytes.splice(position, 1);
        expectCanonical(Uint8Array.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("random bytes never give anything but our errors", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        expectCanonical(Uint8Array.from([0x42, 0x4c, ...tail]));
        expectCanonical(tail as Bytes);
      }),
    );
  });

  it("every cut and every addition says malformed, with where", async () => {
    const value = {
      magic: undefined,
      small: 1,
      even: 2,
      large: 3,
      huge: 4,
      id: new Uint8Array(4),
      text: Uint8Array.of(9, 9),
    };
    const encoded = encode(sample, value);
    for (let length = 0; length < encoded.length; length++) {
      const error = await expectCode(() => decode(sample, encoded.slice(0, length), "x", 100), "malformed");
      expect((error.details as { offset: number }).offset).toBeLessThanOrEqual(100 + length);
    }
    const longer = Uint8Array.from([...encoded, 0]);
    const error = await expectCode(() => decode(sample, longer, "x", 100), "malformed");
    expect(error.details).toEqual({ offset: 100 + encoded.length });
  });

  it("numbers are big-endian and held to their width, in both directions", async () => {
    expect(toHex(encode(u16, 0x0102))).toBe("0102");
    expect(toHex(encode(u32, 0xfffefdfc))).toBe("fffefdfc");
    expect(toHex(encode(u64, 2 ** 53 - 1))).toBe("001fffffffffffff");
    expect(decode(u64, encode(u64, 2 ** 53 - 1), "x")).toBe(2 ** 53 - 1);
    for (const [codec, limit] of [
      [u8, 2 ** 8],
      [u16, 2 ** 16],
      [u32, 2 ** 32],
      [u64, 2 ** 53],
    ] as const) {
      for (const value of [limit, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expectOutOfRange(() => encode(codec, value));
      }
    }
    for (const text of ["0020000000000000", "ffffffffffffffff", "8000000000000000"]) {
      await expectCode(() => decode(u64, new Uint8Array(Buffer.from(text, "hex")), "x"), "malformed");
    }
  });

  it("a length above the ceiling is refused before anything is taken (D7)", async () => {
    const codec = prefixed(u32, "metadata", 1000);
    const error = await expectCode(
      () => decode(codec, Uint8Array.of(0xff, 0xff, 0xff, 0xff), "x"),
      "limit-exceeded",
    );
    expect(error.details).toEqual({ limit: 1000, actual: 2 ** 32 - 1 });
    await expectCode(() => encode(codec, new Uint8Array(1001)), "limit-exceeded");
    expect(decode(codec, encode(codec, new Uint8Array(1000)), "x").length).toBe(1000);
    await expectOutOfRange(() => encode(fixed(4), new Uint8Array(3)));
  });

  it("a rule holds for the writer too", async () => {
    const value = { magic: undefined, small: 1, even: 3, large: 3, huge: 4, id: new Uint8Array(4) };
    await expectCode(() => encode(sample, { ...value, text: new Uint8Array(0) }), "malformed");
    expect(malformed("x", 3).details).toEqual({ offset: 3 });
  });
});
