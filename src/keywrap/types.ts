import type { CryptoProvider } from "../crypto/provider.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";

declare const keyIdBrand: unique symbol;

/** First 16 bytes of a key's thumbprint, as 32 lowercase hex digits. */
export type KeyId = string & { readonly [keyIdBrand]: true };

/** One recipient's wrapping of a file key, in wire order (format-v1, "Slots"). */
export interface Slot {
  /** A `SlotType`, or an unknown number. */
  readonly type: number;
  /** 16 bytes; all zero for an anonymous recipient. */
  readonly keyId: Bytes;
  readonly body: Bytes;
}

/** The binding of a wrapping. */
export interface WrapContext {
  /** SHA-256 of the envelope's core, 32 bytes: a slot opens in its own envelope only. */
  readonly coreHash: Bytes;
  readonly crypto: CryptoProvider;
}

/** The binding of an unwrapping. */
export interface UnwrapContext extends WrapContext {
  /** All slots of the envelope: one prompt can then serve them all. Undefined where a slot is tried alone. */
  readonly slots?: readonly Slot[];
}

/** The public half of a key. `X25519Recipient` is the default; implement it for other ways of wrapping. */
export interface Recipient {
  readonly slotType: number;
  /** Undefined for an anonymous recipient. */
  readonly keyId: KeyId | undefined;
  /** The full thumbprint, anonymous or not, against duplicate recipients. Not written to the envelope. */
  readonly thumbprint?: string;
  /** Wraps a file key of 32 bytes into a slot of `slotType` with `keyId`. The caller wipes `fileKey`. */
  wrap(fileKey: Bytes, context: WrapContext): Promise<Slot>;
}

/** The private half of a key. Implement it for a key in an HSM or a KMS. */
export interface Identity {
  /** For error messages only. */
  readonly keyId?: KeyId;
  /**
   * Called for every slot of the envelope.
   *
   * @returns the file key, 32 bytes, which the SDK copies and does not wipe; `null` for another key's slot,
   *   and for an anonymous one that does not open.
   * @throws BlindreelError `authentication-failed` for a slot that names this key and does not open.
   */
  unwrap(slot: Slot, context: UnwrapContext): MaybePromise<Bytes | null>;
}
