import type { CryptoProvider } from "../crypto/provider.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";

declare const keyIdBrand: unique symbol;

/** First 16 bytes of a key's thumbprint as 32 lowercase hex digits: names a key, reveals nothing else. */
export type KeyId = string & { readonly [keyIdBrand]: true };

/** One recipient's wrapping of a file key, as it stands on the wire. */
export interface Slot {
  /** A `SlotType`, or an unknown number. */
  readonly type: number;
  /** 16 bytes; all zero for an anonymous recipient. */
  readonly keyId: Bytes;
  readonly body: Bytes;
}

/** What a wrapping is bound to. */
export interface WrapContext {
  /** SHA-256 of the envelope's core: a slot opens in its own envelope only. */
  readonly coreHash: Bytes;
  readonly crypto: CryptoProvider;
}

/**
 * Who can open: the public half. `X25519Recipient` is the usual one; implement this to wrap by other means.
 */
export interface Recipient {
  readonly slotType: number;
  /** Undefined for an anonymous recipient. */
  readonly keyId: KeyId | undefined;
  /** Names the key in full, anonymous or not, so that nobody is sealed to twice; nothing of it is written. */
  readonly thumbprint?: string;
  /** Wraps 32 bytes, into a slot of `slotType` with `keyId`. `fileKey` belongs to the caller, who wipes it. */
  wrap(fileKey: Bytes, context: WrapContext): Promise<Slot>;
}

/**
 * Who can open: the private half. Implement this for a key that lives in an HSM or a KMS.
 *
 * `unwrap` is called for every slot of the envelope: it returns `null` for a slot that is not its own, and throws
 * `authentication-failed` for one that names its key and does not open.
 */
export interface Identity {
  /** For messages only ("none of your 2 keys, …"). */
  readonly keyId?: KeyId;
  unwrap(slot: Slot, context: WrapContext): MaybePromise<Bytes | null>;
}
