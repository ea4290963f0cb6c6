/**
 * Section K of the list of faults: key files of others are read, or refused with a sentence that says what was given and
 * what to do, and that holds no key.
 */
import { createSecretKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import { type EcPrivateJwk, p256Jwk } from "../../src/formats/jwk.js";
import { generateIdentity, importIdentity, importRecipient } from "../../src/keywrap/import.js";
import { expectCode } from "../helpers/errors.js";
import { asUtf16, derOf, openssl, opensslMissing, pemOf } from "../helpers/openssl.js";

const x25519 = generateKeyPairSync("x25519");
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pairs = { X25519: x25519, "P-256": p256 };

const another = {
  X25519: generateKeyPairSync("x25519").privateKey,
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
};

type Half = "public" | "private";
type Jwk = EcPrivateJwk;
const jwkOf = (key: KeyObject): Jwk => key.export({ format: "jwk" }) as unknown as Jwk;
const jwks = { X25519: jwkOf(x25519.privateKey), "P-256": jwkOf(p256.privateKey) };
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64url"));

/** DER by hand, apart from the code under test. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length < 128 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
const integer = (value: number) => der(0x02, Buffer.of(value));
const oids = {
  X25519: Buffer.from("06032b656e", "hex"),
  "P-256": Buffer.from("06072a8648ce3d020106082a8648ce3d030107", "hex"),
};
const attribute = der(
  0x30,
  Buffer.from("06092a864886f70d010914", "hex"),
  der(0x31, der(0x1e, Buffer.from("\0k"))),
);

/** PKCS#8 in the forms of RFC 5958 §2. */
function pkcs8(
  curve: "X25519" | "P-256",
  { version = 0, attributes = false, publicKey = false, inner = true },
) {
  const { x, y, d } = jwks[curve];
  const point = curve === "X25519" ? bytesOf(x) : Buffer.concat([Buffer.of(4), bytesOf(x), bytesOf(y)]);
  const bits = Buffer.concat([Buffer.of(0), point]);
  const stated = inner ? [der(0xa1, der(0x03, bits))] : [];
  const key =
    curve === "X25519" ? der(0x04, bytesOf(d)) : der(0x30, integer(1), der(0x04, bytesOf(d)), ...stated);
  return der(
    0x30,
    integer(version),
    der(0x30, oids[curve]),
    der(0x04, key),
    ...(attributes ? [der(0xa0, attribute)] : []),
    ...(publicKey ? [der(0x81, bits)] : []),
  );
}

const asPem = (label: string, content: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

describe.each(["X25519", "P-256"] as const)("fault K1 read: a key of %s", (curve) => {
  const { publicKey, privateKey } = pairs[curve];
  const jwk = jwks[curve];
  const { d, ...publicJwk } = jwk;
  const spki = pemOf(publicKey, "spki");
  const text = pemOf(privateKey, "pkcs8");

  const privateForms: Record<string, unknown> = {
    "PKCS#8 with attributes": pkcs8(curve, { attributes: true }),
    "PKCS#8 of version 2 with the public key": pkcs8(curve, { version: 1, publicKey: true }),
    "PKCS#8 of version 2 with attributes and the public key": pkcs8(curve, {
      version: 1,
      attributes: true,
      publicKey: true,
    }),
    "PKCS#8 as Java writes it, without the public key": pkcs8(curve, { inner: false }),
    "PKCS#8 of version 2 that states the public key outside alone": pkcs8(curve, {
      version: 1,
      publicKey: true,
      inner: false,
    }),
    "PEM of it": asPem("PRIVATE KEY", pkcs8(curve, { attributes: true })),
    "PEM behind text": `Bag Attributes\n    friendlyName: exam key\nKey Attributes: <No Attributes>\n${text}trailer\n`,
    "PEM with trailing blanks": text.replaceAll("\n", "  \t\n"),
    "PEM with a byte order mark": `\ufeff${text}`,
    "PEM with CRLF": text.replaceAll("\n", "\r\n"),
    "the bytes of a PEM file": Buffer.from(text),
    "the bytes of a PEM file in UTF-16": asUtf16(text),
    DER: new Uint8Array(derOf(privateKey, "pkcs8")),
    "DER in a Buffer": derOf(privateKey, "pkcs8"),
    "the bytes of a JWK file with a byte order mark": Buffer.from(`\ufeff${JSON.stringify(jwk)}\n`),
    "a JWK with more members": { ...jwk, kid: "1", use: "enc", key_ops: ["deriveBits"], ext: true },
  };

  it.each(Object.entries(privateForms))("as an identity: %s", async (_, form) => {
    expect((await importIdentity(form as string)).toJwk()).toEqual(jwk);
  });

  const publicForms: Record<string, unknown> = {
    "a JWK with d: undefined": { ...jwk, d: undefined },
    "PEM behind text": `Exam office, 2027\n\n${spki}`,
    "PEM with trailing blanks": spki.replaceAll("\n", " \n"),
    "PEM with a byte order mark": `\ufeff${spki}`,
    "PEM with CRLF": spki.replaceAll("\n", "\r\n"),
    "the bytes of a PEM file": Buffer.from(spki),
    "DER in a Buffer": derOf(publicKey, "spki"),
    "JWK text with a byte order mark": `\ufeff${JSON.stringify(publicJwk, undefined, 2)}\n`,
    "raw bytes":
      curve === "X25519" ? bytesOf(jwk.x) : Buffer.concat([Buffer.of(4), bytesOf(jwk.x), bytesOf(jwk.y)]),
  };

  it.each(Object.entries(publicForms))("as a recipient: %s", async (_, form) => {
    expect((await importRecipient(form as string)).toJwk()).toEqual(publicJwk);
  });

  it("is refused where the public half that is stated is another's, in each place that states it", async () => {
    const outside = pkcs8(curve, { version: 1, publicKey: true, inner: false });
    const inside = pkcs8(curve, { version: 1, publicKey: true });
    const jwkOfAnother = { ...jwkOf(curve === "X25519" ? another.X25519 : another["P-256"]), d };
    const lastBitOf = (file: Buffer) => Buffer.concat([file.subarray(0, -1), Buffer.of(file.at(-1)! ^ 1)]);
    const altered = curve === "X25519" ? [lastBitOf(outside), lastBitOf(inside)] : [lastBitOf(outside)];
    for (const file of [...altered, jwkOfAnother]) {
      const { message } = await expectCode(() => importIdentity(file as never), "invalid-key");
      expect(message).toMatch(/does not belong/);
    }
  });
});

it("fault K1 read: P-256 in SEC 1 form, alone and behind its parameters", async () => {
  const sec1 = pemOf(p256.privateKey, "sec1");
  const parameters = asPem("EC PARAMETERS", Buffer.from("06082a8648ce3d030107", "hex"));
  for (const file of [sec1, parameters + sec1, derOf(p256.privateKey, "sec1")]) {
    expect((await importIdentity(file as string)).toJwk()).toEqual(jwks["P-256"]);
  }
});

describe.skipIf(opensslMissing)(
  "fault K1 read: what the openssl command line writes, and it reads what is written here",
  () => {
    const generated = {
      X25519: () => openssl(["genpkey", "-algorithm", "X25519"]),
      "P-256": () => openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
      "P-256 by ecparam": () => openssl(["ecparam", "-name", "prime256v1", "-genkey"]),
    };

    it.each(Object.entries(generated))("%s", async (_, generate) => {
      const file = generate();
      const identity = await importIdentity(file.toString());
      expect((await importIdentity(file)).thumbprint).toBe(identity.thumbprint);
      const spki = openssl(["pkey", "-pubout"], file).toString();
      expect((await importRecipient(spki)).thumbprint).toBe(identity.thumbprint);
      expect(identity.recipient.toPem()).toBe(spki);
      expect(openssl(["pkey", "-pubout"], identity.toPem()).toString()).toBe(spki);
      expect(openssl(["pkey"], identity.toPem()).toString()).toBe(identity.toPem());
      const text = openssl(["pkey", "-text"], file).toString();
      expect((await importIdentity(text)).thumbprint).toBe(identity.thumbprint);
    });

    it("finds keys that are made here valid", async () => {
      const ours = await generateIdentity({ curve: "P-256" });
      expect(openssl(["pkey", "-check", "-noout"], ours.toPem()).toString()).toMatch(/Key is valid/);
      expect(openssl(["pkey", "-pubin", "-pubcheck", "-noout"], ours.recipient.toPem()).toString()).toMatch(
        /valid/,
      );
    });

    const ecKey = () => generated["P-256"]();
    const ecPublic = (...args: string[]) => openssl(["ec", "-pubout", ...args], ecKey()).toString();

    it.each<[string, () => string, Half, RegExp]>([
      [
        "a compressed point",
        () => ecPublic("-conv_form", "compressed"),
        "public",
        /a compressed point \(openssl ec -conv_form uncompressed/,
      ],
      [
        "a curve spelt out",
        () => ecPublic("-param_enc", "explicit"),
        "public",
        /spells out its curve.*named_curve/,
      ],
      [
        "an encrypted PKCS#8",
        () => openssl(["pkcs8", "-topk8", "-passout", "pass:x"], ecKey()).toString(),
        "private",
        /ENCRYPTED PRIVATE KEY.*importEncryptedIdentity/,
      ],
      [
        "an old encrypted PEM",
        () => openssl(["ec", "-aes128", "-passout", "pass:x"], ecKey()).toString(),
        "private",
        /has headers.*openssl pkcs8 -topk8/,
      ],
      ["a certificate", () => certificate(), "public", /"CERTIFICATE": take its public key out/],
      [
        "a key and its certificate",
        () => ecKey().toString() + certificate(),
        "private",
        /2 PEM blocks \(PRIVATE KEY, CERTIFICATE\)/,
      ],
    ])("fault K2 refused: %s", async (_, make, half, reason) => {
      await expectRefused(make(), half, reason);
    });

    function certificate(): string {
      const args = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
      ];
      return openssl([...args, "-keyout", "/dev/null"]).toString();
    }
  },
);

/** Refused with the reason, and without any twelve characters of what may be a key. */
async function expectRefused(input: unknown, half: Half, reason: RegExp): Promise<void> {
  const read = half === "public" ? importRecipient : importIdentity;
  const { message } = await expectCode(() => read(input as never), "invalid-key");
  expect(message).toMatch(reason);
  const text = typeof input === "string" ? input : (JSON.stringify(input) ?? "");
  for (const [run] of text.matchAll(/[\w+/=-]{12,}/g)) {
    for (let at = 0; at + 12 <= run.length; at++) expect(message).not.toContain(run.slice(at, at + 12));
  }
}

const ed25519 = generateKeyPairSync("ed25519");
const x448 = generateKeyPairSync("x448");
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const spkiPem = pemOf(x25519.publicKey, "spki");
const privatePem = pemOf(x25519.privateKey, "pkcs8");
const d = bytesOf(jwks.X25519.d);
const noise = Buffer.from(d).toString("base64");

const BOTH: readonly [string, unknown, RegExp][] = [
  ["empty text", "", /is empty/],
  ["blanks", " \n", /is empty/],
  ["no bytes", new Uint8Array(0), /must be 32 bytes, got 0/],
  ["hex", Buffer.from(d).toString("hex"), /is hex.*raw bytes/],
  ["base64", noise, /is base64.*raw bytes/],
  ["base64url", Buffer.from(d).toString("base64url"), /is base64/],
  ["a file's name", "/etc/keys/exam.pem", /name of a file; give what is in it/],
  ["words", "my secret key", /is no key/],
  ["an ssh key", `ssh-ed25519 AAAAC3Nza${noise} me@exam`, /SSH key, which signs/],
  ["an ssh key of P-256", `ecdsa-sha2-nistp256 AAAA${noise}`, /SSH key/],
  ["a key of ssh.com", `---- BEGIN SSH2 PUBLIC KEY ----\n${noise}`, /SSH key/],
  ["a private ssh key", asPem("OPENSSH PRIVATE KEY", d), /"OPENSSH PRIVATE KEY": SSH keys sign/],
  ["a recipient of age", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", /key of age/],
  [
    "an identity of age",
    `# created: 2026-01-01\n# public key: age1xyz\nAGE-SECRET-KEY-1${"Q".repeat(58)}`,
    /key of age/,
  ],
  [
    "OpenPGP, public",
    `-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\n${noise}\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----`,
    /OpenPGP is not used/,
  ],
  [
    "OpenPGP, private",
    `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${noise}\n-----END PGP PRIVATE KEY BLOCK-----`,
    /OpenPGP is not used/,
  ],
  [
    "PuTTY",
    `PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n${noise}`,
    /key file of PuTTY/,
  ],
  ["a JWS", `eyJhbGciOiJFZERTQSJ9.${noise}.${noise}`, /token \(JWS, JWE\)/],
  ["a list of JWKs", `[${JSON.stringify(jwks.X25519)}]`, /list of JSON.*one key alone/],
  ["an array", [jwks.X25519], /is a list; one key/],
  ["a JWK set", { keys: [jwks.X25519] }, /set of JWKs; give one/],
  ["a JWK set as text", JSON.stringify({ keys: [jwks.X25519] }), /set of JWKs; give one/],
  ["a JWK of RSA", jwkOf(rsa.publicKey), /kty "RSA"/],
  ["a JWK of P-384", jwkOf(p384.publicKey), /crv "P-384"/],
  ["an ArrayBuffer", d.buffer, /an ArrayBuffer; raw keys are a Uint8Array/],
  ["a SharedArrayBuffer", new SharedArrayBuffer(32), /a SharedArrayBuffer; raw/],
  ["a DataView", new DataView(d.buffer), /a DataView; raw/],
  ["16-bit numbers", new Uint16Array(16), /a Uint16Array; raw/],
  ["a list of numbers", [...d], /is a list/],
  ["a KeyObject, public", x25519.publicKey, /KeyObject of node:crypto; export it first/],
  ["a KeyObject, private", x25519.privateKey, /KeyObject of node:crypto; export it first/],
  ["a KeyObject, secret", createSecretKey(Buffer.alloc(32, 1)), /KeyObject of node:crypto/],
  ["a Blob", new Blob([privatePem]), /a Blob; read it first/],
  ["a promise", Promise.resolve(spkiPem), /promise of a key; await it/],
  ["another object", { secret: noise }, /has no "kty"/],
  ["null", null, /is no key/],
  ["nothing", undefined, /is no key/],
  ["a number", 7, /is no key/],
  ["a PKCS#12 file", der(0x30, integer(3), der(0x30, d)), /PKCS#12.*openssl pkcs12/],
  ["damaged DER", derOf(x25519.privateKey, "pkcs8").subarray(0, -1), /damaged/],
  ["a certificate in DER", der(0x30, der(0x30, d), der(0x30, d), der(0x03, d)), /certificate.*openssl x509/],
  ["two keys in one file", spkiPem + privatePem, /2 PEM blocks \(PUBLIC KEY, PRIVATE KEY\)/],
  ["a PEM that is cut off", privatePem.slice(0, 60), /no end that fits/],
  ["a PEM whose label is long", `-----BEGIN ${"A".repeat(100)}-----`, /no end that fits/],
  ["parameters without a key", asPem("EC PARAMETERS", d), /no PEM block with a key/],
  ["text beyond 64 KiB", `-----BEGIN PUBLIC KEY-----\n${"A".repeat(65_536)}`, /at most 64 KiB/],
  ["bytes beyond 64 KiB", new Uint8Array(65_537).fill(65), /at most 64 KiB/],
];

describe.each(["public", "private"] as const)("fault K2 refused, as the %s half", (half) => {
  it.each(BOTH)("%s", (_, input, reason) => expectRefused(input, half, reason));
});

describe("fault K2 refused, as a recipient", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["Ed25519", () => pemOf(ed25519.publicKey, "spki"), /Ed25519, which signs/],
    ["X448", () => pemOf(x448.publicKey, "spki"), /X448/],
    ["RSA", () => pemOf(rsa.publicKey, "spki"), /RSA/],
    ["RSA in PKCS#1", () => rsa.publicKey.export({ format: "pem", type: "pkcs1" }), /RSA is not used/],
    ["P-384", () => pemOf(p384.publicKey, "spki"), /P-384/],
    ["secp256k1", () => pemOf(secp256k1.publicKey, "spki"), /secp256k1/],
    ["Ed25519 in DER", () => derOf(ed25519.publicKey, "spki"), /Ed25519, which signs/],
    [
      "a private key in DER",
      () => derOf(x25519.privateKey, "pkcs8"),
      /private key \(PKCS#8\): a recipient must be a public key/,
    ],
    ["a private key in SEC 1", () => derOf(p256.privateKey, "sec1"), /private key \(SEC 1\): a recipient/],
    ["a private PEM", () => privatePem, /got "PRIVATE KEY": a recipient must be a public key/],
    ["a private JWK", () => jwks["P-256"], /private key.*"d"/],
    ["a compressed point", () => Buffer.concat([Buffer.of(2), bytesOf(jwks["P-256"].x)]), /compressed point/],
    ["an identity", () => generateIdentity(), /an identity; its public half is its recipient/],
    ["a recipient", async () => (await generateIdentity()).recipient, /a recipient; it needs no import/],
    ["a pair of CryptoKeys", () => platformPair(), /pair of CryptoKeys; give its publicKey/],
    ["a certificate request", () => asPem("CERTIFICATE REQUEST", d), /openssl req/],
  ])("%s", async (_, make, reason) => expectRefused(await make(), "public", reason));
});

describe("fault K2 refused, as an identity", () => {
  const encryptedDer = () =>
    x25519.privateKey.export({
      format: "der",
      type: "pkcs8",
      cipher: "aes-256-cbc",
      passphrase: "x",
    } as never);

  it.each<[string, () => unknown, RegExp]>([
    ["Ed25519", () => pemOf(ed25519.privateKey, "pkcs8"), /Ed25519, which signs/],
    ["X448", () => pemOf(x448.privateKey, "pkcs8"), /X448/],
    ["RSA", () => pemOf(rsa.privateKey, "pkcs8"), /RSA/],
    ["RSA in PKCS#1", () => rsa.privateKey.export({ format: "pem", type: "pkcs1" }), /RSA is not used/],
    ["RSA in PKCS#1, DER", () => rsa.privateKey.export({ format: "der", type: "pkcs1" }), /a key of RSA/],
    ["P-384", () => pemOf(p384.privateKey, "pkcs8"), /P-384/],
    ["secp256k1 in SEC 1", () => pemOf(secp256k1.privateKey, "sec1"), /secp256k1/],
    ["an encrypted key in DER", encryptedDer, /encrypted private key.*importEncryptedIdentity/],
    [
      "a public key in DER",
      () => derOf(x25519.publicKey, "spki"),
      /public key \(SPKI\): an identity is a private key/,
    ],
    ["a public PEM", () => spkiPem, /got "PUBLIC KEY": an identity is a private key/],
    ["a public JWK", () => jwkOf(p256.publicKey), /public key.*no "d"/],
    [
      "a recipient",
      async () => (await generateIdentity()).recipient,
      /a recipient; an identity is a private key/,
    ],
    ["an identity", () => generateIdentity(), /an identity; it needs no import/],
    [
      "SEC 1 without its curve",
      () => der(0x30, integer(1), der(0x04, bytesOf(jwks["P-256"].d))),
      /does not say its curve/,
    ],
    ["a short scalar in SEC 1", () => der(0x30, integer(1), der(0x04, d.subarray(1))), /32 bytes, got 31/],
    ["a scalar of zero", () => p256Jwk(point, new Uint8Array(32)), /between 1 and the order/],
    ["a scalar of n", () => ({ ...jwks["P-256"], d: encodeBase64Url(order) }), /between 1 and the order/],
    ["the other y", () => ({ ...jwks["P-256"], y: encodeBase64Url(otherY()) }), /does not belong/],
    ["PKCS#8 of version 3", () => pkcs8("X25519", { version: 2 }), /later version/],
    [
      "one P-256 CryptoKey without its public half",
      async () => (await platformPair()).privateKey,
      /needs its public half/,
    ],
  ])("%s", async (_, make, reason) => expectRefused(await make(), "private", reason));

  const order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
  const point = Buffer.concat([Buffer.of(4), bytesOf(jwks["P-256"].x), bytesOf(jwks["P-256"].y)]);

  /** p - y: the same x, the other point. */
  function otherY(): Buffer {
    const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    const y = BigInt(`0x${Buffer.from(bytesOf(jwks["P-256"].y)).toString("hex")}`);
    return Buffer.from((p - y).toString(16).padStart(64, "0"), "hex");
  }
});

async function platformPair(): Promise<CryptoKeyPair> {
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  return (await globalThis.crypto.subtle.generateKey(algorithm, false, ["deriveBits"])) as CryptoKeyPair;
}

it("fault K3: hostile text takes linear time up to the ceiling", async () => {
  const hostile = (size: number): string[] => [
    "-----BEGIN A-----".repeat(size / 17),
    `-----BEGIN ${"A".repeat(size)}`,
    `${"-----BEGIN A-----\n-----END A-----\n".repeat(size / 34)}`,
    `-----BEGIN A-----\n${"-----END B-----\n".repeat(size / 16)}`,
    "a".repeat(size),
    `${"0".repeat(size)}x`,
    `ssh-${"a".repeat(size)}`,
    `${" \t".repeat(size / 2)}x`,
    `# created: ${"\n# created: ".repeat(size / 12)}`,
    `-----BEGIN PUBLIC KEY-----\n${"A: ".repeat(size / 3)}\n-----END PUBLIC KEY-----`,
    `-----BEGIN PUBLIC KEY-----\n${"A".repeat(size)}-----END PUBLIC KEY-----`,
  ];
  for (const text of hostile(65_000)) {
    const started = performance.now();
    await expectCode(() => importIdentity(text), "invalid-key");
    expect(performance.now() - started, text.slice(0, 40)).toBeLessThan(500);
  }
});
