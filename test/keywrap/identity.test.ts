import { generateKeyPairSync, webcrypto } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { signaturesOf } from "../../src/crypto/signatures.js";
import type { BlindreelError } from "../../src/errors.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { label } from "../../src/formats/label.js";

import { dhKem } from "../../src/keywrap/dhkem.js";
import { Hpke, sealBase } from "../../src/keywrap/hpke.js";
import {
  generateIdentity,
  identityFromAgreement,
  importIdentity,
  importRecipient,
  type KeyIdentity,
  type KeyRecipient,
} from "../../src/keywrap/import.js";
import type { Slot } from "../../src/keywrap/types.js";
import { X25519Identity, X25519Recipient, x25519Group } from "../../src/keywrap/x25519.js";
import { backends, nobleProvider } from "../helpers/backends.js";
import { fromHex, pattern, toHex, withRandom } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { privateJwk, privatePem, publicJwk, publicPem } from "../helpers/keys.js";

const coreHash = pattern(32, 11);
const fileKey = pattern(32, 12);
const subtle = globalThis.crypto.subtle;

const raw = { private: pattern(32, 21), public: new Uint8Array(32) };
raw.public.set(await nobleAgree(raw.private, Uint8Array.of(9, ...new Uint8Array(31))));

async function nobleAgree(privateKey: Bytes, publicKey: Bytes): Promise<Bytes> {
  const handle = await nobleProvider.importX25519(privateKey);
  return nobleProvider.agreeX25519(handle, await nobleProvider.importX25519PublicKey(publicKey));
}

async function platformPair(extractable: boolean): Promise<CryptoKeyPair> {
  return (await subtle.generateKey({ name: "X25519" }, extractable, ["deriveBits"])) as CryptoKeyPair;
}

async function platformPrivate(extractable: boolean): Promise<CryptoKey> {
  const jwk = { ...privateJwk(raw.public, raw.private) };
  return subtle.importKey("jwk", jwk, { name: "X25519" }, extractable, ["deriveBits"]);
}

async function platformPublic(bytes: Bytes = raw.public): Promise<CryptoKey> {
  return subtle.importKey("raw", bytes, { name: "X25519" }, true, []);
}

/** Every form of one and the same key. */
const identityForms: Record<string, () => Promise<KeyIdentity>> = {
  "raw bytes": () => importIdentity(raw.private),
  "a JWK object": () => importIdentity(privateJwk(raw.public, raw.private)),
  "JWK text": () => importIdentity(JSON.stringify(privateJwk(raw.public, raw.private), undefined, 2)),
  PEM: () => importIdentity(privatePem(raw.private)),
  "an extractable CryptoKey": async () => importIdentity(await platformPrivate(true)),
  "a non-extractable CryptoKey": async () => importIdentity(await platformPrivate(false)),
  "a CryptoKeyPair": async () =>
    importIdentity({ privateKey: await platformPrivate(false), publicKey: await platformPublic() }),
  "a pair without its public half": async () => importIdentity({ privateKey: await platformPrivate(false) }),
  "an HSM": () => identityFromAgreement(raw.public, (peer) => nobleAgree(raw.private, peer)),
};

const recipientForms: Record<string, () => Promise<KeyRecipient>> = {
  "raw bytes": () => importRecipient(raw.public),
  "a JWK object": () => importRecipient(publicJwk(raw.public)),
  "JWK text": () => importRecipient(JSON.stringify(publicJwk(raw.public))),
  PEM: () => importRecipient(publicPem(raw.public)),
  "a CryptoKey": async () => importRecipient(await platformPublic()),
};

describe("one key in every form", () => {
  const recipients = Object.entries(recipientForms);
  for (const [identityForm, makeIdentity] of Object.entries(identityForms)) {
    it(`an identity from ${identityForm} opens what any form of its recipient wraps, on any backend`, async () => {
      const identity = await makeIdentity();
      expect(toHex(identity.recipient.publicKey)).toBe(toHex(raw.public));
      for (const [, makeRecipient] of recipients) {
        const recipient = await makeRecipient();
        expect(recipient.thumbprint).toBe(identity.thumbprint);
        expect(recipient.keyId).toBe(identity.keyId);
        for (const wrapping of backends) {
          const slot = await recipient.wrap(fileKey, { coreHash, crypto: wrapping });
          for (const crypto of backends) {
            expect(toHex((await identity.unwrap(slot, { coreHash, crypto }))!)).toBe(toHex(fileKey));
          }
        }
      }
    });
  }

  it("importing works with every backend as the override", async () => {
    for (const crypto of backends) {
      const identity = await importIdentity(raw.private, { crypto });
      expect(toHex(identity.recipient.publicKey)).toBe(toHex(raw.public));
      expect((await importRecipient(raw.public, { crypto })).thumbprint).toBe(identity.thumbprint);
    }
  });

  it("has the RFC 7638 thumbprint, and its first 16 bytes as key id", async () => {
    // RFC 8037 appendix A.3, for Ed25519, shows the form; here it is X25519 by hand.
    const x = Buffer.from(raw.public).toString("base64url");
    const text = `{"crv":"X25519","kty":"OKP","x":"${x}"}`;
    const digest = await webcrypto.subtle.digest("SHA-256", Buffer.from(text));
    const recipient = await importRecipient(raw.public);
    expect(recipient.thumbprint).toBe(Buffer.from(digest).toString("hex"));
    expect(recipient.keyId).toBe(recipient.thumbprint.slice(0, 32));
    expect(recipient.anonymous().thumbprint).toBe(recipient.thumbprint);
    expect(recipient.anonymous().keyId).toBeUndefined();
  });

  it("is exported as it was imported", async () => {
    const identity = await importIdentity(privatePem(raw.private));
    expect(identity.toJwk()).toEqual(privateJwk(raw.public, raw.private));
    expect(identity.toPem()).toBe(privatePem(raw.private));
    expect(identity.recipient.toJwk()).toEqual(publicJwk(raw.public));
    expect(identity.recipient.toPem()).toBe(publicPem(raw.public));
    expect("toJwk" in (await importIdentity(await platformPrivate(false)))).toBe(false);
  });

  it("is generated anew each time, from the provider's random source", async () => {
    const [first, second] = [await generateIdentity(), await generateIdentity()];
    expect(first.thumbprint).not.toBe(second.thumbprint);
    const fixed = await generateIdentity({ crypto: withRandom(nobleProvider, raw.private) });
    expect(toHex(fixed.recipient.publicKey)).toBe(toHex(raw.public));
    await expectCode(
      () => generateIdentity({ crypto: withRandom(nobleProvider, new Uint8Array(32)) }),
      "bad-random",
    );
    await expectCode(
      () => generateIdentity({ crypto: withRandom(nobleProvider, new Uint8Array(31).fill(1)) }),
      "bad-random",
    );
  });

  it.each([
    ["Uint8Array", (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)],
    // Buffer.slice shares memory, where Uint8Array.slice copies.
    ["Buffer", (bytes: Uint8Array): Uint8Array => Buffer.from(bytes)],
  ])("is copied from a %s: the caller may change it afterwards (I3)", async (_, make) => {
    const privateKey = make(raw.private);
    const publicKey = make(raw.public);
    const importing = [importIdentity(privateKey), importRecipient(publicKey)] as const;
    privateKey.fill(0xee);
    publicKey.fill(0xee);
    const [identity, recipient] = await Promise.all(importing);
    expect(toHex(identity.recipient.publicKey)).toBe(toHex(raw.public));
    expect(toHex(recipient.publicKey)).toBe(toHex(raw.public));
    expect(identity.toJwk()).toEqual(privateJwk(raw.public, raw.private));
    const slot = await recipient.wrap(fileKey, { coreHash, crypto: nobleProvider });
    for (const crypto of backends) {
      expect(toHex((await identity.unwrap(slot, { coreHash, crypto }))!)).toBe(toHex(fileKey));
    }
    recipient.publicKey.fill(0);
    expect(toHex(recipient.publicKey)).toBe(toHex(raw.public));
  });

  it("may come in a Buffer of Node's pool, never in shared memory (I3)", async () => {
    const pooled = Buffer.from(Buffer.from(raw.private).toString("latin1"), "latin1");
    expect(pooled.byteOffset + pooled.buffer.byteLength).toBeGreaterThan(32);
    expect(toHex((await importIdentity(pooled)).recipient.publicKey)).toBe(toHex(raw.public));
    const shared = new Uint8Array(new SharedArrayBuffer(32));
    await expectWrongType(() => importIdentity(shared));
    await expectWrongType(() => importRecipient(shared));
  });
});

describe("keys that are refused, with the reason (E1, E2, E3)", () => {
  const bytesOf = (text: string): Bytes => fromHex(text);
  const ed25519 = generateKeyPairSync("ed25519");

  it.each<[string, () => unknown, RegExp]>([
    ["31 bytes", () => new Uint8Array(31).fill(1), /must be 32 bytes, got 31/],
    ["33 bytes", () => new Uint8Array(33).fill(1), /must be 32 bytes, got 33/],
    ["no bytes", () => new Uint8Array(0), /must be 32 bytes, got 0/],
    ["u = 0", () => new Uint8Array(32), /low order/],
    ["u = 1", () => bytesOf(`01${"00".repeat(31)}`), /low order/],
    ["u = p - 1", () => bytesOf(`ec${"ff".repeat(30)}7f`), /low order/],
    ["u = p", () => bytesOf(`ed${"ff".repeat(30)}7f`), /canonical/],
    ["u = p + 1", () => bytesOf(`ee${"ff".repeat(30)}7f`), /canonical/],
    ["the top bit set", () => raw.public.map((byte, i) => (i === 31 ? byte | 0x80 : byte)), /canonical/],
    ["a private JWK", () => privateJwk(raw.public, raw.private), /private key/],
    ["private JWK text", () => JSON.stringify(privateJwk(raw.public, raw.private)), /private key/],
    ["a private PEM", () => privatePem(raw.private), /"PUBLIC KEY" is needed/],
    ["an Ed25519 PEM", () => ed25519.publicKey.export({ format: "pem", type: "spki" }), /X25519/],
    ["an Ed25519 JWK", () => ed25519.publicKey.export({ format: "jwk" }), /X25519.*Ed25519/],
    ["a low-order JWK", () => publicJwk(new Uint8Array(32)), /low order/],
    ["a low-order PEM", () => publicPem(new Uint8Array(32)), /low order/],
    ["a private CryptoKey", () => platformPrivate(true), /public key.*private/],
    ["a CryptoKey for Ed25519", async () => (await edPair()).publicKey, /X25519.*Ed25519/],
    ["a low-order CryptoKey", () => platformPublic(new Uint8Array(32)), /low order/],
    ["a secret CryptoKey", () => aesKey(), /public key.*secret/],
    ["null", () => null, /no key/],
    ["a number", () => 7, /no key/],
    ["an identity", () => importIdentity(raw.private), /is an identity; its public half is its recipient/],
    ["JSON that is no object", () => "[]", /a list of JSON/],
  ])("as a recipient: %s", async (_, make, reason) => {
    const input = await make();
    const { message } = await expectCode(() => importRecipient(input as never), "invalid-key");
    expect(message).toMatch(reason);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["31 bytes", () => new Uint8Array(31).fill(1), /must be 32 bytes, got 31/],
    ["33 bytes", () => new Uint8Array(33).fill(1), /must be 32 bytes, got 33/],
    ["zeros", () => new Uint8Array(32), /zeros/],
    ["a public JWK", () => publicJwk(raw.public), /public key.*private key is needed/],
    ["a public PEM", () => publicPem(raw.public), /"PRIVATE KEY" is needed/],
    ["an Ed25519 PEM", () => ed25519.privateKey.export({ format: "pem", type: "pkcs8" }), /X25519/],
    ["an Ed25519 JWK", () => ed25519.privateKey.export({ format: "jwk" }), /X25519/],
    ["a JWK of mixed halves", () => privateJwk(pattern(32, 1), raw.private), /does not belong/],
    ["a public CryptoKey", () => platformPublic(), /private CryptoKey is needed.*public/],
    ["a CryptoKey for Ed25519", async () => (await edPair()).privateKey, /X25519.*Ed25519/],
    ["a CryptoKey that only derives keys", () => derivingKeysOnly(), /deriveBits/],
    [
      "a pair of mixed halves",
      async () => ({
        privateKey: await platformPrivate(false),
        publicKey: (await platformPair(true)).publicKey,
      }),
      /does not belong/,
    ],
    [
      "a pair with another curve's public half",
      async () => ({ privateKey: await platformPrivate(false), publicKey: (await edPair()).publicKey }),
      /X25519.*Ed25519/,
    ],
    ["null", () => null, /no key/],
  ])("as an identity: %s", async (_, make, reason) => {
    const input = await make();
    const { message } = await expectCode(() => importIdentity(input as never), "invalid-key");
    expect(message).toMatch(reason);
    for (const form of spellings(raw.private)) expect(message).not.toContain(form);
  });

  it.each(["{", "{}{}", '{"kty":"OKP","kty":"OKP"}'])("text that is not strict JSON: %j", async (text) => {
    await expectCode(() => importRecipient(text), "invalid-json");
    await expectCode(() => importIdentity(text), "invalid-json");
  });

  async function edPair(): Promise<CryptoKeyPair> {
    return (await subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  }

  async function aesKey(): Promise<CryptoKey> {
    return subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  }

  async function derivingKeysOnly(): Promise<CryptoKey> {
    const jwk = { ...privateJwk(raw.public, raw.private) };
    return subtle.importKey("jwk", jwk, { name: "X25519" }, false, ["deriveKey"]);
  }
});

describe("a private key elsewhere (identityFromAgreement)", () => {
  it("is checked once, with a random key, and given copies", async () => {
    const seen: string[] = [];
    const identity = await identityFromAgreement(raw.public, async (peer) => {
      seen.push(toHex(peer));
      const secret = await nobleAgree(raw.private, peer);
      peer.fill(0);
      return secret;
    });
    expect(seen).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const slot = await identity.recipient.wrap(fileKey, { coreHash, crypto: nobleProvider });
    for (let i = 0; i < 2; i++) {
      const opened = await identity.unwrap(slot, { coreHash, crypto: nobleProvider });
      expect(toHex(opened!)).toBe(toHex(fileKey));
    }
    expect(seen.length).toBe(3);
  });

  it("may return a Buffer, or the same buffer every time, which is never written to", async () => {
    const cache = Buffer.alloc(32);
    const returned: string[] = [];
    const identity = await identityFromAgreement(raw.public, async (peer) => {
      cache.set(await nobleAgree(raw.private, peer));
      returned.push(cache.toString("hex"));
      return cache as never;
    });
    expect(cache.toString("hex")).toBe(returned.at(-1));
    const slot = await identity.recipient.wrap(fileKey, { coreHash, crypto: nobleProvider });
    const opened = await identity.unwrap(slot, { coreHash, crypto: nobleProvider });
    expect(toHex(opened!)).toBe(toHex(fileKey));
    expect(cache.toString("hex")).toBe(returned.at(-1));
  });

  it("is refused where the halves do not fit, or the agreement is weak", async () => {
    const wrong: [string, (peer: Bytes) => Promise<unknown>][] = [
      ["another key", (peer) => nobleAgree(pattern(32, 3), peer)],
      ["zeros", async () => new Uint8Array(32)],
      ["too short", async () => raw.public.slice(0, 31)],
      ["too long", async () => concatBytes(raw.public, raw.public)],
      ["nothing", async () => new Uint8Array(0)],
    ];
    for (const [, agree] of wrong) {
      await expectCode(() => identityFromAgreement(raw.public, agree as never), "invalid-key");
    }
    for (const answer of [undefined, null, "x", [...raw.public], raw.public.buffer]) {
      await expectWrongType(() => identityFromAgreement(raw.public, (async () => answer) as never));
    }
    await expectCode(() => identityFromAgreement(new Uint8Array(32), nobleAgree as never), "invalid-key");
  });

  it("hands on its own error, and turns wrong answers into the one failure", async () => {
    let answer: ((peer: Bytes) => Promise<Bytes>) | undefined;
    const identity = await identityFromAgreement(raw.public, (peer) =>
      answer ? answer(peer) : nobleAgree(raw.private, peer),
    );
    const slot = await identity.recipient.wrap(fileKey, { coreHash, crypto: nobleProvider });
    const unwrap = () => identity.unwrap(slot, { coreHash, crypto: nobleProvider });
    const offline = new Error("the HSM is offline");
    answer = () => Promise.reject(offline);
    expect(await caught(unwrap)).toBe(offline);
    for (const wrong of [new Uint8Array(32), new Uint8Array(31).fill(1), pattern(32, 5)]) {
      answer = async () => wrong.slice();
      await expectCode(unwrap, "authentication-failed");
    }
  });
});

describe("an all-zero shared secret (E1)", () => {
  const lenientKem = dhKem({
    ...x25519Group,
    sharedSecretFault: () => undefined,
  });

  /** Wraps as anybody could who knows that the agreement will give `secret`. */
  async function wrapUnder(secret: Bytes, identity: KeyIdentity): Promise<Slot> {
    const crypto = { ...nobleProvider, agreeX25519: () => secret.slice() };
    const ephemeral = await crypto.generateX25519();
    const pkR = { bytes: raw.public, handle: await crypto.importX25519PublicKey(raw.public) };
    const { sharedSecret, enc } = await lenientKem.encapWith(crypto, pkR, ephemeral);
    const keyId = fromHex(identity.keyId);
    const info = concatBytes(label("slot"), Uint8Array.of(0, 1), keyId);
    const hpke = new Hpke(lenientKem.id);
    const context = await hpke.keyScheduleContext(crypto, info);
    const ct = await sealBase(hpke, crypto, sharedSecret, context, coreHash, fileKey);
    return { type: 1, keyId, body: concatBytes(enc, ct) };
  }

  it("opens nothing, though the slot was made for it", async () => {
    let secret: Bytes | undefined;
    const identity = await identityFromAgreement(raw.public, async (peer) =>
      secret ? secret.slice() : nobleAgree(raw.private, peer),
    );
    const context = { coreHash, crypto: nobleProvider };
    secret = pattern(32, 77);
    expect(toHex((await identity.unwrap(await wrapUnder(secret, identity), context))!)).toBe(toHex(fileKey));
    for (const length of [32, 31, 0, 64]) {
      secret = new Uint8Array(length);
      const slot = await wrapUnder(secret, identity);
      await expectCode(() => identity.unwrap(slot, context), "authentication-failed");
    }
  });

  it("is never wrapped under", async () => {
    const { recipient } = await importIdentity(raw.private);
    for (const crypto of backends) {
      const weak = { ...crypto, agreeX25519: () => new Uint8Array(32) };
      await expectCode(() => recipient.wrap(fileKey, { coreHash, crypto: weak }), "invalid-key");
    }
  });
});

describe("unwrap: not mine is null, mine but broken throws (D3, C5)", () => {
  for (const crypto of backends) {
    describe(`on ${crypto.name}`, () => {
      const context = { coreHash, crypto };

      it("another key's slot and other types are null", async () => {
        const mine = await importIdentity(raw.private);
        const other = await generateIdentity();
        const slot = await other.recipient.wrap(fileKey, context);
        expect(await mine.unwrap(slot, context)).toBeNull();
        for (const type of [0, 2, 3, 5, 0xffff]) {
          const foreign = { ...(await mine.recipient.wrap(fileKey, context)), type };
          expect(await mine.unwrap(foreign, context)).toBeNull();
        }
      });

      it("an anonymous slot opens by trial, and is null where it does not", async () => {
        const mine = await importIdentity(raw.private);
        const other = await generateIdentity();
        const slot = await mine.recipient.anonymous().wrap(fileKey, context);
        expect(toHex(slot.keyId)).toBe("00".repeat(16));
        expect(toHex((await mine.unwrap(slot, context))!)).toBe(toHex(fileKey));
        expect(await other.unwrap(slot, context)).toBeNull();
        expect(await mine.unwrap({ ...slot, body: slot.body.slice(1) }, context)).toBeNull();
        expect(await mine.unwrap({ ...slot, body: new Uint8Array(80) }, context)).toBeNull();
      });

      it("mine with any byte changed, in another envelope, or of another length, is the one failure", async () => {
        const mine = await importIdentity(raw.private);
        const slot = await mine.recipient.wrap(fileKey, context);
        const broken: Slot[] = [];
        for (let at = 0; at < slot.body.length; at++) {
          const body = slot.body.slice();
          body[at]! ^= 1 << (at % 8);
          broken.push({ ...slot, body });
        }
        for (const length of [0, 31, 32, 48, 79, 81]) {
          broken.push({ ...slot, body: concatBytes(slot.body, slot.body).slice(0, length) });
        }
        for (const bad of broken) await expectCode(() => mine.unwrap(bad, context), "authentication-failed");
        const elsewhere = { coreHash: pattern(32, 99), crypto };
        await expectCode(() => mine.unwrap(slot, elsewhere), "authentication-failed");
        // A named slot made anonymous, and the other way round: the key id is in HPKE's info.
        const renamed = { ...slot, keyId: new Uint8Array(16) };
        expect(await mine.unwrap(renamed, context)).toBeNull();
        const anonymous = await mine.recipient.anonymous().wrap(fileKey, context);
        await expectCode(
          () => mine.unwrap({ ...anonymous, keyId: slot.keyId }, context),
          "authentication-failed",
        );
      });

      it("a sender's point of low order or not canonical is the one failure (E1, E2)", async () => {
        const mine = await importIdentity(raw.private);
        const slot = await mine.recipient.wrap(fileKey, context);
        const points = [
          new Uint8Array(32),
          fromHex(`01${"00".repeat(31)}`),
          fromHex(`ec${"ff".repeat(30)}7f`),
          fromHex(`ed${"ff".repeat(30)}7f`),
          fromHex(`ee${"ff".repeat(30)}7f`),
          fromHex("ff".repeat(32)),
          slot.body.slice(0, 32).map((byte, i) => (i === 31 ? byte | 0x80 : byte)),
        ];
        for (const enc of points) {
          const body = concatBytes(enc, slot.body.subarray(32));
          await expectCode(() => mine.unwrap({ ...slot, body }, context), "authentication-failed");
        }
      });

      it("every wrapping has a fresh ephemeral key, and leaves the file key alone", async () => {
        const { recipient } = await importIdentity(raw.private);
        const input = fileKey.slice();
        const slots = await Promise.all(Array.from({ length: 20 }, () => recipient.wrap(input, context)));
        expect(new Set(slots.map((slot) => toHex(slot.body.slice(0, 32)))).size).toBe(20);
        expect(toHex(input)).toBe(toHex(fileKey));
      });

      it("a wrapped key of another length is the one failure (C5)", async () => {
        const mine = await importIdentity(raw.private);
        for (const length of [0, 16, 31, 33]) {
          const slot = await mine.recipient.wrap(pattern(length), context);
          await expectCode(() => mine.unwrap(slot, context), "authentication-failed");
        }
      });
    });
  }
});

/** Every way in which bytes get printed. */
function spellings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const middle = buffer.subarray(8, 16);
  return [
    middle.toString("hex"),
    middle.toString("hex").toUpperCase(),
    [...middle].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
    // Base64 of every alignment, without the characters that depend on neighbours.
    ...[6, 7, 8].flatMap((from) => {
      const cut = buffer.subarray(from, from + 9);
      return [cut.toString("base64"), cut.toString("base64url")];
    }),
    [...middle].join(","),
    [...middle].join(", "),
    [...middle].map((byte, i) => `"${i + 8}":${byte}`).join(","),
  ];
}

describe("no key in anything that is printed (I4)", () => {
  afterEach(() => void vi.restoreAllMocks());

  function everyPrint(value: unknown): string {
    const prints: string[] = [];
    const attempt = (print: () => string | undefined): void => {
      try {
        prints.push(String(print()));
      } catch (error) {
        prints.push(String((error as Error).stack));
      }
    };
    attempt(() => inspect(value, { depth: 20, showHidden: true, maxArrayLength: null, getters: true }));
    attempt(() => inspect(value));
    attempt(() => JSON.stringify(value));
    attempt(() => JSON.stringify({ nested: [value] }));
    attempt(() => String(value));
    attempt(() => `${Object.entries(value as object)}`);
    attempt(() => inspect(structuredClone(value), { depth: 20, showHidden: true, maxArrayLength: null }));
    attempt(() => inspect({ ...(value as object) }, { depth: 20, showHidden: true, maxArrayLength: null }));
    return prints.join("\n");
  }

  function expectHidden(value: unknown, secret: Uint8Array): void {
    const printed = everyPrint(value);
    for (const form of spellings(secret)) expect(printed).not.toContain(form);
  }

  it("the search finds what is printed openly", () => {
    const open = everyPrint({ key: raw.private, text: Buffer.from(raw.private).toString("base64url") });
    const [, , , ...rest] = spellings(raw.private);
    expect(rest.some((form) => open.includes(form))).toBe(true);
    expect(everyPrint({ key: toHex(raw.private) })).toContain(spellings(raw.private)[0]);
    expect(inspect(raw.private, { maxArrayLength: null }).replace(/\s+/g, " ").length).toBeGreaterThan(32);
  });

  for (const [form, make] of Object.entries(identityForms)) {
    it(`an identity from ${form}`, async () => {
      const identity = await make();
      for (const crypto of backends) {
        const slot = await identity.recipient.wrap(fileKey, { coreHash, crypto });
        await identity.unwrap(slot, { coreHash, crypto });
      }
      expectHidden(identity, raw.private);
      expectHidden([identity.recipient, identity.recipient.anonymous()], raw.private);
    });
  }

  it("key handles and AEAD keys of every backend", async () => {
    for (const backend of backends) {
      expectHidden(await backend.importX25519(raw.private), raw.private);
      expectHidden(await signaturesOf(backend).importEd25519(raw.private), raw.private);
      const aead = await backend.importAesGcmKey(raw.private);
      expectHidden(aead, raw.private);
      const error = (await caught(() => aead.open(new Uint8Array(12), pattern(40)))) as BlindreelError;
      expectErrorCode(error, "authentication-failed");
      expectHidden(error, raw.private);
    }
  });

  it("errors of importing", async () => {
    const d = Buffer.from(raw.private).toString("base64url");
    const attempts: unknown[] = [
      { kty: "OKP", crv: "X25519", x: d, d: `${d}=` },
      { kty: "OKP", crv: "X25519", x: d, d },
      JSON.stringify({ kty: "OKP", crv: "X25519", x: d, d: `${d}AA` }),
      `{"kty":"OKP","d":"${d}"`,
      `{"d":"${d}","d":"${d}"}`,
      privatePem(raw.private).replace("M", ""),
      privatePem(concatBytes(raw.private, raw.private)),
      concatBytes(raw.private, Uint8Array.of(1)),
      d,
    ];
    for (const input of attempts) {
      expectHidden(await caught(() => importIdentity(input as never)), raw.private);
      if (typeof input === "string") {
        expectHidden(await caught(() => importRecipient(input as never)), raw.private);
      }
    }
  });
});

describe("the classes", () => {
  it("are what is exported, and identities name their recipient", async () => {
    const identity = await generateIdentity();
    expect(identity).toBeInstanceOf(X25519Identity);
    expect(identity.recipient).toBeInstanceOf(X25519Recipient);
    expect(identity.recipient.slotType).toBe(1);
    expect(identity.keyId).toMatch(/^[0-9a-f]{32}$/);
  });
});
