import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSpki, encodePkcs8, encodeSpki } from "../../src/formats/der.js";
import {
  decodePrivateJwk,
  decodePublicJwk,
  type EcPrivateJwk,
  p256Jwk,
  type RawPrivateKey,
} from "../../src/formats/jwk.js";
import { encodePem, PemLabel } from "../../src/formats/pem.js";
import { readPrivateKey, readPublicKey } from "../../src/keywrap/key-input.js";
import { pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { privateJwk as encodePrivateJwk, publicJwk as encodePublicJwk, publicPem } from "../helpers/keys.js";

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

const pem = (key: KeyObject, type: "spki" | "pkcs8"): string =>
  key.export({ format: "pem", type } as never) as unknown as string;

/** One pair of each curve, as Node makes them. */
const generators = {
  X25519: () => generateKeyPairSync("x25519"),
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
};

const privateJwkOf = ({ curve, publicKey, privateKey }: RawPrivateKey) =>
  curve === "X25519" ? encodePrivateJwk(publicKey!, privateKey) : p256Jwk(publicKey!, privateKey);

describe("JWK (RFC 8037, RFC 7518) against node:crypto", () => {
  it.each(Object.entries(generators))(
    "%s: reads what Node exports, and Node reads what this writes",
    (curve, generate) => {
      for (let i = 0; i < 50; i++) {
        const { publicKey, privateKey } = generate();
        const jwk = privateKey.export({ format: "jwk" });
        const decoded = decodePrivateJwk(jwk);
        expect(decodePublicJwk(publicKey.export({ format: "jwk" }))).toEqual({
          curve,
          publicKey: decoded.publicKey,
        });
        const again = privateJwkOf(decoded);
        expect(again).toEqual(jwk);
        expect(pem(createPrivateKey({ key: { ...again }, format: "jwk" }), "pkcs8")).toBe(
          pem(privateKey, "pkcs8"),
        );
        const { d, ...publicMembers } = again as EcPrivateJwk;
        const publicAgain = createPublicKey({ key: publicMembers, format: "jwk" });
        expect(pem(publicAgain, "spki")).toBe(pem(publicKey, "spki"));
      }
    },
  );

  it("round trips any bytes, and ignores members that say nothing of the key", () => {
    fc.assert(
      fc.property(key32, key32, (publicKey, privateKey) => {
        expect(toHex(decodePublicJwk(encodePublicJwk(publicKey)).publicKey)).toBe(toHex(publicKey));
        const decoded = decodePrivateJwk({
          ...encodePrivateJwk(publicKey, privateKey),
          kid: "x",
          use: "enc",
        });
        expect([toHex(decoded.publicKey!), toHex(decoded.privateKey)]).toEqual([
          toHex(publicKey),
          toHex(privateKey),
        ]);
      }),
    );
  });

  const publicJwk = encodePublicJwk(pattern(32, 1));
  const privateJwk = encodePrivateJwk(pattern(32, 1), pattern(32, 2));
  const x33 = Buffer.from(pattern(33)).toString("base64url");
  const publicEc = { kty: "EC", crv: "P-256", x: publicJwk.x, y: publicJwk.x };
  const x31 = Buffer.from(pattern(31)).toString("base64url");

  it.each<[string, object, RegExp]>([
    ["a private key", privateJwk, /private key.*"d".*must be a public key/],
    ["a symmetric key", { ...publicJwk, k: "AAAA" }, /private key.*"k"/],
    ["an RSA private member", { ...publicJwk, dp: "AAAA" }, /private key.*"dp"/],
    ["d present and empty", { ...publicJwk, d: "" }, /private key/],
    ["d present and null", { ...publicJwk, d: null }, /private key/],
    ["Ed25519", { ...publicJwk, crv: "Ed25519" }, /got kty "OKP", crv "Ed25519", which signs/],
    ["X448", { ...publicJwk, crv: "X448" }, /got kty "OKP", crv "X448"/],
    ["P-384", { ...publicEc, crv: "P-384" }, /got kty "EC", crv "P-384"/],
    ["the curve of another type of key", { ...publicJwk, crv: "P-256" }, /got kty "OKP", crv "P-256"/],
    ["P-256 without y", { ...publicEc, y: undefined }, /"y" must be a string/],
    ["P-256 with a short y", { ...publicEc, y: x31 }, /"y" must be 32 bytes, got 31/],
    ["a key for signatures by its use", { ...publicEc, use: "sig" }, /key for signatures/],
    ["a key for signatures by its algorithm", { ...publicEc, alg: "ES256" }, /key for signatures/],
    ["RSA", { kty: "RSA", n: "AA", e: "AQAB" }, /got kty "RSA"/],
    [
      "another key in place of a name",
      { kty: publicJwk.x, crv: publicJwk.x },
      /got kty of type string, crv of/,
    ],
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
    ["a JWK set", { keys: [publicJwk] }, /kty missing/],
  ])("as a recipient: %s is refused with the reason (E3)", async (_, jwk, reason) => {
    const { message } = await expectCode(() => decodePublicJwk(jwk), "invalid-key");
    expect(message).toMatch(reason);
  });

  it.each<[string, object, RegExp]>([
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

describe("PEM (RFC 7468, RFC 8410, RFC 5915) against node:crypto", () => {
  it.each(Object.entries(generators))(
    "%s: reads what Node exports, and writes it again, byte for byte",
    async (curve, generate) => {
      for (let i = 0; i < 50; i++) {
        const { publicKey, privateKey } = generate();
        const raw = decodePrivateJwk(privateKey.export({ format: "jwk" }));
        const spki = pem(publicKey, "spki");
        const pkcs8 = pem(privateKey, "pkcs8");
        expect(await readPublicKey(spki)).toEqual({ curve, publicKey: raw.publicKey });
        expect(await readPublicKey(publicKey.export({ format: "der", type: "spki" }))).toEqual(
          await readPublicKey(spki),
        );
        expect(toHex((await readPrivateKey(pkcs8)).privateKey)).toBe(toHex(raw.privateKey));
        expect(await readPrivateKey(privateKey.export({ format: "der", type: "pkcs8" }))).toEqual(
          await readPrivateKey(pkcs8),
        );
        const content = encodeSpki({ ...raw, publicKey: raw.publicKey! });
        expect(encodePem({ label: PemLabel.publicKey, content })).toBe(spki);
        expect(
          encodePem({
            label: PemLabel.privateKey,
            content: encodePkcs8({ ...raw, publicKey: raw.publicKey! }),
          }),
        ).toBe(pkcs8);
        if (curve === "X25519") continue;
        const sec1 = privateKey.export({ format: "pem", type: "sec1" } as never);
        expect(await readPrivateKey(sec1)).toMatchObject(raw);
      }
    },
  );

  it("takes CRLF, other line lengths and space around the block", async () => {
    const text = publicPem(pattern(32, 3));
    const body = text.split("\n")[1]!;
    const variants = [
      text.replaceAll("\n", "\r\n"),
      `\n  ${text}\n\n`,
      text.trimEnd(),
      text.replace(body, `${body.slice(0, 20)}\n${body.slice(20)}`),
    ];
    for (const variant of variants) {
      expect(toHex((await readPublicKey(variant)).publicKey)).toBe(toHex(pattern(32, 3)));
    }
  });

  const x25519 = generateKeyPairSync("x25519");
  const ed25519 = generateKeyPairSync("ed25519");
  const x448 = generateKeyPairSync("x448");
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const spki = pem(x25519.publicKey, "spki");
  const pkcs8 = pem(x25519.privateKey, "pkcs8");
  const withBody = (text: string, body: (old: string) => string): string =>
    text.replace(/\n([A-Za-z0-9+/=]+)\n/, (_, old: string) => `\n${body(old)}\n`);

  it.each<[string, string, RegExp]>([
    ["a private key", pkcs8, /"PUBLIC KEY" is needed, got "PRIVATE KEY".*must be a public key/],
    [
      "a private key with the public label",
      pkcs8.replaceAll("PRIVATE", "PUBLIC"),
      /is a private key \(PKCS#8\)/,
    ],
    ["Ed25519", pem(ed25519.publicKey, "spki"), /Ed25519, which signs/],
    ["X448", pem(x448.publicKey, "spki"), /for X448/],
    ["P-384", pem(p384.publicKey, "spki"), /for P-384/],
    [
      "a certificate's label",
      spki.replaceAll("PUBLIC KEY", "CERTIFICATE"),
      /got "CERTIFICATE".*openssl x509/,
    ],
    ["two blocks", spki + spki, /2 PEM blocks \(PUBLIC KEY, PUBLIC KEY\)/],
    ["labels that differ", spki.replace("END PUBLIC", "END PRIVATE"), /no end that fits/],
    ["headers", spki.replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"), /has headers/],
    ["no body", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", /damaged or no key/],
    ["base64 that is not canonical", withBody(spki, (old) => `${old}=`), /not canonical base64/],
    ["a byte too many", withBody(spki, longer), /damaged/],
    ["a byte too few", withBody(spki, shorter), /damaged/],
    ["nothing", "", /is empty/],
  ])("as a recipient: %s is refused with the reason (E3)", async (_, text, reason) => {
    const { message } = await expectCode(() => readPublicKey(text), "invalid-key");
    expect(message).toMatch(reason);
  });

  it.each<[string, string, RegExp]>([
    ["a public key", spki, /"PRIVATE KEY" is needed, got "PUBLIC KEY"/],
    ["a public key with the private label", spki.replaceAll("PUBLIC", "PRIVATE"), /is a public key \(SPKI\)/],
    ["Ed25519", pem(ed25519.privateKey, "pkcs8"), /Ed25519, which signs/],
    [
      "an encrypted key",
      encrypted(x25519.privateKey),
      /got "ENCRYPTED PRIVATE KEY".*importEncryptedIdentity/,
    ],
    ["a byte too many", withBody(pkcs8, longer), /damaged/],
  ])(
    "as an identity: %s is refused with the reason, which holds no key (E3, I4)",
    async (_, text, reason) => {
      const { message } = await expectCode(() => readPrivateKey(text), "invalid-key");
      expect(message).toMatch(reason);
      expect(message).not.toContain(pkcs8.split("\n")[1]!.slice(24, 40));
    },
  );

  it.each(Object.entries(generators))(
    "%s: every flipped bit of the DER is another key or refused, never an accident",
    (curve, generate) => {
      const spki = generate().publicKey.export({ format: "der", type: "spki" });
      const keyFrom = spki.length - (curve === "X25519" ? 32 : 65);
      for (let bit = 0; bit < 8 * spki.length; bit++) {
        const flipped = Buffer.from(spki);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        if (bit >> 3 < keyFrom) expect(decodeSpki(new Uint8Array(flipped)), `bit ${bit}`).toBeUndefined();
        else
          expect(toHex(decodeSpki(new Uint8Array(flipped))!.publicKey)).toBe(
            flipped.subarray(keyFrom).toString("hex"),
          );
      }
    },
  );

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
