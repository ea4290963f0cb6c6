import { outOfRange, wrongType } from "../errors.js";

/**
 * Names under which a recording's objects are customarily stored (format-v1, "Names"), so that a reader finds them without
 * an index. They hold no more than the objects themselves show: ids and numbers, never a track's name.
 */

/** Name of a stored segment. @param recordingId 32 lowercase hex digits. */
export function segmentName(recordingId: string, track: number, index: number): string {
  return `${prefix(recordingId)}${hex("track", track, 4)}/${hex("index", index, 8)}.seg`;
}

/** Name of the stored page with this number. */
export function pageName(recordingId: string, page: number): string {
  return `${prefix(recordingId)}page-${hex("page", page, 8)}`;
}

/** Name of the stored manifest with this sequence. */
export function manifestName(recordingId: string, sequence: number): string {
  return `${prefix(recordingId)}manifest-${hex("sequence", sequence, 8)}`;
}

/** Name of the stored envelope. */
export function envelopeName(recordingId: string): string {
  return `${prefix(recordingId)}envelope`;
}

/** Name of the receipt, which the server signs as a witness. */
export function receiptName(recordingId: string): string {
  return `${prefix(recordingId)}receipt`;
}

/** What an object is, by its name. */
export type ObjectNameParts =
  | { readonly kind: "envelope" }
  | { readonly kind: "receipt" }
  | { readonly kind: "page"; readonly page: number }
  | { readonly kind: "manifest"; readonly sequence: number }
  | { readonly kind: "segment"; readonly track: number; readonly index: number };

const NAME = /^(?:(envelope|receipt)|(page|manifest)-([0-9a-f]{8})|([0-9a-f]{4})\/([0-9a-f]{8})\.seg)$/;

/** What a stored object is, by its name. @returns undefined for a name that none of `recordingId`'s objects has. */
export function parseObjectName(recordingId: string, name: string): ObjectNameParts | undefined {
  const start = prefix(recordingId);
  const found = name.startsWith(start) && NAME.exec(name.slice(start.length));
  if (!found) return undefined;
  const [, alone, numbered, number = "", track = "", index = ""] = found;
  if (alone) return { kind: alone as "envelope" | "receipt" };
  if (numbered === "page") return { kind: "page", page: Number.parseInt(number, 16) };
  if (numbered === "manifest") return { kind: "manifest", sequence: Number.parseInt(number, 16) };
  return { kind: "segment", track: Number.parseInt(track, 16), index: Number.parseInt(index, 16) };
}

function prefix(recordingId: string): string {
  if (typeof recordingId !== "string") throw wrongType("recordingId", "a string", recordingId);
  if (!/^[0-9a-f]{32}$/.test(recordingId)) {
    throw outOfRange("recordingId", "32 lowercase hex digits", `${recordingId.length} characters`);
  }
  return `${recordingId}/`;
}

function hex(name: string, value: number, digits: 4 | 8): string {
  if (!Number.isInteger(value) || value < 0 || value >= 16 ** digits) {
    throw outOfRange(name, `an integer from 0 to 2^${4 * digits} - 1`, value);
  }
  return value.toString(16).padStart(digits, "0");
}
