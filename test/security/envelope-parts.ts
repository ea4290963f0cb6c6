import { type Bytes, concatBytes } from "../../src/formats/bytes.js";

/** A server's view of an envelope: it can cut it up and put it together again, but has no key for the MAC. */
export interface EnvelopeParts {
  /** Up to and without the number of slots; the length field is set anew when joining. */
  readonly beforeSlots: Bytes;
  readonly slots: readonly Bytes[];
  readonly mac: Bytes;
}

const u32At = (bytes: Bytes, offset: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
const u16At = (bytes: Bytes, offset: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint16(offset);

export function takeApart(envelope: Bytes): EnvelopeParts {
  const slotsAt = 18 + u32At(envelope, 14) + 4;
  const slots: Bytes[] = [];
  let at = slotsAt + 2;
  for (let left = u16At(envelope, slotsAt); left > 0; left--) {
    const end = at + 20 + u16At(envelope, at + 18);
    slots.push(envelope.slice(at, end));
    at = end;
  }
  return { beforeSlots: envelope.slice(0, slotsAt), slots, mac: envelope.slice(at, at + 32) };
}

/** With correct lengths and count, and the slots in the given order. */
export function putTogether({ beforeSlots, slots, mac }: EnvelopeParts): Bytes {
  const envelope = concatBytes(beforeSlots, Uint8Array.of(slots.length >> 8, slots.length), ...slots, mac);
  new DataView(envelope.buffer).setUint32(10, envelope.length - 14);
  return envelope;
}
