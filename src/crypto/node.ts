import type * as NodeCrypto from "node:crypto";
import { providerFault } from "../errors.js";
import { type Bytes, joinBytes, wipe } from "../formats/bytes.js";
import { KEY_LENGTH, TAG_LENGTH } from "../formats/constants.js";
import { decodeBase64Url, encodeBase64Url } from "../formats/encoding.js";
import { checkAeadKey } from "./aead.js";
import { nodeOpenInto, nodeSealInto } from "./node-aead.js";
import { nodeBuiltin } from "./node-builtin.js";
import {
  type AeadKey,
  type CompleteProvider,
  type Curve,
  HASH_BYTES,
  type HashName,
  type P256Provider,
  type PrivateKeyHandle,
  type PublicKeyHandle,
  type SignatureProvider,
} from "./provider.js";
import { randomBytes } from "./random.js";

interface NodeKey extends PrivateKeyHandle, PublicKeyHandle {
  readonly key: NodeCrypto.KeyObject;
}

/** `ECDH` takes points as they are, and no check of its own pair: a third of what a JWK costs. */
interface NodeEcdh extends PrivateKeyHandle {
  readonly pair: NodeCrypto.ECDH;
}

interface NodePoint extends PublicKeyHandle {
  readonly point: Bytes;
}

const OPENSSL_HASHES = { "SHA-256": "sha256", "SHA-512": "sha512" } as const;

/** RFC 6234: the block sizes of the compression functions. */
const BLOCK_BYTES = { "SHA-256": 64, "SHA-512": 128 } as const;
/** Messages above it are not copied behind a key. */
const SHORT = 4096;

const P256_CURVE = "prime256v1";

/** Placeholder for `x` in a private JWK: Node derives the public half from `d`. */
const UNKNOWN_X = /* @__PURE__ */ encodeBase64Url(new Uint8Array(KEY_LENGTH));

const nodeCrypto = () => nodeBuiltin<typeof NodeCrypto>("node:crypto");

/** Without Deno and Bun, which also have `process.versions.node`: their `node:crypto` has slower AES. */
export function isNode(): boolean {
  const runtime = globalThis as {
    process?: { versions?: Record<string, string> };
    Deno?: unknown;
    Bun?: unknown;
  };
  return runtime.process?.versions?.node !== undefined && !("Deno" in runtime) && !("Bun" in runtime);
}

/** Copies a `Buffer` to a `Uint8Array` on memory of its own: no pool, no Buffer methods. */
function plain(buffer: Uint8Array): Bytes {
  return new Uint8Array(buffer);
}

function makeAeadKey(crypto: typeof NodeCrypto, rawKey: Bytes): AeadKey {
  checkAeadKey(rawKey);
  const key = crypto.createSecretKey(rawKey);
  return {
    seal(nonce, plaintext, additionalData) {
      const output = new Uint8Array(plaintext.length + TAG_LENGTH);
      nodeSealInto(crypto, key, nonce, plaintext, output, 0, additionalData);
      return output;
    },
    open(nonce, ciphertext, additionalData) {
      const output = new Uint8Array(Math.max(0, ciphertext.length - TAG_LENGTH));
      nodeOpenInto(crypto, key, nonce, ciphertext, output, 0, additionalData);
      return output;
    },
    sealInto: (nonce, plaintext, output, offset) =>
      nodeSealInto(crypto, key, nonce, plaintext, output, offset),
    openInto: (nonce, ciphertext, output, offset) =>
      nodeOpenInto(crypto, key, nonce, ciphertext, output, offset),
  };
}

/** One-shot SHA-256 (`crypto.hash`, Node 20.12 and later): half the time of noble for 64 bytes. */
export function nodeSha256(): ((...parts: readonly Bytes[]) => Bytes) | undefined {
  const crypto = isNode() ? nodeCrypto() : undefined;
  if (typeof crypto?.hash !== "function") return undefined;
  return (...parts) =>
    plain(crypto.hash("sha256", parts.length === 1 ? parts[0]! : joinBytes(parts), "buffer"));
}

/** The synchronous backend of Node, Deno and Bun; undefined without `node:crypto`. */
export function nodeProvider(): CompleteProvider | undefined {
  const crypto = nodeCrypto();
  if (!crypto) return undefined;

  // JWK parses ten times as fast as DER.
  const importPrivate = (crv: Curve, secret: Bytes): NodeKey => {
    const jwk = { kty: "OKP", crv, x: UNKNOWN_X, d: encodeBase64Url(secret) };
    return { backend: "node", key: crypto.createPrivateKey({ key: jwk, format: "jwk" }) };
  };
  const importPublic = (crv: Curve, publicKey: Bytes): NodeKey => {
    const jwk = { kty: "OKP", crv, x: encodeBase64Url(publicKey) };
    return { backend: "node", key: crypto.createPublicKey({ key: jwk, format: "jwk" }) };
  };

  const agreeWith = (privateKey: PrivateKeyHandle, publicKey: PublicKeyHandle): Bytes =>
    plain(
      crypto.diffieHellman({
        privateKey: (privateKey as NodeKey).key,
        publicKey: (publicKey as NodeKey).key,
      }),
    );

  /** `crypto.hash` (Node 20.12 and later) takes a tenth less time for a chunk, half for short messages. */
  const digest = (hash: HashName, message: Bytes): Bytes =>
    plain(
      crypto.hash?.(OPENSSL_HASHES[hash], message, "buffer") ??
        crypto.createHash(OPENSSL_HASHES[hash]).update(message).digest(),
    );

  /** RFC 2104 by one-shot hashes: from Node 24 on `createHmac` takes five times as long with a key of bytes. */
  const hmac = (hash: HashName, key: Bytes, message: Bytes): Bytes => {
    const block = BLOCK_BYTES[hash];
    if (!crypto.hash || key.length > block || message.length > SHORT)
      return plain(crypto.createHmac(OPENSSL_HASHES[hash], key).update(message).digest());
    const inner = new Uint8Array(block + message.length).fill(0x36, 0, block);
    const outer = new Uint8Array(block + HASH_BYTES[hash]).fill(0x5c, 0, block);
    for (let i = 0; i < key.length; i++) {
      inner[i]! ^= key[i]!;
      outer[i]! ^= key[i]!;
    }
    inner.set(message, block);
    outer.set(digest(hash, inner), block);
    const mac = digest(hash, outer);
    wipe(inner, outer);
    return mac;
  };

  /** Node derives the public half while it parses a private key; export is the only access to it. */
  const publicKeyOf = ({ key }: NodeKey): Bytes => {
    const { x } = key.export({ format: "jwk" }) as { x: string };
    if (x === UNKNOWN_X) throw providerFault("node:crypto did not derive a public key");
    return decodeBase64Url(x);
  };

  /**
   * From random bytes, not by `generateKeyPairSync`: export of such a key can deadlock in Node 20, when
   * garbage collection inside the export reaches the generating job, which waits for the same lock.
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

  const pairOf = (scalar: Bytes): NodeCrypto.ECDH => {
    const pair = crypto.createECDH(P256_CURVE);
    pair.setPrivateKey(scalar);
    return pair;
  };

  const p256: P256Provider = {
    name: "node",
    generate() {
      const pair = crypto.createECDH(P256_CURVE);
      return { publicKey: plain(pair.generateKeys()), privateKey: { backend: "node", pair } as NodeEcdh };
    },
    derivePublicKey: (scalar) => plain(pairOf(scalar).getPublicKey()),
    importPrivate: (scalar) => ({ backend: "node", pair: pairOf(scalar) }) as NodeEcdh,
    importPublic: (publicKey) => ({ backend: "node", point: publicKey.slice() }) as NodePoint,
    agree: (privateKey, publicKey) =>
      plain((privateKey as NodeEcdh).pair.computeSecret((publicKey as NodePoint).point)),
  };

  const provider: CompleteProvider = {
    name: "node",
    getRandomBytes: (length) => crypto.randomFillSync(new Uint8Array(length)),
    digest,
    digestBulk: digest,
    hmac,
    importAesGcmKey: (key) => makeAeadKey(crypto, key),
    generateX25519: () => generate("X25519"),
    importX25519: (privateKey) => importPrivate("X25519", privateKey),
    importX25519PublicKey: (publicKey) => importPublic("X25519", publicKey),
    agreeX25519: agreeWith,
    signatures,
    p256,
  };
  return provider;
}
