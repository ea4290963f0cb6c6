import { defaultProvider } from "blindreel/crypto";
import { decodeHex, encodeHex } from "../../../src/formats/encoding.js";
import { dhDecap } from "../../../src/keywrap/dhkem.js";
import { Hpke, openBase, sealBase } from "../../../src/keywrap/hpke.js";
import { x25519Group, x25519Kem } from "../../../src/keywrap/x25519.js";
import { computeNonce, type Rfc9180Vector } from "../../helpers/rfc9180.js";
import { publishedVectors } from "./data.js";
import { type Case, equal, fails } from "./kit.js";

export const rfc9180: readonly Case[] = [
  {
    name: "RFC 9180, our suite: Encap, Decap, KeySchedule, all 257 encryptions, single shot",
    async run(host) {
      const crypto = defaultProvider();
      const vectors = await publishedVectors<readonly Rfc9180Vector[]>(
        host,
        "rfc9180-x25519-sha256-aes256gcm-base.json",
      );
      equal(vectors.length, 1, "sets");
      const vector = vectors[0]!;
      const handle = await crypto.importX25519PublicKey(decodeHex(vector.pkRm));
      const ephemeral = {
        publicKey: decodeHex(vector.pkEm),
        privateKey: await crypto.importX25519(decodeHex(vector.skEm)),
      };
      const recipientKey = await crypto.importX25519(decodeHex(vector.skRm));
      const decap = dhDecap(x25519Kem, x25519Group, {
        publicKey: decodeHex(vector.pkRm),
        agree: async (peer) => x25519Group.dh(crypto, recipientKey, await crypto.importX25519PublicKey(peer)),
      });
      const decapsulate = () => decap(crypto, decodeHex(vector.enc));
      const recipient = { bytes: decodeHex(vector.pkRm), handle };
      const { sharedSecret, enc } = await x25519Kem.encapWith(crypto, recipient, ephemeral);
      equal([encodeHex(enc), encodeHex(sharedSecret)], [vector.enc, vector.shared_secret], "Encap");
      equal(encodeHex(await decapsulate()), vector.shared_secret, "Decap");

      const hpke = new Hpke(x25519Kem.id);
      const context = await hpke.keyScheduleContext(crypto, decodeHex(vector.info));
      const { key, baseNonce } = await hpke.keySchedule(crypto, await decapsulate(), context);
      equal([encodeHex(key), encodeHex(baseNonce)], [vector.key, vector.base_nonce], "KeySchedule");
      const aead = await crypto.importAesGcmKey(key);
      for (const [sequence, { aad, ct, nonce, pt }] of vector.encryptions.entries()) {
        const ours = computeNonce(baseNonce, sequence);
        equal(encodeHex(ours), nonce, `nonce ${sequence}`);
        equal(encodeHex(await aead.seal(ours, decodeHex(pt), decodeHex(aad))), ct, `seal ${sequence}`);
        equal(encodeHex(await aead.open(ours, decodeHex(ct), decodeHex(aad))), pt, `open ${sequence}`);
      }
      equal(vector.encryptions.length, 257, "encryptions");

      const { aad, ct, pt } = vector.encryptions[0]!;
      const sealed = await sealBase(hpke, crypto, sharedSecret, context, decodeHex(aad), decodeHex(pt));
      equal(encodeHex(sealed), ct, "SealBase");
      const openShot = async (sealedText: string) =>
        openBase(
          hpke,
          crypto,
          await decapsulate(),
          context,
          decodeHex(aad),
          decodeHex(sealedText),
          pt.length / 2,
        );
      equal(encodeHex(await openShot(ct)), pt, "OpenBase");
      await fails(() => openShot(`00${ct.slice(2)}`), "authentication-failed");
    },
  },
];
