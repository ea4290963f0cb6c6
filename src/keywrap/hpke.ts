import { hkdfExpand, hkdfExtract } from "../crypto/hkdf.js";
import type { CryptoProvider, PublicKeyHandle, X25519KeyPair } from "../crypto/provider.js";
import { authenticationFailed } from "../errors.js";
import { ascii, type Bytes, concatBytes, EMPTY, type MaybePromise, wipe } from "../formats/bytes.js";

/**
 * HPKE (RFC 9180), base mode, single shot, one suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * Names are the RFC's. Checks of points are the caller's (`keywrap/x25519.ts`).
 */

/** Nenc = Npk = 32, Nk = 32, Nn = 12, Nh = 32 (RFC 9180 §7). */
export const Nenc = 32;
const Nk = 32;
const Nn = 12;
const Nsecret = 32;

const HPKE_V1 = /* @__PURE__ */ ascii("HPKE-v1");
/** §4.1: "KEM" || I2OSP(kem_id, 2). */
const KEM_SUITE_ID = /* @__PURE__ */ concatBytes(ascii("KEM"), Uint8Array.of(0x00, 0x20));
/** §5.1: "HPKE" || I2OSP(kem_id, 2) || I2OSP(kdf_id, 2) || I2OSP(aead_id, 2). */
const HPKE_SUITE_ID = /* @__PURE__ */ concatBytes(
  ascii("HPKE"),
  Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02),
);
const MODE_BASE = /* @__PURE__ */ Uint8Array.of(0x00);

/** What a label stands behind in every labeled call (§4): "HPKE-v1" || suite_id || label. */
function labeled(suiteId: Bytes, label: string): Bytes {
  return concatBytes(HPKE_V1, suiteId, ascii(label));
}

const EAE_PRK = /* @__PURE__ */ labeled(KEM_SUITE_ID, "eae_prk");
const SHARED_SECRET = /* @__PURE__ */ labeled(KEM_SUITE_ID, "shared_secret");
const PSK_ID_HASH = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "psk_id_hash");
const INFO_HASH = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "info_hash");
const SECRET = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "secret");
const KEY = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "key");
const BASE_NONCE = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "base_nonce");

/** §4: LabeledExtract(salt, label, ikm). */
function labeledExtract(crypto: CryptoProvider, salt: Bytes, label: Bytes, ikm: Bytes): Promise<Bytes> {
  return hkdfExtract(crypto, "SHA-256", salt, concatBytes(label, ikm));
}

/** §4: LabeledExpand(prk, label, info, L). */
function labeledExpand(
  crypto: CryptoProvider,
  prk: Bytes,
  label: Bytes,
  info: Bytes,
  L: number,
): Promise<Bytes> {
  return hkdfExpand(crypto, "SHA-256", prk, concatBytes(Uint8Array.of(0x00, L), label, info), L);
}

/** §4.1: ExtractAndExpand(dh, kem_context), with kem_context = enc || pkRm. */
async function extractAndExpand(crypto: CryptoProvider, dh: Bytes, enc: Bytes, pkRm: Bytes): Promise<Bytes> {
  const eaePrk = await labeledExtract(crypto, EMPTY, EAE_PRK, dh);
  const kemContext = concatBytes(enc, pkRm);
  const sharedSecret = await labeledExpand(crypto, eaePrk, SHARED_SECRET, kemContext, Nsecret);
  wipe(eaePrk);
  return sharedSecret;
}

export interface KeySchedule {
  readonly key: Bytes;
  readonly baseNonce: Bytes;
}

/** LabeledExtract("", "psk_id_hash", default_psk_id) is the same for every message; worked out once (§5.1). */
const pskIdHashes = new WeakMap<CryptoProvider, Promise<Bytes>>();

function pskIdHash(crypto: CryptoProvider): Promise<Bytes> {
  let hash = pskIdHashes.get(crypto);
  if (!hash) {
    hash = labeledExtract(crypto, EMPTY, PSK_ID_HASH, EMPTY);
    pskIdHashes.set(crypto, hash);
    // A failure is not kept: the next message asks again.
    hash.catch(() => pskIdHashes.delete(crypto));
  }
  return hash;
}

/** §5.1: key_schedule_context = mode_base || psk_id_hash || info_hash. The same for all that share an `info`. */
export async function keyScheduleContext(crypto: CryptoProvider, info: Bytes): Promise<Bytes> {
  const infoHash = await labeledExtract(crypto, EMPTY, INFO_HASH, info);
  return concatBytes(MODE_BASE, await pskIdHash(crypto), infoHash);
}

/** §5.1: KeySchedule(mode_base, shared_secret, info, "", ""). The exporter secret is not needed here. */
export async function keySchedule(
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
): Promise<KeySchedule> {
  const secret = await labeledExtract(crypto, sharedSecret, SECRET, EMPTY);
  const key = await labeledExpand(crypto, secret, KEY, context, Nk);
  const baseNonce = await labeledExpand(crypto, secret, BASE_NONCE, context, Nn);
  wipe(secret);
  return { key, baseNonce };
}

/** The recipient's public key: as bytes for the transcript, and as its backend holds it. */
export interface RecipientPublicKey {
  readonly bytes: Bytes;
  readonly handle: PublicKeyHandle;
}

/** The recipient's private half: agreement, wherever the key lives, and the public key that belongs to it. */
export interface RecipientPrivateKey {
  readonly publicKey: Bytes;
  /** X25519 with `publicKey`, already checked; refuses an all-zero result. */
  agree(publicKey: Bytes): MaybePromise<Bytes>;
}

/** §4.1: Encap(pkR). `ephemeral` comes from the provider, but for known-answer tests. */
export async function encap(
  crypto: CryptoProvider,
  pkR: RecipientPublicKey,
  ephemeral: X25519KeyPair,
  refuseWeak: (dh: Bytes) => Bytes,
): Promise<{ sharedSecret: Bytes; enc: Bytes }> {
  const dh = refuseWeak(await crypto.agreeX25519(ephemeral.privateKey, pkR.handle));
  const enc = ephemeral.publicKey;
  const sharedSecret = await extractAndExpand(crypto, dh, enc, pkR.bytes);
  wipe(dh);
  return { sharedSecret, enc };
}

/** §4.1: Decap(enc, skR). */
export async function decap(crypto: CryptoProvider, enc: Bytes, skR: RecipientPrivateKey): Promise<Bytes> {
  const dh = await skR.agree(enc);
  const sharedSecret = await extractAndExpand(crypto, dh, enc, skR.publicKey);
  wipe(dh);
  return sharedSecret;
}

/** §6.1: SealBase, after Encap; `context` is the key schedule's. @returns ct, the ciphertext with its tag. */
export async function sealBase(
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
  aad: Bytes,
  pt: Bytes,
): Promise<Bytes> {
  const { key, baseNonce } = await keySchedule(crypto, sharedSecret, context);
  const aead = await crypto.importAesGcmKey(key);
  wipe(key, sharedSecret);
  return aead.seal(baseNonce, pt, aad);
}

/** §6.1: OpenBase, after Decap. @throws BlindreelError `authentication-failed`. */
export async function openBase(
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
  aad: Bytes,
  ct: Bytes,
  expectedLength: number,
): Promise<Bytes> {
  const { key, baseNonce } = await keySchedule(crypto, sharedSecret, context);
  const aead = await crypto.importAesGcmKey(key);
  wipe(key, sharedSecret);
  const pt = await aead.open(baseNonce, ct, aad);
  if (pt.length !== expectedLength) throw authenticationFailed();
  return pt;
}
