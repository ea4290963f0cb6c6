import { cached } from "../crypto/cached.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed } from "../errors.js";
import { type Bytes, compareBytes, concatBytes, isAllZero, type MaybePromise } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";
import { KEY_ID_LENGTH, KEY_LENGTH, SLOT_BODY_LENGTH, type SlotType } from "../formats/constants.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { label } from "../formats/label.js";
import { type Decap, Hpke, type Kem, openBase, sealBase } from "./hpke.js";
import { keyIdOf } from "./thumbprint.js";
import type { Identity, KeyId, Recipient, Slot, WrapContext } from "./types.js";

/** The slot types that are HPKE (format-v1, "Slots"): `body = enc || ct[48]`. */

export class HpkeSlots<PublicKey = unknown> {
  readonly slotType: number;
  readonly kem: Kem<PublicKey>;
  readonly hpke: Hpke;

  constructor(slotType: SlotType, kem: Kem<PublicKey>) {
    this.slotType = slotType;
    this.kem = kem;
    this.hpke = new Hpke(kem.id);
  }

  /** The key schedule's part that is the same for all slots of a key; info = L("slot") || type || keyId as on the wire. */
  contextFor(crypto: CryptoProvider, keyId: Bytes): Promise<Bytes> {
    const info = concatBytes(label("slot"), encode(u16, this.slotType), keyId);
    return this.hpke.keyScheduleContext(crypto, info);
  }
}

interface Prepared {
  readonly publicKey: unknown;
  readonly context: Bytes;
}

/** A public key that file keys are wrapped to by HPKE. */
export abstract class HpkeRecipient implements Recipient {
  readonly slotType: number;
  /** Undefined for an anonymous recipient: its slots name no key and are found by trial. */
  readonly keyId: KeyId | undefined;
  /** The key's full thumbprint (SHA-256) as 64 hex digits: what people compare and pin. */
  readonly thumbprint: string;
  readonly #slots: HpkeSlots;
  readonly #publicKey: Bytes;
  /** Zeros for an anonymous recipient. */
  readonly #keyId: Bytes;
  readonly #prepared = new WeakMap<CryptoProvider, Promise<Prepared>>();

  protected constructor(slots: HpkeSlots, publicKey: Bytes, thumbprint: Bytes, isAnonymous: boolean) {
    this.#slots = slots;
    this.#publicKey = publicKey;
    this.#keyId = isAnonymous ? new Uint8Array(KEY_ID_LENGTH) : thumbprint.slice(0, KEY_ID_LENGTH);
    this.slotType = slots.slotType;
    this.thumbprint = encodeHex(thumbprint);
    this.keyId = isAnonymous ? undefined : keyIdOf(thumbprint);
  }

  /** The raw bytes, copied. */
  get publicKey(): Bytes {
    return this.#publicKey.slice();
  }

  async wrap(fileKey: Bytes, { coreHash, crypto }: WrapContext): Promise<Slot> {
    const { kem, hpke, slotType } = this.#slots;
    const { publicKey, context } = await this.#prepare(crypto);
    const { sharedSecret, enc } = await kem.encap(crypto, publicKey);
    const ct = await sealBase(hpke, crypto, sharedSecret, context, coreHash, fileKey);
    return { type: slotType, keyId: this.#keyId.slice(), body: concatBytes(enc, ct) };
  }

  /** What is the same in every wrapping to this key. */
  #prepare(crypto: CryptoProvider): Promise<Prepared> {
    return cached(this.#prepared, crypto, async () => ({
      publicKey: await this.#slots.kem.importPublicKey(crypto, this.#publicKey),
      context: await this.#slots.contextFor(crypto, this.#keyId),
    }));
  }
}

/** A private key that opens slots of its type. */
export abstract class HpkeIdentity<R extends HpkeRecipient = HpkeRecipient> implements Identity {
  readonly recipient: R;
  readonly #slots: HpkeSlots;
  readonly #decap: Decap;
  readonly #keyId: Bytes;

  protected constructor(slots: HpkeSlots, recipient: R, decap: Decap) {
    this.recipient = recipient;
    this.#slots = slots;
    this.#decap = decap;
    this.#keyId = decodeHex(recipient.thumbprint).subarray(0, KEY_ID_LENGTH);
  }

  get keyId(): KeyId {
    return this.recipient.keyId!;
  }

  /** The full thumbprint as 64 hex digits. */
  get thumbprint(): string {
    return this.recipient.thumbprint;
  }

  /** `null`: another key's slot, at once, since there may be thousands; or an anonymous one that does not open. */
  unwrap(slot: Slot, context: WrapContext): MaybePromise<Bytes | null> {
    if (slot.type !== this.#slots.slotType) return null;
    if (compareBytes(slot.keyId, this.#keyId) === 0) return this.#open(slot, context);
    return isAllZero(slot.keyId) ? this.#try(slot, context) : null;
  }

  async #try(slot: Slot, context: WrapContext): Promise<Bytes | null> {
    try {
      return await this.#open(slot, context);
    } catch (error) {
      if ((error as { code?: string }).code === "authentication-failed") return null;
      throw error;
    }
  }

  async #open(slot: Slot, { coreHash, crypto }: WrapContext): Promise<Bytes> {
    const { kem, hpke, slotType } = this.#slots;
    // The exact length is checked before anything is decrypted.
    if (slot.body.length !== SLOT_BODY_LENGTH[slotType]) throw authenticationFailed();
    const enc = slot.body.slice(0, kem.Nenc);
    const sharedSecret = await this.#decap(crypto, enc);
    const context = await this.#slots.contextFor(crypto, slot.keyId);
    return openBase(hpke, crypto, sharedSecret, context, coreHash, slot.body.slice(kem.Nenc), KEY_LENGTH);
  }
}
