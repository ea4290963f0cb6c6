import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBase64,
  decodeBase64Url,
  decodeHex,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
} from "../../src/formats/encoding.js";
import { toHex } from "../helpers/bytes.js";
import { expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";

const forms = [
  { name: "hex", encode: encodeHex, decode: decodeHex, node: "hex", alphabet: "0123456789abcdefABCDEF" },
  {
    name: "base64url",
    encode: encodeBase64Url,
    decode: decodeBase64Url,
    node: "base64url",
    alphabet: "ABCDYZabcyz0189-_+/= \n",
  },
  {
    name: "base64",
    encode: encodeBase64,
    decode: decodeBase64,
    node: "base64",
    alphabet: "ABCDYZabcyz0189-_+/= \n",
  },
] as const;

describe.each(forms)("$name, against Node's own", ({ encode, decode, node, alphabet }) => {
  it("round trips", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(encode(bytes)).toBe(Buffer.from(bytes).toString(node));
        expect(toHex(decode(encode(bytes)))).toBe(toHex(bytes));
      }),
    );
  });

  it("accepts a text only if it is what the encoder writes (D6)", () => {
    const text = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 });
    let accepted = 0;
    fc.assert(
      fc.property(text, (candidate) => {
        try {
          expect(encode(decode(candidate))).toBe(candidate);
          accepted++;
        } catch (error) {
          expectErrorCode(error, "malformed");
        }
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(10);
  });

  it("refuses what is no string", async () => {
    for (const wrong of [undefined, null, 5, ["AA"], new Uint8Array(2)]) {
      await expectWrongType(() => decode(wrong as never));
    }
  });
});

/** Texts that no encoder writes, by form. */
const REFUSED = [
  {
    form: "hex",
    decode: decodeHex,
    texts: {
      "upper case": "AB",
      "mixed case": "aB",
      "an odd length": "abc",
      "a prefix": "0xab",
      "white space": "ab cd",
    },
  },
  {
    form: "base64url",
    decode: decodeBase64Url,
    texts: {
      padding: "AA==",
      "non-zero trailing bits": "AB",
      "non-zero trailing bits of three": "AAB",
      "one character too many": "AAAAA",
      "the other alphabet": "AA+_",
      "white space": "AA\n",
      "white space inside": "A A",
      "a non-ASCII look-alike": "AА",
    },
  },
  {
    form: "base64",
    decode: decodeBase64,
    texts: {
      "no padding": "AA",
      "too much padding": "AAAA====",
      "padding inside": "AA==AA==",
      "non-zero trailing bits": "AB==",
      "the other alphabet": "A-_=",
      "white space": "AA =",
    },
  },
];

describe("strictness, case by case", () => {
  describe.each(REFUSED)("$form", ({ decode, texts }) => {
    it.each(Object.entries(texts))("with %s", async (_, text) => {
      await expectCode(() => decode(text), "malformed");
    });
  });

  it("says nothing of the text in its error (I4)", async () => {
    for (const decode of [decodeHex, decodeBase64, decodeBase64Url]) {
      const { message, stack } = await expectCode(() => decode("sécretive!"), "malformed");
      expect(message + stack?.split("\n")[0]).not.toMatch(/é|s.cret/);
    }
  });
});
