import { defaultProvider } from "../crypto/default.js";
import { invalidRecipients, limitExceeded } from "../errors.js";
import { type Bytes, bytesArgument, compareBytes, wipe } from "../formats/bytes.js";
import { CLASSICAL_SLOT_TYPES, CoreFlag, LIMITS } from "../formats/constants.js";
import { asGiven, type Checks, readOptions, signalArgument } from "../formats/options.js";
import type { Recipient } from "../keywrap/types.js";
import { assemble } from "./create.js";
import { recipientList, wrapToAll } from "./recipients.js";
import { UNLOCK, type UnlockArguments, type UnlockOptions, unlock } from "./unlock.js";
import { decodeEnvelope } from "./wire.js";

export interface RewrapOptions extends UnlockOptions {
  /** The complete new list; whoever is not on it is dropped. */
  readonly to: Recipient | readonly Recipient[];
  readonly signal?: AbortSignal;
}

interface RewrapArguments extends UnlockArguments, Pick<RewrapOptions, "to" | "signal"> {}

const REWRAP = (): Checks<RewrapArguments> => ({ ...UNLOCK, to: asGiven, signal: signalArgument });

const LAST_EPOCH = 2 ** 32 - 1;

/**
 * Changes who can open, without touching content: envelope bytes in, envelope bytes out, the file key encapsulated
 * anew to all, the epoch one higher. It does not take back what a former recipient has read or kept.
 *
 * @param envelope an envelope alone; of a `.reel`, its first bytes up to the segment.
 * @throws BlindreelError as `open`, and `invalid-recipients`.
 */
export async function rewrap(envelope: Uint8Array, given: RewrapOptions): Promise<Bytes> {
  const options = readOptions<RewrapArguments>("options", given, REWRAP(), ["to", "identities"]);
  const { crypto = defaultProvider(), limits = LIMITS } = options;
  const recipients = recipientList(options.to);
  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), limits);
  const isPostQuantumOnly = (decoded.core.flags & CoreFlag.postQuantumOnly) !== 0;
  if (isPostQuantumOnly && recipients.some(({ slotType }) => CLASSICAL_SLOT_TYPES.includes(slotType))) {
    throw invalidRecipients("this envelope is post-quantum only; a classical recipient would weaken it");
  }
  if (decoded.epoch === LAST_EPOCH) throw limitExceeded("the epoch", LAST_EPOCH, LAST_EPOCH + 1);
  const { coreHash, fileKey, readKey, contentKey } = await unlock(decoded, ["recording", "file"], options);
  try {
    const slots = await wrapToAll(crypto, fileKey, coreHash, recipients, options.signal);
    const coreBytes = decoded.coreParts.bytes;
    return await assemble(crypto, fileKey, coreHash, {
      coreBytes,
      epoch: decoded.epoch + 1,
      slots,
    });
  } finally {
    wipe(fileKey, readKey, contentKey);
  }
}

/** Whether one envelope may take another's place, and why (not). */
export type Replacement =
  | { readonly allowed: true; readonly reason: "newer" | "identical" }
  | { readonly allowed: false; readonly reason: "other-recording" | "older" | "conflict" };

/**
 * For servers, without keys: may `replacement` be stored where `current` is? Only for the same core and a higher
 * epoch. The same epoch with other bytes is a `conflict` of two rewraps. It cannot check the MAC: a reader does.
 *
 * @throws BlindreelError as `inspect`, for either.
 */
export function canReplace(current: Uint8Array, replacement: Uint8Array): Replacement {
  const stored = decodeEnvelope(bytesArgument("current", current).slice(), LIMITS);
  const offered = decodeEnvelope(bytesArgument("replacement", replacement).slice(), LIMITS);
  if (compareBytes(stored.coreParts.bytes, offered.coreParts.bytes) !== 0) {
    return { allowed: false, reason: "other-recording" };
  }
  if (offered.epoch > stored.epoch) return { allowed: true, reason: "newer" };
  if (offered.epoch < stored.epoch) return { allowed: false, reason: "older" };
  const isIdentical =
    compareBytes(stored.macInput, offered.macInput) === 0 && compareBytes(stored.mac, offered.mac) === 0;
  return isIdentical ? { allowed: true, reason: "identical" } : { allowed: false, reason: "conflict" };
}
