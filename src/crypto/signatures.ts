import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { defaultProvider, withCopy } from "./default.js";
import { loadFallback } from "./fallback-loader.js";
import type { CryptoProvider, SignatureProvider } from "./provider.js";
import { ED25519, isSupported } from "./support.js";
import { webCryptoProvider } from "./webcrypto.js";
import { verifyByWebCrypto, webCryptoSignatures } from "./webcrypto-signatures.js";

/** The provider's signatures, else the runtime's. */
export function signaturesOf(crypto: CryptoProvider): SignatureProvider {
  if (crypto.signatures) return crypto.signatures;
  return crypto.name === webCryptoProvider.name ? webCryptoSignatures : defaultSignatures();
}

/** This runtime's signatures: `node:crypto` in Node, elsewhere WebCrypto, else noble. */
export function defaultSignatures(): SignatureProvider {
  return defaultProvider().signatures ?? platformSignatures;
}

/** The backend for Ed25519 outside Node. */
export async function signatureBackend(): Promise<SignatureProvider> {
  return (await isSupported(ED25519)) ? webCryptoSignatures : loadedSignatures();
}

async function loadedSignatures(): Promise<SignatureProvider> {
  return (await loadFallback(ED25519.name)).signatures;
}

/**
 * WebKitGTK throws a DataError for Ed25519 seeds with a leading zero byte, one in 256. Any 32 bytes are a
 * seed (RFC 8032 §5.1.5), so a DataError counts as "not supported" for this seed.
 */
function withSeed<T>(
  seed: Bytes,
  use: (backend: SignatureProvider, copy: Bytes) => MaybePromise<T>,
): Promise<T> {
  return withCopy(seed, async (copy) => {
    try {
      return await use(await signatureBackend(), copy);
    } catch (error) {
      const { name } = error as { name?: unknown };
      if (copy.length !== KEY_LENGTH || name !== "DataError") throw error;
      return use(await loadedSignatures(), copy);
    }
  });
}

const platformSignatures: SignatureProvider = {
  name: "platform",
  importEd25519: (seed) => withSeed(seed, (backend, copy) => backend.importEd25519(copy)),
  generateEd25519: async () => (await signatureBackend()).generateEd25519(),
  deriveEd25519PublicKey: (seed) => withSeed(seed, (backend, copy) => backend.deriveEd25519PublicKey(copy)),
  async signEd25519(privateKey, message) {
    const isPlatform = privateKey.backend === webCryptoSignatures.name;
    return (isPlatform ? webCryptoSignatures : await loadedSignatures()).signEd25519(privateKey, message);
  },
  verifyEd25519: verifyOnPlatform,
};

/** The cofactorless equation by the provider's signatures, else the platform's. Apart from the rest, for pages that only verify. */
export async function verifyEquation(
  crypto: CryptoProvider,
  ...equation: readonly [publicKey: Bytes, message: Bytes, signature: Bytes]
): Promise<boolean> {
  return crypto.signatures ? crypto.signatures.verifyEd25519(...equation) : verifyOnPlatform(...equation);
}

async function verifyOnPlatform(
  ...equation: readonly [publicKey: Bytes, message: Bytes, signature: Bytes]
): Promise<boolean> {
  if (await isSupported(ED25519)) return verifyByWebCrypto(...equation);
  return (await loadedSignatures()).verifyEd25519(...equation);
}
