import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import type { ErrorCode } from "../../src/errors.js";
import type { Bytes } from "../../src/formats/bytes.js";
import type { StreamKey } from "../../src/stream/derive.js";
import { backends } from "../helpers/backends.js";
import { expectBytes, fromHex, withRandom } from "../helpers/bytes.js";
import { expectErrorCode } from "../helpers/errors.js";
import {
  describePublished,
  publishedVectors,
  type Wycheproof,
  type WycheproofTest,
} from "../helpers/published.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import {
  type Form,
  type Outcome,
  openByteByByte,
  openForms,
  openRandomly,
  openWhole,
  sealByteByByte,
  sealForms,
} from "./forms.js";
import { threaded } from "./threaded.js";

interface Test extends WycheproofTest {
  readonly key: string;
  readonly ctx: string;
  readonly ct: string;
  readonly msgLength?: number;
  readonly msgSha512?: string;
}

const CHUNK = 16384;
const HEADER = 56;

const sha512 = (bytes: Uint8Array): string => createHash("sha512").update(bytes).digest("hex");

describePublished("Wycheproof Cobblestone-256", () => {
  refuseUnhandledRejections();
  const file = publishedVectors<Wycheproof<{ aead: string; sha: string }, Test>>(
    "wycheproof-c2sp-chunked-encryption-aes-256-gcm.json",
  );
  const tests = file.testGroups.flatMap((group) => group.tests);

  /** Missing bytes show in the length, and may be told apart; everything else is the one failure. */
  function expectedCode(test: Test, sealed: Bytes): ErrorCode | "out-of-range" {
    if (test.flags.includes("InvalidKeySize")) return "out-of-range";
    if (sealed.length < HEADER) return "truncated";
    if (test.flags.includes("HeaderFailure")) return "authentication-failed";
    const lastChunk = (sealed.length - HEADER) % (CHUNK + 16);
    return lastChunk < 16 ? "truncated" : "authentication-failed";
  }

  function expectFailure({ failed, error }: Outcome, code: ErrorCode | "out-of-range", name: string): void {
    expect(failed, name).toBe(true);
    if (code !== "out-of-range") expectErrorCode(error, code);
    else {
      expect(error, name).toBeInstanceOf(RangeError);
      expect((error as { code: string }).code, name).toBe("out-of-range");
    }
  }

  it("is 35 vectors for AES-256-GCM and SHA-512: 10 valid, 25 not", () => {
    expect(file.testGroups.map(({ aead, sha }) => [aead, sha])).toEqual([["AEAD_AES_256_GCM", "SHA-512"]]);
    expect([tests.length, file.numberOfTests]).toEqual([35, 35]);
    expect(tests.filter((test) => test.result === "valid").length).toBe(10);
    expect(tests.filter((test) => test.result === "invalid").length).toBe(25);
  });

  for (const test of tests) {
    const sealed = new Uint8Array(inflateSync(Buffer.from(test.ct, "hex")));
    const streamKey: StreamKey = { key: fromHex(test.key), context: fromHex(test.ctx) };
    const isSmall = sealed.length < 100_000;
    const title = `${test.tcId}: ${test.comment}`;

    for (const crypto of [...backends, threaded]) {
      if (test.result === "valid") {
        it(`${title}, every form on ${crypto.name}`, async () => {
          const whole = await openWhole(sealed, streamKey, crypto);
          expect(whole.failed).toBe(false);
          expect(whole.released.length).toBe(test.msgLength);
          expect(sha512(whole.released)).toBe(test.msgSha512);
          const opens: Record<string, Form> = isSmall ? { ...openForms, openByteByByte } : { ...openForms };
          for (const [name, form] of Object.entries(opens)) {
            const { released, failed, error } = await form(sealed.slice(), streamKey, crypto);
            if (failed) throw error;
            expectBytes(released, whole.released, name);
          }
          const { size, read } = await openRandomly(sealed, streamKey, crypto);
          expect(size).toBe(test.msgLength);
          expectBytes(read!.released, whole.released, "random access");

          const salt = sealed.slice(0, 24);
          const seals: Record<string, Form> = isSmall ? { ...sealForms, sealByteByByte } : { ...sealForms };
          for (const [name, form] of Object.entries(seals)) {
            const again = await form(whole.released.slice(), streamKey, withRandom(crypto, salt));
            if (again.failed) throw again.error;
            expectBytes(again.released, sealed, name);
          }
        });
        continue;
      }

      it(`${title}, refused by every form on ${crypto.name}`, async () => {
        const code = expectedCode(test, sealed);
        const whole = await openWhole(sealed, streamKey, crypto);
        expectFailure(whole, code, "openBytes");
        expect(whole.released.length).toBe(0);

        const prefix = test.flags.includes("PartialPlaintext") ? test.msgLength! : 0;
        for (const [name, form] of Object.entries({ ...openForms, openByteByByte })) {
          const outcome = await form(sealed.slice(), streamKey, crypto);
          // The push form takes a header of 56 bytes; a shorter one is the caller's mistake.
          const isShortHeader = name === "createOpener" && sealed.length < HEADER;
          expectFailure(outcome, isShortHeader ? "out-of-range" : code, name);
          expect(outcome.released.length, name).toBeLessThanOrEqual(prefix);
          expect(outcome.released.length % CHUNK, name).toBe(0);
          if (outcome.released.length === prefix && prefix > 0) {
            expect(sha512(outcome.released), name).toBe(test.msgSha512);
          }
          // The streams that see chunks one at a time release the whole of the authentic prefix.
          if (/odd pieces|whole chunks|ByteByByte/.test(name)) expect(outcome.released.length).toBe(prefix);
        }

        const { opening, read } = await openRandomly(sealed, streamKey, crypto);
        if (test.flags.includes("ValidFinalChunk")) {
          expect(opening.failed).toBe(false);
          expectFailure(read!, "authentication-failed", "random access, reading");
        } else {
          expectFailure(opening, code, "random access, opening");
        }
      });
    }
  }
});
