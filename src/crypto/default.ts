import { type Bytes, wipe } from "../formats/bytes.js";
import { nobleDigest, nobleHmac } from "./noble-hash.js";
import { nodeProvider } from "./node.js";
import type { CryptoProvider } from "./provider.js";
import { platformRandomBytes, webCryptoProvider } from "./webcrypto.js";

/**
 * What each runtime uses for each operation, by measurement (docs/rationale.md, "Backends"):
 *
 * | runtime | AES-256-GCM | X25519, Ed25519 | hashes, HKDF | hashes of long messages |
 * |---|---|---|---|---|
 * | Node | `node:crypto`, synchronous | `node:crypto` | `node:crypto` | `node:crypto` |
 * | Deno, Bun, browsers | WebCrypto, else noble | WebCrypto, else noble | noble | WebCrypto, else noble |
 *
 * "else noble" is decided for each operation by trying it once, and only "not supported" counts: any other
 * failure is the caller's to see. noble's curves and AES are loaded only then.
 */
export function defaultProvider(): CryptoProvider {
  chosen ??= (isNode() ? nodeProvider() : undefined) ?? platformProvider();
  return chosen;
}

let chosen: CryptoProvider | undefined;

/** Deno and Bun also have `process.versions.node`; what they imitate there is slower than their WebCrypto. */
function isNode(): boolean {
  const runtime = globalThis as {
    process?: { versions?: Record<string, string> };
    Deno?: unknown;
    Bun?: unknown;
  };
  return runtime.process?.versions?.node !== undefined && !("Deno" in runtime) && !("Bun" in runtime);
}

type Family = "AES-GCM" | "X25519" | "Ed25519";

/** One attempt for each family of operations, remembered: does this runtime's WebCrypto have it? */
const support = new Map<Family, Promise<boolean>>();

function isSupported(family: Family): Promise<boolean> {
  let answer = support.get(family);
  if (!answer) {
    answer = attempt(family);
    support.set(family, answer);
    // A failure is no answer, so the next call asks again.
    answer.catch(() => support.delete(family));
  }
  return answer;
}

async function attempt(family: Family): Promise<boolean> {
  if (!globalThis.crypto?.subtle) return false;
  try {
    if (family === "AES-GCM") await webCryptoProvider.importAesGcmKey(new Uint8Array(32));
    else if (family === "X25519") await webCryptoProvider.importX25519(new Uint8Array(32).fill(9));
    else await webCryptoProvider.importEd25519(new Uint8Array(32).fill(9));
    return true;
  } catch (error) {
    const { name } = error as { name?: unknown };
    // Older engines report an unknown algorithm as a SyntaxError or DataError instead of NotSupportedError.
    if (name === "NotSupportedError" || name === "SyntaxError" || name === "DataError") return false;
    throw error;
  }
}

async function backendFor(family: Family): Promise<CryptoProvider> {
  return (await isSupported(family)) ? webCryptoProvider : (await import("./noble.js")).nobleProvider;
}

/** Keys know their backend: a platform `CryptoKey` stays with WebCrypto whatever this runtime's choice is. */
async function backendOf(key: { readonly backend: string }): Promise<CryptoProvider> {
  return key.backend === webCryptoProvider.name
    ? webCryptoProvider
    : (await import("./noble.js")).nobleProvider;
}

/** Secrets are consumed before the call returns, though the choice of a backend may take a while. */
async function withCopy<T>(secret: Bytes, use: (copy: Bytes) => Promise<T>): Promise<T> {
  const copy = secret.slice();
  try {
    return await use(copy);
  } finally {
    wipe(copy);
  }
}

function platformProvider(): CryptoProvider {
  return {
    name: "platform",
    getRandomBytes: platformRandomBytes,
    digest: nobleDigest,
    digestBulk: (hash, message) =>
      globalThis.crypto?.subtle ? webCryptoProvider.digestBulk(hash, message) : nobleDigest(hash, message),
    hmac: nobleHmac,
    importAesGcmKey: (key) =>
      withCopy(key, async (copy) => (await backendFor("AES-GCM")).importAesGcmKey(copy)),
    generateX25519: async () => (await backendFor("X25519")).generateX25519(),
    importX25519: (key) => withCopy(key, async (copy) => (await backendFor("X25519")).importX25519(copy)),
    importX25519PublicKey: async (publicKey) => (await backendFor("X25519")).importX25519PublicKey(publicKey),
    agreeX25519: async (privateKey, publicKey) =>
      (await backendOf(privateKey)).agreeX25519(privateKey, publicKey),
    importEd25519: (seed) =>
      withCopy(seed, async (copy) => (await backendFor("Ed25519")).importEd25519(copy)),
    generateEd25519: async () => (await backendFor("Ed25519")).generateEd25519(),
    deriveEd25519PublicKey: (seed) =>
      withCopy(seed, async (copy) => (await backendFor("Ed25519")).deriveEd25519PublicKey(copy)),
    signEd25519: async (privateKey, message) =>
      (await backendOf(privateKey)).signEd25519(privateKey, message),
    verifyEd25519: async (publicKey, message, signature) =>
      (await backendFor("Ed25519")).verifyEd25519(publicKey, message, signature),
  };
}
