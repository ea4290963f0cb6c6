import { webCryptoProvider } from "./webcrypto.js";

/** Operations that come and go together: a runtime has all of a family or none. */
export type Family = "AES-GCM" | "X25519" | "Ed25519";

/** One attempt for each family, remembered. */
const answers = new Map<Family, Promise<boolean>>();

/**
 * Whether this runtime's WebCrypto has a family of operations, found out by trying it once. Only "not supported" is a
 * no: any other failure is the caller's to see, and the next call asks again.
 */
export function isSupported(family: Family): Promise<boolean> {
  let answer = answers.get(family);
  if (!answer) {
    answer = attempt(family);
    answers.set(family, answer);
    answer.catch(() => answers.delete(family));
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
