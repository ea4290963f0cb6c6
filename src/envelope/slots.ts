import { invalidRecipients, limitExceeded } from "../errors.js";
import { type Bytes, compareBytes, equalBytes, isAllZero } from "../formats/bytes.js";
import { type Codec, fixed, prefixed, type Reader, struct, u16, Writer } from "../formats/codec.js";
import {
  ANONYMOUS_SLOT_TYPES,
  CLASSICAL_SLOT_TYPES,
  CoreFlag,
  HASH_LENGTH,
  KEY_ID_LENGTH,
  KEY_LENGTH,
  LIMITS,
  type Limits,
  SLOT_BODY_LENGTH,
  SlotType,
} from "../formats/constants.js";
import type { Slot } from "../keywrap/types.js";

export function slotCodec(limits: Limits): Codec<Slot> {
  return struct<Slot>({
    type: u16,
    keyId: fixed(KEY_ID_LENGTH),
    body: prefixed(u16, "slot body", limits.slotBody),
  });
}

/** `count:u16 slot*` in the order of format-v1, "Slots", rule 6; other rules: `recipients.ts`. */
export function encodeSlots(slots: readonly Slot[]): Bytes {
  const sorted = [...slots].sort(compareSlots);
  const writer = new Writer();
  u16.write(writer, sorted.length);
  const codec = slotCodec(LIMITS);
  sorted.forEach((slot, i) => {
    const previous = sorted[i - 1];
    if (previous && compareSlots(previous, slot) === 0) throw invalidRecipients("two slots are the same");
    if (previous && saltsDiffer(previous, slot)) throw invalidRecipients(ONE_SALT);
    codec.write(writer, slot);
  });
  return writer.finish();
}

/** Decodes {@link encodeSlots} and checks the rules of format-v1, "Slots". */
export function readSlots(reader: Reader, flags: number, limits: Limits): readonly Slot[] {
  const count = u16.read(reader);
  const fail = (reason: string) => reader.malformed(reason);
  checkSlotCount(count, limits, fail);
  const codec = slotCodec(limits);
  const slots: Slot[] = [];
  let run: SlotRun = [0, 0];
  while (slots.length < count) {
    const slot = codec.read(reader);
    run = nextSlot(run, slot, count, flags, limits, fail);
    slots.push(slot);
  }
  return slots;
}

/** Order by type, keyId, body, as bytes. */
function compareSlots(left: Slot, right: Slot): number {
  return (
    left.type - right.type || compareBytes(left.keyId, right.keyId) || compareBytes(left.body, right.body)
  );
}

/** The slots before the next one, as far as the rules of a list depend on them. */
export type SlotRun = readonly [length: number, anonymous: number, last?: Slot];

/**
 * The rules of format-v1, "Slots", for each slot in turn, so that stream readers refuse a list at its first invalid slot.
 *
 * @throws `fail(reason)` for a breach; BlindreelError `limit-exceeded`.
 */
export function nextSlot(
  [length, anonymous, last]: SlotRun,
  slot: Slot,
  count: number,
  flags: number,
  limits: Limits,
  fail: (reason: string) => Error,
): SlotRun {
  const sum = anonymous + (isAllZero(slot.keyId) ? 1 : 0);
  if (sum > limits.anonymousSlots)
    throw limitExceeded("the number of anonymous slots", limits.anonymousSlots, sum);
  const fault = slotFault(slot, last, count, flags);
  if (fault !== undefined) throw fail(fault);
  return [length + 1, sum, slot];
}

/** @throws what `fail` makes of no slot; BlindreelError `limit-exceeded`. */
export function checkSlotCount(count: number, limits: Limits, fail: (reason: string) => Error): void {
  if (count > limits.slots) throw limitExceeded("the number of slots", limits.slots, count);
  if (count === 0) throw fail("there is no slot: nobody could open this");
}

/** The breach of a rule, undefined for a valid slot. */
function slotFault(slot: Slot, previous: Slot | undefined, count: number, flags: number): string | undefined {
  const expected = SLOT_BODY_LENGTH[slot.type];
  if (expected !== undefined && slot.body.length !== expected) {
    return `a slot of type ${slot.type} must have a body of ${expected} bytes, not ${slot.body.length}`;
  }
  const isAnonymous = isAllZero(slot.keyId);
  if (isAnonymous && expected !== undefined && !ANONYMOUS_SLOT_TYPES.includes(slot.type)) {
    return `a slot of type ${slot.type} must have a key id`;
  }
  if (slot.type === SlotType.passphrase && count > 1) return "a passphrase slot must be the only slot";
  if ((flags & CoreFlag.postQuantumOnly) !== 0 && CLASSICAL_SLOT_TYPES.includes(slot.type)) {
    return "a post-quantum-only envelope holds a slot that is not post-quantum";
  }
  if (!previous) return undefined;
  if (compareSlots(previous, slot) >= 0) return "slots are out of order or repeated";
  if (saltsDiffer(previous, slot)) return ONE_SALT;
  if (!isAnonymous && previous.type === slot.type && equalBytes(previous.keyId, slot.keyId)) {
    return "two slots are for one key";
  }
  return undefined;
}

const ONE_SALT = "passkey slots must have one salt";

/** Of neighbours (format-v1, "Slot type 4"): one evaluation serves all passkeys of an envelope. */
function saltsDiffer(left: Slot, right: Slot): boolean {
  const [one, other] = [left, right].map(({ body }) => body.subarray(HASH_LENGTH, HASH_LENGTH + KEY_LENGTH));
  return left.type === SlotType.passkey && right.type === left.type && !equalBytes(one!, other!);
}
