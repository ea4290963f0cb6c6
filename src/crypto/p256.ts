import { defaultProvider, withCopy } from "./default.js";
import { loadFallback } from "./fallback-loader.js";
import { nodeProvider } from "./node.js";
import type { CryptoProvider, P256Provider, PrivateKeyHandle } from "./provider.js";
import { isSupported, P256 } from "./support.js";
import { webCryptoProvider } from "./webcrypto.js";
import { webCryptoP256 } from "./webcrypto-p256.js";

/** A provider's own P-256, else the runtime's. */
export function p256Of(crypto: CryptoProvider): P256Provider {
  if (crypto.p256) return crypto.p256;
  return crypto.name === webCryptoProvider.name ? webCryptoP256 : defaultP256();
}

/** What this runtime agrees with: `node:crypto` in Node, elsewhere WebCrypto, else noble. */
export function defaultP256(): P256Provider {
  return defaultProvider().p256 ?? platformP256;
}

/** Where WebCrypto or noble does it. @throws BlindreelError `unsupported-runtime` where neither can. */
export async function p256Backend(): Promise<P256Provider> {
  return (await isSupported(P256)) ? webCryptoP256 : loadedP256();
}

async function loadedP256(): Promise<P256Provider> {
  return (await loadFallback(P256.name)).p256;
}

/** Keys know their backend: a platform `CryptoKey` stays with WebCrypto. */
async function backendOf(key: PrivateKeyHandle): Promise<P256Provider> {
  return key.backend === webCryptoP256.name ? webCryptoP256 : loadedP256();
}

const platformP256: P256Provider = {
  name: "platform",
  generate: async () => (await p256Backend()).generate(),
  // Deno and Bun have `node:crypto`, and need not load the fallback.
  derivePublicKey: (scalar) =>
    withCopy(scalar, async (copy) => (nodeProvider()?.p256 ?? (await loadedP256())).derivePublicKey(copy)),
  importPrivate: (scalar, publicKey) =>
    withCopy(scalar, async (copy) => (await p256Backend()).importPrivate(copy, publicKey)),
  importPublic: async (publicKey) => (await p256Backend()).importPublic(publicKey),
  agree: async (privateKey, publicKey) => (await backendOf(privateKey)).agree(privateKey, publicKey),
};
