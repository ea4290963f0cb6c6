import { BlindreelError, limitExceeded } from "../errors.js";
import { compareBytes, isAllZero } from "../formats/bytes.js";
import { type Codec, fixed, prefixed, struct, u16 } from "../formats/codec.js";
import { CoreFlag, KEY_ID_LENGTH, type Limits, SLOT_BODY_LENGTH, SlotType } from "../formats/constants.js";
import type { Slot } from "../keywrap/types.js";

function slotCodec(limits: Limits): Codec<Slot> {
  return struct<Slot>({
    type: u16,
    keyId: fixed(KEY_ID_LENGTH),
    body: prefixed(u16, "slot body", limits.slotBody),
  });
}

/** `count:u16 slot*`, in the one order and under the rules of format-v1, "Slots". */
export function slotsCodec(flags: number, limits: Limits): Codec<readonly Slot[]> {
  const slot = slotCodec(limits);
  return {
    write(writer, slots) {
      const sorted = [...slots].sort(compareSlots);
      const fault = slotsFault(sorted, flags);
      if (fault) throw new BlindreelError("invalid-recipients", fault, undefined);
      checkCounts(sorted, limits);
      u16.write(writer, sorted.length);
      for (const each of sorted) slot.write(writer, each);
    },
    read(reader) {
      const count = u16.read(reader);
      if (count > limits.slots) throw limitExceeded("the number of slots", limits.slots, count);
      const slots: Slot[] = [];
      for (let i = 0; i < count; i++) slots.push(slot.read(reader));
      checkCounts(slots, limits);
      const fault = slotsFault(slots, flags);
      if (fault) throw reader.malformed(fault);
      return slots;
    },
  };
}

/** By type, then key id, then body, as bytes. */
export function compareSlots(left: Slot, right: Slot): number {
  return (
    left.type - right.type || compareBytes(left.keyId, right.keyId) || compareBytes(left.body, right.body)
  );
}

function checkCounts(slots: readonly Slot[], limits: Limits): void {
  if (slots.length > limits.slots) throw limitExceeded("the number of slots", limits.slots, slots.length);
  const anonymous = slots.filter((slot) => isAllZero(slot.keyId)).length;
  if (anonymous > limits.anonymousSlots) {
    throw limitExceeded("the number of anonymous slots", limits.anonymousSlots, anonymous);
  }
}

/** Types whose slots may leave out the key id. */
const MAY_BE_ANONYMOUS: readonly number[] = [SlotType.x25519, SlotType.xWing];

/** Which rule a list of slots breaks, or undefined. */
function slotsFault(slots: readonly Slot[], flags: number): string | undefined {
  if (slots.length === 0) return "there is no slot: nobody could open this";
  for (const [i, slot] of slots.entries()) {
    const expected = SLOT_BODY_LENGTH[slot.type];
    if (expected !== undefined && slot.body.length !== expected) {
      return `a slot of type ${slot.type} must have a body of ${expected} bytes, not ${slot.body.length}`;
    }
    const isAnonymous = isAllZero(slot.keyId);
    if (isAnonymous && expected !== undefined && !MAY_BE_ANONYMOUS.includes(slot.type)) {
      return `a slot of type ${slot.type} must have a key id`;
    }
    if (slot.type === SlotType.passphrase && slots.length > 1)
      return "a passphrase slot must be the only slot";
    if ((flags & CoreFlag.postQuantumOnly) !== 0 && slot.type === SlotType.x25519) {
      return "a post-quantum-only envelope holds a slot that is not post-quantum";
    }
    const previous = slots[i - 1];
    if (!previous) continue;
    if (compareSlots(previous, slot) >= 0) return "slots are out of order or repeated";
    if (!isAnonymous && previous.type === slot.type && compareBytes(previous.keyId, slot.keyId) === 0) {
      return "two slots are for one key";
    }
  }
  return undefined;
}
