import { BlindreelError, limitExceeded, truncated } from "../errors.js";
import { type Bytes, concatBytes, equalBytes } from "../formats/bytes.js";
import { decode, encode, Reader, u32 } from "../formats/codec.js";
import {
  ENVELOPE_MAGIC,
  FORMAT_VERSION,
  HASH_LENGTH,
  KEY_ID_LENGTH,
  LIMITS,
  type Limits,
} from "../formats/constants.js";
import { startOf, unsupportedVersion } from "../formats/magic.js";
import { type Check, type Checks, countArgument, readOptions, withDefaults } from "../formats/options.js";
import type { Slot } from "../keywrap/types.js";
import { type Core, type CoreParts, coreParts, decodeCore } from "./core.js";
import { encodeSlots, readSlots } from "./slots.js";

/** Bytes of `"BLINDREEL" 0x01 length:u32`. */
export const PREAMBLE_LENGTH = ENVELOPE_MAGIC.length + 1 + 4;

/** A decoded envelope, not authenticated. */
interface EnvelopeFields {
  readonly core: Core;
  readonly coreBytes: Bytes;
  readonly epoch: number;
  readonly slots: readonly Slot[];
  /** The bytes before the MAC, as received. */
  readonly macInput: Bytes;
  readonly mac: Bytes;
  /** The envelope's length in bytes. */
  readonly length: number;
}

/** A decoded envelope with the hashed parts of its core. */
export interface DecodedEnvelope extends EnvelopeFields {
  readonly coreParts: CoreParts;
}

/** The format's ceilings, lowered by the caller; higher values have no effect. @throws RangeError. */
export function effectiveLimits(lowered: Partial<Limits> | undefined): Limits {
  const lower = ([name, ceiling]: [string, number]): [string, Check<number>] => [
    name,
    (option, value) => Math.min(countArgument(option, value), ceiling),
  ];
  const checks = Object.fromEntries(Object.entries(LIMITS).map(lower)) as unknown as Checks<Limits>;
  return withDefaults(readOptions<Limits>("limits", lowered, checks), LIMITS);
}

export const limitsArgument: Check<Limits> = (_name, value) => effectiveLimits(value as Partial<Limits>);

/**
 * An envelope's length, from its first 14 bytes, or fewer where the file ends there (format-v1, "Opening",
 * steps 1 to 4).
 *
 * @throws BlindreelError `not-an-envelope`, `unsupported-version`, `truncated`, `limit-exceeded`.
 */
export function envelopeLength(preamble: Bytes, limits: Limits): number {
  checkMagicAndVersion(preamble);
  if (preamble.length < PREAMBLE_LENGTH) throw truncated("the envelope", preamble.length);
  const lengthField = preamble.subarray(ENVELOPE_MAGIC.length + 1, PREAMBLE_LENGTH);
  const length = PREAMBLE_LENGTH + decode(u32, lengthField, "the envelope");
  if (length > limits.envelope) throw limitExceeded("the envelope's length", limits.envelope, length);
  return length;
}

/** Checks a preamble, complete or not. @throws BlindreelError `not-an-envelope`, `unsupported-version`. */
export function checkMagicAndVersion(preamble: Bytes): void {
  const magic = preamble.subarray(0, ENVELOPE_MAGIC.length);
  if (magic.length === 0 || !equalBytes(magic, ENVELOPE_MAGIC.subarray(0, magic.length))) {
    const message = "this is not a Blindreel file: it does not start with BLINDREEL";
    throw new BlindreelError("not-an-envelope", message, undefined);
  }
  const version = preamble[ENVELOPE_MAGIC.length];
  if (version !== undefined && version !== FORMAT_VERSION) throw unsupportedVersion("this file", version);
}

/**
 * Decodes an envelope, strictly (format-v1, "Opening", steps 1 to 9).
 *
 * @param bytes the envelope alone. It must not change afterwards: the result consists of views of it.
 * @throws BlindreelError as {@link envelopeLength}, `malformed`, `unsupported-algorithm`.
 */
export function decodeEnvelope(bytes: Bytes, limits: Limits): DecodedEnvelope {
  const fields = envelopeFields(bytes, limits);
  return { ...fields, coreParts: coreParts(fields.coreBytes, fields.core.sealedMetadata.length) };
}

/** {@link decodeEnvelope} without the input of the key schedule. */
export function envelopeFields(bytes: Bytes, limits: Limits): EnvelopeFields {
  const length = envelopeLength(bytes.subarray(0, PREAMBLE_LENGTH), limits);
  if (bytes.length < length) throw truncated("the envelope", bytes.length);
  const reader = new Reader(bytes, "the envelope");
  reader.take(PREAMBLE_LENGTH);
  const coreLength = u32.read(reader);
  if (coreLength > limits.core) throw limitExceeded("the core's length", limits.core, coreLength);
  const coreOffset = reader.offset;
  const coreBytes = reader.take(coreLength);
  const core = decodeCore(coreBytes, limits, coreOffset);
  const epoch = u32.read(reader);
  const slots = readSlots(reader, core.flags, limits);
  const macInput = bytes.subarray(0, reader.offset);
  const mac = reader.take(HASH_LENGTH);
  reader.end();
  return { core, coreBytes, epoch, slots, macInput, mac, length };
}

/** An envelope's length in bytes, from the lengths of its core and of its slots' bodies. */
export function envelopeLengthFor(coreLength: number, slotBodyLengths: readonly number[]): number {
  const slotHead = 2 + KEY_ID_LENGTH + 2;
  const slots = slotBodyLengths.reduce((sum, body) => sum + slotHead + body, 0);
  return PREAMBLE_LENGTH + 4 + coreLength + 4 + 2 + slots + HASH_LENGTH;
}

/** An envelope without its MAC. @throws BlindreelError `limit-exceeded`. */
export function encodeWithoutMac(coreBytes: Bytes, epoch: number, slots: readonly Slot[]): Bytes {
  const body = concatBytes(encode(u32, coreBytes.length), coreBytes, encode(u32, epoch), encodeSlots(slots));
  const length = PREAMBLE_LENGTH + body.length + HASH_LENGTH;
  if (length > LIMITS.envelope) throw limitExceeded("the envelope's length", LIMITS.envelope, length);
  return concatBytes(startOf(ENVELOPE_MAGIC), encode(u32, body.length + HASH_LENGTH), body);
}
