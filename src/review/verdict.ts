import type { ErrorCode } from "../errors.js";
import type { Origin } from "../log/proof.js";

/**
 * The worst of the findings (format-v1, "Verdict"):
 *
 * - `altered`: something stored differs from what was signed or exceeds it, or two signed statements contradict each other.
 * - `truncated`: something signed is missing, and no lost entry names it as refused.
 * - `unfinished`: no final manifest, or no session key.
 * - `interrupted`: everything signed is there, and the recorder declares a loss.
 * - `complete`: closed by its recorder, nothing lost, everything there as it was signed.
 */
export type RecordingState = "altered" | "truncated" | "unfinished" | "interrupted" | "complete";

/** The result of {@link RecordingReview.verify}. */
export interface Verdict {
  readonly state: RecordingState;
  readonly origin: Origin;
  /** Sequence of the manifest that counts; undefined without one. */
  readonly sequence: number | undefined;
  /** Content that is missing or altered. */
  readonly gaps: readonly Gap[];
  /** Declared by the recorder. */
  readonly losses: readonly LossReport[];
  /** About the recording as a whole, or objects that are no listed segment. */
  readonly findings: readonly Finding[];
  /** All of the log. */
  readonly tracks: readonly TrackVerdict[];
  /** Authentic segments behind an open manifest, or of missing pages: the keys alone vouch for them. */
  readonly uncovered: readonly UncoveredVerdict[];
  /** Whether stored objects were listed: without, unsigned and twice signed ones are not seen. */
  readonly isListed: boolean;
  /** The extent of the checks, since the recording was opened. */
  readonly seen: Seen;
}

/** How much a verification read. */
export interface Seen {
  /** Stored objects found, and bytes read of them. */
  readonly objects: number;
  readonly bytes: number;
  /** Different signed statements, whatever their names. */
  readonly manifests: number;
  /** Full pages of the log, and readable ones among them. */
  readonly pages: { readonly listed: number; readonly read: number };
  /** Segments that the log lists. */
  readonly segments: number;
}

/** What is known of one track and its takes. */
export interface TrackVerdict {
  readonly id: number;
  /** Empty where the page that names it is missing. */
  readonly name: string;
  readonly takes: readonly TakeVerdict[];
}

/** What is known of one take and its segments. */
export interface TakeVerdict {
  /** Counts the track's takes from 0. */
  readonly take: number;
  readonly startedAt: Date;
  /** Signed bytes of content. */
  readonly size: number;
  readonly segments: readonly SegmentVerdict[];
}

/** Half-open, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `refused`: missing in whole or in part, and the recorder says that the server refused it or the journal lost it. */
export type SegmentState = "authentic" | "missing" | "refused" | "truncated" | "altered";

/** What is known of one segment. */
export interface SegmentVerdict {
  readonly index: number;
  /** Name of the stored object. */
  readonly object: string;
  /** When its first byte was recorded, by the recorder's clock. */
  readonly time: Date;
  /** `cut`: a crash or a deadline took its end. All of its signed part may be there. */
  readonly end: "final" | "cut";
  readonly state: SegmentState;
  /** Its content in the take's. */
  readonly content: ByteRange;
  /** Its authentic parts, in the take's content. */
  readonly authentic: readonly ByteRange[];
}

/**
 * The cause of a gap:
 *
 * - `missing`: the object is not stored. `truncated`: it ends too early. `refused`: one of these, and the recorder says so.
 *   `altered`: it differs from what was signed.
 * - `cut`: the segment has no end. `lost`: an index without a sealed segment.
 * - `unlisted`: a missing page of the log may list segments here.
 */
export type GapCause = Exclude<SegmentState, "authentic"> | "cut" | "lost" | "unlisted";

/** A place where content is missing or altered. */
export interface Gap {
  /** Undefined for a track that the log does not name. */
  readonly track: string | undefined;
  /** Counts the track's takes from 0; undefined where unknown. */
  readonly take: number | undefined;
  /** Index of the segment, or of the first. */
  readonly segment: number;
  /** Segments from there on; undefined where unknown. */
  readonly count: number | undefined;
  readonly cause: GapCause;
  /** In the take's content; empty where their length is unknown. */
  readonly bytes: ByteRange;
  /** As closely as segments and their points say; undefined where unknown. */
  readonly time: TimeRange | undefined;
}

/** A span of time, by the recorder's clock. */
export interface TimeRange {
  readonly from: Date;
  /** Undefined where unknown. */
  readonly to: Date | undefined;
}

/** A lost entry of the log. */
export interface LossReport {
  /** `unsealed`: an index without a segment. `segment`, `page`: not stored. `undrained`: the rest of a track. `silent`: all of a take. */
  readonly what: "unsealed" | "segment" | "page" | "undrained" | "silent";
  readonly cause: "crash" | "deadline" | "source" | "server" | "silence" | "storage" | "overflow";
  /** Undefined for pages, and for a track of unknown name. */
  readonly track: string | undefined;
  /** Indices of segments or numbers of pages; 0 and 0 for neither. */
  readonly first: number;
  readonly count: number;
  readonly time: Date;
}

/** A stored segment that no manifest covers. */
export interface UncoveredVerdict {
  /** Of its track, as in the segment's header. */
  readonly track: number;
  /** Of its track; undefined where the log does not name it. */
  readonly name: string | undefined;
  readonly take: number;
  readonly index: number;
  /** Name of the stored object. */
  readonly object: string;
  /** When its first byte was recorded, by its entry; undefined where no page lists it. */
  readonly time: Date | undefined;
  /** Whether the segment has no end: a crash, or a server, took it. */
  readonly isCut: boolean;
  /** Bytes of content. */
  readonly size: number;
}

/** Meanings: `docs/reviewing.md`, "What is missing". */
export type FindingCause =
  | "no-sender"
  | "no-manifest"
  | "invalid-manifest"
  | "two-finals"
  | "conflicting-manifests"
  | "after-final"
  | "other-beginning"
  | "other-pages"
  | "missing-page"
  | "refused-page"
  | "altered-page"
  | "renamed-page"
  | "broken-rule"
  | "unlisted-segment"
  | "unlisted-page"
  | "excess-bytes"
  | "altered-segment";

/** The state each finding leads to; those of `undefined` are only reported. */
const STATES: Readonly<Record<FindingCause, RecordingState | undefined>> = {
  "no-sender": "unfinished",
  "no-manifest": "unfinished",
  "invalid-manifest": undefined,
  "two-finals": "altered",
  "conflicting-manifests": "altered",
  "after-final": "altered",
  "other-beginning": "altered",
  "other-pages": "altered",
  "missing-page": "truncated",
  "refused-page": "interrupted",
  "altered-page": "altered",
  "renamed-page": "altered",
  "broken-rule": "altered",
  "unlisted-segment": "altered",
  "unlisted-page": "altered",
  "excess-bytes": "altered",
  "altered-segment": "altered",
};

/** Something that is wrong with a recording or its objects, and where. */
export interface Finding {
  readonly cause: FindingCause;
  /** Name of the stored object. */
  readonly object?: string;
  /** Of the error that the stored bytes failed with. */
  readonly code?: ErrorCode;
  /** The entry's place in the log. */
  readonly entry?: number;
  /** The broken rule (format-v1, "Order of entries"). */
  readonly rule?: string;
}

/** The order of findings of objects that are fetched side by side. */
export function byObject({ object: left = "" }: Finding, { object: right = "" }: Finding): number {
  return Number(left > right) - Number(left < right);
}

const WORST_FIRST = ["altered", "truncated", "unfinished", "interrupted", "complete"] as const;

const SEGMENT_STATES: Readonly<Record<SegmentState, RecordingState>> = {
  authentic: "complete",
  missing: "truncated",
  refused: "interrupted",
  truncated: "truncated",
  altered: "altered",
};

/** The worst one decides. */
export function stateOf(found: {
  readonly segments: readonly SegmentVerdict[];
  readonly findings: readonly Finding[];
  readonly hasLosses: boolean;
  readonly isFinal: boolean;
}): RecordingState {
  const states = new Set<RecordingState>();
  for (const { state, end } of found.segments) {
    states.add(SEGMENT_STATES[state]);
    if (end === "cut") states.add("interrupted");
  }
  for (const { cause } of found.findings) {
    const state = STATES[cause];
    if (state) states.add(state);
  }
  if (found.hasLosses) states.add("interrupted");
  if (!found.isFinal) states.add("unfinished");
  return WORST_FIRST.find((state) => states.has(state)) ?? "complete";
}
