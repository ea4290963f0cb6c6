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

/** The constant start of every labeled input (§4): "HPKE-v1" || suite_id || label. */
function labeled(suiteId: Bytes, label: string): Bytes {
  return concatBytes(HPKE_V1, suiteId, ascii(label));
}

const EAE_PRK_LABEL = /* @__PURE__ */ labeled(KEM_SUITE_ID, "eae_prk");
const SHARED_SECRET_LABEL = /* @__PURE__ */ labeled(KEM_SUITE_ID, "shared_secret");
const PSK_ID_HASH_LABEL = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "psk_id_hash");
const INFO_HASH_LABEL = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "info_hash");
const SECRET_LABEL = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "secret");
const KEY_LABEL = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "key");
const BASE_NONCE_LABEL = /* @__PURE__ */ labeled(HPKE_SUITE_ID, "base_nonce");

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
  const eaePrk = await labeledExtract(crypto, EMPTY, EAE_PRK_LABEL, dh);
  const kemContext = concatBytes(enc, pkRm);
  const sharedSecret = await labeledExpand(crypto, eaePrk, SHARED_SECRET_LABEL, kemContext, Nsecret);
  wipe(eaePrk);
  return sharedSecret;
}

export interface KeySchedule {
  readonly key: Bytes;
  readonly baseNonce: Bytes;
}

/** §5.1: LabeledExtract("", "psk_id_hash", default_psk_id), a constant, computed once. */
const pskIdHashes = new WeakMap<CryptoProvider, Promise<Bytes>>();

function pskIdHash(crypto: CryptoProvider): Promise<Bytes> {
  let hash = pskIdHashes.get(crypto);
  if (!hash) {
    hash = labeledExtract(crypto, EMPTY, PSK_ID_HASH_LABEL, EMPTY);
    pskIdHashes.set(crypto, hash);
    // Failures are not cached.
    hash.catch(() => pskIdHashes.delete(crypto));
  }
  return hash;
}

/** §5.1: key_schedule_context = mode_base || psk_id_hash || info_hash. Depends on `info` alone. */
export async function keyScheduleContext(crypto: CryptoProvider, info: Bytes): Promise<Bytes> {
  const infoHash = await labeledExtract(crypto, EMPTY, INFO_HASH_LABEL, info);
  return concatBytes(MODE_BASE, await pskIdHash(crypto), infoHash);
}

/** §5.1: KeySchedule(mode_base, shared_secret, info, "", ""), without the exporter secret. */
export async function keySchedule(
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
): Promise<KeySchedule> {
  const secret = await labeledExtract(crypto, sharedSecret, SECRET_LABEL, EMPTY);
  const key = await labeledExpand(crypto, secret, KEY_LABEL, context, Nk);
  const baseNonce = await labeledExpand(crypto, secret, BASE_NONCE_LABEL, context, Nn);
  wipe(secret);
  return { key, baseNonce };
}

/** pkR: its bytes for kem_context, its handle for the agreement. */
export interface RecipientPublicKey {
  readonly bytes: Bytes;
  readonly handle: PublicKeyHandle;
}

/** skR as an agreement, which a key store may compute, with its public key. */
export interface RecipientPrivateKey {
  readonly publicKey: Bytes;
  /** X25519 with a checked `publicKey`; refuses an all-zero result (RFC 9180 §7.1.4). */
  agree(publicKey: Bytes): MaybePromise<Bytes>;
}

/** §4.1: Encap(pkR). `ephemeral` is random, except in known-answer tests. `refuseWeak` checks dh (§7.1.4). */
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

/** §5.2: the AEAD and nonce of a context's first message. Wipes `sharedSecret`. */
async function firstMessage(crypto: CryptoProvider, sharedSecret: Bytes, context: Bytes) {
  const { key, baseNonce } = await keySchedule(crypto, sharedSecret, context);
  const aead = await crypto.importAesGcmKey(key);
  wipe(key, sharedSecret);
  return { aead, nonce: baseNonce };
}

/** §6.1: SealBase, after Encap; `context` is the key schedule's. @returns ct with its tag. */
export async function sealBase(
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
  aad: Bytes,
  pt: Bytes,
): Promise<Bytes> {
  const { aead, nonce } = await firstMessage(crypto, sharedSecret, context);
  return aead.seal(nonce, pt, aad);
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
  const { aead, nonce } = await firstMessage(crypto, sharedSecret, context);
  const pt = await aead.open(nonce, ct, aad);
  if (pt.length !== expectedLength) throw authenticationFailed();
  return pt;
}
