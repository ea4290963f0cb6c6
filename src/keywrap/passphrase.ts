/**
 * `blindreel/passphrase`: recipients and identities that are a passphrase (Argon2id, RFC 9106). For keys at rest
 * (`protectIdentity`) and single files, not for recordings: what people remember can be guessed.
 *
 * @module blindreel/passphrase
 * @category Institution
 */
import { defaultProvider } from "../crypto/default.js";
import { randomBytes } from "../crypto/random.js";
import { limitExceeded, malformed, outOfRange } from "../errors.js";
import { type Bytes, utf8, wipe } from "../formats/bytes.js";
import { decode, encode, fixed, struct, u8, u32 } from "../formats/codec.js";
import { KEY_ID_LENGTH, SlotType } from "../formats/constants.js";
import { type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import {
  type Argon2Cost,
  type Argon2Run,
  argon2id,
  COST_CEILING,
  COST_FLOOR,
  costArgument,
  DEFAULT_COST,
} from "./argon2.js";
import { unwrapUnderSecret, wrapUnderSecret } from "./secret-slot.js";
import { encodeKeyId } from "./thumbprint.js";
import type { Identity, Recipient, Slot } from "./types.js";

export {
  type Argon2Cost,
  type Argon2Run,
  type Argon2Worker,
  COST_CEILING,
  COST_FLOOR,
  DEFAULT_COST,
} from "./argon2.js";
export { type EncryptedKeyOptions, importEncryptedIdentity } from "./encrypted-key.js";

/** Options of {@link passphraseRecipient}. */
export interface PassphraseOptions extends Argon2Run {
  /** {@link DEFAULT_COST} unless stated, or what {@link calibrateCost} found. */
  readonly cost?: Argon2Cost;
}

/** Options of {@link passphraseIdentity}. */
export interface PassphraseIdentityOptions extends Argon2Run {
  /** Refuse to work harder than this (`limit-exceeded`), where the file comes from a stranger. */
  readonly maxCost?: Argon2Cost;
}

const RUN: Checks<Argon2Run> = {
  createWorker: functionArgument,
  onProgress: functionArgument,
  signal: signalArgument,
};
const PASSPHRASE: Checks<PassphraseOptions> = { ...RUN, cost: costArgument };
const IDENTITY: Checks<PassphraseIdentityOptions> = { ...RUN, maxCost: costArgument };

const ARGON2_SALT_LENGTH = 16;

/** `salt[16] mKiB:u32 t:u32 p:u8` (format-v1, "Slot type 3"). */
const paramsCodec = struct<{ salt: Bytes; memory: number; passes: number; lanes: number }>({
  salt: fixed(ARGON2_SALT_LENGTH),
  memory: u32,
  passes: u32,
  lanes: u8,
});
const PARAMS_LENGTH = ARGON2_SALT_LENGTH + 4 + 4 + 1;

/**
 * Seals to a passphrase; it has to be the only recipient. Every wrapping runs Argon2id, with a fresh salt.
 *
 * @param passphrase 1 to 4,096 bytes of UTF-8, in NFC, so that keyboards do not matter. Spaces and NUL count.
 * @throws TypeError, RangeError for the passphrase and the options, at the call.
 */
export function passphraseRecipient(passphrase: string, given?: PassphraseOptions): Recipient {
  const options = readOptions<PassphraseOptions>("options", given, PASSPHRASE);
  const bytes = passphraseBytes(passphrase);
  const { cost = DEFAULT_COST } = options;
  const keyId = randomKeyId();
  return {
    slotType: SlotType.passphrase,
    keyId: encodeKeyId(keyId),
    async wrap(fileKey, context) {
      const salt = randomBytes(context.crypto, ARGON2_SALT_LENGTH);
      const params = encode(paramsCodec, { salt, ...cost });
      const secret = await argon2id({ passphrase: bytes, salt, cost }, options);
      return wrapUnderSecret(secret, fileKey, { type: SlotType.passphrase, keyId, params }, context);
    },
  };
}

/**
 * Opens what is sealed to a passphrase. The slot's cost is checked before any work.
 *
 * @throws at `open`: BlindreelError `authentication-failed` for another passphrase; `limit-exceeded` for a cost above the
 *   ceiling, `malformed` below the floor; `signal.reason`.
 */
export function passphraseIdentity(passphrase: string, given?: PassphraseIdentityOptions): Identity {
  const options = readOptions<PassphraseIdentityOptions>("options", given, IDENTITY);
  const bytes = passphraseBytes(passphrase);
  const { maxCost = COST_CEILING } = options;
  return {
    async unwrap(slot, context) {
      if (slot.type !== SlotType.passphrase) return null;
      const { salt, ...cost } = readParams(slot, maxCost);
      const secret = await argon2id({ passphrase: bytes, salt, cost }, options);
      return unwrapUnderSecret(secret, slot, PARAMS_LENGTH, context);
    },
  };
}

/** Options of {@link calibrateCost}. */
export interface CalibrateOptions extends Argon2Run {
  /** How long one run may take on this machine, in milliseconds; 1,000 unless stated. */
  readonly milliseconds?: number;
}

/**
 * The highest cost that this machine works through in the time, between the format's floor and ceiling: measured by one run
 * at the floor, of which the time is linear in memory × passes.
 */
export async function calibrateCost(given?: CalibrateOptions): Promise<Argon2Cost> {
  const options = readOptions<CalibrateOptions>("options", given, {
    ...RUN,
    milliseconds(name, value) {
      if (typeof value !== "number" || !(value > 0)) throw outOfRange(name, "a number above 0", value);
      return value;
    },
  });
  const { milliseconds = 1000 } = options;
  const start = performance.now();
  const salt = randomBytes(defaultProvider(), ARGON2_SALT_LENGTH);
  wipe(await argon2id({ passphrase: salt, salt, cost: COST_FLOOR }, options));
  const work = (COST_FLOOR.memory * COST_FLOOR.passes * milliseconds) / (performance.now() - start);
  // Memory first, which costs an attacker most: passes grow where the memory is at its ceiling.
  const passes = work < 3 * DEFAULT_COST.memory ? 2 : 3;
  const memory = clamped("memory", 1024 * Math.floor(work / passes / 1024));
  const isFull = memory === COST_CEILING.memory;
  return { memory, passes: isFull ? clamped("passes", Math.floor(work / memory)) : passes, lanes: 1 };
}

function clamped(member: "memory" | "passes", value: number): number {
  return Math.min(COST_CEILING[member], Math.max(COST_FLOOR[member], value));
}

/** Longest passphrase, in bytes of its UTF-8: a file given by mistake is none. */
const LONGEST = 4096;

function passphraseBytes(passphrase: unknown): Bytes {
  const text = wellFormedText("passphrase", passphrase);
  const bytes = text.length > LONGEST ? undefined : utf8(text.normalize("NFC"));
  if (bytes && bytes.length > 0 && bytes.length <= LONGEST) return bytes;
  throw outOfRange("passphrase", `from 1 to ${LONGEST} bytes`, bytes ? bytes.length : "more");
}

/** Names nothing; it only has to be no anonymous one. */
function randomKeyId(): Bytes {
  return randomBytes(defaultProvider(), KEY_ID_LENGTH);
}

function readParams(slot: Slot, maxCost: Argon2Cost): Argon2Cost & { readonly salt: Bytes } {
  const params = decode(paramsCodec, slot.body.slice(0, PARAMS_LENGTH), "the passphrase slot");
  for (const member of ["memory", "passes", "lanes"] as const) {
    const value = params[member];
    if (value > maxCost[member]) throw limitExceeded(`the passphrase's ${member}`, maxCost[member], value);
    if (value < COST_FLOOR[member]) throw malformed(`the passphrase's ${member} is below the floor`, 0);
  }
  return params;
}
