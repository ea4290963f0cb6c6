import { cached } from "../crypto/cached.js";
import { hkdfExpand, hkdfExtract } from "../crypto/hkdf.js";
import type { AeadKey, CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed } from "../errors.js";
import { ascii, type Bytes, concatBytes, EMPTY, type MaybePromise, wipe } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";

/**
 * HPKE (RFC 9180), base mode, single shot, with HKDF-SHA256 and AES-256-GCM, over any KEM. Names are the RFC's.
 */

/** Nk = 32, Nn = 12 (RFC 9180 §7.3). */
const Nk = 32;
const Nn = 12;
/** kdf_id HKDF-SHA256, aead_id AES-256-GCM (§7.2, §7.3). */
const KDF_ID = 0x0001;
const AEAD_ID = 0x0002;

const HPKE_V1 = /* @__PURE__ */ ascii("HPKE-v1");
const MODE_BASE = /* @__PURE__ */ Uint8Array.of(0x00);

/** §4: what stands before `ikm` and `info` in every labeled call, "HPKE-v1" || suite_id || label. */
export function labeled(suiteId: Bytes, label: string): Bytes {
  return concatBytes(HPKE_V1, suiteId, ascii(label));
}

/** §4: LabeledExtract(salt, label, ikm). */
export function labeledExtract(
  crypto: CryptoProvider,
  salt: Bytes,
  label: Bytes,
  ikm: Bytes,
): Promise<Bytes> {
  return hkdfExtract(crypto, "SHA-256", salt, concatBytes(label, ikm));
}

/** §4: LabeledExpand(prk, label, info, L). */
export function labeledExpand(
  crypto: CryptoProvider,
  prk: Bytes,
  label: Bytes,
  info: Bytes,
  L: number,
): Promise<Bytes> {
  return hkdfExpand(crypto, "SHA-256", prk, concatBytes(Uint8Array.of(0x00, L), label, info), L);
}

/** §4: a KEM, as HPKE and the slots use it. `PublicKey` is what its backend makes of a recipient's key. */
export interface Kem<PublicKey = unknown> {
  /** kem_id (§7.1). */
  readonly id: number;
  readonly Nenc: number;
  /** For as many encapsulations as are wanted. @param pkRm a checked public key. */
  importPublicKey(crypto: CryptoProvider, pkRm: Bytes): MaybePromise<PublicKey>;
  /** Encap(pkR). */
  encap(crypto: CryptoProvider, pkR: PublicKey): Promise<Encapsulated>;
}

export interface Encapsulated {
  readonly sharedSecret: Bytes;
  readonly enc: Bytes;
}

/** Decap(enc, skR), wherever the private key lives. Checks `enc`. @throws BlindreelError `authentication-failed`. */
export type Decap = (crypto: CryptoProvider, enc: Bytes) => Promise<Bytes>;

export interface KeySchedule {
  readonly key: Bytes;
  readonly baseNonce: Bytes;
}

/** The key schedule and the AEAD of one suite (§5, §6). */
export class Hpke {
  readonly #pskIdHashLabel: Bytes;
  readonly #infoHashLabel: Bytes;
  readonly #secretLabel: Bytes;
  readonly #keyLabel: Bytes;
  readonly #baseNonceLabel: Bytes;
  /** LabeledExtract("", "psk_id_hash", default_psk_id): the same for every message. */
  readonly #pskIdHashes = new WeakMap<CryptoProvider, Promise<Bytes>>();

  constructor(kemId: number) {
    // §5.1: "HPKE" || I2OSP(kem_id, 2) || I2OSP(kdf_id, 2) || I2OSP(aead_id, 2).
    const ids = [kemId, KDF_ID, AEAD_ID].map((id) => encode(u16, id));
    const suiteId = concatBytes(ascii("HPKE"), ...ids);
    this.#pskIdHashLabel = labeled(suiteId, "psk_id_hash");
    this.#infoHashLabel = labeled(suiteId, "info_hash");
    this.#secretLabel = labeled(suiteId, "secret");
    this.#keyLabel = labeled(suiteId, "key");
    this.#baseNonceLabel = labeled(suiteId, "base_nonce");
  }

  /** §5.1: key_schedule_context = mode_base || psk_id_hash || info_hash. The same for all that share an `info`. */
  async keyScheduleContext(crypto: CryptoProvider, info: Bytes): Promise<Bytes> {
    const infoHash = await labeledExtract(crypto, EMPTY, this.#infoHashLabel, info);
    return concatBytes(MODE_BASE, await this.#pskIdHash(crypto), infoHash);
  }

  /** §5.1: KeySchedule(mode_base, shared_secret, info, "", ""), without the exporter secret. */
  async keySchedule(crypto: CryptoProvider, sharedSecret: Bytes, context: Bytes): Promise<KeySchedule> {
    const secret = await labeledExtract(crypto, sharedSecret, this.#secretLabel, EMPTY);
    const key = await labeledExpand(crypto, secret, this.#keyLabel, context, Nk);
    const baseNonce = await labeledExpand(crypto, secret, this.#baseNonceLabel, context, Nn);
    wipe(secret);
    return { key, baseNonce };
  }

  /** §5.1: the context of one message. Wipes the shared secret. */
  async contextOf(
    crypto: CryptoProvider,
    sharedSecret: Bytes,
    context: Bytes,
  ): Promise<{ readonly aead: AeadKey; readonly baseNonce: Bytes }> {
    const { key, baseNonce } = await this.keySchedule(crypto, sharedSecret, context);
    const aead = await crypto.importAesGcmKey(key);
    wipe(key, sharedSecret);
    return { aead, baseNonce };
  }

  #pskIdHash(crypto: CryptoProvider): Promise<Bytes> {
    const extract = () => labeledExtract(crypto, EMPTY, this.#pskIdHashLabel, EMPTY);
    return cached(this.#pskIdHashes, crypto, extract);
  }
}

/** §6.1: SealBase after Encap. Wipes the shared secret. @returns ct, the ciphertext with its tag. */
export async function sealBase(
  hpke: Hpke,
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
  aad: Bytes,
  pt: Bytes,
): Promise<Bytes> {
  const { aead, baseNonce } = await hpke.contextOf(crypto, sharedSecret, context);
  return aead.seal(baseNonce, pt, aad);
}

/** §6.1: OpenBase after Decap. Wipes the shared secret. @throws BlindreelError `authentication-failed`. */
export async function openBase(
  hpke: Hpke,
  crypto: CryptoProvider,
  sharedSecret: Bytes,
  context: Bytes,
  aad: Bytes,
  ct: Bytes,
  expectedLength: number,
): Promise<Bytes> {
  const { aead, baseNonce } = await hpke.contextOf(crypto, sharedSecret, context);
  const pt = await aead.open(baseNonce, ct, aad);
  if (pt.length !== expectedLength) throw authenticationFailed();
  return pt;
}
