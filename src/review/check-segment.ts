import { isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { isPadded, SEGMENT_HEAD_LENGTH, SegmentEnd } from "../log/entry.js";
import { dateOf } from "../log/text.js";
import type { ReadOptions } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import { type SegmentLayout, subtreesOf } from "./layout.js";
import { dataFault } from "./manifests.js";
import type { ReviewContext } from "./review-track.js";
import { isSigned, keysFrom, openChunksOf, openListedHead, unpadded } from "./segment.js";
import type { StoredObject } from "./store.js";
import type { ByteRange, SegmentState, SegmentVerdict } from "./verdict.js";

export interface Checked {
  readonly verdict: SegmentVerdict;
  /** Whether the object goes on behind what was signed. */
  readonly hasExcess: boolean;
}

/**
 * Compares one stored segment with its entry.
 *
 * @param refused what the recorder says was not stored, by track. @throws BlindreelError `source-failed`, `source-changed`;
 *   `signal.reason`.
 */
export async function checkSegment(
  context: ReviewContext,
  refused: ReadonlyMap<number, ReadonlySet<number>>,
  segment: SegmentLayout,
  options: ReadOptions,
): Promise<Checked> {
  const { entry, start } = segment;
  const name = context.nameOf(entry);
  const verdict = (state: SegmentState, authentic: readonly ByteRange[]): SegmentVerdict => ({
    index: entry.index,
    object: name,
    time: dateOf(entry.time),
    end: entry.end === SegmentEnd.cut ? "cut" : "final",
    state,
    content: { start, end: start + entry.content },
    authentic,
  });
  const isRefused = refused.get(entry.track)?.has(entry.index);
  const object = await context.store.open(name, { start: 0, end: entry.length }, options);
  if (!object) return { verdict: verdict(isRefused ? "refused" : "missing", []), hasExcess: false };
  try {
    const { bytes, size } = await readWhole(object, entry.length, options);
    const { isAltered, authentic } = await checkBytes(context, segment, bytes, options);
    // Half of what was refused may be there: the store never acknowledged it.
    const cutState = isRefused ? "refused" : "truncated";
    const state = isAltered ? "altered" : bytes.length < entry.length ? cutState : "authentic";
    return { verdict: verdict(state, authentic), hasExcess: size > entry.length };
  } finally {
    await object.close();
  }
}

/** With one request, where the object is as long as was signed. */
async function readWhole(
  object: StoredObject,
  length: number,
  options: ReadOptions,
): Promise<{ bytes: Bytes; size: number }> {
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
  { binding, holder }: ReviewContext,
  { entry, start }: SegmentLayout,
  bytes: Bytes,
  options: ReadOptions,
): Promise<{ isAltered: boolean; authentic: readonly ByteRange[] }> {
  if (bytes.length < SEGMENT_HEAD_LENGTH) return { isAltered: false, authentic: [] };
  const { signal } = options;
  const within = signal ? { signal } : {};
  const breathe = breather();
  const authentic: { start: number; end: number }[] = [];
  let isAltered = false;
  try {
    await holder.use(async ({ contentKey }) => {
      const keyOf = keysFrom(binding, contentKey);
      const cipher = await openListedHead(binding, keyOf, entry, bytes.slice(0, SEGMENT_HEAD_LENGTH));
      for (const subtree of subtreesOf(entry)) {
        signal?.throwIfAborted();
        if (subtree.to > bytes.length) break;
        const sealed = bytes.subarray(subtree.from, subtree.to);
        if (!(await isSigned(binding.crypto, entry, subtree, sealed))) {
          isAltered = true;
          continue;
        }
        const [from, to] = [start + subtree.start, start + subtree.end];
        const last = authentic.at(-1);
        if (last?.end === from) last.end = to;
        else if (to > from) authentic.push({ start: from, end: to });
        await breathe();
      }
      if (!isPadded(entry) || isAltered || bytes.length < entry.length) return;
      // What was signed may still state another length than its entry.
      unpadded(await openChunksOf(cipher, bytes.subarray(SEGMENT_HEAD_LENGTH), 0, within), entry.content);
    });
  } catch (error) {
    // Under another head, or with another length, nothing opens to what was sealed.
    dataFault(error);
    return { isAltered: true, authentic: [] };
  }
  // Of a padded segment, only the whole is content.
  const isPartial = isPadded(entry) && (isAltered || bytes.length < entry.length);
  return { isAltered, authentic: isPartial ? [] : authentic };
}
