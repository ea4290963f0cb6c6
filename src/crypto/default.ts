import { type Bytes, wipe } from "../formats/bytes.js";
import { loadFallback } from "./fallback-loader.js";
import { isNode, nodeProvider } from "./node.js";
import type { CryptoProvider, PrivateKeyHandle } from "./provider.js";
import { AES_GCM, type Family, isSupported, X25519 } from "./support.js";
import { platformRandomBytes, webCryptoProvider } from "./webcrypto.js";

/**
 * The backend of each operation in each runtime, by measurement (docs/decisions/backends.md):
 *
 * | runtime | AES-256-GCM | X25519, Ed25519 | hashes, HKDF | hashes of long messages |
 * |---|---|---|---|---|
 * | Node | `node:crypto`, synchronous | `node:crypto` | `node:crypto` | `node:crypto` |
 * | Deno | WebCrypto | WebCrypto | noble | WebCrypto |
 * | Bun | WebCrypto | WebCrypto | `node:crypto` | WebCrypto |
 * | browsers | WebCrypto, else noble | WebCrypto, else noble | WebCrypto, else noble | WebCrypto, else noble |
 *
 * "else noble": one attempt per operation family, and only on "not supported"; other failures are thrown.
 * noble is loaded on first use (`fallback-loader.ts`).
 */
export function defaultProvider(): CryptoProvider {
  chosen ??= (isNode() ? nodeProvider() : undefined) ?? platformProvider();
  return chosen;
}

let chosen: CryptoProvider | undefined;

/** The default provider's backend for AES-GCM or X25519 outside Node. */
export async function backendFor(family: Family): Promise<CryptoProvider> {
  return (await isSupported(family)) ? webCryptoProvider : loadFallback(family.name);
}

/** The backend that made the key: a platform `CryptoKey` stays with WebCrypto in every runtime. */
async function backendOf(key: PrivateKeyHandle, family: Family): Promise<CryptoProvider> {
  return key.backend === webCryptoProvider.name ? webCryptoProvider : loadFallback(family.name);
}

/** Copies the secret before the first await: the choice of a backend is asynchronous. Wipes the copy. */
export async function withCopy<T>(secret: Bytes, use: (copy: Bytes) => Promise<T>): Promise<T> {
  const copy = secret.slice();
  try {
    return await use(copy);
  } finally {
    wipe(copy);
  }
}

type Hashes = Pick<CryptoProvider, "name" | "digest" | "hmac">;

/** The backend for short hashes outside Node: synchronous where measured faster than a WebCrypto call. */
export function hashes(): Hashes {
  if ("Bun" in globalThis) return nodeProvider() ?? bulkHashes();
  return "Deno" in globalThis ? loadedHashes : bulkHashes();
}

/** WebCrypto has all hashes, or none in an insecure context. */
export function bulkHashes(): Hashes {
  return globalThis.crypto?.subtle ? webCryptoProvider : loadedHashes;
}

const loadedHashes: Hashes = {
  name: "noble",
  digest: (hash, message) =>
    withCopy(message, async (copy) => (await loadFallback("SHA-2")).digest(hash, copy)),
  hmac: (hash, key, message) =>
    withCopy(key, async (copy) => (await loadFallback("SHA-2")).hmac(hash, copy, message)),
};

function platformProvider(): CryptoProvider {
  const { digest, hmac } = hashes();
  return {
    name: "platform",
    getRandomBytes: platformRandomBytes,
    digest,
    digestBulk: bulkHashes().digest,
    hmac,
    importAesGcmKey: (key) =>
      withCopy(key, async (copy) => (await backendFor(AES_GCM)).importAesGcmKey(copy)),
    generateX25519: async () => (await backendFor(X25519)).generateX25519(),
    importX25519: (key) => withCopy(key, async (copy) => (await backendFor(X25519)).importX25519(copy)),
    importX25519PublicKey: async (publicKey) => (await backendFor(X25519)).importX25519PublicKey(publicKey),
    agreeX25519: async (privateKey, publicKey) =>
      (await backendOf(privateKey, X25519)).agreeX25519(privateKey, publicKey),
  };
}
