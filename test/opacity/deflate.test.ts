/** The decompressor of the checks against zlib's, on everything that zlib writes and on what it refuses. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inflate } from "../../src/opacity/deflate.js";
import { TEXT } from "./broken-sealers.js";
import { randomBytes } from "./objects.js";

describe("inflate", () => {
  it("undoes zlib at every level and strategy, with something behind it", () => {
    for (const data of [new Uint8Array(0), TEXT, randomBytes(70_000), new Uint8Array(100_000)]) {
      for (const level of [0, 1, 6, 9]) {
        for (const strategy of [0, 1, 2, 3, 4]) {
          const packed = deflateRawSync(data, { level, strategy });
          const { state, output, used } = inflate(
            new Uint8Array(Buffer.concat([packed, randomBytes(20)])),
            2 ** 20,
          );
          expect({ state, used }).toEqual({ state: "end", used: packed.length });
          expect(Buffer.compare(output, data)).toBe(0);
        }
      }
    }
  });

  it("stops where the input ends, with what came out before", () => {
    const packed = new Uint8Array(deflateRawSync(TEXT));
    const { state, output } = inflate(packed.subarray(0, 2000), 2 ** 20);
    expect(state).toBe("more");
    expect(output.length).toBeGreaterThan(2000);
    expect(Buffer.compare(output, TEXT.subarray(0, output.length))).toBe(0);
  });

  it("accepts of any bytes what zlib accepts, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const ours = inflate(bytes, 2 ** 20);
        let theirs: Buffer | undefined;
        try {
          theirs = inflateRawSync(bytes);
        } catch {
          // Refused or cut off.
        }
        if (theirs) {
          expect(ours.state).toBe("end");
          expect(Buffer.compare(ours.output, theirs)).toBe(0);
        } else expect(ours.state).not.toBe("end");
      }),
      { numRuns: 5000 },
    );
  });
});
