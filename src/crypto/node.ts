import type * as NodeCrypto from "node:crypto";
import { authenticationFailed, BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH, TAG_LENGTH } from "../formats/constants.js";
import { decodeBase64Url, encodeBase64Url } from "../formats/encoding.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import type {
  AeadKey,
  CompleteProvider,
  HashName,
  PrivateKeyHandle,
  PublicKeyHandle,
  SignatureProvider,
} from "./provider.js";
import { randomBytes } from "./random.js";

interface NodeKey extends PrivateKeyHandle, PublicKeyHandle {
  readonly key: NodeCrypto.KeyObject;
}

const CIPHER = "aes-256-gcm";
const HASHES = { "SHA-256": "sha256", "SHA-512": "sha512" } as const;
type Curve = "X25519" | "Ed25519";

/** Stands for the public half when a private key is imported: Node works the true one out from `d`. */
const UNKNOWN_X = /* @__PURE__ */ encodeBase64Url(new Uint8Array(KEY_LENGTH));

/**
 * The runtime's `node:crypto` without an import that bundlers and browsers would stumble over, or undefined where
 * there is none (browsers).
 */
function nodeCrypto(): typeof NodeCrypto | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:crypto") as typeof NodeCrypto | undefined;
}

/** Deno and Bun also have `process.versions.node`; their `node:crypto` has slower AES than their WebCrypto. */
export function isNode(): boolean {
  const runtime = globalThis as {
    process?: { versions?: Record<string, string> };
    Deno?: unknown;
    Bun?: unknown;
  };
  return runtime.process?.versions?.node !== undefined && !("Deno" in runtime) && !("Bun" in runtime);
}

/** A `Buffer` as the plain array callers see: no pooled memory, no Buffer methods. */
function plain(buffer: Uint8Array): Bytes {
  return new Uint8Array(buffer);
}

function makeAeadKey(crypto: typeof NodeCrypto, rawKey: Bytes): AeadKey {
  checkAeadKey(rawKey);
  const key = rawKey.slice();

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

/** SHA-256 in one synchronous call, in runtimes that have such a one (Node 20.12): half of what noble takes for 64 bytes. */
export function nodeSha256(): ((message: Bytes) => Bytes) | undefined {
  const crypto = isNode() ? nodeCrypto() : undefined;
  if (typeof crypto?.hash !== "function") return undefined;
  return (message) => plain(crypto.hash("sha256", message, "buffer"));
}

/** The synchronous backend of Node (and of Deno and Bun, which imitate it), or undefined where there is none. */
export function nodeProvider(): CompleteProvider | undefined {
  const crypto = nodeCrypto();
  if (!crypto) return undefined;

  // As JWK: ten times faster to parse than DER.
  const importPrivate = (crv: Curve, secret: Bytes): NodeKey => {
    const jwk = { kty: "OKP", crv, x: UNKNOWN_X, d: encodeBase64Url(secret) };
    return { backend: "node", key: crypto.createPrivateKey({ key: jwk, format: "jwk" }) };
  };
  const importPublic = (crv: Curve, publicKey: Bytes): NodeKey => {
    const jwk = { kty: "OKP", crv, x: encodeBase64Url(publicKey) };
    return { backend: "node", key: crypto.createPublicKey({ key: jwk, format: "jwk" }) };
  };

  /** One call, where there is such a one (Node 20.12): a tenth less for a chunk, half for what is short. */
  const digest = (hash: HashName, message: Bytes): Bytes =>
    plain(
      crypto.hash?.(HASHES[hash], message, "buffer") ??
        crypto.createHash(HASHES[hash]).update(message).digest(),
    );

  /** Node works the public half out while it parses a private key; exporting it is the way to see it. */
  const publicKeyOf = ({ key }: NodeKey): Bytes => {
    const { x } = key.export({ format: "jwk" }) as { x: string };
    if (x === UNKNOWN_X) {
      throw new BlindreelError("provider-fault", "node:crypto did not derive a public key", undefined);
    }
    return decodeBase64Url(x);
  };

  /**
   * From random bytes and not by `generateKeyPairSync`: exporting such a key can deadlock in Node 20, when the
   * garbage collector runs inside the export and finds the job that made the key, which waits for the same lock.
   */
  const generate = (crv: Curve) => {
    const secret = randomBytes(provider, KEY_LENGTH);
    const privateKey = importPrivate(crv, secret);
    secret.fill(0);
    return { publicKey: publicKeyOf(privateKey), privateKey };
  };

  const signatures: SignatureProvider = {
    name: "node",
    importEd25519: (seed) => importPrivate("Ed25519", seed),
    generateEd25519: () => generate("Ed25519"),
    deriveEd25519PublicKey: (seed) => publicKeyOf(importPrivate("Ed25519", seed)),
    signEd25519: (privateKey, message) => plain(crypto.sign(null, message, (privateKey as NodeKey).key)),
    verifyEd25519(publicKey, message, signature) {
      if (publicKey.length !== KEY_LENGTH) return false;
      let key: NodeKey;
      try {
        key = importPublic("Ed25519", publicKey);
      } catch {
        return false;
      }
      return crypto.verify(null, message, key.key, signature);
    },
  };

  const provider: CompleteProvider = {
    name: "node",
    getRandomBytes: (length) => plain(crypto.randomBytes(length)),
    digest,
    digestBulk: digest,
    hmac: (hash, key, message) => plain(crypto.createHmac(HASHES[hash], key).update(message).digest()),
    importAesGcmKey: (key) => makeAeadKey(crypto, key),
    generateX25519: () => generate("X25519"),
    importX25519: (privateKey) => importPrivate("X25519", privateKey),
    importX25519PublicKey: (publicKey) => importPublic("X25519", publicKey),
    agreeX25519(privateKey, publicKey) {
      const pair = { privateKey: (privateKey as NodeKey).key, publicKey: (publicKey as NodeKey).key };
      return plain(crypto.diffieHellman(pair));
    },
    signatures,
  };
  return provider;
}
