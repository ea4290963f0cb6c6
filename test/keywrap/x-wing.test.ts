import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { describe, expect, it } from "vitest";
import { defaultMlKem, mlKemPublicKey, nobleMlKem, webCryptoMlKem } from "../../src/crypto/mlkem.js";
import { inspect } from "../../src/envelope/inspect.js";
import { open } from "../../src/envelope/open.js";
import { rewrap } from "../../src/envelope/rewrap.js";
import { seal } from "../../src/envelope/seal.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import type { Identity, Recipient, Slot } from "../../src/keywrap/types.js";
import {
  expandDecapsulationKey,
  generateXWingIdentity,
  importXWingIdentity,
  importXWingRecipient,
} from "../../src/keywrap/x-wing.js";
import { backends } from "../helpers/backends.js";
import { fromHex, pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { describePublished, publishedVectors } from "../helpers/published.js";

interface Vector {
  readonly kem_id: number;
  readonly skRm: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly shared_secret: string;
}

const data = pattern(1000, 7);

async function sealTo(to: Recipient | readonly Recipient[], options = {}): Promise<Bytes> {
  return seal(data, { to, ...options });
}

async function openWith(file: Bytes, identities: Identity): Promise<string> {
  return toHex((await open(file, { identities })).data);
}

describePublished("MLKEM768-X25519 (hpke-pq vectors, KEM part)", () => {
  const vectors = publishedVectors<readonly Vector[]>("hpke-pq-0x647a.json");

  it("are two sets", () => expect(vectors.map(({ kem_id }) => kem_id)).toEqual([0x647a, 0x647a]));

  for (const crypto of backends) {
    for (const [i, vector] of vectors.entries()) {
      it(`set ${i}: public key and Decap on ${crypto.name}`, async () => {
        const { publicKey, decap } = await expandDecapsulationKey(fromHex(vector.skRm), crypto);
        expect(toHex(publicKey)).toBe(vector.pkRm);
        expect(toHex(await decap(crypto, fromHex(vector.enc)))).toBe(vector.shared_secret);
      });
    }
  }
});

describe("hybrid recipients", () => {
  it("open what is sealed to them, named and anonymous, and nothing else", async () => {
    const [own, other] = [await generateXWingIdentity(), await generateXWingIdentity()];
    for (const to of [own.recipient, own.recipient.anonymous()]) {
      const file = await sealTo(to);
      expect(await openWith(file, own)).toBe(toHex(data));
      await expectCode(() => openWith(file, other), "no-matching-key");
    }
  });

  it("come back from a JWK and from a seed, with the same thumbprint", async () => {
    const own = await generateXWingIdentity();
    const jwk = own.toJwk();
    expect(Object.keys(jwk).sort()).toEqual(["alg", "kty", "priv", "pub"]);
    for (const form of [jwk, JSON.stringify(jwk), Buffer.from(jwk.priv, "base64url")]) {
      expect((await importXWingIdentity(form)).thumbprint).toBe(own.thumbprint);
    }
    for (const form of [own.recipient.toJwk(), own.recipient.publicKey]) {
      expect((await importXWingRecipient(form)).thumbprint).toBe(own.thumbprint);
    }
  });

  it("exchange slots with another implementation of the KEM, both ways", async () => {
    const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
    const own = await generateXWingIdentity();
    const fileKey = pattern(32, 3);
    const coreHash = pattern(32, 4);
    const keyId = fromHex(own.keyId);
    const info = concatBytes(new TextEncoder().encode("blindreel/v1 slot"), Uint8Array.of(0, 0, 2), keyId);
    const crypto = backends[0]!;

    const publicKey = await suite.kem.deserializePublicKey(own.recipient.publicKey.buffer);
    const sender = await suite.createSenderContext({ recipientPublicKey: publicKey, info: info.buffer });
    const ct = new Uint8Array(await sender.seal(fileKey.buffer, coreHash.buffer));
    const theirs: Slot = { type: 2, keyId, body: concatBytes(new Uint8Array(sender.enc), ct) };
    expect(toHex((await own.unwrap(theirs, { coreHash, crypto }))!)).toBe(toHex(fileKey));

    const ours = await own.recipient.wrap(fileKey, { coreHash, crypto });
    const privateKey = await suite.kem.deserializePrivateKey(
      Uint8Array.from(Buffer.from(own.toJwk().priv, "base64url")).buffer,
    );
    const reader = await suite.createRecipientContext({
      recipientKey: privateKey,
      enc: ours.body.slice(0, 1120).buffer,
      info: info.buffer,
    });
    const opened = await reader.open(ours.body.slice(1120).buffer, coreHash.buffer);
    expect(toHex(new Uint8Array(opened))).toBe(toHex(fileKey));
  });

  it("noble and the platform agree, where the platform has ML-KEM", async () => {
    const seed = pattern(64, 9);
    const publicKey = mlKemPublicKey(seed);
    const providers = (await defaultMlKem()) === nobleMlKem ? [nobleMlKem] : [nobleMlKem, webCryptoMlKem];
    for (const sealer of providers) {
      for (const opener of providers) {
        const { sharedSecret, ciphertext } = await sealer.encapsulate(publicKey);
        const opened = await (await opener.importSeed(seed)).decapsulate(ciphertext);
        expect(toHex(opened)).toBe(toHex(sharedSecret));
      }
    }
  });
});

describe("mixtures (E5)", () => {
  it("a classical recipient beside a hybrid one is refused unless it is asked for", async () => {
    const [hybrid, classical] = [await generateXWingIdentity(), await generateIdentity()];
    const p256 = await generateIdentity({ curve: "P-256" });
    for (const { recipient } of [classical, p256]) {
      const to = [hybrid.recipient, recipient];
      const error = await expectCode(() => sealTo(to), "invalid-recipients");
      expect(error.message).toMatch(/allowClassical/);
      const mixed = await sealTo(to, { allowClassical: true });
      expect(inspect(mixed).isPostQuantumOnly).toBe(false);
      expect(await openWith(mixed, hybrid)).toBe(toHex(data));
    }
    expect(await openWith(await sealTo(classical.recipient), classical)).toBe(toHex(data));
  });

  it("hybrid recipients alone make a post-quantum-only envelope, which no rewrap weakens", async () => {
    const [hybrid, next, classical] = [
      await generateXWingIdentity(),
      await generateXWingIdentity(),
      await generateIdentity(),
    ];
    const file = await sealTo(hybrid.recipient);
    const { isPostQuantumOnly, envelopeLength } = inspect(file);
    expect(isPostQuantumOnly).toBe(true);
    const envelope = file.slice(0, envelopeLength);
    await expectCode(
      () => rewrap(envelope, { identities: hybrid, to: [next.recipient, classical.recipient] }),
      "invalid-recipients",
    );
    const renewed = await rewrap(envelope, { identities: hybrid, to: next.recipient });
    expect(inspect(renewed).isPostQuantumOnly).toBe(true);
    expect(await openWith(concatBytes(renewed, file.subarray(envelopeLength)), next)).toBe(toHex(data));
  });
});

describe("bad keys and slots (E4)", () => {
  it("wrong lengths, unreduced halves and weak points are refused", async () => {
    const good = (await generateXWingIdentity()).recipient.publicKey;
    const changed = (at: number, bytes: Uint8Array): Bytes => {
      const copy = good.slice();
      copy.set(bytes, at);
      return copy;
    };
    const cases: [string, Bytes, RegExp][] = [
      ["a byte short", good.slice(1), /must be 1216 bytes/],
      ["a byte long", concatBytes(good, Uint8Array.of(0)), /must be 1216 bytes/],
      ["an X25519 key", good.slice(1184), /must be 1216 bytes/],
      ["the first coefficient is q", changed(0, Uint8Array.of(0x01, 0x0d)), /not reduced/],
      ["the last coefficient is 4095", changed(1150, Uint8Array.of(0xff, 0xff)), /not reduced/],
      ["an X25519 half of low order", changed(1184, new Uint8Array(32)), /low order/],
      ["an X25519 half above p", changed(1184, new Uint8Array(32).fill(0xff)), /canonical/],
    ];
    for (const [name, key, reason] of cases) {
      const error = await expectCode(() => importXWingRecipient(key), "invalid-key");
      expect(error.message, name).toMatch(reason);
    }
    await expectCode(() => importXWingIdentity(new Uint8Array(32)), "invalid-key");
    await expectCode(() => importXWingIdentity(pattern(31)), "invalid-key");
  });

  it("halves of a JWK that do not belong together, and a private key as a recipient, are refused", async () => {
    const [one, other] = [await generateXWingIdentity(), await generateXWingIdentity()];
    await expectCode(() => importXWingIdentity({ ...one.toJwk(), pub: other.toJwk().pub }), "invalid-key");
    await expectCode(() => importXWingRecipient(one.toJwk()), "invalid-key");
    const isPublic = one.recipient.toJwk() as Parameters<typeof importXWingIdentity>[0];
    await expectCode(() => importXWingIdentity(isPublic), "invalid-key");
  });

  it("every altered part of a slot is the one error", async () => {
    const own = await generateXWingIdentity();
    const crypto = backends[0]!;
    const coreHash = pattern(32, 4);
    const slot = await own.recipient.wrap(pattern(32, 3), { coreHash, crypto });
    const messages = new Set<string>();
    for (const at of [0, 500, 1087, 1088, 1119, 1120, 1151, 1167]) {
      const body = slot.body.slice();
      body[at]! ^= 1;
      const altered = own.unwrap({ ...slot, body }, { coreHash, crypto });
      messages.add((await expectCode(() => altered, "authentication-failed")).message);
    }
    const weak = slot.body.slice();
    weak.fill(0, 1088, 1120);
    const attempt = own.unwrap({ ...slot, body: weak }, { coreHash, crypto });
    messages.add((await expectCode(() => attempt, "authentication-failed")).message);
    expect(messages.size).toBe(1);
    const short = { ...slot, body: slot.body.slice(1) };
    await expectCode(() => own.unwrap(short, { coreHash, crypto }), "authentication-failed");
  });
});
