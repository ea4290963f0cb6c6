import { expect, it } from "vitest";
import { hkdfExpand, hkdfExtract } from "../../src/crypto/hkdf.js";
import type { HashName } from "../../src/crypto/provider.js";
import { constantTimeEqual } from "../../src/formats/bytes.js";
import { backends } from "../helpers/backends.js";
import { fromHex, toHex } from "../helpers/bytes.js";
import { expectOutOfRange } from "../helpers/errors.js";
import {
  describePublished,
  publishedVectors,
  type Wycheproof,
  type WycheproofTest,
} from "../helpers/published.js";

interface HkdfTest extends WycheproofTest {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}

interface HmacTest extends WycheproofTest {
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
}

const hkdfFiles = [
  ["SHA-256", "wycheproof-hkdf-sha256.json", 86],
  ["SHA-512", "wycheproof-hkdf-sha512.json", 83],
] as const satisfies [HashName, string, number][];

for (const [hash, name, expectedCount] of hkdfFiles) {
  describePublished(`Wycheproof HKDF-${hash}`, () => {
    const { testGroups, numberOfTests } = publishedVectors<Wycheproof<object, HkdfTest>>(name);
    const tests = testGroups.flatMap((group) => group.tests);

    for (const backend of backends) {
      it(`all ${expectedCount} on ${backend.name}`, async () => {
        let count = 0;
        for (const { tcId, ikm, salt, info, size, okm, result } of tests) {
          const prk = await hkdfExtract(backend, hash, fromHex(salt), fromHex(ikm));
          const expand = () => hkdfExpand(backend, hash, prk, fromHex(info), size);
          if (result === "invalid") await expectOutOfRange(expand);
          else expect(toHex(await expand()), `tcId ${tcId}`).toBe(okm);
          count++;
        }
        expect(count).toBe(expectedCount);
        expect(numberOfTests).toBe(expectedCount);
      });
    }
  });
}

describePublished("Wycheproof HMAC-SHA-256", () => {
  const file = publishedVectors<Wycheproof<{ tagSize: number }, HmacTest>>("wycheproof-hmac-sha256.json");

  for (const backend of backends) {
    it(`all 174 on ${backend.name}; truncated tags against the prefix`, async () => {
      const count: Record<string, number> = {};
      for (const { tagSize, tests } of file.testGroups) {
        for (const { tcId, key, msg, tag, result } of tests) {
          const mac = await backend.hmac("SHA-256", fromHex(key), fromHex(msg));
          expect(mac.length).toBe(32);
          const fits = constantTimeEqual(mac.subarray(0, tagSize / 8), fromHex(tag));
          expect(fits, `tcId ${tcId}`).toBe(result === "valid");
          count[`${tagSize} ${result}`] = (count[`${tagSize} ${result}`] ?? 0) + 1;
        }
      }
      expect(Object.values(count).reduce((sum, n) => sum + n)).toBe(174);
      expect(file.numberOfTests).toBe(174);
    });
  }
});
