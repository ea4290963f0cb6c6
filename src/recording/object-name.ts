import { outOfRange, wrongType } from "../errors.js";

/**
 * Names under which a recording's objects are stored, so that a reader finds them without an index. They hold no
 * more than the objects themselves show: ids and numbers, never a track's name.
 */

/** @param recordingId 32 lowercase hex digits. */
export function objectName(recordingId: string, track: number, index: number): string {
  return `${prefix(recordingId)}${hex8("track", track)}/${hex8("index", index)}.seg`;
}

export function envelopeName(recordingId: string): string {
  return `${prefix(recordingId)}envelope`;
}

export function manifestName(recordingId: string, sequence: number): string {
  return `${prefix(recordingId)}manifest-${hex8("sequence", sequence)}`;
}

/** What an object is, by its name. */
export type ObjectNameParts =
  | { readonly kind: "envelope" }
  | { readonly kind: "manifest"; readonly sequence: number }
  | { readonly kind: "segment"; readonly track: number; readonly index: number };

/** @returns undefined for a name that none of `recordingId`'s objects has. */
export function parseObjectName(recordingId: string, name: string): ObjectNameParts | undefined {
  const start = prefix(recordingId);
  if (!name.startsWith(start)) return undefined;
  const rest = name.slice(start.length);
  if (rest === "envelope") return { kind: "envelope" };
  const manifest = /^manifest-([0-9a-f]{8})$/.exec(rest);
  if (manifest) return { kind: "manifest", sequence: Number.parseInt(manifest[1]!, 16) };
  const segment = /^([0-9a-f]{8})\/([0-9a-f]{8})\.seg$/.exec(rest);
  if (!segment) return undefined;
  return {
    kind: "segment",
    track: Number.parseInt(segment[1]!, 16),
    index: Number.parseInt(segment[2]!, 16),
  };
}

function prefix(recordingId: string): string {
  if (typeof recordingId !== "string") throw wrongType("recordingId", "a string", recordingId);
  if (!/^[0-9a-f]{32}$/.test(recordingId)) {
    throw outOfRange("recordingId", "32 lowercase hex digits", `${recordingId.length} characters`);
  }
  return `${recordingId}/`;
}

function hex8(name: string, value: number): string {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
    throw outOfRange(name, "an integer from 0 to 2^32 - 1", value);
  }
  return value.toString(16).padStart(8, "0");
}
