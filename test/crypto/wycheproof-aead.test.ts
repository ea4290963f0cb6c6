import { expect, it } from "vitest";
import { backends } from "../helpers/backends.js";
import { fromHex, toHex } from "../helpers/bytes.js";
import { expectCode, expectOutOfRange } from "../helpers/errors.js";
import {
  describePublished,
  publishedVectors,
  type Wycheproof,
  type WycheproofTest,
} from "../helpers/published.js";

interface Group {
  readonly ivSize: number;
  readonly keySize: number;
  readonly tagSize: number;
}
interface Test extends WycheproofTest {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}

describePublished("Wycheproof AES-256-GCM", () => {
  const file = publishedVectors<Wycheproof<Group, Test>>("wycheproof-aes-256-gcm.json");

  for (const backend of backends) {
    it(`all 105 on ${backend.name}: 96-bit nonces as published, every other length refused`, async () => {
      const count = { sealed: 0, refused: 0, unauthentic: 0 };
      for (const { ivSize, keySize, tagSize, tests } of file.testGroups) {
        expect([keySize, tagSize]).toEqual([256, 128]);
        for (const test of tests) {
          const key = await backend.importAesGcmKey(fromHex(test.key));
          const [nonce, aad, message] = [fromHex(test.iv), fromHex(test.aad), fromHex(test.msg)];
          const sealed = fromHex(test.ct + test.tag);
          if (ivSize !== 96) {
            await expectOutOfRange(() => key.seal(nonce, message, aad));
            await expectOutOfRange(() => key.open(nonce, sealed, aad));
            count.refused++;
          } else if (test.result === "valid") {
            expect(toHex(await key.seal(nonce, message, aad)), `tcId ${test.tcId}`).toBe(test.ct + test.tag);
            expect(toHex(await key.open(nonce, sealed, aad)), `tcId ${test.tcId}`).toBe(test.msg);
            if (aad.length === 0) expect(toHex(await key.open(nonce, sealed))).toBe(test.msg);
            count.sealed++;
          } else {
            await expectCode(() => key.open(nonce, sealed, aad), "authentication-failed");
            count.unauthentic++;
          }
        }
      }
      expect(count).toEqual({ sealed: 39, refused: 39, unauthentic: 27 });
      expect(count.sealed + count.refused + count.unauthentic).toBe(105);
      expect(file.numberOfTests).toBe(105);
    });
  }
});
