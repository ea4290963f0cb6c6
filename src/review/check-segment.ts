import { isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { nameOf } from "../formats/constants.js";
import { isPadded, SEGMENT_HEAD_LENGTH, SegmentEnd } from "../log/entry.js";
import { dateOf } from "../log/fields.js";
import type { Refused } from "../log/order.js";
import type { ReadOptions } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import type { SegmentLayout } from "./layout.js";
import { dataFault } from "./manifests.js";
import { eachInFlight } from "./pool.js";
import { blocksOf, headerOf, isSigned, openListedHead, openSigned, subtreesOf } from "./segment.js";
import type { StoredObject } from "./store.js";
import { objectOf, segmentKeyOf, type UnlockedRecording } from "./unlocked-recording.js";
import type { ByteRange, SegmentState, SegmentVerdict } from "./verdict.js";

export interface CheckedSegment {
  readonly verdict: SegmentVerdict;
  /** Whether the object is longer than was signed. */
  readonly hasExcess: boolean;
}

/**
 * Compares stored segments with their entries.
 *
 * @param onChecked gets the length of each. @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`.
 */
export async function checkSegments(
  recording: UnlockedRecording,
  refused: Refused,
  segments: readonly SegmentLayout[],
  options: ReadOptions,
  onChecked: (length: number) => void = () => {},
): Promise<ReadonlyMap<SegmentLayout, CheckedSegment>> {
  const checked = new Map<SegmentLayout, CheckedSegment>();
  const check = async (segment: SegmentLayout): Promise<void> => {
    checked.set(segment, await checkSegment(recording, refused, segment, options));
    onChecked(segment.entry.length);
  };
  await eachInFlight(segments, check, ({ entry }) => entry.length);
  return checked;
}

async function checkSegment(
  recording: UnlockedRecording,
  refused: Refused,
  segment: SegmentLayout,
  options: ReadOptions,
): Promise<CheckedSegment> {
  const { entry, start } = segment;
  const object = objectOf(recording, entry);
  const isRefused = refused.hasSegment(entry);
  const range = { start: 0, end: entry.length };
  const found = await recording.store.use(object, range, options, async (stored) => {
    const { bytes, size } = await readUpTo(stored, entry.length, options);
    const { isAltered, authentic } = await checkBytes(recording, segment, bytes, options);
    const isShort = bytes.length < entry.length;
    // The store may hold a part of a refused segment.
    const state = isAltered ? "altered" : !isShort ? "authentic" : isRefused ? "refused" : "truncated";
    return { state, authentic, hasExcess: size > entry.length } as const;
  });
  const state: SegmentState = found?.state ?? (isRefused ? "refused" : "missing");
  const verdict: SegmentVerdict = {
    index: entry.index,
    object,
    time: dateOf(entry.time),
    end: nameOf(SegmentEnd, entry.end)!,
    state,
    content: { start, end: start + entry.content },
    authentic: found?.authentic ?? [],
  };
  return { verdict, hasExcess: found?.hasExcess ?? false };
}

/** With one request, where the object is as long as was signed. */
async function readUpTo(object: StoredObject, length: number, options: ReadOptions) {
  try {
    return { bytes: await object.read(0, length, options), size: await object.size(options) };
  } catch (error) {
    if (!isBlindreelError(error) || error.code !== "truncated") throw error;
    const size = error.details.offset;
    return { bytes: await object.read(0, Math.min(size, length), options), size };
  }
}

/** @param bytes the object, or its beginning where it ends too early. */
async function checkBytes(
  recording: UnlockedRecording,
  { entry, start }: SegmentLayout,
  bytes: Bytes,
  options: ReadOptions,
): Promise<{ readonly isAltered: boolean; readonly authentic: readonly ByteRange[] }> {
  if (bytes.length < SEGMENT_HEAD_LENGTH) return { isAltered: false, authentic: [] };
  const breathe = breather();
  const authentic: { start: number; end: number }[] = [];
  const isWhole = bytes.length >= entry.length;
  let isAltered = false;
  try {
    const key = await segmentKeyOf(recording, headerOf(recording, entry));
    const cipher = await openListedHead(recording, entry, bytes.slice(0, SEGMENT_HEAD_LENGTH), key);
    for (const subtree of subtreesOf(entry)) {
      options.signal?.throwIfAborted();
      if (subtree.to > bytes.length) break;
      const sealed = bytes.subarray(subtree.from, subtree.to);
      if (!(await isSigned(recording.crypto, subtree, sealed))) {
        isAltered = true;
        continue;
      }
      const [from, to] = [start + subtree.start, start + subtree.end];
      const last = authentic.at(-1);
      if (last?.end === from) last.end = to;
      else if (to > from) authentic.push({ start: from, end: to });
      await breathe();
    }
    if (!isPadded(entry)) return { isAltered, authentic };
    // Of a padded segment, only the whole is content.
    if (isAltered || !isWhole) return { isAltered, authentic: [] };
    const sealed = bytes.subarray(SEGMENT_HEAD_LENGTH);
    // The sealed length field may differ from the signed entry.
    await openSigned(cipher, entry, blocksOf(entry)[0]!, sealed, options);
    return { isAltered, authentic };
  } catch (error) {
    // Under another head, or with another length, nothing opens to the sealed content.
    dataFault(error);
    return { isAltered: true, authentic: [] };
  }
}
