import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodePrivateJwk,
  decodePublicJwk,
  encodePrivateJwk,
  encodePublicJwk,
} from "../../src/formats/jwk.js";
import {
  decodePrivatePem,
  decodePublicPem,
  encodePrivatePem,
  encodePublicPem,
} from "../../src/formats/pem.js";
import { pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

const pem = (key: KeyObject, type: "spki" | "pkcs8"): string =>
  key.export({ format: "pem", type } as never) as unknown as string;

describe("JWK (RFC 8037) against node:crypto", () => {
  it("reads what Node exports, and Node reads what this writes", () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey, privateKey } = generateKeyPairSync("x25519");
      const jwk = privateKey.export({ format: "jwk" });
      const decoded = decodePrivateJwk(jwk);
      expect(decodePublicJwk(publicKey.export({ format: "jwk" }))).toEqual(decoded.publicKey);
      const again = encodePrivateJwk(decoded.publicKey, decoded.privateKey);
      expect(again).toEqual(jwk);
      expect(pem(createPrivateKey({ key: { ...again }, format: "jwk" }), "pkcs8")).toBe(
        pem(privateKey, "pkcs8"),
      );
      const publicAgain = createPublicKey({ key: { ...encodePublicJwk(decoded.publicKey) }, format: "jwk" });
      expect(pem(publicAgain, "spki")).toBe(pem(publicKey, "spki"));
    }
  });

  it("round trips any bytes, and ignores members that say nothing of the key", () => {
    fc.assert(
      fc.property(key32, key32, (publicKey, privateKey) => {
        expect(toHex(decodePublicJwk(encodePublicJwk(publicKey)))).toBe(toHex(publicKey));
        const decoded = decodePrivateJwk({
          ...encodePrivateJwk(publicKey, privateKey),
          kid: "x",
          use: "enc",
        });
        expect([toHex(decoded.publicKey), toHex(decoded.privateKey)]).toEqual([
          toHex(publicKey),
          toHex(privateKey),
        ]);
      }),
    );
  });

  const publicJwk = encodePublicJwk(pattern(32, 1));
  const privateJwk = encodePrivateJwk(pattern(32, 1), pattern(32, 2));
  const x33 = Buffer.from(pattern(33)).toString("base64url");
  const x31 = Buffer.from(pattern(31)).toString("base64url");

  it.each<[string, unknown, RegExp]>([
    ["a private key", privateJwk, /private key.*"d".*must be a public key/],
    ["a symmetric key", { ...publicJwk, k: "AAAA" }, /private key.*"k"/],
    ["an RSA private member", { ...publicJwk, dp: "AAAA" }, /private key.*"dp"/],
    ["d present and empty", { ...publicJwk, d: "" }, /private key/],
    ["d present and undefined", { ...publicJwk, d: undefined }, /private key/],
    ["Ed25519", { ...publicJwk, crv: "Ed25519" }, /crv "X25519" is needed, got "Ed25519"/],
    ["X448", { ...publicJwk, crv: "X448" }, /got "X448"/],
    ["P-256", { kty: "EC", crv: "P-256", x: "AA", y: "AA" }, /kty "OKP" is needed, got "EC"/],
    ["RSA", { kty: "RSA", n: "AA", e: "AQAB" }, /got "RSA"/],
    ["no kty", { crv: "X25519", x: publicJwk.x }, /kty/],
    ["no x", { kty: "OKP", crv: "X25519" }, /"x" must be a string/],
    ["x of another type", { ...publicJwk, x: [1] }, /"x" must be a string/],
    ["33 bytes", { ...publicJwk, x: x33 }, /"x" must be 32 bytes, got 33/],
    ["31 bytes", { ...publicJwk, x: x31 }, /"x" must be 32 bytes, got 31/],
    ["padded base64url", { ...publicJwk, x: `${publicJwk.x}=` }, /not canonical base64url/],
    [
      "base64",
      { ...publicJwk, x: Buffer.from(new Uint8Array(32).fill(0xff)).toString("base64") },
      /canonical/,
    ],
    ["trailing bits", { ...publicJwk, x: `${publicJwk.x.slice(0, -1)}B` }, /canonical/],
    ["null", null, /must be an object/],
    ["an array", [publicJwk], /must be an object/],
    ["text", JSON.stringify(publicJwk), /must be an object/],
    ["a JWK set", { keys: [publicJwk] }, /kty/],
  ])("as a recipient: %s is refused with the reason (E3)", async (_, jwk, reason) => {
    const { message } = await expectCode(() => decodePublicJwk(jwk), "invalid-key");
    expect(message).toMatch(reason);
  });

  it.each<[string, unknown, RegExp]>([
    ["a public key", publicJwk, /public key.*no "d".*private key is needed/],
    ["d of 31 bytes", { ...privateJwk, d: x31 }, /"d" must be 32 bytes, got 31/],
    ["d of another type", { ...privateJwk, d: 7 }, /"d" must be a string/],
    ["d not canonical", { ...privateJwk, d: `${privateJwk.d}=` }, /"d" is not canonical/],
    ["no x", { kty: "OKP", crv: "X25519", d: privateJwk.d }, /"x"/],
    ["Ed25519", { ...privateJwk, crv: "Ed25519" }, /Ed25519/],
  ])("as an identity: %s is refused with the reason, which holds no key (E3, I4)", async (_, jwk, reason) => {
    const { message } = await expectCode(() => decodePrivateJwk(jwk), "invalid-key");
    expect(message).toMatch(reason);
    expect(message).not.toContain(privateJwk.d.slice(0, 12));
  });
});

describe("PEM (RFC 7468, RFC 8410) against node:crypto", () => {
  it("reads what Node exports, and Node reads what this writes, byte for byte", () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey, privateKey } = generateKeyPairSync("x25519");
      const jwk = privateKey.export({ format: "jwk" }) as { x: string; d: string };
      const spki = pem(publicKey, "spki");
      const pkcs8 = pem(privateKey, "pkcs8");
      expect(Buffer.from(decodePublicPem(spki)).toString("base64url")).toBe(jwk.x);
      expect(Buffer.from(decodePrivatePem(pkcs8)).toString("base64url")).toBe(jwk.d);
      expect(encodePublicPem(decodePublicPem(spki))).toBe(spki);
      expect(encodePrivatePem(decodePrivatePem(pkcs8))).toBe(pkcs8);
    }
  });

  it("takes CRLF, other line lengths and space around the block", () => {
    const text = encodePublicPem(pattern(32, 3));
    const body = text.split("\n")[1]!;
    const variants = [
      text.replaceAll("\n", "\r\n"),
      `\n  ${text}\n\n`,
      text.trimEnd(),
      text.replace(body, `${body.slice(0, 20)}\n${body.slice(20)}`),
    ];
    for (const variant of variants) expect(toHex(decodePublicPem(variant))).toBe(toHex(pattern(32, 3)));
  });

  const x25519 = generateKeyPairSync("x25519");
  const ed25519 = generateKeyPairSync("ed25519");
  const x448 = generateKeyPairSync("x448");
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = pem(x25519.publicKey, "spki");
  const pkcs8 = pem(x25519.privateKey, "pkcs8");
  const withBody = (text: string, body: (old: string) => string): string =>
    text.replace(/\n([A-Za-z0-9+/=]+)\n/, (_, old: string) => `\n${body(old)}\n`);

  it.each<[string, string, RegExp]>([
    ["a private key", pkcs8, /"PUBLIC KEY" is needed.*got "PRIVATE KEY"/],
    [
      "a private key with the public label",
      pkcs8.replaceAll("PRIVATE", "PUBLIC"),
      /not a public key for X25519/,
    ],
    ["Ed25519", pem(ed25519.publicKey, "spki"), /not a public key for X25519/],
    ["X448", pem(x448.publicKey, "spki"), /not a public key for X25519/],
    ["P-256", pem(p256.publicKey, "spki"), /not a public key for X25519/],
    ["a certificate's label", spki.replaceAll("PUBLIC KEY", "CERTIFICATE"), /got "CERTIFICATE"/],
    ["two blocks", spki + spki, /not one PEM block/],
    ["text before it", `key:\n${spki}`, /not one PEM block/],
    ["labels that differ", spki.replace("END PUBLIC", "END PRIVATE"), /not one PEM block/],
    ["headers", spki.replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"), /not one PEM block/],
    ["no body", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", /not one PEM block/],
    ["base64 that is not canonical", withBody(spki, (old) => `${old}=`), /not canonical base64/],
    ["a byte too many", withBody(spki, (old) => longer(old)), /not a public key for X25519/],
    ["a byte too few", withBody(spki, (old) => shorter(old)), /not a public key for X25519/],
    ["nothing", "", /not one PEM block/],
  ])("as a recipient: %s is refused with the reason (E3)", async (_, text, reason) => {
    const { message } = await expectCode(() => decodePublicPem(text), "invalid-key");
    expect(message).toMatch(reason);
  });

  it.each<[string, string, RegExp]>([
    ["a public key", spki, /"PRIVATE KEY" is needed.*got "PUBLIC KEY"/],
    [
      "a public key with the private label",
      spki.replaceAll("PUBLIC", "PRIVATE"),
      /not a private key for X25519/,
    ],
    ["Ed25519", pem(ed25519.privateKey, "pkcs8"), /not a private key for X25519/],
    ["an encrypted key", encrypted(x25519.privateKey), /got "ENCRYPTED PRIVATE KEY"/],
    [
      "P-256 in SEC 1 form",
      p256.privateKey.export({ format: "pem", type: "sec1" }) as string,
      /got "EC PRIVATE KEY"/,
    ],
    ["a byte too many", withBody(pkcs8, longer), /not a private key for X25519/],
  ])(
    "as an identity: %s is refused with the reason, which holds no key (E3, I4)",
    async (_, text, reason) => {
      const { message } = await expectCode(() => decodePrivatePem(text), "invalid-key");
      expect(message).toMatch(reason);
      expect(message).not.toContain(pkcs8.split("\n")[1]!.slice(24, 40));
    },
  );

  it("every flipped bit of the DER is another key or refused, never an accident", () => {
    const der = Buffer.from(spki.split("\n")[1]!, "base64");
    for (let bit = 0; bit < 8 * der.length; bit++) {
      const flipped = Buffer.from(der);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const text = withBody(spki, () => flipped.toString("base64"));
      if (bit >> 3 < der.length - 32) expect(() => decodePublicPem(text)).toThrow();
      else expect(toHex(decodePublicPem(text))).toBe(flipped.subarray(-32).toString("hex"));
    }
  });

  function longer(body: string): string {
    return Buffer.concat([Buffer.from(body, "base64"), Buffer.of(0)]).toString("base64");
  }

  function shorter(body: string): string {
    return Buffer.from(body, "base64").subarray(0, -1).toString("base64");
  }

  function encrypted(key: KeyObject): string {
    return key.export({
      format: "pem",
      type: "pkcs8",
      cipher: "aes-256-cbc",
      passphrase: "x",
    } as never) as never;
  }
});
