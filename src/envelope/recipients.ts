import type { CryptoProvider } from "../crypto/provider.js";
import { invalidRecipients, wrongType } from "../errors.js";
import { type Bytes, isAllZero } from "../formats/bytes.js";
import { LIMITS, SLOT_BODY_LENGTH, SlotType } from "../formats/constants.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import type { Recipient, Slot } from "../keywrap/types.js";
import { breather } from "../stream/operation.js";
import { MAY_BE_ANONYMOUS } from "./slots.js";

/** Wraps to every recipient in turn; thousands of them do not hold the event loop. */
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
    const keyId = isAllZero(slot.keyId) ? undefined : encodeKeyId(slot.keyId);
    const isItsOwn = slot.type === recipient.slotType && keyId === recipient.keyId;
    if (!isItsOwn || slot.body.length !== SLOT_BODY_LENGTH[slot.type]) {
      throw invalidRecipients("a recipient's wrap did not return a slot of its type and key");
    }
    slots.push(slot);
    await breathe();
  }
  return slots;
}

/** @throws BlindreelError `invalid-recipients` for none, too many, or one twice; TypeError for something else. */
export function recipientList(to: Recipient | readonly Recipient[]): readonly Recipient[] {
  const recipients: readonly Recipient[] = Array.isArray(to) ? [...to] : [to as Recipient];
  if (recipients.length === 0) throw invalidRecipients("there is no recipient: nobody could open this");
  if (recipients.length > LIMITS.slots) {
    throw invalidRecipients(
      `there are ${recipients.length} recipients, at most ${LIMITS.slots} are possible`,
    );
  }
  const seen = new Set<string>();
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
      if (!MAY_BE_ANONYMOUS.includes(recipient.slotType)) {
        throw invalidRecipients(`a recipient of slot type ${recipient.slotType} must have a key id`);
      }
      if (++anonymous > LIMITS.anonymousSlots) {
        throw invalidRecipients(`at most ${LIMITS.anonymousSlots} recipients can be anonymous`);
      }
      continue;
    }
    const name = `${recipient.slotType} ${recipient.keyId}`;
    if (seen.has(name)) throw invalidRecipients(`the key ${recipient.keyId} is given twice`);
    seen.add(name);
  }
  return recipients;
}
