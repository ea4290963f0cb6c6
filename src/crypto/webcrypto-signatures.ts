import { providerFault } from "../errors.js";
import { type Bytes, concatBytes, equalBytes } from "../formats/bytes.js";
import { KEY_LENGTH, SIGNATURE_LENGTH } from "../formats/constants.js";
import { ED25519_PKCS8 } from "../formats/der.js";
import { decodeBase64Url } from "../formats/encoding.js";
import type { SignatureProvider } from "./provider.js";
import {
  expectBytes,
  generatePair,
  importPrivate,
  importPublic,
  isNamed,
  subtle,
  type WebCryptoKey,
  webCryptoHandle,
} from "./webcrypto.js";

/** @internal */
export function importSeed(seed: Bytes, options?: { readonly extractable: boolean }): Promise<CryptoKey> {
  return importPrivate("Ed25519", concatBytes(ED25519_PKCS8, seed), "sign", options);
}

/** The key that was used last: all pages of a log are signed under one. */
let lastKey:
  | { readonly by: SubtleCrypto; readonly publicKey: Bytes; readonly imported: Promise<CryptoKey> }
  | undefined;

function importVerifyKey(publicKey: Bytes): Promise<CryptoKey> {
  const by = subtle();
  if (lastKey?.by === by && equalBytes(lastKey.publicKey, publicKey)) return lastKey.imported;
  const copy = publicKey.slice();
  const imported = importPublic("Ed25519", copy, ["verify"]);
  const own = { by, publicKey: copy, imported };
  lastKey = own;
  imported.catch(() => {
    if (lastKey === own) lastKey = undefined;
  });
  return imported;
}

/** Apart from the rest, for pages that only verify. */
export async function verifyByWebCrypto(
  publicKey: Bytes,
  message: Bytes,
  signature: Bytes,
): Promise<boolean> {
  let imported: CryptoKey;
  try {
    imported = await importVerifyKey(publicKey);
  } catch (error) {
    if (isNamed(error, "DataError")) return false;
    throw error;
  }
  // Compared with `true`: a replaced `crypto.subtle` may return any value.
  return (await subtle().verify({ name: "Ed25519" }, imported, signature, message)) === true;
}

/** Ed25519 by the platform's WebCrypto (RFC 8410 keys, RFC 8032 signatures). */
export const webCryptoSignatures: SignatureProvider = {
  name: "webcrypto",

  importEd25519: async (seed) => webCryptoHandle(await importSeed(seed)),

  generateEd25519: () => generatePair("Ed25519", ["sign", "verify"]),

  /** By JWK export: WebCrypto has no other access to the public half of an imported private key. */
  async deriveEd25519PublicKey(seed) {
    const key = await importSeed(seed, { extractable: true });
    const jwk = (await subtle().exportKey("jwk", key)) as JsonWebKey | undefined;
    let publicKey: Bytes;
    try {
      publicKey = decodeBase64Url(jwk?.x ?? "");
    } catch {
      throw providerFault("Ed25519 export returned no key");
    }
    return expectBytes(KEY_LENGTH, "Ed25519 export", publicKey.buffer);
  },

  async signEd25519(privateKey, message) {
    const { key } = privateKey as WebCryptoKey;
    return expectBytes(SIGNATURE_LENGTH, "Ed25519 sign", await subtle().sign("Ed25519", key, message));
  },

  verifyEd25519: verifyByWebCrypto,
};
