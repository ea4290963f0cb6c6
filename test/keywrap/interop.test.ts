import * as HPKE from "hpke";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { SlotType } from "../../src/formats/constants.js";
import { generateIdentity, importIdentity } from "../../src/keywrap/import.js";
import { backends } from "../helpers/backends.js";
import { pattern, toHex } from "../helpers/bytes.js";

/** Against an implementation of RFC 9180 by other hands (panva/hpke). */
const suite = new HPKE.CipherSuite(
  HPKE.KEM_DHKEM_X25519_HKDF_SHA256,
  HPKE.KDF_HKDF_SHA256,
  HPKE.AEAD_AES_256_GCM,
);

/** `info` as the specification words it, written out here without the SDK's helpers. */
function slotInfo(keyId: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("blindreel/v1 slot\0", "latin1"), Buffer.of(0x00, 0x01), keyId]);
}

describe("HPKE interoperability", () => {
  const coreHash = pattern(32, 7);
  const fileKey = pattern(32, 8);

  for (const crypto of backends) {
    for (const isAnonymous of [false, true]) {
      const who = `${isAnonymous ? "anonymous" : "named"} on ${crypto.name}`;

      it(`panva/hpke opens a slot made here, ${who}`, async () => {
        const identity = await generateIdentity({ crypto });
        const recipient = isAnonymous ? identity.recipient.anonymous() : identity.recipient;
        const slot = await recipient.wrap(fileKey, { coreHash, crypto });
        expect(slot.type).toBe(1);
        expect(slot.body.length).toBe(80);
        expect(toHex(slot.keyId)).toBe(isAnonymous ? "00".repeat(16) : identity.keyId);
        const raw = Buffer.from(identity.toJwk().d, "base64url");
        const privateKey = await suite.DeserializePrivateKey(raw, true);
        const [enc, ct] = [slot.body.slice(0, 32), slot.body.slice(32)];
        const opened = await suite.Open(privateKey, enc, ct, { info: slotInfo(slot.keyId), aad: coreHash });
        expect(toHex(opened)).toBe(toHex(fileKey));
      });

      it(`a slot made by panva/hpke opens here, ${who}`, async () => {
        const pair = await suite.GenerateKeyPair(true);
        const raw = new Uint8Array(await suite.SerializePrivateKey(pair.privateKey));
        const identity = await importIdentity(raw, { crypto });
        expect(toHex(identity.recipient.publicKey)).toBe(
          toHex(await suite.SerializePublicKey(pair.publicKey)),
        );
        const keyId = isAnonymous ? new Uint8Array(16) : new Uint8Array(Buffer.from(identity.keyId, "hex"));
        const { encapsulatedSecret, ciphertext } = await suite.Seal(pair.publicKey, fileKey, {
          info: slotInfo(keyId),
          aad: coreHash,
        });
        const body = concatBytes(encapsulatedSecret, ciphertext);
        const opened = await identity.unwrap({ type: SlotType.x25519, keyId, body }, { coreHash, crypto });
        expect(toHex(opened!)).toBe(toHex(fileKey));
      });
    }
  }
});
