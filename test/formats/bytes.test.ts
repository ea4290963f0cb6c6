import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ascii,
  bytesArgument,
  compareBytes,
  concatBytes,
  constantTimeEqual,
  isAllZero,
  utf8,
  wipe,
} from "../../src/formats/bytes.js";
import { label } from "../../src/formats/label.js";
import { toHex } from "../helpers/bytes.js";
import { expectWrongType } from "../helpers/errors.js";

const bytes = () => fc.uint8Array({ maxLength: 64 });

describe("bytesArgument (I3)", () => {
  it("takes a Uint8Array as it is, and a Buffer of Node's pool as a plain view, whose slice copies", () => {
    const plain = Uint8Array.of(1, 2, 3);
    expect(bytesArgument("x", plain)).toEqual(plain);
    expect(bytesArgument("x", plain).buffer).toBe(plain.buffer);
    const pooled = Buffer.from("pooled");
    expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.length);
    const view = bytesArgument("x", pooled);
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype);
    expect([view.buffer, view.byteOffset, view.length]).toEqual([
      pooled.buffer,
      pooled.byteOffset,
      pooled.length,
    ]);
    const copy = view.slice();
    pooled.fill(0);
    expect(Buffer.from(copy).toString()).toBe("pooled");
  });

  it("refuses everything else, shared and resizable buffers included, and never shows the value", async () => {
    const growable = new (SharedArrayBuffer as unknown as new (n: number, o: object) => SharedArrayBuffer)(
      8,
      {
        maxByteLength: 16,
      },
    );
    const resizable = new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(8, {
      maxByteLength: 16,
    });
    const wrong: unknown[] = [
      undefined,
      null,
      "a very secret passphrase",
      7,
      [1, 2, 3],
      new ArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
      new Uint16Array(4),
      new Uint8ClampedArray(4),
      new Uint8Array(new SharedArrayBuffer(8)),
      new Uint8Array(growable),
      new Uint8Array(resizable),
      new Uint8Array(resizable, 0, 4),
      Object.create(null),
    ];
    for (const value of wrong) {
      const { message } = await expectWrongType(() => bytesArgument("the thing", value));
      expect(message).toContain("the thing");
      expect(message).not.toContain("secret");
    }
  });
});

describe("byte helpers against the platform's", () => {
  it("compare as Buffer.compare, in any order", () => {
    fc.assert(
      fc.property(bytes(), bytes(), (left, right) => {
        expect(Math.sign(compareBytes(left, right))).toBe(Buffer.compare(left, right));
        expect(constantTimeEqual(left, right)).toBe(Buffer.compare(left, right) === 0);
        expect(constantTimeEqual(left, left.slice())).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), fc.nat(7), (value, at, bit) => {
        const other = value.slice();
        other[at % value.length]! ^= 1 << bit;
        expect(constantTimeEqual(value, other)).toBe(false);
      }),
    );
  });

  it("concatenate as Buffer.concat, copying", () => {
    fc.assert(
      fc.property(fc.array(bytes()), (parts) => {
        const whole = concatBytes(...parts);
        expect(toHex(whole)).toBe(Buffer.concat(parts).toString("hex"));
        for (const part of parts) part.fill(0xff);
        expect(whole.buffer.byteLength).toBe(whole.length);
      }),
    );
  });

  it("know zeros, and wipe", () => {
    expect(isAllZero(new Uint8Array(5))).toBe(true);
    expect(isAllZero(new Uint8Array(0))).toBe(true);
    for (let i = 0; i < 5; i++) {
      const one = new Uint8Array(5);
      one[i] = 0x80;
      expect(isAllZero(one)).toBe(false);
      wipe(one, undefined);
      expect(isAllZero(one)).toBe(true);
    }
  });

  it("write labels as L(n), and refuse what is not printable ASCII", async () => {
    expect(toHex(label("slot"))).toBe(Buffer.from("blindreel/v1 slot\0", "latin1").toString("hex"));
    expect(toHex(utf8("ü"))).toBe("c3bc");
    for (const text of ["ü", "\n", "a\0b", "\x7f"]) await expectWrongType(() => ascii(text));
    for (const name of ["a\0", "é"]) await expectWrongType(() => label(name));
  });
});
