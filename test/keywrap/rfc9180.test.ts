import { expect, it } from "vitest";
import { dhDecap } from "../../src/keywrap/dhkem.js";
import { Hpke, openBase, sealBase } from "../../src/keywrap/hpke.js";
import { x25519Group, x25519Kem } from "../../src/keywrap/x25519.js";
import { backends } from "../helpers/backends.js";
import { fromHex, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { describePublished, publishedVectors } from "../helpers/published.js";
import { computeNonce, type Rfc9180Vector } from "../helpers/rfc9180.js";

describePublished("RFC 9180, base mode, X25519 + HKDF-SHA256 + AES-256-GCM", () => {
  const vectors = publishedVectors<readonly Rfc9180Vector[]>("rfc9180-x25519-sha256-aes256gcm-base.json");

  it("is one set of 257 encryptions for our suite", () => {
    expect(vectors.map(({ mode, kem_id, kdf_id, aead_id }) => [mode, kem_id, kdf_id, aead_id])).toEqual([
      [0, 0x20, 1, 2],
    ]);
    expect(vectors[0]!.encryptions.length).toBe(257);
  });

  const hpke = new Hpke(x25519Kem.id);

  for (const backend of backends) {
    const vector = vectors[0]!;

    async function encapsulate() {
      const privateKey = await backend.importX25519(fromHex(vector.skEm));
      const handle = await backend.importX25519PublicKey(fromHex(vector.pkRm));
      const ephemeral = { publicKey: fromHex(vector.pkEm), privateKey };
      return x25519Kem.encapWith(backend, { bytes: fromHex(vector.pkRm), handle }, ephemeral);
    }

    async function decapsulate() {
      const privateKey = await backend.importX25519(fromHex(vector.skRm));
      const decap = dhDecap(x25519Kem, x25519Group, {
        publicKey: fromHex(vector.pkRm),
        agree: async (peer) => x25519Group.dh(backend, privateKey, await backend.importX25519PublicKey(peer)),
      });
      return decap(backend, fromHex(vector.enc));
    }

    it(`Encap, Decap and KeySchedule give the published values on ${backend.name}`, async () => {
      const { sharedSecret, enc } = await encapsulate();
      expect(toHex(enc)).toBe(vector.enc);
      expect(toHex(sharedSecret)).toBe(vector.shared_secret);
      expect(toHex(await decapsulate())).toBe(vector.shared_secret);
      const { key, baseNonce } = await hpke.keySchedule(
        backend,
        sharedSecret,
        await hpke.keyScheduleContext(backend, fromHex(vector.info)),
      );
      expect(toHex(key)).toBe(vector.key);
      expect(toHex(baseNonce)).toBe(vector.base_nonce);
    });

    it(`all 257 encryptions on ${backend.name}`, async () => {
      const schedule = await hpke.keySchedule(
        backend,
        await decapsulate(),
        await hpke.keyScheduleContext(backend, fromHex(vector.info)),
      );
      const aead = await backend.importAesGcmKey(schedule.key);
      let count = 0;
      for (const [sequence, { aad, ct, nonce, pt }] of vector.encryptions.entries()) {
        const ours = computeNonce(schedule.baseNonce, sequence);
        expect(toHex(ours)).toBe(nonce);
        expect(toHex(await aead.seal(ours, fromHex(pt), fromHex(aad)))).toBe(ct);
        expect(toHex(await aead.open(ours, fromHex(ct), fromHex(aad)))).toBe(pt);
        count++;
      }
      expect(count).toBe(257);
    });

    it(`SealBase and OpenBase, single shot, on ${backend.name}`, async () => {
      const { aad, ct, pt } = vector.encryptions[0]!;
      const context = await hpke.keyScheduleContext(backend, fromHex(vector.info));
      const { sharedSecret } = await encapsulate();
      expect(toHex(await sealBase(hpke, backend, sharedSecret, context, fromHex(aad), fromHex(pt)))).toBe(ct);
      const open = async (length: number, sealed = ct) =>
        openBase(hpke, backend, await decapsulate(), context, fromHex(aad), fromHex(sealed), length);
      expect(toHex(await open(pt.length / 2))).toBe(pt);
      // A plaintext of another length than expected is the same failure as a wrong tag.
      await expectCode(() => open(pt.length / 2 + 1), "authentication-failed");
      await expectCode(() => open(pt.length / 2, `00${ct.slice(2)}`), "authentication-failed");
    });
  }
});
