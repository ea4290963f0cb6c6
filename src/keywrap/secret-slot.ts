import { hkdfExpand } from "../crypto/hkdf.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { providerFault } from "../errors.js";
import { type Bytes, concatBytes, isAllZero, wipe } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";
import { KEY_LENGTH, type SlotType } from "../formats/constants.js";
import { label } from "../formats/label.js";
import type { Slot, WrapContext } from "./types.js";

/**
 * Slots that wrap under a secret (format-v1, "Slot types 3 and 4"): `body = params || AES-256-GCM(wk, 0^12, "", fileKey)`
 * with `wk = Expand(secret, L("wrap") || type || keyId || params || coreHash)`.
 */

/** wk is used once, since it is bound to coreHash and to a random salt in `params`. */
const NONCE = /* @__PURE__ */ new Uint8Array(12);

/** Wipes `secret`. */
export async function wrapUnderSecret(
  secret: Bytes,
  fileKey: Bytes,
  head: { readonly type: SlotType; readonly keyId: Bytes; readonly params: Bytes },
  { coreHash, crypto }: WrapContext,
): Promise<Slot> {
  const aead = await wrappingKey(crypto, secret, { ...head, coreHash });
  const { type, keyId, params } = head;
  return { type, keyId: keyId.slice(), body: concatBytes(params, await aead.seal(NONCE, fileKey)) };
}

/** Wipes `secret`. @throws BlindreelError `authentication-failed`. */
export async function unwrapUnderSecret(
  secret: Bytes,
  slot: Slot,
  paramsLength: number,
  { coreHash, crypto }: WrapContext,
): Promise<Bytes> {
  const params = slot.body.slice(0, paramsLength);
  const aead = await wrappingKey(crypto, secret, { type: slot.type, keyId: slot.keyId, params, coreHash });
  return aead.open(NONCE, slot.body.slice(paramsLength));
}

async function wrappingKey(
  crypto: CryptoProvider,
  secret: Bytes,
  bound: { readonly type: number; readonly keyId: Bytes; readonly params: Bytes; readonly coreHash: Bytes },
) {
  const { type, keyId, params, coreHash } = bound;
  // Of a broken worker or authenticator: a secret that everybody has.
  if (isAllZero(secret)) throw providerFault("a secret of zeros was derived");
  const info = concatBytes(label("wrap"), encode(u16, type), keyId, params, coreHash);
  const wk = await hkdfExpand(crypto, "SHA-256", secret, info, KEY_LENGTH);
  wipe(secret);
  const aead = await crypto.importAesGcmKey(wk);
  wipe(wk);
  return aead;
}
