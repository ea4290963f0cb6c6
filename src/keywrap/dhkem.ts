import type { CryptoProvider, PrivateKeyHandle, PublicKeyHandle } from "../crypto/provider.js";
import { authenticationFailed, invalidKey } from "../errors.js";
import { ascii, type Bytes, concatBytes, EMPTY, type MaybePromise, wipe } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";
import { type Decap, type Encapsulated, type Kem, labeled, labeledExpand, labeledExtract } from "./hpke.js";

/** DHKEM(Group, HKDF-SHA256) (RFC 9180 §4.1). Names are the RFC's. */

/** Of DHKEM with HKDF-SHA256 (§7.1). */
const Nsecret = 32;

/** The group under a DHKEM, with the checks of §7.1.4. */
export interface DhGroup {
  readonly kemId: number;
  /** Length of a serialised public key; Nenc is the same. */
  readonly Npk: number;
  generate(
    crypto: CryptoProvider,
  ): MaybePromise<{ readonly publicKey: Bytes; readonly privateKey: PrivateKeyHandle }>;
  importPublicKey(crypto: CryptoProvider, publicKey: Bytes): MaybePromise<PublicKeyHandle>;
  /** DH(skX, pkY), as the backend gives it. */
  dh(crypto: CryptoProvider, privateKey: PrivateKeyHandle, publicKey: PublicKeyHandle): MaybePromise<Bytes>;
  /** Why a public key may not be used, or undefined. */
  publicKeyFault(publicKey: Bytes): string | undefined;
  /** Why a result of `dh` may not be used, or undefined. */
  sharedSecretFault(dh: Bytes): string | undefined;
}

/** The recipient's public key: as bytes for the transcript, and as its backend holds it. */
export interface RecipientPublicKey {
  readonly bytes: Bytes;
  readonly handle: PublicKeyHandle;
}

/** The recipient's private half: agreement with a checked public key, wherever the key lives. */
export interface RecipientPrivateKey {
  readonly publicKey: Bytes;
  /** DH(skR, pk); the KEM checks what comes. */
  agree(publicKey: Bytes, crypto: CryptoProvider): MaybePromise<Bytes>;
}

export interface DhKem extends Kem<RecipientPublicKey> {
  /** Encap with a given ephemeral pair: for known-answer tests. */
  encapWith(
    crypto: CryptoProvider,
    pkR: RecipientPublicKey,
    ephemeral: { readonly publicKey: Bytes; readonly privateKey: PrivateKeyHandle },
  ): Promise<Encapsulated>;
  /** ExtractAndExpand(dh, kem_context), with kem_context = enc || pkRm. Wipes `dh`. */
  extractAndExpand(crypto: CryptoProvider, dh: Bytes, enc: Bytes, pkRm: Bytes): Promise<Bytes>;
}

/** @throws BlindreelError `invalid-key` where the group forbids the result. */
export async function checkedDh(
  crypto: CryptoProvider,
  group: DhGroup,
  privateKey: PrivateKeyHandle,
  publicKey: PublicKeyHandle,
): Promise<Bytes> {
  const dh = await group.dh(crypto, privateKey, publicKey);
  const fault = group.sharedSecretFault(dh);
  if (fault) throw invalidKey(`the agreement ${fault}`);
  return dh;
}

export function dhKem(group: DhGroup): DhKem {
  // §4.1: "KEM" || I2OSP(kem_id, 2).
  const suiteId = concatBytes(ascii("KEM"), encode(u16, group.kemId));
  const eaePrkLabel = labeled(suiteId, "eae_prk");
  const sharedSecretLabel = labeled(suiteId, "shared_secret");

  async function extractAndExpand(
    crypto: CryptoProvider,
    dh: Bytes,
    enc: Bytes,
    pkRm: Bytes,
  ): Promise<Bytes> {
    const eaePrk = await labeledExtract(crypto, EMPTY, eaePrkLabel, dh);
    const kemContext = concatBytes(enc, pkRm);
    const sharedSecret = await labeledExpand(crypto, eaePrk, sharedSecretLabel, kemContext, Nsecret);
    wipe(eaePrk, dh);
    return sharedSecret;
  }

  const kem: DhKem = {
    id: group.kemId,
    Nenc: group.Npk,
    importPublicKey: async (crypto, pkRm) => ({
      bytes: pkRm,
      handle: await group.importPublicKey(crypto, pkRm),
    }),
    encap: async (crypto, pkR) => kem.encapWith(crypto, pkR, await group.generate(crypto)),
    async encapWith(crypto, pkR, { publicKey: enc, privateKey }) {
      const dh = await checkedDh(crypto, group, privateKey, pkR.handle);
      return { sharedSecret: await extractAndExpand(crypto, dh, enc, pkR.bytes), enc };
    },
    extractAndExpand,
  };
  return kem;
}

/** Decap(enc, skR). Apart from the KEM: pages that only seal leave it out. */
export function dhDecap(kem: DhKem, group: DhGroup, skR: RecipientPrivateKey): Decap {
  return async (crypto, enc) => {
    if (group.publicKeyFault(enc)) throw authenticationFailed();
    const dh = await skR.agree(enc, crypto);
    if (group.sharedSecretFault(dh)) throw authenticationFailed();
    return kem.extractAndExpand(crypto, dh, enc, skR.publicKey);
  };
}
