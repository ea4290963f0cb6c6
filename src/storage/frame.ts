import { nobleSha256 } from "../crypto/noble-hash.js";
import { type Bytes, compareBytes, concatBytes, isAllZero, joinBytes } from "../formats/bytes.js";
import { decode, encode, u32, u64 } from "../formats/codec.js";
import { label } from "../formats/label.js";
import { journalDamaged } from "./faults.js";

/**
 * A frame holds the records of one commit, so that a crash leaves all of them or none:
 *
 * ```
 * frame   = length:u32 (length XOR 2^32-1):u32 checksum[8] payload        length is the payload's
 * payload = (recordLength:u32 record)*
 * ```
 *
 * The checksum, a cut SHA-256, covers the frame's number in the log: frames that were lost, moved or repeated are
 * noticed. It is there against accidents, not against an attacker with the disk.
 */
const ALL_ONES = 2 ** 32 - 1;
const CHECKSUM_LENGTH = 8;
const FRAME_HEADER_LENGTH = 4 + 4 + CHECKSUM_LENGTH;

function checksum(number: number, payload: Bytes): Bytes {
  const message = concatBytes(label("journal facts"), encode(u64, number), payload);
  return nobleSha256(message).subarray(0, CHECKSUM_LENGTH);
}

const number32 = (bytes: Bytes, offset: number): number =>
  decode(u32, bytes.subarray(offset, offset + 4), "");

/** @param number counts the log's frames from 0. */
export function encodeFrame(number: number, records: readonly Bytes[]): Bytes {
  const payload = joinBytes(records.flatMap((record) => [encode(u32, record.length), record]));
  const { length } = payload;
  return concatBytes(encode(u32, length), encode(u32, ALL_ONES - length), checksum(number, payload), payload);
}

/** A single frame. @throws BlindreelError `journal-damaged`. */
export function decodeFrame(number: number, frame: Bytes): Bytes[] {
  const payload = payloadAt(number, frame, 0);
  if (!payload || FRAME_HEADER_LENGTH + payload.length !== frame.length)
    throw journalDamaged("a record of its log");
  return recordsOf(payload);
}

export interface DecodedLog {
  readonly records: Bytes[];
  readonly frames: number;
  /** Bytes of whole frames; a torn frame may follow. */
  readonly length: number;
}

/**
 * The frames of a file, up to a torn one: it is the last, and was never confirmed.
 *
 * @throws BlindreelError `journal-damaged` where a frame is bad and a crash cannot be why.
 */
export function decodeLog(bytes: Bytes): DecodedLog {
  const records: Bytes[] = [];
  let frames = 0;
  let offset = 0;
  while (offset < bytes.length) {
    const payload = payloadAt(frames, bytes, offset);
    if (!payload) {
      if (isTorn(bytes, offset)) break;
      throw journalDamaged(`its log at byte ${offset}`);
    }
    for (const record of recordsOf(payload)) records.push(record);
    offset += FRAME_HEADER_LENGTH + payload.length;
    frames++;
  }
  return { records, frames, length: offset };
}

/** The payload of the frame at `offset`; undefined where it is torn or damaged. */
function payloadAt(number: number, bytes: Bytes, offset: number): Bytes | undefined {
  const start = offset + FRAME_HEADER_LENGTH;
  if (start > bytes.length) return undefined;
  const length = number32(bytes, offset);
  if (number32(bytes, offset + 4) !== ALL_ONES - length || start + length > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + length);
  const isIntact = compareBytes(checksum(number, payload), bytes.subarray(offset + 8, start)) === 0;
  return isIntact ? payload : undefined;
}

/** Whether the bad frame at `offset` is torn by a crash: cut short, or not yet filled in. */
function isTorn(bytes: Bytes, offset: number): boolean {
  const rest = bytes.subarray(offset);
  if (isAllZero(rest.subarray(FRAME_HEADER_LENGTH - 1))) return true;
  const length = number32(rest, 0);
  return number32(rest, 4) === ALL_ONES - length && isAllZero(rest.subarray(FRAME_HEADER_LENGTH + length));
}

function recordsOf(payload: Bytes): Bytes[] {
  const records: Bytes[] = [];
  let offset = 0;
  while (offset < payload.length) {
    const start = offset + 4;
    offset = start + number32(payload, offset);
    records.push(payload.slice(start, offset));
  }
  return records;
}
