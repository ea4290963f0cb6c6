import type { CryptoProvider } from "../crypto/provider.js";
import { type Bytes, utf8 } from "../formats/bytes.js";
import { KEY_ID_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { encodePublicJwk } from "../formats/jwk.js";
import type { KeyId } from "./types.js";

/** RFC 7638 thumbprint, SHA-256, 32 bytes, of `{"crv":"X25519","kty":"OKP","x":…}` (RFC 8037 §2). */
export async function thumbprint(crypto: CryptoProvider, publicKey: Bytes): Promise<Bytes> {
  const { crv, kty, x } = encodePublicJwk(publicKey);
  return crypto.digest("SHA-256", utf8(JSON.stringify({ crv, kty, x })));
}

/** The first 16 bytes of a thumbprint, as hex. */
export function keyIdOf(fullThumbprint: Bytes): KeyId {
  return encodeKeyId(fullThumbprint.subarray(0, KEY_ID_LENGTH));
}

export const encodeKeyId = encodeHex as (bytes: Uint8Array) => KeyId;
