import { expect, it } from "vitest";
import { p256Of } from "../../src/crypto/p256.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { checkPublicKey } from "../../src/keywrap/curves.js";
import { checkedDh } from "../../src/keywrap/dhkem.js";
import { p256Fault, p256Group, p256ScalarFault } from "../../src/keywrap/p256.js";
import { backends } from "../helpers/backends.js";
import { fromHex, toHex } from "../helpers/bytes.js";
import { caught, expectCode } from "../helpers/errors.js";
import { describePublished, publishedVectors, type WycheproofTest } from "../helpers/published.js";

interface Test extends WycheproofTest {
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}

/** The file's scalars are integers of any length; ours have 32 bytes. */
const scalarOf = ({ private: hex }: Test) => fromHex(hex.replace(/^(00)+/, "").padStart(64, "0"));

async function agree(crypto: CryptoProvider, test: Test): Promise<string> {
  const scalar = scalarOf(test);
  expect(p256ScalarFault(scalar)).toBeUndefined();
  const backend = p256Of(crypto);
  const privateKey = await backend.importPrivate(scalar, await backend.derivePublicKey(scalar));
  const publicKey = await backend.importPublic(fromHex(test.public));
  return toHex(await checkedDh(crypto, p256Group, privateKey, publicKey));
}

describePublished("Wycheproof ECDH on P-256, encoded points", () => {
  const { tests } = publishedVectors<{ readonly tests: readonly Test[] }>(
    "wycheproof-ecdh-p256-ecpoint.json",
  );

  it.each(backends)(
    "all 355 on $name: what is valid gives the shared x, the rest is refused before (E1, E2)",
    async (crypto) => {
      const count = { agreed: 0, leadingZero: 0, compressed: 0, offCurve: 0, empty: 0 };
      for (const test of tests) {
        const what = `tcId ${test.tcId}`;
        if (test.result === "valid") {
          expect(p256Fault(fromHex(test.public)), what).toBeUndefined();
          expect(await agree(crypto, test), what).toBe(test.shared);
          count.agreed++;
          if (scalarOf(test)[0] === 0) count.leadingZero++;
          continue;
        }
        const check = () => checkPublicKey("P-256", fromHex(test.public));
        const { message } = await expectCode(check, "invalid-key");
        if (test.flags.includes("CompressedPoint")) {
          expect(message, what).toMatch(/compressed point/);
          count.compressed++;
        } else if (test.flags.includes("InvalidCurveAttack")) {
          expect(message, what).toMatch(/not on the curve|not canonically encoded/);
          count.offCurve++;
        } else {
          expect([test.public, message], what).toEqual(["", expect.stringMatching(/infinity/)]);
          count.empty++;
        }
      }
      expect(count).toEqual({ agreed: 330, leadingZero: 2, compressed: 8, offCurve: 16, empty: 1 });
      expect(tests.length).toBe(355);
    },
  );

  it.each(backends)("$name agrees on x = 0, which lies on the curve", async (crypto) => {
    const zero = tests.find(({ shared }) => /^0{64}$/.test(shared))!;
    expect(zero.result).toBe("valid");
    expect(await agree(crypto, zero)).toBe("00".repeat(32));
  });

  it.each(backends)("$name refuses by itself what is off the curve, behind our own check", async (crypto) => {
    const invalid = tests.filter(({ flags }) => flags.includes("InvalidCurveAttack"));
    expect(invalid).toHaveLength(16);
    for (const test of invalid) await caught(() => agree(crypto, test));
  });
});

it("scalars are 1 … n - 1", () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const bytes = (value: bigint) => fromHex(value.toString(16).padStart(64, "0"));
  for (const value of [1n, 2n, order - 2n, order - 1n]) expect(p256ScalarFault(bytes(value))).toBeUndefined();
  for (const value of [0n, order, order + 1n, 2n ** 256n - 1n]) {
    expect(p256ScalarFault(bytes(value))).toMatch(/between 1 and the order/);
  }
  for (const length of [0, 31, 33])
    expect(p256ScalarFault(new Uint8Array(length).fill(1))).toMatch(/must be 32/);
});

it("a point is 0x04, x and y below p, on the curve (E2)", () => {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const coordinate = (value: bigint) => value.toString(16).padStart(64, "0");
  const y = 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4n;
  const point = (x: bigint, ordinate: bigint, tag = "04") =>
    fromHex(tag + coordinate(x) + coordinate(ordinate));
  expect(p256Fault(point(0n, y))).toBeUndefined();
  expect(p256Fault(point(0n, p - y))).toBeUndefined();
  expect(p256Fault(point(p, y))).toMatch(/not canonically/);
  expect(p256Fault(point(0n, p))).toMatch(/not canonically/);
  expect(p256Fault(point(0n, y + 1n))).toMatch(/not on the curve/);
  // Hybrid points (X9.62 §4.3.6) are another encoding of the same point.
  for (const tag of ["05", "06", "07"])
    expect(p256Fault(point(0n, y, tag))).toMatch(/uncompressed point of 65/);
  expect(p256Fault(fromHex("00"))).toMatch(/infinity/);
  expect(p256Fault(new Uint8Array(65))).toMatch(/infinity/);
});
