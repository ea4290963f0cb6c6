import type { CryptoProvider } from "../crypto/provider.js";
import { type Bytes, concatBytes, utf8 } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";
import { KEY_ID_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { EcJwk, OkpJwk } from "../formats/jwk.js";
import { label } from "../formats/label.js";
import type { KeyId } from "./types.js";

/** RFC 7638 thumbprint, SHA-256: over the required members in order of their names (§3.2, RFC 8037 §2). 32 bytes. */
export async function thumbprint(crypto: CryptoProvider, jwk: OkpJwk | EcJwk): Promise<Bytes> {
  const { crv, kty, x } = jwk;
  const members = kty === "EC" ? { crv, kty, x, y: jwk.y } : { crv, kty, x };
  return crypto.digest("SHA-256", utf8(JSON.stringify(members)));
}

/** HPKE's identifier of MLKEM768-X25519 (draft-ietf-hpke-pq). */
export const X_WING_KEM_ID = 0x647a;

/** `H("key", u16(kem_id) || publicKey)` (format-v1, "Slot type 2"). 32 bytes. */
export async function xWingThumbprint(crypto: CryptoProvider, publicKey: Bytes): Promise<Bytes> {
  return crypto.digest("SHA-256", concatBytes(label("key"), encode(u16, X_WING_KEM_ID), publicKey));
}

/** The first 16 bytes of a thumbprint, as hex. */
export function keyIdOf(fullThumbprint: Bytes): KeyId {
  return encodeKeyId(fullThumbprint.subarray(0, KEY_ID_LENGTH));
}

export const encodeKeyId = encodeHex as (bytes: Uint8Array) => KeyId;
