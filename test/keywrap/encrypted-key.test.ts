/** Private keys that OpenSSL encrypted: PKCS#8 under PBES2 (RFC 8018), and what such a file can have become. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { isAllZero } from "../../src/formats/bytes.js";
import { decodePem, findPem } from "../../src/formats/pem.js";
import { importIdentity } from "../../src/keywrap/import.js";
import { importEncryptedIdentity } from "../../src/keywrap/passphrase.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { asUtf16, openssl, opensslMissing, pemOf } from "../helpers/openssl.js";

const PASSPHRASE = "swordfish";
const pairs = {
  X25519: generateKeyPairSync("x25519"),
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
};
const { X25519: x25519 } = pairs;

/** Each character of a passphrase counts as OpenSSL reads it from a file. */
const encrypt = (key: KeyObject, ...options: string[]): string =>
  openssl(["pkcs8", "-topk8", "-passout", `pass:${PASSPHRASE}`, ...options], pemOf(key, "pkcs8")).toString();

const expected = async (key: KeyObject) => (await importIdentity(pemOf(key, "pkcs8"))).thumbprint;

const FORMS: Readonly<Record<string, readonly string[]>> = {
  "as OpenSSL encrypts unless told otherwise": [],
  "-v2 aes-256-cbc": ["-v2", "aes-256-cbc"],
  "-v2 aes-128-cbc": ["-v2", "aes-128-cbc"],
  "-v2prf hmacWithSHA1": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"],
  "-v2prf hmacWithSHA384": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"],
  "-v2prf hmacWithSHA512": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"],
  "-iter 600000": ["-v2", "aes-256-cbc", "-iter", "600000"],
  "-scrypt": ["-scrypt"],
  "-scrypt with a cost": ["-scrypt", "-scrypt_N", "4096", "-scrypt_r", "4", "-scrypt_p", "2"],
};

describe.skipIf(opensslMissing)("importEncryptedIdentity", () => {
  for (const [curve, { privateKey }] of Object.entries(pairs)) {
    it.each(Object.entries(FORMS))(`reads ${curve}: %s`, async (_, options) => {
      const pem = encrypt(privateKey, ...options);
      const identity = await importEncryptedIdentity(pem, PASSPHRASE);
      expect(identity.thumbprint).toBe(await expected(privateKey));
      expect(createPrivateKey(identity.toPem()).equals(privateKey)).toBe(true);
      await expectCode(() => importEncryptedIdentity(pem, "swordfisH"), "authentication-failed");
    });
  }

  const pem = encrypt(x25519.privateKey);
  const der = decodePem(findPem(pem));

  it("takes PEM, DER, and their bytes as editors store them", async () => {
    const thumbprint = await expected(x25519.privateKey);
    const forms = [
      pem,
      der,
      Buffer.from(pem),
      Buffer.from(`\ufeff${pem}`),
      asUtf16(pem),
      `Bag Attributes\n${pem}`,
    ];
    for (const form of forms)
      expect((await importEncryptedIdentity(form, PASSPHRASE)).thumbprint).toBe(thumbprint);
  });

  it("takes the passphrase as it is typed: UTF-8, not normalised", async () => {
    const typed = "Za\u0308hler \u{1f511}";
    const args = ["pkcs8", "-topk8", "-passout", `pass:${typed}`];
    const file = openssl(args, pemOf(x25519.privateKey, "pkcs8")).toString();
    await importEncryptedIdentity(file, typed);
    await expectCode(() => importEncryptedIdentity(file, typed.normalize("NFC")), "authentication-failed");
  });

  it("of 1,000 wrong passphrases none opens it, and all fail alike", async () => {
    const quick = encrypt(x25519.privateKey, "-iter", "1");
    await importEncryptedIdentity(quick, PASSPHRASE);
    for (let i = 0; i < 1000; i++)
      expectErrorCode(await caught(() => importEncryptedIdentity(quick, `${i}`)), "authentication-failed");
  });

  it("no damaged byte gives another key, where the thumbprint is known: CBC alone would not tell", async () => {
    const quick = decodePem(findPem(encrypt(x25519.privateKey, "-iter", "1")));
    const options = { expected: await expected(x25519.privateKey) };
    await importEncryptedIdentity(quick, PASSPHRASE, options);
    const codes = new Set<string>();
    for (let at = 0; at < quick.length; at++) {
      const damaged = quick.slice();
      damaged[at]! ^= 0x10;
      const error = await caught(() => importEncryptedIdentity(damaged, PASSPHRASE, options));
      codes.add((error as { code: string }).code);
      await expectCode(() => importEncryptedIdentity(quick.slice(0, at), PASSPHRASE), "invalid-key");
    }
    expect([...codes].sort()).toEqual(["authentication-failed", "invalid-key", "unexpected-identity"]);
  });

  it("work above a ceiling is refused before any", async () => {
    const options = { maxIterations: 2047 };
    const refused = () => importEncryptedIdentity(pem, PASSPHRASE, options);
    expect((await expectCode(refused, "limit-exceeded")).details).toEqual({ limit: 2047, actual: 2048 });
    const start = performance.now();
    const endless = withInteger(der, 2048, 0x7fff);
    await expectCode(
      () => importEncryptedIdentity(endless, PASSPHRASE, { maxIterations: 10_000 }),
      "limit-exceeded",
    );
    const scrypt = decodePem(findPem(encrypt(x25519.privateKey, "-scrypt", "-scrypt_N", "16384")));
    const [memory] = [withInteger(scrypt, 16_384, 0x7fff)];
    await expectCode(() => importEncryptedIdentity(memory, PASSPHRASE), "invalid-key");
    await expectCode(
      () => importEncryptedIdentity(withParallelism(scrypt, 17), PASSPHRASE),
      "limit-exceeded",
    );
    await expectCode(
      () => importEncryptedIdentity(withBlockSize(scrypt, 127), PASSPHRASE),
      "authentication-failed",
    );
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  /** Costs within each ceiling of their own whose product is hours, or is more memory than the runtime gives. */
  it.each([
    ["all lanes at the highest memory", 16_384, 127, 16],
    ["wide blocks in all lanes", 2, 2 ** 19, 16],
    ["wide blocks in one lane", 2, 2 ** 20, 1],
    ["a hundred passes of 40 MiB", 32_768, 10, 40],
    ["numbers of 32 bits", 2 ** 31, 2 ** 31, 2 ** 31],
  ])("scrypt: %s, refused before any work", async (_, N, r, p) => {
    const start = performance.now();
    await expectCode(() => importEncryptedIdentity(scryptFile(N, r, p), PASSPHRASE), "limit-exceeded");
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("the passphrase's bytes are wiped, whatever ends the work", async () => {
    const imports = vi.spyOn(crypto.subtle, "importKey");
    const quick = encrypt(x25519.privateKey, "-iter", "1");
    const slow = withIterations(1_000_000);
    const bytes = () =>
      imports.mock.calls.filter((call) => call[2] === "PBKDF2").map(([, raw]) => raw as never);
    try {
      await importEncryptedIdentity(quick, PASSPHRASE);
      await expectCode(() => importEncryptedIdentity(quick, "swordfisH"), "authentication-failed");
      const signal = AbortSignal.timeout(30);
      expect(await caught(() => importEncryptedIdentity(slow, PASSPHRASE, { signal }))).toBe(signal.reason);
      expect(bytes()).toHaveLength(3);
      await vi.waitUntil(() => bytes().every(isAllZero), 10_000);
    } finally {
      imports.mockRestore();
    }
  });

  it("an abort is heard during PBKDF2 and during scrypt", async () => {
    for (const options of [
      ["-iter", "8000000"],
      ["-scrypt", "-scrypt_N", "16384", "-scrypt_r", "8", "-scrypt_p", "12"],
    ]) {
      const slow =
        options[0] === "-iter" ? withIterations(8_000_000) : encrypt(x25519.privateKey, ...options);
      const signal = AbortSignal.timeout(30);
      expect(await caught(() => importEncryptedIdentity(slow, PASSPHRASE, { signal }))).toBe(signal.reason);
    }
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    expect(await caught(() => importEncryptedIdentity(pem, PASSPHRASE, { signal }))).toBe(reason);
  });

  /** A file that asks for so many iterations; what it holds does not matter. */
  function withIterations(iterations: number): Uint8Array {
    const file = decodePem(findPem(encrypt(x25519.privateKey, "-iter", "1000000")));
    const at = Buffer.from(file).indexOf(Buffer.from("02030f4240", "hex"));
    file.set(Buffer.from(iterations.toString(16).padStart(6, "0"), "hex"), at + 2);
    return file;
  }

  /** PBES2 with scrypt (RFC 7914 §7) and AES-256-CBC, of nothing that opens. */
  function scryptFile(...cost: readonly number[]): Uint8Array {
    const der = (tag: number, ...parts: readonly Uint8Array[]) => {
      const content = Buffer.concat(parts);
      const size = content.length < 128 ? [content.length] : [0x81, content.length];
      return Buffer.concat([Buffer.of(tag, ...size), content]);
    };
    const integer = (value: number) => {
      const hex = value.toString(16);
      const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
      return der(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
    };
    const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
    const kdf = der(
      0x30,
      oid("2b06010401da47040b"),
      der(0x30, der(0x04, Buffer.alloc(16, 1)), ...cost.map(integer)),
    );
    const cipher = der(0x30, oid("60864801650304012a"), der(0x04, Buffer.alloc(16, 2)));
    const algorithm = der(0x30, oid("2a864886f70d01050d"), der(0x30, kdf, cipher));
    return new Uint8Array(der(0x30, algorithm, der(0x04, Buffer.alloc(64, 3))));
  }

  /** The file with a two-byte integer replaced. */
  function withInteger(file: Uint8Array, from: number, to: number): Uint8Array {
    const bytes = Buffer.from(file);
    const at = bytes.indexOf(Buffer.from([2, 2, from >> 8, from & 255]));
    expect(at).toBeGreaterThan(0);
    bytes.writeUInt16BE(to, at + 2);
    return bytes;
  }

  /** scrypt's r and p follow N = 16,384. */
  const behindN = (file: Uint8Array) => Buffer.from(file).indexOf(Buffer.from([2, 2, 0x40, 0])) + 4;
  function withBlockSize(file: Uint8Array, r: number): Uint8Array {
    const bytes = file.slice();
    bytes[behindN(file) + 2] = r;
    return bytes;
  }
  function withParallelism(file: Uint8Array, p: number): Uint8Array {
    const bytes = file.slice();
    bytes[behindN(file) + 5] = p;
    return bytes;
  }

  const foreign = (type: "ed25519" | "x448") => generateKeyPairSync(type as "ed25519").privateKey;
  it.each([
    ["a key that is not encrypted", () => pemOf(x25519.privateKey, "pkcs8"), /importIdentity reads/],
    ["a public key", () => pemOf(x25519.publicKey, "spki"), /got "PUBLIC KEY"/],
    [
      "OpenSSL's old way",
      () =>
        openssl(["ec", "-aes128", "-passout", "pass:x"], pemOf(pairs["P-256"].privateKey, "sec1")).toString(),
      /has headers.*pkcs8 -topk8/,
    ],
    ["Triple DES", () => encrypt(x25519.privateKey, "-v2", "des3"), /by another cipher.*openssl pkcs8/],
    ["AES-192", () => encrypt(x25519.privateKey, "-v2", "aes-192-cbc"), /by another cipher/],
    ["PBES1", () => encrypt(x25519.privateKey, "-v1", "PBE-SHA1-3DES"), /without PBES2/],
    ["a key for Ed25519", () => encrypt(foreign("ed25519")), /for Ed25519, which signs/],
    ["a key for X448", () => encrypt(foreign("x448")), /for X448/],
    [
      "a key for P-384",
      () => encrypt(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
      /for P-384/,
    ],
    ["nothing", () => "", /no PEM block/],
    ["an empty file", () => new Uint8Array(0), /no PEM block/],
    ["zeros", () => new Uint8Array(200), /no PEM block/],
  ])("refuses %s", async (_, make, sentence) => {
    const error = await expectCode(() => importEncryptedIdentity(make(), PASSPHRASE), "invalid-key");
    expect(error.message).toMatch(sentence);
  });

  it("checks its arguments", async () => {
    await expectWrongType(() => importEncryptedIdentity(pem, 5 as never));
    await expectWrongType(() => importEncryptedIdentity(5 as never, PASSPHRASE));
    await expectWrongType(() => importEncryptedIdentity(pem, PASSPHRASE, { iterations: 5 } as never));
  });
});
