import { describe, expect, it } from "vitest";
import { verifyEd25519 } from "../../src/crypto/ed25519.js";
import { hkdfExpand, hkdfExtract } from "../../src/crypto/hkdf.js";
import { p256Of } from "../../src/crypto/p256.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { signaturesOf } from "../../src/crypto/signatures.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { backends, defaultProvider } from "../helpers/backends.js";
import { fromHex, generator, pattern, SEED, sameBytes, toHex } from "../helpers/bytes.js";
import { expectCode, expectOutOfRange } from "../helpers/errors.js";

/** Every backend, and what this runtime chooses by default. */
const all: readonly CryptoProvider[] = [...backends, defaultProvider()];
const base = Uint8Array.of(9, ...new Uint8Array(31));

describe.each(all.map((crypto) => [crypto.name, crypto] as const))(
  "one suite for every backend: %s",
  (_, crypto) => {
    it("has known answers for hashes and MACs", async () => {
      // FIPS 180-4 and RFC 4231 case 1.
      expect(toHex(await crypto.digest("SHA-256", new TextEncoder().encode("abc") as Bytes))).toBe(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      );
      expect(toHex(await crypto.digest("SHA-512", new Uint8Array(0)))).toMatch(
        /^cf83e1357eefb8bd.*f927da3e$/,
      );
      const key = fromHex("0b".repeat(20));
      const message = new TextEncoder().encode("Hi There") as Bytes;
      expect(toHex(await crypto.hmac("SHA-256", key, message))).toBe(
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      );
      expect(toHex(await crypto.hmac("SHA-512", key, message))).toMatch(/^87aa7cdea5ef619d.*6854$/);
    });

    it("hashes long messages as it does short ones", async () => {
      for (const hash of ["SHA-256", "SHA-512"] as const) {
        for (const length of [0, 3, 16_384, 1_000_000]) {
          const bulk = await crypto.digestBulk(hash, pattern(length));
          expect(toHex(bulk)).toBe(toHex(await crypto.digest(hash, pattern(length))));
        }
      }
    });

    it("keeps public keys of its own: what a caller does to the bytes changes none", async () => {
      const curve = p256Of(crypto);
      const [own, peer] = [await curve.generate(), await curve.generate()];
      const point = peer.publicKey.slice();
      const imported = await curve.importPublic(point);
      const expected = toHex(await curve.agree(peer.privateKey, await curve.importPublic(own.publicKey)));
      point.fill(0);
      expect(toHex(await curve.agree(own.privateKey, imported))).toBe(expected);
      const pair = await crypto.generateX25519();
      const bytes = base.slice();
      const key = await crypto.importX25519PublicKey(bytes);
      bytes.fill(0);
      expect(toHex(await crypto.agreeX25519(pair.privateKey, key))).toBe(toHex(pair.publicKey));
    });

    it("takes HMAC keys of any length, none included", async () => {
      for (const length of [0, 1, 63, 64, 65, 127, 128, 129, 300]) {
        const mac = await crypto.hmac("SHA-256", pattern(length), pattern(50));
        expect(toHex(mac)).toBe(toHex(await backends[0]!.hmac("SHA-256", pattern(length), pattern(50))));
      }
    });

    it("gives plain arrays of their own, of the right length", async () => {
      const aead = await crypto.importAesGcmKey(pattern(32));
      const pair = await crypto.generateX25519();
      const results: [Uint8Array, number][] = [
        [crypto.getRandomBytes(33), 33],
        [crypto.getRandomBytes(0), 0],
        [crypto.getRandomBytes(200_000), 200_000],
        [await crypto.digest("SHA-256", pattern(3)), 32],
        [await crypto.digestBulk("SHA-256", pattern(16_384)), 32],
        [await crypto.digestBulk("SHA-512", pattern(16_384)), 64],
        [await crypto.hmac("SHA-512", pattern(3), pattern(3)), 64],
        [await aead.seal(pattern(12), pattern(5)), 21],
        [await aead.open(pattern(12), await aead.seal(pattern(12), pattern(5))), 5],
        [pair.publicKey, 32],
        [await crypto.agreeX25519(pair.privateKey, await crypto.importX25519PublicKey(base)), 32],
        [
          await signaturesOf(crypto).signEd25519(
            await signaturesOf(crypto).importEd25519(pattern(32)),
            pattern(3),
          ),
          64,
        ],
      ];
      for (const [bytes, length] of results) {
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
        expect(bytes.length).toBe(length);
        // Nothing else in the memory that goes with it: no pool shared with strangers.
        expect(bytes.buffer.byteLength).toBe(bytes.length);
      }
      // Beyond WebCrypto's quota of 64 KiB every part is random.
      const long = crypto.getRandomBytes(200_000);
      for (let at = 0; at < long.length; at += 20_000) {
        expect(long.subarray(at, at + 32).some((byte) => byte !== 0)).toBe(true);
      }
    });

    it("generates X25519 keys whose halves belong together, never twice", async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const { publicKey, privateKey } = await crypto.generateX25519();
        const derived = await crypto.agreeX25519(privateKey, await crypto.importX25519PublicKey(base));
        expect(toHex(derived)).toBe(toHex(publicKey));
        seen.add(toHex(publicKey));
      }
      expect(seen.size).toBe(20);
    });

    it("refuses AES keys and nonces of other lengths, and ciphertexts without a tag", async () => {
      for (const length of [0, 16, 24, 31, 33, 64]) {
        await expectOutOfRange(async () => crypto.importAesGcmKey(pattern(length)));
      }
      const aead = await crypto.importAesGcmKey(pattern(32));
      for (const length of [0, 8, 11, 13, 16]) {
        await expectOutOfRange(async () => aead.seal(pattern(length), pattern(5)));
        await expectOutOfRange(async () => aead.open(pattern(length), pattern(21)));
      }
      for (const length of [0, 1, 15, 16]) {
        await expectCode(async () => aead.open(pattern(12), pattern(length)), "authentication-failed");
      }
    });

    it("reads its inputs before the call returns", async () => {
      const key = pattern(32);
      const importing = crypto.importAesGcmKey(key);
      key.fill(0);
      const aead = await importing;
      const [nonce, plaintext, additionalData] = [pattern(12), pattern(20_000), pattern(7)];
      const sealing = aead.seal(nonce, plaintext, additionalData);
      for (const input of [nonce, plaintext, additionalData]) input.fill(0xee);
      const sealed = await sealing;
      const reference = await backends[0]!.importAesGcmKey(pattern(32));
      expect(sameBytes(sealed, await reference.seal(pattern(12), pattern(20_000), pattern(7)))).toBe(true);
      const [nonce2, sealed2, additional2] = [pattern(12), sealed.slice() as Bytes, pattern(7)];
      const opening = aead.open(nonce2, sealed2, additional2);
      for (const input of [nonce2, sealed2, additional2]) input.fill(0xee);
      expect(sameBytes(await opening, pattern(20_000))).toBe(true);
      const message = pattern(20_000);
      const digesting = crypto.digestBulk("SHA-256", message);
      message.fill(0xee);
      expect(sameBytes(await digesting, await crypto.digest("SHA-256", pattern(20_000)))).toBe(true);
    });

    it("writes in place where it is synchronous, and nothing on failure", async () => {
      const aead = await crypto.importAesGcmKey(pattern(32));
      expect(aead.sealInto === undefined).toBe(aead.openInto === undefined);
      if (!aead.sealInto || !aead.openInto) return;
      const nonce = pattern(12);
      const expected = await aead.seal(nonce, pattern(1000));
      const buffer = new Uint8Array(1100);
      buffer.set(pattern(1000), 50);
      aead.sealInto(nonce, buffer.subarray(50, 1050), buffer, 50);
      expect(sameBytes(buffer.subarray(50, 1066), expected)).toBe(true);
      expect(buffer.subarray(0, 50).every((byte) => byte === 0)).toBe(true);
      expect(buffer.subarray(1066).every((byte) => byte === 0)).toBe(true);
      const output = new Uint8Array(1020).fill(0x55);
      const tampered = expected.slice() as Bytes;
      tampered[3]! ^= 1;
      await expectCode(() => aead.openInto!(nonce, tampered, output, 10), "authentication-failed");
      expect(output.every((byte) => byte === 0x55)).toBe(true);
      aead.openInto(nonce, expected as Bytes, output, 10);
      expect(sameBytes(output.subarray(10, 1010), pattern(1000))).toBe(true);
    });
  },
);

describe(`backends against each other, seed ${SEED}`, () => {
  const random = generator(SEED);
  const upTo = (limit: number): number => Math.floor(random() * (limit + 1));
  const bytes = (length: number): Bytes => Uint8Array.from({ length }, () => upTo(255));

  /** The answers of all backends to one question, as hex, of which there must be one. */
  async function agreed(
    question: (crypto: CryptoProvider) => Promise<Uint8Array> | Uint8Array,
  ): Promise<string> {
    const answers = await Promise.all(all.map(async (crypto) => toHex(await question(crypto))));
    expect(new Set(answers).size).toBe(1);
    return answers[0]!;
  }

  it("hashes, MACs and HKDF, 300 times", async () => {
    for (let run = 0; run < 300; run++) {
      const hash = random() < 0.5 ? "SHA-256" : "SHA-512";
      const [key, message, info] = [bytes(upTo(200)), bytes(upTo(500)), bytes(upTo(80))];
      const length = upTo(300);
      await agreed((crypto) => crypto.digest(hash, message));
      await agreed((crypto) => crypto.digestBulk(hash, message));
      await agreed((crypto) => crypto.hmac(hash, key, message));
      await agreed((crypto) => hkdfExtract(crypto, hash, key, message));
      await agreed((crypto) => hkdfExpand(crypto, hash, bytes32(message), info, length));
    }
    // A block of the hashes, and what Node takes as short.
    for (const hash of ["SHA-256", "SHA-512"] as const)
      for (const keyLength of [0, 1, 63, 64, 65, 127, 128, 129])
        for (const length of [0, 1, 4095, 4096, 4097]) {
          const [key, message] = [bytes(keyLength), bytes(length)];
          await agreed((crypto) => crypto.hmac(hash, key, message));
        }
  });

  it("AES-256-GCM, 200 times: each opens what each other sealed", async () => {
    for (let run = 0; run < 200; run++) {
      const [key, nonce, aad] = [bytes(32), bytes(12), bytes(upTo(40))];
      const plaintext = bytes(random() < 0.2 ? upTo(20_000) : upTo(100));
      const sealed = fromHex(
        await agreed(async (crypto) => (await crypto.importAesGcmKey(key)).seal(nonce, plaintext, aad)),
      );
      const opened = await agreed(async (crypto) =>
        (await crypto.importAesGcmKey(key)).open(nonce, sealed, aad),
      );
      expect(opened).toBe(toHex(plaintext));
      const tampered = sealed.slice();
      tampered[upTo(tampered.length - 1)]! ^= 1 << upTo(7);
      for (const crypto of all) {
        const aead = await crypto.importAesGcmKey(key);
        await expectCode(() => aead.open(nonce, tampered, aad), "authentication-failed");
      }
    }
  });

  it("X25519, 100 times, random points of curve and twist", async () => {
    for (let run = 0; run < 100; run++) {
      const privateKey = bytes(32);
      const peer = bytes(32);
      peer[31]! &= 0x7f;
      await agreed(async (crypto) =>
        crypto.agreeX25519(await crypto.importX25519(privateKey), await crypto.importX25519PublicKey(peer)),
      );
    }
  });

  it("Ed25519, 60 times: one signature, and one answer for it and for its mutations", async () => {
    for (let run = 0; run < 60; run++) {
      const [seed, message] = [bytes(32), bytes(upTo(100))];
      const signature = fromHex(
        await agreed(async (crypto) =>
          signaturesOf(crypto).signEd25519(await signaturesOf(crypto).importEd25519(seed), message),
        ),
      );
      const publicKey = await publicKeyOf(seed);
      for (const crypto of all) expect(await verifyEd25519(crypto, publicKey, message, signature)).toBe(true);
      const mutated = {
        signature: signature.slice(),
        publicKey: publicKey.slice(),
        message: message.slice(),
      };
      const target = [
        mutated.signature,
        mutated.publicKey,
        mutated.message.length > 0 ? mutated.message : mutated.signature,
      ][run % 3]!;
      target[upTo(target.length - 1)]! ^= 1 << upTo(7);
      for (const crypto of all) {
        expect(await verifyEd25519(crypto, mutated.publicKey, mutated.message, mutated.signature)).toBe(
          false,
        );
      }
    }
  });

  it("Ed25519 public keys and signatures of random bytes, 200 times: one answer, no error", async () => {
    for (let run = 0; run < 200; run++) {
      const [publicKey, message, signature] = [bytes(32), bytes(10), bytes(64)];
      signature[63]! &= 0x0f;
      await agreed(async (crypto) =>
        Uint8Array.of((await signaturesOf(crypto).verifyEd25519(publicKey, message, signature)) ? 1 : 0),
      );
    }
  });

  function bytes32(source: Bytes): Bytes {
    return Uint8Array.from({ length: 32 }, (_, i) => source[i % Math.max(1, source.length)] ?? 0);
  }

  async function publicKeyOf(seed: Bytes): Promise<Bytes> {
    const { ed25519 } = await import("@noble/curves/ed25519.js");
    return ed25519.getPublicKey(seed) as Bytes;
  }
});
