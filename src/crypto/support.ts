import { cached } from "./cached.js";
import { webCryptoProvider } from "./webcrypto.js";
import { webCryptoP256 } from "./webcrypto-p256.js";
import { importSeed } from "./webcrypto-signatures.js";

/** Operations of one algorithm: a runtime has all of a family or none. */
export interface Family {
  readonly name: "AES-GCM" | "X25519" | "Ed25519" | "P-256";
  /** One operation of the family, by WebCrypto. */
  attempt(): unknown;
}

const ANY_KEY = /* @__PURE__ */ new Uint8Array(32).fill(9);

export const AES_GCM: Family = {
  name: "AES-GCM",
  attempt: () => webCryptoProvider.importAesGcmKey(ANY_KEY),
};
export const X25519: Family = { name: "X25519", attempt: () => webCryptoProvider.importX25519(ANY_KEY) };
export const P256: Family = { name: "P-256", attempt: () => webCryptoP256.generate() };
export const ED25519: Family = { name: "Ed25519", attempt: () => importSeed(ANY_KEY) };

/** Results of {@link testSupport}, one for each family. */
const support = new Map<Family, Promise<boolean>>();

/**
 * Whether this runtime's WebCrypto has a family of operations, by one attempt. Only "not supported" counts as
 * missing; other failures are thrown and not cached.
 */
export function isSupported(family: Family): Promise<boolean> {
  return cached(support, family, () => testSupport(family));
}

async function testSupport(family: Family): Promise<boolean> {
  if (!globalThis.crypto?.subtle) return false;
  try {
    await family.attempt();
    return true;
  } catch (error) {
    const { name } = error as { name?: unknown };
    // Older engines report an unknown algorithm as a SyntaxError or DataError instead of NotSupportedError.
    if (name === "NotSupportedError" || name === "SyntaxError" || name === "DataError") return false;
    throw error;
  }
}
