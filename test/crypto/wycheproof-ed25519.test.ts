import { expect, it } from "vitest";
import { verifyEd25519 } from "../../src/crypto/ed25519.js";
import { backends } from "../helpers/backends.js";
import { fromHex } from "../helpers/bytes.js";
import {
  describePublished,
  publishedVectors,
  type Wycheproof,
  type WycheproofTest,
} from "../helpers/published.js";

interface Test extends WycheproofTest {
  readonly msg: string;
  readonly sig: string;
}

describePublished("Wycheproof Ed25519", () => {
  const file = publishedVectors<Wycheproof<{ publicKey: { pk: string } }, Test>>("wycheproof-ed25519.json");

  for (const backend of backends) {
    it(`all 151 strictly on ${backend.name} (E6)`, async () => {
      const count = { valid: 0, invalid: 0 };
      for (const { publicKey, tests } of file.testGroups) {
        for (const { tcId, msg, sig, result } of tests) {
          const accepted = await verifyEd25519(backend, fromHex(publicKey.pk), fromHex(msg), fromHex(sig));
          expect(accepted, `tcId ${tcId}`).toBe(result === "valid");
          count[accepted ? "valid" : "invalid"]++;
        }
      }
      expect(count).toEqual({ valid: 88, invalid: 63 });
      expect(file.numberOfTests).toBe(151);
    });
  }
});
