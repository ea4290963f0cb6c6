import { ascii } from "./bytes.js";

/** Not in the table below, so that bundles for sealed files leave the other magics out. */
export const ENVELOPE_MAGIC = /* @__PURE__ */ ascii("BLINDREEL");
export const SEGMENT_MAGIC = /* @__PURE__ */ ascii("BLRS");

/** First bytes of every object of the format (format-v1, "Identifiers"). */
export const Magic = {
  envelope: ENVELOPE_MAGIC,
  segment: SEGMENT_MAGIC,
  manifest: /* @__PURE__ */ ascii("BLRM"),
  page: /* @__PURE__ */ ascii("BLRL"),
  excerpt: /* @__PURE__ */ ascii("BLRX"),
  /** Reserved. */
  grant: /* @__PURE__ */ ascii("BLRG"),
} as const;

export const FORMAT_VERSION = 0x01;

/** The one suite of version 1: HPKE X25519, AES-256-GCM, SHA-256, Cobblestone-256, Ed25519. */
export const SUITE = 0x0001;

/** Purpose of an envelope; every opener states the kind it expects (format-v1, "Identifiers"). */
export const Kind = { recording: 0x01, file: 0x02, identity: 0x03, share: 0x04, grant: 0x05 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
export type KindName = keyof typeof Kind;

/** Name of a wire value, undefined where the table has none. */
export function nameOf<T extends string>(table: Readonly<Record<T, number>>, value: number): T | undefined {
  return (Object.keys(table) as T[]).find((name) => table[name] === value);
}

export const CoreFlag = { postQuantumOnly: 0x0001 } as const;
export const SegmentFlag = { padded: 0x01 } as const;

export const SenderType = { none: 0x00, ed25519: 0x01 } as const;
export type SenderType = (typeof SenderType)[keyof typeof SenderType];

/** Slot types on the wire. Unknown ones are skipped, still under the MAC. 0x0005 is not used. */
export const SlotType = {
  x25519: 0x0001,
  xWing: 0x0002,
  passphrase: 0x0003,
  passkey: 0x0004,
  p256: 0x0006,
} as const;
export type SlotType = (typeof SlotType)[keyof typeof SlotType];

export const HASH_LENGTH = 32;
export const KEY_LENGTH = 32;
/** An uncompressed point (SEC 1 §2.3.3): 0x04, x, y. */
export const P256_POINT_LENGTH = 1 + 2 * KEY_LENGTH;
export const TAG_LENGTH = 16;
export const KEY_ID_LENGTH = 16;
/** Ed25519 (RFC 8032 §5.1.6). */
export const SIGNATURE_LENGTH = 64;
export const RECORDING_ID_LENGTH = 16;
export const INSTITUTION_LENGTH = 16;

/** A 32-byte key with its GCM tag, at the end of every slot body. */
export const WRAPPED_KEY_LENGTH = KEY_LENGTH + TAG_LENGTH;

/** Slot types refused in post-quantum-only envelopes (format-v1, "Slots", rule 5). */
export const CLASSICAL_SLOT_TYPES: readonly number[] = [SlotType.x25519, SlotType.p256];

/** Known slot types with an optional keyId (format-v1, "Slots", rule 3). */
export const ANONYMOUS_SLOT_TYPES: readonly number[] = [SlotType.x25519, SlotType.xWing, SlotType.p256];

/** Exact body lengths of the known slot types, in bytes. */
export const SLOT_BODY_LENGTH: Readonly<Record<number, number>> = {
  [SlotType.x25519]: 32 + WRAPPED_KEY_LENGTH,
  [SlotType.xWing]: 1120 + WRAPPED_KEY_LENGTH,
  [SlotType.passphrase]: 16 + 4 + 4 + 1 + WRAPPED_KEY_LENGTH,
  [SlotType.passkey]: 32 + 32 + WRAPPED_KEY_LENGTH,
  [SlotType.p256]: P256_POINT_LENGTH + WRAPPED_KEY_LENGTH,
};

/** Ceilings, checked before allocation (format-v1, "Limits"). Callers may lower them, never raise them. */
export interface Limits {
  /** Whole envelope, in bytes. */
  readonly envelope: number;
  readonly core: number;
  readonly sealedMetadata: number;
  readonly slotBody: number;
  readonly slots: number;
  readonly anonymousSlots: number;
  /** A sealed manifest, in bytes. */
  readonly manifest: number;
  /** A sealed page of a log, in bytes. */
  readonly page: number;
  /** Number of entries of a log. */
  readonly log: number;
  /** An excerpt, in bytes. */
  readonly excerpt: number;
}

/**
 * The ceilings where a caller sets none.
 *
 * @category Auditor
 */
export const LIMITS: Limits = {
  envelope: 5 * 2 ** 20,
  core: 128 * 2 ** 10,
  sealedMetadata: 64 * 2 ** 10,
  slotBody: 4096,
  slots: 4096,
  anonymousSlots: 64,
  manifest: 2 ** 20,
  page: 64 * 2 ** 10,
  log: 2 ** 18,
  excerpt: 64 * 2 ** 20,
};

/** Granularity of the metadata's plaintext, in bytes. */
export const METADATA_BLOCK = 512;

/** Granularity of the public `createdAt`, in seconds, rounded down. */
export const CREATED_AT_STEP = 3600;
