import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { envelopeLength } from "../../src/envelope/wire.js";
import { LIMITS } from "../../src/formats/constants.js";
import { inspect, open, rewrap, seal } from "../../src/index.js";
import {
  generateIdentity,
  identityFromAgreement,
  importIdentity,
  importRecipient,
} from "../../src/keywrap/import.js";
import { P256Identity, P256Recipient } from "../../src/keywrap/p256.js";
import { backends } from "../helpers/backends.js";
import { pattern, sameBytes, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

const data = pattern(20_000, 3);
const coreHash = pattern(32, 4);
const fileKey = pattern(32, 5);

interface Device {
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly agree: (peer: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;
}

/** A device that agrees and lets nothing else out: here `node:crypto`, apart from the code under test. */
function device(): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    publicKey: pointOf(publicKey),
    agree: async (peer) => {
      const [x, y] = [peer.subarray(1, 33), peer.subarray(33)].map((part) =>
        Buffer.from(part).toString("base64url"),
      ) as [string, string];
      const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
      return new Uint8Array(diffieHellman({ privateKey, publicKey: key }));
    },
  };
}

function pointOf(key: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(-65));
}

describe.each(backends)("P-256 recipients on $name", (crypto) => {
  it("an envelope to X25519 and P-256, named or not, opens with either, and with no other", async () => {
    const [x25519, p256, stranger] = await Promise.all([
      generateIdentity({ crypto }),
      generateIdentity({ curve: "P-256", crypto }),
      generateIdentity({ curve: "P-256", crypto }),
    ]);
    for (const to of [
      [x25519.recipient, p256.recipient],
      [x25519.recipient.anonymous(), p256.recipient.anonymous()],
    ]) {
      const file = await seal(data, { to, crypto });
      expect(inspect(file).slots.map(({ type }) => type)).toEqual([1, 6]);
      for (const identities of [x25519, p256, [stranger, p256]]) {
        expect(sameBytes((await open(file, { identities, crypto })).data, data)).toBe(true);
      }
      await expectCode(() => open(file, { identities: stranger, crypto }), "no-matching-key");
    }
  });

  it("is given and taken back by a rewrap", async () => {
    const [first, second] = await Promise.all([
      generateIdentity({ crypto }),
      generateIdentity({ curve: "P-256", crypto }),
    ]);
    const file = await seal(data, { to: first.recipient, crypto });
    const envelope = file.slice(0, envelopeLength(file, LIMITS));
    const given = await rewrap(envelope, { identities: first, to: second.recipient, crypto });
    expect(inspect(given).slots.map(({ type }) => type)).toEqual([6]);
    await rewrap(given, { identities: second, to: first.recipient, crypto });
    await expectCode(
      () => rewrap(given, { identities: first, to: first.recipient, crypto }),
      "no-matching-key",
    );
  });

  it("a device opens by agreement alone, and a changed slot is the one failure", async () => {
    const { publicKey, agree } = device();
    const identity = await identityFromAgreement(publicKey, agree, { crypto });
    const slot = await identity.recipient.wrap(fileKey, { coreHash, crypto });
    expect(toHex((await identity.unwrap(slot, { coreHash, crypto }))!)).toBe(toHex(fileKey));
    for (const at of [0, 1, 32, 33, 64, 65, 112]) {
      const body = slot.body.slice();
      body[at]! ^= 1;
      await expectCode(
        () => identity.unwrap({ ...slot, body }, { coreHash, crypto }),
        "authentication-failed",
      );
    }
    // Its negative is another point of the curve with the same shared x; HPKE binds the whole point (RFC 9180 §4.1).
    const negative = slot.body.slice();
    negative.set(negated(slot.body.subarray(0, 65)));
    await expectCode(
      () => identity.unwrap({ ...slot, body: negative }, { coreHash, crypto }),
      "authentication-failed",
    );
  });

  it("keys are made anew, exported and imported, on this backend", async () => {
    const identity = await generateIdentity({ curve: "P-256", crypto });
    expect(identity).toBeInstanceOf(P256Identity);
    expect(identity.recipient).toBeInstanceOf(P256Recipient);
    for (const form of [identity.toJwk(), identity.toPem(), JSON.stringify(identity.toJwk())]) {
      expect((await importIdentity(form as string, { crypto })).thumbprint).toBe(identity.thumbprint);
    }
    expect(createPrivateKey(identity.toPem()).asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });
});

it("has the RFC 7638 thumbprint of an EC key, and its first 16 bytes as key id", async () => {
  const { recipient } = await generateIdentity({ curve: "P-256" });
  const { x, y } = recipient.toJwk();
  const text = `{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`;
  expect(recipient.thumbprint).toBe(createHash("sha256").update(text).digest("hex"));
  expect(recipient.keyId).toBe(recipient.thumbprint.slice(0, 32));
});

it("a pair of platform keys opens, extractable or not; its halves must belong together", async () => {
  const { subtle } = globalThis.crypto;
  const make = (extractable: boolean) =>
    subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, extractable, [
      "deriveBits",
    ]) as Promise<CryptoKeyPair>;
  const [one, other] = [await make(false), await make(true)];
  for (const pair of [one, other]) {
    const identity = await importIdentity(pair);
    const recipient = await importRecipient(pair.publicKey);
    expect(recipient.thumbprint).toBe(identity.thumbprint);
    const file = await seal(data, { to: recipient });
    expect(sameBytes((await open(file, { identities: identity })).data, data)).toBe(true);
  }
  const mixed = { privateKey: one.privateKey, publicKey: other.publicKey };
  await expectCode(() => importIdentity(mixed), "invalid-key");
});

it("identityFromAgreement refuses another key's half, and answers that are no x coordinate", async () => {
  const { publicKey, agree } = device();
  await expectCode(() => identityFromAgreement(device().publicKey, agree), "invalid-key");
  for (const answer of [
    async (peer: Uint8Array) => (await agree(peer)).slice(1),
    async (peer: Uint8Array) => new Uint8Array([4, ...(await agree(peer)), ...new Uint8Array(32)]),
    async () => new Uint8Array(0),
  ]) {
    await expectCode(() => identityFromAgreement(publicKey, answer), "invalid-key");
  }
  const broken = publicKey.map((byte, i) => (i === 64 ? byte ^ 1 : byte));
  const { message } = await expectCode(() => identityFromAgreement(broken, agree), "invalid-key");
  expect(message).toMatch(/not on the curve/);
});

it("a device's key with the other y is a key of its own: x alone cannot tell, and nothing is lost by it", async () => {
  const { publicKey, agree } = device();
  const identity = await identityFromAgreement(publicKey, agree);
  const twin = await identityFromAgreement(negated(publicKey), agree);
  expect(twin.thumbprint).not.toBe(identity.thumbprint);
  const slot = await twin.recipient.wrap(fileKey, { coreHash, crypto: backends[0]! });
  expect(toHex((await twin.unwrap(slot, { coreHash, crypto: backends[0]! }))!)).toBe(toHex(fileKey));
  expect(await identity.unwrap(slot, { coreHash, crypto: backends[0]! })).toBeNull();
  const anonymous = await twin.recipient.anonymous().wrap(fileKey, { coreHash, crypto: backends[0]! });
  expect(await identity.unwrap(anonymous, { coreHash, crypto: backends[0]! })).toBeNull();
});

/** The point with p - y in place of y. */
function negated(point: Uint8Array): Uint8Array<ArrayBuffer> {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const y = BigInt(`0x${toHex(point.subarray(33))}`);
  const negative = new Uint8Array(point);
  negative.set(Buffer.from((p - y).toString(16).padStart(64, "0"), "hex"), 33);
  return negative;
}

it("a random source that gives no scalar makes no key, and does not go on for ever", async () => {
  let calls = 0;
  const crypto = {
    ...backends[0]!,
    getRandomBytes(length: number) {
      if (++calls > 1000) throw new Error("it goes on for ever");
      return new Uint8Array(length).fill(0xff);
    },
  };
  await expectCode(() => generateIdentity({ curve: "P-256", crypto }), "bad-random");
  expect(calls).toBe(8);
});
