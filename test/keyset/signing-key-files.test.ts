/** Section K of the list of faults, for keys that sign: files of others are read, or refused with a sentence that holds no key. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DerReader, Tag } from "../../src/formats/der-reader.js";
import { generateSigningKey, importSigningKey } from "../../src/keyset/signing-key.js";
import { generateIdentity, importIdentity, importRecipient } from "../../src/keywrap/import.js";
import { importEncryptedIdentity } from "../../src/keywrap/passphrase.js";
import {
  generateXWingIdentity,
  importXWingIdentity,
  importXWingRecipient,
} from "../../src/keywrap/x-wing.js";
import { expectCode } from "../helpers/errors.js";
import { asUtf16, derOf, pemOf } from "../helpers/openssl.js";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const jwk = privateKey.export({ format: "jwk" }) as { kty: "OKP"; crv: "Ed25519"; x: string; d: string };
const [seed, point] = [Buffer.from(jwk.d, "base64url"), Buffer.from(jwk.x, "base64url")];
const pem = pemOf(privateKey, "pkcs8");

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag, content.length), content]);
};
const attributes = der(0xa0, der(0x30, Buffer.from("06092a864886f70d010914", "hex"), der(0x31, der(0x1e))));
const stated = (key: Uint8Array) => der(0x81, Buffer.of(0), key);
/** PKCS#8 (RFC 5958 §2) with these parts behind the key. */
const pkcs8 = (version: readonly number[], ...more: readonly Uint8Array[]) =>
  der(
    0x30,
    der(0x02, Buffer.from(version)),
    der(0x30, Buffer.from("06032b6570", "hex")),
    der(0x04, der(0x04, seed)),
    ...more,
  );
const asPem = (content: Uint8Array, label = "PRIVATE KEY") =>
  `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

const READ: Record<string, string | Uint8Array | object> = {
  "PEM of OpenSSL": pem,
  DER: derOf(privateKey, "pkcs8"),
  "PKCS#8 with attributes": asPem(pkcs8([0], attributes)),
  "PKCS#8 of version 2 with the public key, as Java writes it": pkcs8([1], stated(point)),
  "PKCS#8 of version 2 with attributes and the public key": asPem(pkcs8([1], attributes, stated(point))),
  "PEM behind text": `Bag Attributes\n    friendlyName: root\n${pem}`,
  "PEM with trailing blanks, CRLF and a byte order mark": `\ufeff${pem.replaceAll("\n", " \r\n")}`,
  "the bytes of a PEM file": Buffer.from(pem),
  "the bytes of a PEM file in UTF-16": asUtf16(pem),
  "the bytes of a JWK file with a byte order mark": Buffer.from(`\ufeff${JSON.stringify(jwk)}\n`),
  "a JWK with more members": { ...jwk, kid: "1", use: "sig", key_ops: ["sign"], ext: true },
  "the seed": seed,
};

describe("a key that signs", () => {
  it.each(Object.entries(READ))("is read: %s", async (_, form) => {
    expect((await importSigningKey(form as string)).toJwk()).toEqual(jwk);
  });

  const other = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }).subarray(12);
  const REFUSED: Record<string, readonly [string | Uint8Array | object, RegExp]> = {
    "a stated public half of another key": [pkcs8([1], stated(other)), /does not belong/],
    "the same as PEM": [asPem(pkcs8([1], stated(other))), /does not belong/],
    "a stated public half cut short": [pkcs8([1], stated(other.subarray(1))), /public key has 32 bytes/],
    "bytes behind it": [Buffer.concat([pkcs8([0]), Buffer.of(0)]), /DER encoding is damaged/],
    "an element behind it": [pkcs8([0], der(0x05)), /DER encoding is damaged/],
    "version 3": [pkcs8([2]), /no private Ed25519 key/],
    "a version of two bytes": [pkcs8([0, 0]), /DER encoding is damaged/],
    "a version that is negative": [pkcs8([0xff]), /DER encoding is damaged/],
    "a public key": [pemOf(publicKey, "spki"), /got "PUBLIC KEY"/],
    "the DER of one": [derOf(publicKey, "spki"), /no private Ed25519 key/],
    "a public JWK": [{ kty: "OKP", crv: "Ed25519", x: jwk.x }, /has no "d"/],
    "an encrypted key": [asPem(seed, "ENCRYPTED PRIVATE KEY"), /encrypted: decrypt it first/],
    X25519: [pemOf(generateKeyPairSync("x25519").privateKey, "pkcs8"), /no private Ed25519 key/],
    "P-256": [
      derOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, "pkcs8"),
      /no private Ed25519/,
    ],
    "a JWK for encryption": [{ ...jwk, use: "enc" }, /for encryption; one that signs/],
    "a seed of zeros": [new Uint8Array(32), /zeros is no secret/],
    "a short seed": [seed.subarray(1), /must be 32 bytes, got 31/],
    "the 64 bytes of seed and public key": [
      Buffer.concat([Buffer.alloc(32, 0xff), point]),
      /must be 32 bytes, got 64/,
    ],
    "PEM in a JSON string": [JSON.stringify(JSON.stringify(jwk)), /kty "OKP" and crv "Ed25519" is needed/],
    "1 MiB": [" ".repeat(2 ** 20), /at most 64 KiB/],
    "1 MiB of bytes": [new Uint8Array(2 ** 20), /at most 64 KiB/],
  };

  it.each(Object.entries(REFUSED))("is refused: %s", async (_, [form, sentence]) => {
    const { message, cause } = await expectCode(() => importSigningKey(form as string), "invalid-key");
    expect(message).toMatch(sentence);
    expect(`${message} ${cause}`).not.toContain(jwk.d.slice(0, 8));
  });
});

describe("keys of one use are not taken for another's", () => {
  it("a key stated to sign seals nothing, and a private half under any name is no recipient", async () => {
    const [plain, hybrid] = [await generateIdentity(), await generateXWingIdentity()];
    const leaking = { ...plain.recipient.toJwk(), priv: hybrid.toJwk().priv };
    await expectCode(() => importRecipient(leaking), "invalid-key");
    for (const name of ["d", "k", "priv"])
      await expectCode(
        () => importXWingRecipient({ ...hybrid.recipient.toJwk(), [name]: "AA" }),
        "invalid-key",
      );
    await expectCode(
      () => importXWingRecipient({ ...hybrid.recipient.toJwk(), use: "sig" } as never),
      "invalid-key",
    );
    await expectCode(() => importXWingIdentity({ ...hybrid.toJwk(), use: "sig" } as never), "invalid-key");
    const signing = (await generateSigningKey()).toJwk();
    await expectCode(() => importRecipient(signing as never), "invalid-key");
    await expectCode(() => importIdentity(signing as never), "invalid-key");
    await expectCode(() => importSigningKey(plain.toJwk() as never), "invalid-key");
  });
});

describe("above 64 KiB nothing is done with what is no key file", () => {
  const READERS = {
    importSigningKey,
    importIdentity,
    importRecipient,
    importXWingIdentity,
    importXWingRecipient,
    importEncryptedIdentity: (file: unknown) => importEncryptedIdentity(file as string, "x"),
  };

  it.each(Object.entries(READERS))("%s", async (_, read) => {
    const bytes = (byte: number) => new Uint8Array(2 ** 16 + 1).fill(byte);
    for (const file of ["-".repeat(2 ** 16 + 1), bytes(0x2d), bytes(0x30)]) {
      const { message } = await expectCode(() => read(file as never), "invalid-key");
      expect(message).toMatch(/at most 64 KiB/);
    }
  });
});

describe("an integer in DER", () => {
  it.each(["00", "01", "7f", "0080", "00ffffffff", "7fffffff"])("is read: %s", (hex) => {
    expect(new DerReader(new Uint8Array(der(Tag.integer, Buffer.from(hex, "hex")))).integer()).toBe(
      Number(`0x${hex}`),
    );
  });

  it.each(["", "80", "ff", "0000", "007f", "0100000000", "000100000000", "00".repeat(100)])(
    "is refused: %s",
    async (hex) => {
      const bytes = new Uint8Array(der(Tag.integer, Buffer.from(hex, "hex")));
      await expectCode(() => new DerReader(bytes).integer(), "invalid-key");
    },
  );
});
