import * as HPKE from "hpke";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { SlotType } from "../../src/formats/constants.js";
import { generateIdentity, importIdentity, importRecipient } from "../../src/keywrap/import.js";
import { backends } from "../helpers/backends.js";
import { pattern, toHex } from "../helpers/bytes.js";

/** Against an implementation of RFC 9180 by other hands (panva/hpke). */
const suites = [
  { curve: "X25519", type: SlotType.x25519, kem: HPKE.KEM_DHKEM_X25519_HKDF_SHA256, enc: 32 },
  { curve: "P-256", type: SlotType.p256, kem: HPKE.KEM_DHKEM_P256_HKDF_SHA256, enc: 65 },
] as const;

describe.each(suites)("HPKE interoperability, $curve", ({ curve, type, kem, enc }) => {
  const suite = new HPKE.CipherSuite(kem, HPKE.KDF_HKDF_SHA256, HPKE.AEAD_AES_256_GCM);
  const coreHash = pattern(32, 7);
  const fileKey = pattern(32, 8);

  /** `info` as the specification words it, written out here without the SDK's helpers. */
  const slotInfo = (keyId: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from("blindreel/v1 slot\0", "latin1"), Buffer.of(0x00, type), keyId]);

  for (const crypto of backends) {
    for (const isAnonymous of [false, true]) {
      const who = `${isAnonymous ? "anonymous" : "named"} on ${crypto.name}`;

      it(`panva/hpke opens a slot made here, ${who}`, async () => {
        const identity = await generateIdentity({ curve, crypto });
        const recipient = isAnonymous ? identity.recipient.anonymous() : identity.recipient;
        const slot = await recipient.wrap(fileKey, { coreHash, crypto });
        expect(slot.type).toBe(type);
        expect(slot.body.length).toBe(enc + 48);
        expect(toHex(slot.keyId)).toBe(isAnonymous ? "00".repeat(16) : identity.keyId);
        const raw = Buffer.from(identity.toJwk().d, "base64url");
        const privateKey = await suite.DeserializePrivateKey(raw, true);
        const [encapsulated, ct] = [slot.body.slice(0, enc), slot.body.slice(enc)];
        const parameters = { info: slotInfo(slot.keyId), aad: coreHash };
        expect(toHex(await suite.Open(privateKey, encapsulated, ct, parameters))).toBe(toHex(fileKey));
      });

      it(`a slot made by panva/hpke opens here, ${who}`, async () => {
        const pair = await suite.GenerateKeyPair(true);
        const jwk = await globalThis.crypto.subtle.exportKey("jwk", pair.privateKey as CryptoKey);
        const identity = await importIdentity(JSON.stringify(jwk), { crypto });
        const publicKey = new Uint8Array(await suite.SerializePublicKey(pair.publicKey));
        expect((await importRecipient(publicKey, { crypto })).thumbprint).toBe(identity.thumbprint);
        const keyId = isAnonymous ? new Uint8Array(16) : new Uint8Array(Buffer.from(identity.keyId, "hex"));
        const { encapsulatedSecret, ciphertext } = await suite.Seal(pair.publicKey, fileKey, {
          info: slotInfo(keyId),
          aad: coreHash,
        });
        const body = concatBytes(encapsulatedSecret, ciphertext);
        const opened = await identity.unwrap({ type, keyId, body }, { coreHash, crypto });
        expect(toHex(opened!)).toBe(toHex(fileKey));
      });
    }
  }
});
