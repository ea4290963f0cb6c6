import { describe, expect, it } from "vitest";
import { signEd25519, verifyEd25519 } from "../../src/crypto/ed25519.js";
import { signaturesOf } from "../../src/crypto/signatures.js";
import { platformKeyOf, webCryptoHandle } from "../../src/crypto/webcrypto.js";
import { webCryptoSignatures } from "../../src/crypto/webcrypto-signatures.js";
import { backends, defaultProvider } from "../helpers/backends.js";
import { fromHex, pattern, toHex } from "../helpers/bytes.js";

const message = pattern(100);
const providers = [...backends, defaultProvider()];

describe.each(providers)("signing keys of $name", (crypto) => {
  it("are made fresh, and every backend verifies what they sign", async () => {
    const [one, other] = [
      await signaturesOf(crypto).generateEd25519(),
      await signaturesOf(crypto).generateEd25519(),
    ];
    expect(toHex(one.publicKey)).not.toBe(toHex(other.publicKey));
    const signature = await signEd25519(crypto, one.privateKey, message);
    for (const backend of providers) {
      expect(await verifyEd25519(backend, one.publicKey, message, signature), backend.name).toBe(true);
      expect(await verifyEd25519(backend, other.publicKey, message, signature), backend.name).toBe(false);
    }
  });

  it("derive the public key of RFC 8032 §7.1's first test from its seed", async () => {
    const seed = fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    const publicKey = await signaturesOf(crypto).deriveEd25519PublicKey(seed);
    expect(toHex(publicKey)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  });

  it("sign also where the key is the platform's", async () => {
    const pair = await webCryptoSignatures.generateEd25519();
    const key = platformKeyOf(pair.privateKey)!;
    expect(key.extractable).toBe(false);
    const signature = await signEd25519(crypto, webCryptoHandle(key), message);
    expect(await verifyEd25519(crypto, pair.publicKey, message, signature)).toBe(true);
  });
});

it("only WebCrypto's handles hold a platform key", async () => {
  for (const crypto of backends) {
    const { privateKey } = await signaturesOf(crypto).generateEd25519();
    expect(platformKeyOf(privateKey) !== undefined, crypto.name).toBe(crypto.name === "webcrypto");
  }
});
