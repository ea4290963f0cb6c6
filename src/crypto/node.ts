import type * as NodeCrypto from "node:crypto";
import { authenticationFailed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { concatBytes } from "../formats/bytes.js";
import { KEY_LENGTH, TAG_LENGTH } from "../formats/constants.js";
import { decodeBase64Url, decodeHex, encodeBase64Url } from "../formats/encoding.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import type { AeadKey, CryptoProvider, PrivateKeyHandle, PublicKeyHandle } from "./provider.js";

interface NodeKey extends PrivateKeyHandle, PublicKeyHandle {
  readonly key: NodeCrypto.KeyObject;
}

const CIPHER = "aes-256-gcm";
const HASHES = { "SHA-256": "sha256", "SHA-512": "sha512" } as const;
const PKCS8_PREFIX = {
  x25519: /* @__PURE__ */ decodeHex("302e020100300506032b656e04220420"),
  ed25519: /* @__PURE__ */ decodeHex("302e020100300506032b657004220420"),
} as const;
const SPKI_ED25519_PREFIX = /* @__PURE__ */ decodeHex("302a300506032b6570032100");

/**
 * The runtime's `node:crypto` without an import that bundlers and browsers would stumble over, or undefined where
 * there is none (browsers).
 */
function nodeCrypto(): typeof NodeCrypto | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:crypto") as typeof NodeCrypto | undefined;
}

/** A `Buffer` as the plain array callers see: no pooled memory, no Buffer methods. */
function plain(buffer: Uint8Array): Bytes {
  return new Uint8Array(buffer);
}

function makeAeadKey(crypto: typeof NodeCrypto, rawKey: Bytes): AeadKey {
  checkAeadKey(rawKey);
  const key = crypto.createSecretKey(rawKey);

  function seal(nonce: Bytes, plaintext: Bytes, output: Bytes, offset: number, additionalData?: Bytes): void {
    checkNonce(nonce);
    const cipher = crypto.createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
    if (additionalData) cipher.setAAD(additionalData);
    output.set(cipher.update(plaintext), offset);
    cipher.final();
    output.set(cipher.getAuthTag(), offset + plaintext.length);
  }

  function open(
    nonce: Bytes,
    ciphertext: Bytes,
    output: Bytes,
    offset: number,
    additionalData?: Bytes,
  ): void {
    checkNonce(nonce);
    const length = ciphertext.length - TAG_LENGTH;
    if (length < 0) throw authenticationFailed();
    const decipher = crypto.createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
    if (additionalData) decipher.setAAD(additionalData);
    const unauthenticated = decipher.update(ciphertext.subarray(0, length));
    decipher.setAuthTag(ciphertext.subarray(length));
    try {
      decipher.final();
    } catch {
      throw authenticationFailed();
    }
    output.set(unauthenticated, offset);
  }

  return {
    seal(nonce, plaintext, additionalData) {
      const output = new Uint8Array(plaintext.length + TAG_LENGTH);
      seal(nonce, plaintext, output, 0, additionalData);
      return output;
    },
    open(nonce, ciphertext, additionalData) {
      const output = new Uint8Array(Math.max(0, ciphertext.length - TAG_LENGTH));
      open(nonce, ciphertext, output, 0, additionalData);
      return output;
    },
    sealInto: seal,
    openInto: open,
  };
}

/** The synchronous backend of Node (and of Deno and Bun, which imitate it), or undefined where there is none. */
export function nodeProvider(): CryptoProvider | undefined {
  const crypto = nodeCrypto();
  if (!crypto) return undefined;

  const importPrivate = (curve: keyof typeof PKCS8_PREFIX, secret: Bytes): NodeKey => {
    const der = concatBytes(PKCS8_PREFIX[curve], secret) as Buffer<ArrayBuffer>;
    const key = crypto.createPrivateKey({ key: der as Buffer, format: "der", type: "pkcs8" });
    der.fill(0);
    return { backend: "node", key };
  };

  return {
    name: "node",
    getRandomBytes: (length) => plain(crypto.randomBytes(length)),
    digest: (hash, message) => plain(crypto.createHash(HASHES[hash]).update(message).digest()),
    hmac: (hash, key, message) => plain(crypto.createHmac(HASHES[hash], key).update(message).digest()),
    importAesGcmKey: (key) => makeAeadKey(crypto, key),
    generateX25519() {
      const { publicKey, privateKey } = crypto.generateKeyPairSync("x25519");
      const { x } = publicKey.export({ format: "jwk" }) as { x: string };
      return { publicKey: decodeBase64Url(x), privateKey: { backend: "node", key: privateKey } as NodeKey };
    },
    importX25519: (privateKey) => importPrivate("x25519", privateKey),
    importX25519PublicKey(publicKey): NodeKey {
      const jwk = { kty: "OKP", crv: "X25519", x: encodeBase64Url(publicKey) };
      return { backend: "node", key: crypto.createPublicKey({ key: jwk, format: "jwk" }) };
    },
    agreeX25519(privateKey, publicKey) {
      const pair = { privateKey: (privateKey as NodeKey).key, publicKey: (publicKey as NodeKey).key };
      return plain(crypto.diffieHellman(pair));
    },
    importEd25519: (seed) => importPrivate("ed25519", seed),
    signEd25519: (privateKey, message) => plain(crypto.sign(null, message, (privateKey as NodeKey).key)),
    verifyEd25519(publicKey, message, signature) {
      if (publicKey.length !== KEY_LENGTH) return false;
      const der = concatBytes(SPKI_ED25519_PREFIX, publicKey);
      let key: NodeCrypto.KeyObject;
      try {
        key = crypto.createPublicKey({ key: der as unknown as Buffer, format: "der", type: "spki" });
      } catch {
        return false;
      }
      return crypto.verify(null, message, key, signature);
    },
  };
}
