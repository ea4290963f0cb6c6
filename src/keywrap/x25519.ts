import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed } from "../errors.js";
import { type Bytes, concatBytes, isAllZero } from "../formats/bytes.js";
import { encode, u16 } from "../formats/codec.js";
import { KEY_ID_LENGTH, KEY_LENGTH, SLOT_BODY_LENGTH, SlotType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { encodePublicJwk, type OkpJwk } from "../formats/jwk.js";
import { label } from "../formats/label.js";
import { encodePublicPem } from "../formats/pem.js";
import {
  decap,
  encap,
  keyScheduleContext,
  Nenc,
  openBase,
  type RecipientPrivateKey,
  type RecipientPublicKey,
  sealBase,
} from "./hpke.js";
import { checkSharedSecret, publicKeyFault } from "./point.js";
import { encodeKeyId, keyIdOf } from "./thumbprint.js";
import type { Identity, KeyId, Recipient, Slot, WrapContext } from "./types.js";

const ANONYMOUS_KEY_ID = /* @__PURE__ */ new Uint8Array(KEY_ID_LENGTH);

/** HPKE `info`: L("slot") || type || keyId as on the wire (format-v1, "Slot type 1"). */
function slotInfo(keyId: Bytes): Bytes {
  return concatBytes(label("slot"), encode(u16, SlotType.x25519), keyId);
}

/** The public half of an X25519 key of an institution or its staff. Made by `importRecipient`. */
export class X25519Recipient implements Recipient {
  readonly slotType = SlotType.x25519;
  /** Undefined for an anonymous recipient, whose slots are found by trial. */
  readonly keyId: KeyId | undefined;
  /** The full RFC 7638 thumbprint, SHA-256, as 64 hex digits: for comparing and pinning. */
  readonly thumbprint: string;
  readonly #publicKey: Bytes;
  readonly #thumbprint: Bytes;
  readonly #prepared = new WeakMap<CryptoProvider, Prepared>();

  /** @internal Use `importRecipient`, which checks the key. */
  constructor(publicKey: Bytes, thumbprint: Bytes, { isAnonymous = false } = {}) {
    this.#publicKey = publicKey;
    this.#thumbprint = thumbprint;
    this.thumbprint = encodeHex(thumbprint);
    this.keyId = isAnonymous ? undefined : keyIdOf(thumbprint);
  }

  /** The 32 raw bytes, copied. */
  get publicKey(): Bytes {
    return this.#publicKey.slice();
  }

  /** This key with an all-zero keyId on the wire: unlinkable for the server, found by trial by the opener. */
  anonymous(): X25519Recipient {
    return new X25519Recipient(this.#publicKey, this.#thumbprint, { isAnonymous: true });
  }

  toJwk(): OkpJwk {
    return encodePublicJwk(this.#publicKey);
  }

  toPem(): string {
    return encodePublicPem(this.#publicKey);
  }

  async wrap(fileKey: Bytes, { coreHash, crypto }: WrapContext): Promise<Slot> {
    const keyId = this.keyId === undefined ? ANONYMOUS_KEY_ID : this.#thumbprint.subarray(0, KEY_ID_LENGTH);
    const ephemeral = await crypto.generateX25519();
    const { pkR, keyScheduleContext: context } = await this.#prepare(crypto, keyId);
    const { sharedSecret, enc } = await encap(crypto, pkR, ephemeral, checkSharedSecret);
    const ct = await sealBase(crypto, sharedSecret, context, coreHash, fileKey);
    return { type: SlotType.x25519, keyId: keyId.slice(), body: concatBytes(enc, ct) };
  }

  /** The part of a wrapping that depends on this key alone, cached for each provider. */
  async #prepare(crypto: CryptoProvider, keyId: Bytes): Promise<Prepared> {
    let prepared = this.#prepared.get(crypto);
    if (!prepared) {
      const handle = await crypto.importX25519PublicKey(this.#publicKey);
      prepared = {
        pkR: { bytes: this.#publicKey, handle },
        keyScheduleContext: await keyScheduleContext(crypto, slotInfo(keyId)),
      };
      this.#prepared.set(crypto, prepared);
    }
    return prepared;
  }
}

interface Prepared {
  readonly pkR: RecipientPublicKey;
  readonly keyScheduleContext: Bytes;
}

/** A private X25519 key as an agreement: bytes, a platform key or a key store. */
export interface X25519Agreement {
  /** X25519 with a checked public key. Zeros, or an error, for a point of low order. */
  agree(publicKey: Bytes, crypto: CryptoProvider): Promise<Bytes>;
}

/** The private half. Made by `generateIdentity`, `importIdentity` or `identityFromAgreement`. */
export class X25519Identity implements Identity {
  readonly recipient: X25519Recipient;
  readonly #publicKey: Bytes;
  readonly #agreement: X25519Agreement;

  /** @internal */
  constructor(recipient: X25519Recipient, agreement: X25519Agreement) {
    this.recipient = recipient;
    this.#publicKey = recipient.publicKey;
    this.#agreement = agreement;
  }

  get keyId(): KeyId {
    return this.recipient.keyId!;
  }

  /** The full thumbprint as 64 hex digits. */
  get thumbprint(): string {
    return this.recipient.thumbprint;
  }

  /** @returns `null` for another key's slot, and for an anonymous one that does not open. */
  async unwrap(slot: Slot, context: WrapContext): Promise<Bytes | null> {
    if (slot.type !== SlotType.x25519) return null;
    const isAnonymous = isAllZero(slot.keyId);
    if (!isAnonymous && encodeKeyId(slot.keyId) !== this.keyId) return null;
    try {
      return await this.#open(slot, context);
    } catch (error) {
      if (isAnonymous && (error as { code?: string }).code === "authentication-failed") return null;
      throw error;
    }
  }

  async #open(slot: Slot, { coreHash, crypto }: WrapContext): Promise<Bytes> {
    // Length and point are checked before decryption (format-v1, "Slot type 1").
    if (slot.body.length !== SLOT_BODY_LENGTH[SlotType.x25519]) throw authenticationFailed();
    const enc = slot.body.slice(0, Nenc);
    if (publicKeyFault(enc)) throw authenticationFailed();
    const skR: RecipientPrivateKey = {
      publicKey: this.#publicKey,
      agree: async (peer) => {
        const dh = await this.#agreement.agree(peer, crypto);
        if (dh.length !== KEY_LENGTH || isAllZero(dh)) throw authenticationFailed();
        return dh;
      },
    };
    const sharedSecret = await decap(crypto, enc, skR);
    const context = await keyScheduleContext(crypto, slotInfo(slot.keyId));
    return openBase(crypto, sharedSecret, context, coreHash, slot.body.slice(Nenc), KEY_LENGTH);
  }
}
