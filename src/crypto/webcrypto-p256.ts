import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH, P256_POINT_LENGTH } from "../formats/constants.js";
import { p256Jwk } from "../formats/jwk.js";
import { loadFallback } from "./fallback-loader.js";
import type { P256Provider } from "./provider.js";
import { expectBytes, expectKey, subtle, type WebCryptoKey, webCryptoHandle } from "./webcrypto.js";

const ECDH = { name: "ECDH", namedCurve: "P-256" } as const;

/** ECDH over P-256 of the platform's WebCrypto. */
export const webCryptoP256: P256Provider = {
  name: "webcrypto",

  async generate() {
    const pair = (await subtle().generateKey(ECDH, false, ["deriveBits"])) as CryptoKeyPair | undefined;
    const privateKey = expectKey("private", "generateKey", pair?.privateKey);
    const raw = await subtle().exportKey("raw", expectKey("public", "generateKey", pair?.publicKey));
    return {
      publicKey: expectBytes(P256_POINT_LENGTH, "ECDH export", raw),
      privateKey: webCryptoHandle(privateKey),
    };
  },

  /** WebCrypto imports no private key without its point, so it cannot tell the point of a scalar. */
  derivePublicKey: async (scalar) => (await loadFallback("P-256 public keys")).p256.derivePublicKey(scalar),

  async importPrivate(scalar, publicKey) {
    const jwk = p256Jwk(publicKey, scalar);
    const key = await subtle().importKey("jwk", jwk, ECDH, false, ["deriveBits"]);
    return webCryptoHandle(expectKey("private", "importKey", key));
  },

  async importPublic(publicKey) {
    const key = await subtle().importKey("raw", publicKey, ECDH, true, []);
    return webCryptoHandle(expectKey("public", "importKey", key));
  },

  async agree(privateKey, publicKey): Promise<Bytes> {
    const algorithm = { name: "ECDH", public: (publicKey as WebCryptoKey).key };
    const bits = await subtle().deriveBits(algorithm, (privateKey as WebCryptoKey).key, 8 * KEY_LENGTH);
    return expectBytes(KEY_LENGTH, "ECDH", bits);
  },
};
