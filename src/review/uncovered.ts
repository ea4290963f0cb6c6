import { authenticationFailed, BlindreelError, closedError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import {
  SEGMENT_CHUNKS,
  SEGMENT_HEAD_LENGTH,
  SegmentEnd,
  type SegmentEntry,
  segmentGeometry,
} from "../log/entry.js";
import { SUBTREE } from "../log/tree.js";
import { checkRange, type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import { asyncDispose } from "../stream/operation.js";
import type { Behind } from "./behind.js";
import { checkSegment } from "./check-segment.js";
import { isOpenIndex, type SegmentLayout } from "./layout.js";
import { dataFault } from "./manifests.js";
import { eachInFlight, MISSES } from "./pool.js";
import type { OpenedReview } from "./review.js";
import type { ReviewContext } from "./review-track.js";
import { keysFrom, openChunksOf, openHead, openWhole, unpadded } from "./segment.js";
import { missingObject } from "./store.js";
import type { Finding, SegmentVerdict, UncoveredVerdict } from "./verdict.js";

/** Bytes of the longest segment. */
const LONGEST = SEGMENT_HEAD_LENGTH + SEGMENT_CHUNKS * SEALED_CHUNK;
const IN_FLIGHT = { lanes: 8, budget: 32 * 2 ** 20 };

/**
 * A stored segment that no manifest covers. It is authentic under the recording's keys, so somebody who could open the recording
 * wrote it; whether the recorder did, and whether this is all, nobody says. What a page behind the manifest lists is besides
 * compared with that.
 */
export interface UncoveredSegment {
  readonly isVerified: false;
  /** Of its track, as in the segment's header. */
  readonly track: number;
  /** Of its track; undefined where the log does not name it. */
  readonly name: string | undefined;
  readonly take: number;
  readonly index: number;
  /** Whether the segment has no end: a crash, or a server, took it. */
  readonly isCut: boolean;
  /** Bytes of content. */
  readonly size: number;
  /**
   * Content `[start, end)`. The first read fetches the segment, and its content is kept until `close`.
   *
   * @throws RangeError; BlindreelError `authentication-failed`, `truncated`, `source-changed`, `source-failed`, `closed`.
   */
  read(start: number, end: number, options?: ReadOptions): Promise<Bytes>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Place {
  readonly track: number;
  readonly index: number;
}

export interface FoundUncovered {
  readonly segments: UncoveredSegment[];
  /** Of the segments that pages behind the manifest list. */
  readonly listed: ReadonlyMap<SegmentLayout, SegmentVerdict>;
  readonly verdicts: readonly UncoveredVerdict[];
  readonly findings: readonly Finding[];
}

/** @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`. */
export async function findUncovered(
  opened: OpenedReview,
  behind: Behind,
  options: ReadOptions,
): Promise<FoundUncovered> {
  const { context, log } = opened;
  const segments: UncoveredSegment[] = [];
  const findings: Finding[] = [];
  const listed = new Map<SegmentLayout, SegmentVerdict>();
  const nameOf = (track: number): string | undefined => behind.tracksById.get(track)?.name || undefined;
  const check = async (layout: SegmentLayout): Promise<void> => {
    const { verdict, hasExcess } = await checkSegment(context, behind.refused, layout, options);
    const { state, object } = verdict;
    listed.set(layout, verdict);
    if (state === "altered")
      findings.push({ cause: "altered-segment", object, code: "authentication-failed" });
    if (hasExcess) findings.push({ cause: "excess-bytes", object });
    const { entry } = layout;
    const { track, take, index, content: size } = entry;
    const about = { track, name: nameOf(track), take, index, isCut: entry.end === SegmentEnd.cut, size };
    if (state === "authentic")
      segments.push(new Uncovered(context, about, (each) => openListed(context, entry, each)));
  };
  await eachInFlight(behind.segments, IN_FLIGHT.lanes, check, {
    weigh: ({ entry }) => entry.length,
    budget: IN_FLIGHT.budget,
  });
  /** @returns whether there is such an object. */
  const look = async (place: Place): Promise<boolean> => {
    const object = context.nameOf(place);
    try {
      const segment = await openUncovered(context, place, options);
      if (!segment) return false;
      wipe(segment.content);
      const { track, index } = place;
      const { take, isCut, head } = segment;
      const about = { track, name: nameOf(track), take, index, isCut, size: segment.content.length };
      segments.push(new Uncovered(context, about, (each) => openAgain(context, about, head, each)));
    } catch (error) {
      findings.push({ cause: "altered-segment", object, code: dataFault(error) });
    }
    return true;
  };
  if (log.names) {
    const open = log.names.segments.filter((place) => mayBeListed(behind, place));
    await eachInFlight(open, IN_FLIGHT.lanes, async (place) => void (await look(place)), {
      weigh: () => LONGEST,
      budget: IN_FLIGHT.budget,
    });
  } else await probe(behind, look);
  segments.sort((left, right) => left.track - right.track || left.index - right.index);
  // Fetched side by side.
  findings.sort(
    ({ object: left = "" }, { object: right = "" }) => Number(left > right) - Number(left < right),
  );
  const verdicts = segments.map((segment) => {
    const { track, name, take, index, isCut, size } = segment;
    return { track, name, take, index, isCut, size, object: context.nameOf(segment) };
  });
  return { segments, listed, verdicts, findings };
}

/** Whether an entry that is missing, or still to come, may list a segment. */
export function mayBeListed(
  { tracksById, mayHaveMore }: Pick<Behind, "tracksById" | "mayHaveMore">,
  { track, index }: Place,
): boolean {
  const known = tracksById.get(track);
  return known ? isOpenIndex(known, index) : mayHaveMore;
}

async function probe(log: Behind, look: (place: Place) => Promise<boolean>): Promise<void> {
  const follow = async (track: number, start: number, end: number, most: number): Promise<boolean> => {
    let hasAny = false;
    for (let index = start, misses = 0; index < end && misses < most; index++) {
      const isThere = await look({ track, index });
      misses = isThere ? 0 : misses + 1;
      hasAny ||= isThere;
    }
    return hasAny;
  };
  for (const { id, open } of log.tracks) {
    // Between entries that are known, no more can be missing than the pages that are missing list.
    for (const { start, end } of open) {
      const isLast = end === Number.POSITIVE_INFINITY;
      await follow(id, start, Math.min(end, 2 ** 32), isLast ? MISSES : SUBTREE * log.missingPages);
    }
  }
  if (!log.mayHaveMore) return;
  let last = 0;
  for (const { id } of log.tracks) last = Math.max(last, id);
  for (let track = 1, misses = 0; track < 2 ** 16 && (track <= last || misses < MISSES); track++) {
    if (log.tracksById.has(track)) continue;
    misses = (await follow(track, 0, 2 ** 32, MISSES)) ? 0 : misses + 1;
  }
}

interface OpenedUncovered {
  readonly take: number;
  readonly isCut: boolean;
  readonly head: Bytes;
  readonly content: Bytes;
}

/** @returns undefined where there is no such object. @throws BlindreelError for one that does not authenticate. */
async function openUncovered(
  { binding, holder, store, nameOf }: ReviewContext,
  place: Place,
  options: ReadOptions,
): Promise<OpenedUncovered | undefined> {
  const object = await store.whole(nameOf(place), LONGEST, options);
  if (!object) return undefined;
  const isCut = (object.length - SEGMENT_HEAD_LENGTH) % SEALED_CHUNK === 0;
  const end = isCut ? SegmentEnd.cut : SegmentEnd.final;
  if (!segmentGeometry({ end, length: object.length })) throw authenticationFailed();
  return holder.use(async ({ contentKey }) => {
    const head = object.slice(0, SEGMENT_HEAD_LENGTH);
    const { header, cipher } = await openHead(binding, keysFrom(binding, contentKey), head);
    const hasPadding = (header.flags & SegmentFlag.padded) !== 0;
    const isPlace = header.track === place.track && header.index === place.index;
    // Track 0 is the sealed file's, and a padded segment is never cut.
    if (!isPlace || place.track === 0 || (hasPadding && isCut)) throw authenticationFailed();
    const plaintext = await openChunksOf(cipher, object.subarray(SEGMENT_HEAD_LENGTH), 0, options);
    const content = hasPadding ? unpadded(plaintext) : plaintext;
    return { take: header.take, isCut, head, content };
  });
}

/** The same once more, where nothing but its head says that it is. */
async function openAgain(
  context: ReviewContext,
  place: Place & { readonly size: number },
  head: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  const opened = await openUncovered(context, place, options);
  const isSame =
    opened && opened.content.length === place.size && head.every((byte, i) => byte === opened.head[i]);
  if (!isSame)
    throw new BlindreelError("source-changed", `the object ${context.nameOf(place)} was replaced`, undefined);
  return opened.content;
}

/** What a page behind the manifest lists, checked against its entry. */
async function openListed(
  { binding, holder, store, nameOf }: ReviewContext,
  entry: SegmentEntry,
  options: ReadOptions,
): Promise<Bytes> {
  const name = nameOf(entry);
  const object = await store.open(name, { start: 0, end: entry.length }, options);
  if (!object) throw missingObject(name);
  try {
    const bytes = await object.read(0, entry.length, options);
    return await holder.use(({ contentKey }) =>
      openWhole(binding, keysFrom(binding, contentKey), entry, bytes, options),
    );
  } finally {
    await object.close();
  }
}

type About = Pick<UncoveredSegment, "track" | "name" | "take" | "index" | "isCut" | "size">;

class Uncovered implements UncoveredSegment {
  readonly isVerified = false;
  readonly track: number;
  readonly name: string | undefined;
  readonly take: number;
  readonly index: number;
  readonly isCut: boolean;
  readonly size: number;
  readonly #context: ReviewContext;
  readonly #fetch: (options: ReadOptions) => Promise<Bytes>;
  #content: Bytes | undefined;
  #isClosed = false;

  constructor(context: ReviewContext, about: About, fetch: (options: ReadOptions) => Promise<Bytes>) {
    this.#context = context;
    this.#fetch = fetch;
    this.track = about.track;
    this.name = about.name;
    this.take = about.take;
    this.index = about.index;
    this.isCut = about.isCut;
    this.size = about.size;
  }

  async read(start: number, end: number, given?: ReadOptions): Promise<Bytes> {
    const { signal } = readOptionsOf(given);
    this.#checkOpen();
    checkRange(start, end, this.size);
    const { holder } = this.#context;
    const either = signal ? AbortSignal.any([signal, holder.signal]) : holder.signal;
    const content = this.#content ?? (await this.#fetch({ signal: either }));
    either.throwIfAborted();
    this.#checkOpen();
    this.#content = content;
    return content.slice(start, end);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    wipe(this.#content);
    this.#content = undefined;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    this.#context.holder.checkOpen();
    if (this.#isClosed) throw closedError("the segment");
  }
}
