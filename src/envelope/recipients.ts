import type { CryptoProvider } from "../crypto/provider.js";
import { invalidRecipients, limitExceeded, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { type Bytes, isAllZero } from "../formats/bytes.js";
import {
  ANONYMOUS_SLOT_TYPES,
  CLASSICAL_SLOT_TYPES,
  LIMITS,
  SLOT_BODY_LENGTH,
  SlotType,
} from "../formats/constants.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import type { Recipient, Slot } from "../keywrap/types.js";
import { breather } from "../stream/operation.js";

/** Wraps to every recipient, with pauses for the event loop. @throws BlindreelError `invalid-recipients`. */
export async function wrapToAll(
  crypto: CryptoProvider,
  fileKey: Bytes,
  coreHash: Bytes,
  recipients: readonly Recipient[],
  signal: AbortSignal | undefined,
): Promise<Slot[]> {
  const breathe = breather();
  const slots: Slot[] = [];
  for (const recipient of recipients) {
    signal?.throwIfAborted();
    const slot = await recipient.wrap(fileKey, { coreHash, crypto });
    const isSlot = isUint8Array(slot?.keyId) && isUint8Array(slot.body);
    const keyId = !isSlot || isAllZero(slot.keyId) ? undefined : encodeKeyId(slot.keyId);
    const isExpected = isSlot && slot.type === recipient.slotType && keyId === recipient.keyId;
    if (!isExpected || slot.body.length !== SLOT_BODY_LENGTH[slot.type]) {
      throw invalidRecipients("a recipient's wrap did not return a slot of its type and key");
    }
    slots.push(slot);
    await breathe();
  }
  return slots;
}

/**
 * The caller's recipients as a new list.
 *
 * @throws BlindreelError `invalid-recipients` for an empty list and for duplicates, anonymous ones too;
 *   `limit-exceeded` for too many; TypeError for other values.
 */
export function recipientList(to: Recipient | readonly Recipient[]): readonly Recipient[] {
  const recipients: readonly Recipient[] = Array.isArray(to) ? [...to] : [to as Recipient];
  if (recipients.length === 0) throw invalidRecipients("there is no recipient: nobody could open this");
  if (recipients.length > LIMITS.slots) {
    throw limitExceeded("the number of recipients", LIMITS.slots, recipients.length);
  }
  const seen = new Set<unknown>();
  let anonymous = 0;
  for (const recipient of recipients) {
    if (typeof recipient?.wrap !== "function")
      throw wrongType("every recipient", "made by importRecipient", recipient);
    if (SLOT_BODY_LENGTH[recipient.slotType] === undefined) {
      throw invalidRecipients(`slot type ${recipient.slotType} is not one of the format's`);
    }
    if (recipient.slotType === SlotType.passphrase && recipients.length > 1) {
      throw invalidRecipients("a passphrase must be the only recipient");
    }
    if (recipient.keyId === undefined) {
      if (!ANONYMOUS_SLOT_TYPES.includes(recipient.slotType)) {
        throw invalidRecipients(`a recipient of slot type ${recipient.slotType} has no key id`);
      }
      if (++anonymous > LIMITS.anonymousSlots) {
        throw limitExceeded("the number of anonymous recipients", LIMITS.anonymousSlots, anonymous);
      }
    }
    for (const identifier of identifiersOf(recipient)) {
      if (seen.has(identifier))
        throw invalidRecipients(`the key ${recipient.keyId ?? "of an anonymous recipient"} is given twice`);
      seen.add(identifier);
    }
  }
  return recipients;
}

/**
 * Whether a new envelope is for post-quantum recipients alone.
 *
 * @throws BlindreelError `invalid-recipients` for a mixture that was not asked for.
 */
export function isPostQuantumOnly(recipients: readonly Recipient[], allowClassical = false): boolean {
  const classical = recipients.filter(({ slotType }) => CLASSICAL_SLOT_TYPES.includes(slotType)).length;
  if (!recipients.some(({ slotType }) => slotType === SlotType.xWing)) return false;
  if (classical > 0 && !allowClassical) {
    throw invalidRecipients(
      "a classical recipient beside a hybrid one would weaken it; allowClassical permits that",
    );
  }
  return classical === 0;
}

/** Identifiers of a recipient's key, shared by duplicates: an anonymous duplicate has no key id. */
function* identifiersOf(recipient: Recipient): Generator<unknown, void, undefined> {
  const { slotType, keyId, thumbprint } = recipient;
  yield recipient;
  if (keyId !== undefined) yield `${slotType} ${keyId}`;
  if (thumbprint !== undefined) yield `${slotType} ${thumbprint}`;
}
