import { webCryptoProvider } from "./webcrypto.js";
import { webCryptoSignatures } from "./webcrypto-signatures.js";

/** Operations that come and go together: a runtime has all of a family or none. */
export interface Family {
  readonly name: "AES-GCM" | "X25519" | "Ed25519";
  /** One of them, by WebCrypto. */
  attempt(): unknown;
}

const ANY_KEY = /* @__PURE__ */ new Uint8Array(32).fill(9);

export const AES_GCM: Family = {
  name: "AES-GCM",
  attempt: () => webCryptoProvider.importAesGcmKey(ANY_KEY),
};
export const X25519: Family = { name: "X25519", attempt: () => webCryptoProvider.importX25519(ANY_KEY) };
export const ED25519: Family = { name: "Ed25519", attempt: () => webCryptoSignatures.importEd25519(ANY_KEY) };

/** One attempt for each family, remembered. */
const answers = new Map<Family, Promise<boolean>>();

/**
 * Whether this runtime's WebCrypto has a family of operations, found out by trying it once. Only "not supported" is a
 * no: any other failure is the caller's to see, and the next call asks again.
 */
export function isSupported(family: Family): Promise<boolean> {
  let answer = answers.get(family);
  if (!answer) {
    answer = tryOut(family);
    answers.set(family, answer);
    answer.catch(() => answers.delete(family));
  }
  return answer;
}

async function tryOut(family: Family): Promise<boolean> {
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
