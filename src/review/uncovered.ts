/// <reference lib="esnext.disposable" preserve="true" />
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { authenticationFailed, BlindreelError, closedError } from "../errors.js";
import { type Bytes, compareBytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { SEGMENT_CHUNKS, SEGMENT_HEAD_LENGTH, SegmentEnd, segmentGeometry } from "../log/entry.js";
import { dateOf } from "../log/fields.js";
import { SUBTREE } from "../log/tree.js";
import { checkRange, type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import { asyncDispose } from "../stream/operation.js";
import { type CheckedSegment, checkSegments } from "./check-segment.js";
import { mayBeListed, type SegmentLayout, trackName } from "./layout.js";
import { dataFault } from "./manifests.js";
import { eachInFlight, MISSES } from "./pool.js";
import type { Behind, RecordingLog } from "./read-log.js";
import { headerOf, openContent, openHead, openWhole, readHeader } from "./segment.js";
import { TaskCache } from "./task-cache.js";
import {
  objectOf,
  runWithKeys,
  type SegmentPlace,
  segmentKeyOf,
  type UnlockedRecording,
} from "./unlocked-recording.js";
import { byObject, type Finding, type UncoveredVerdict } from "./verdict.js";

/** Bytes of the longest segment. */
const LONGEST = SEGMENT_HEAD_LENGTH + SEGMENT_CHUNKS * SEALED_CHUNK;

/**
 * A stored segment that no manifest covers. It is authentic under the recording's keys, so its author could open the recording;
 * nothing says that the recorder wrote it, or that this is all. Entries of pages behind the manifest are compared with it.
 */
export interface UncoveredSegment extends UncoveredVerdict {
  readonly isVerified: false;
  /**
   * Content `[start, end)`. The first read fetches the segment, and its content is kept until `close`.
   *
   * @throws RangeError; BlindreelError `authentication-failed`, `truncated`, `source-changed`, `source-failed`, `closed`.
   */
  read(start: number, end: number, options?: ReadOptions): Promise<Bytes>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface FoundSegment {
  readonly verdict: UncoveredVerdict;
  /** Its content, checked. */
  readonly fetch: (options: ReadOptions) => Promise<Bytes>;
}

export interface FoundUncovered {
  readonly segments: readonly FoundSegment[];
  /** Of pages behind the manifest. */
  readonly listed: ReadonlyMap<SegmentLayout, CheckedSegment>;
  readonly findings: readonly Finding[];
}

/** @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`. */
export async function findUncovered(
  recording: UnlockedRecording,
  log: RecordingLog,
  behind: Behind,
  options: ReadOptions,
): Promise<FoundUncovered> {
  const { layout } = behind;
  const listed = await checkSegments(recording, layout.refused, behind.segments, options);
  const findings = [...listed.values()].flatMap(findingsOf);
  const segments = [...listed]
    .filter(([, { verdict }]) => verdict.state === "authentic")
    .map(([segment]) => listedSegment(recording, segment));
  /** @returns whether the object exists. */
  const look = async (place: SegmentPlace): Promise<boolean> => {
    const object = objectOf(recording, place);
    try {
      const name = trackName(layout.tracksById.get(place.track));
      const segment = await unlistedSegment(recording, place, name, options);
      if (segment) segments.push(segment);
      return segment !== undefined;
    } catch (error) {
      findings.push({ cause: "altered-segment", object, code: dataFault(error) });
      return true;
    }
  };
  if (log.names) {
    const places = log.names.segments.filter((place) => mayBeListed(layout, place));
    await eachInFlight(places, look, () => LONGEST);
  } else await probe(behind, look);
  segments.sort(
    ({ verdict: left }, { verdict: right }) => left.track - right.track || left.index - right.index,
  );
  return { segments, listed, findings: findings.sort(byObject) };
}

function findingsOf({ verdict: { state, object }, hasExcess }: CheckedSegment): Finding[] {
  const findings: Finding[] = [];
  if (state === "altered") findings.push({ cause: "altered-segment", object, code: "authentication-failed" });
  if (hasExcess) findings.push({ cause: "excess-bytes", object });
  return findings;
}

/** Without a listing: by name, index by index, wherever an entry may be missing. */
async function probe(
  { layout, missingPages }: Behind,
  look: (place: SegmentPlace) => Promise<boolean>,
): Promise<void> {
  /** @returns whether there was any, until as many as `most` in a row are absent. */
  const follow = async (track: number, start: number, end: number, most: number): Promise<boolean> => {
    let hasAny = false;
    for (let index = start, misses = 0; index < end && misses < most; index++) {
      const exists = await look({ track, index });
      misses = exists ? 0 : misses + 1;
      hasAny ||= exists;
    }
    return hasAny;
  };
  for (const { id, open } of layout.tracks) {
    for (const { start, end } of open) {
      const isLast = end === Number.POSITIVE_INFINITY;
      // Between known entries, no more are missing than the entries of the missing pages.
      await follow(id, start, Math.min(end, 2 ** 32), isLast ? MISSES : SUBTREE * missingPages);
    }
  }
  if (!layout.mayHaveMore) return;
  const last = layout.tracks.at(-1)?.id ?? 0;
  for (let track = 1, misses = 0; track < 2 ** 16 && (track <= last || misses < MISSES); track++) {
    if (layout.tracksById.has(track)) continue;
    misses = (await follow(track, 0, 2 ** 32, MISSES)) ? 0 : misses + 1;
  }
}

/** A segment with an entry behind the manifest. */
function listedSegment(recording: UnlockedRecording, segment: SegmentLayout): FoundSegment {
  const { entry } = segment;
  const { track, take, index, content: size } = entry;
  const object = objectOf(recording, entry);
  const isCut = entry.end === SegmentEnd.cut;
  const name = trackName(segment.take.track);
  return {
    verdict: { track, name, take, index, object, time: dateOf(entry.time), isCut, size },
    async fetch(options) {
      const stored = await recording.store.read(object, entry.length, options);
      const key = await segmentKeyOf(recording, headerOf(recording, entry));
      return openWhole(recording, entry, key, stored, options);
    },
  };
}

/** A segment without a known entry: its identity is its head and size alone. @returns undefined for a missing object. */
async function unlistedSegment(
  recording: UnlockedRecording,
  { track, index }: SegmentPlace,
  name: string | undefined,
  options: ReadOptions,
): Promise<FoundSegment | undefined> {
  const place = { track, index };
  const opened = await openUnlisted(recording, place, options);
  if (!opened) return undefined;
  const { take, isCut, head } = opened;
  const size = opened.content.length;
  const object = objectOf(recording, place);
  wipe(opened.content);
  return {
    verdict: { track, name, take, index, object, time: undefined, isCut, size },
    async fetch(again) {
      const reopened = await openUnlisted(recording, place, again);
      if (reopened && reopened.content.length === size && compareBytes(reopened.head, head) === 0)
        return reopened.content;
      throw new BlindreelError("source-changed", `the object ${object} was replaced`, undefined);
    },
  };
}

/** @returns undefined for a missing object. @throws BlindreelError for one that does not authenticate. */
async function openUnlisted(recording: UnlockedRecording, place: SegmentPlace, options: ReadOptions) {
  const object = await recording.store.whole(objectOf(recording, place), LONGEST, options);
  if (!object) return undefined;
  const isCut = (object.length - SEGMENT_HEAD_LENGTH) % SEALED_CHUNK === 0;
  const end = isCut ? SegmentEnd.cut : SegmentEnd.final;
  if (!segmentGeometry({ end, length: object.length })) throw authenticationFailed();
  const head = object.slice(0, SEGMENT_HEAD_LENGTH);
  const header = head.slice(0, SEGMENT_HEADER_LENGTH);
  const { flags, track, take, index } = readHeader(recording, header);
  const cipher = await openHead(recording, head, await segmentKeyOf(recording, header));
  const hasPadding = (flags & SegmentFlag.padded) !== 0;
  const isPlace = track === place.track && index === place.index;
  // Track 0 is the sealed file's, and a padded segment is never cut.
  if (!isPlace || track === 0 || (hasPadding && isCut)) throw authenticationFailed();
  const content = await openContent(cipher, object.subarray(SEGMENT_HEAD_LENGTH), 0, hasPadding, options);
  return { take, isCut, head, content };
}

/** Its content is fetched at the first read, and wiped at the end. */
export function uncoveredSegment(
  recording: UnlockedRecording,
  { verdict, fetch }: FoundSegment,
): UncoveredSegment {
  const { size } = verdict;
  const cache = new TaskCache<Bytes>(size, (bytes) => wipe(bytes));
  const close = () => cache.close(closedError("the segment"));
  return {
    ...verdict,
    isVerified: false,
    async read(start, end, given) {
      const options = readOptionsOf(given);
      checkRange(start, end, size);
      return runWithKeys(recording, options, (signal) =>
        cache.use(
          "",
          size,
          { signal },
          (inner) => fetch({ signal: inner }),
          (bytes) => bytes.slice(start, end),
        ),
      );
    },
    close,
    [asyncDispose]: close,
  } as UncoveredSegment;
}
