import type { ErrorCode } from "../errors.js";
import type { Origin } from "../log/proof.js";

/**
 * The worst of what was found (format-v1, "Verdict"):
 *
 * - `altered`: something is other than was signed, or too much, or two things were signed of which one can be true.
 * - `truncated`: something that was signed, and that nobody said was refused, is missing.
 * - `unfinished`: nothing says that the recording was closed, or no key could have signed it.
 * - `interrupted`: all that was signed is there, and the recorder itself says that something was lost.
 * - `complete`: closed by its recorder, nothing lost, and all of it is there as it was signed.
 */
export type RecordingState = "altered" | "truncated" | "unfinished" | "interrupted" | "complete";

/** What {@link RecordingReview.verify} found. */
export interface Verdict {
  readonly state: RecordingState;
  readonly origin: Origin;
  /** Sequence of the manifest that counts; undefined without one. */
  readonly sequence: number | undefined;
  /** Where content is missing or not to be believed. */
  readonly gaps: readonly Gap[];
  /** What the recorder says was lost. */
  readonly losses: readonly LossReport[];
  /** What is wrong with the recording as a whole, or with objects that are no listed segment. */
  readonly findings: readonly Finding[];
  /** Every track, take and segment that was signed. */
  readonly tracks: readonly TrackVerdict[];
  /** Segments behind an open manifest, or of pages that are missing, that authenticate: the keys vouch for them alone. */
  readonly uncovered: readonly UncoveredVerdict[];
  /** Whether stored objects were listed: without, what nobody signed and what was signed twice is not seen. */
  readonly isListed: boolean;
  /** What was looked at, since the recording was opened. */
  readonly seen: Seen;
}

/** How much a verification read. */
export interface Seen {
  /** Stored objects that were asked for and there, and bytes read of them. */
  readonly objects: number;
  readonly bytes: number;
  /** Different statements that were signed, whatever they were stored under. */
  readonly manifests: number;
  /** Full pages of the log: how many there are, and how many could be read. */
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
  /** Bytes of content that were signed. */
  readonly size: number;
  readonly segments: readonly SegmentVerdict[];
}

/** Half-open, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `refused`: missing, or only a part is there, and the recorder says that the server refused it, or that the journal lost it. */
export type SegmentState = "authentic" | "missing" | "refused" | "truncated" | "altered";

/** What is known of one segment. */
export interface SegmentVerdict {
  readonly index: number;
  /** Name of the stored object. */
  readonly object: string;
  /** When its first byte was recorded, by the recorder's clock; undefined where nothing says so. */
  readonly time: Date | undefined;
  /** `cut`: a crash or a deadline took its end. What was signed of it can still be all there. */
  readonly end: "final" | "cut";
  readonly state: SegmentState;
  /** Where its content is in the take's. */
  readonly content: ByteRange;
  /** What of it is authentic, in the take's content. */
  readonly authentic: readonly ByteRange[];
}

/**
 * Why something is not there:
 *
 * - `missing`: the object is not stored. `truncated`: it ends too early. `refused`: one of these, and the recorder says so.
 *   `altered`: it is not what was signed.
 * - `cut`: the segment has no end. `lost`: an index that no segment was sealed under.
 * - `unlisted`: a page of the log is missing that may list segments here.
 */
export type GapCause = Exclude<SegmentState, "authentic"> | "cut" | "lost" | "unlisted";

/** A place where content is missing or not to be believed. */
export interface Gap {
  /** Undefined for a track that the log does not name. */
  readonly track: string | undefined;
  /** Counts the track's takes from 0; undefined where it is not known. */
  readonly take: number | undefined;
  /** Index of the segment, or of the first. */
  readonly segment: number;
  /** Segments from there on; undefined where nobody knows how many. */
  readonly count: number | undefined;
  readonly cause: GapCause;
  /** In the take's content; empty where nobody knows how much is missing. */
  readonly bytes: ByteRange;
  /** As closely as segments and their points say; undefined where they do not. */
  readonly time: TimeRange | undefined;
}

/** A span of time, by the recorder's clock. */
export interface TimeRange {
  readonly from: Date;
  /** Undefined where nothing says when it ended. */
  readonly to: Date | undefined;
}

/** A lost entry of the log, in words. */
export interface LossReport {
  /** `unsealed`: an index was spent for nothing. `segment`, `page`: not stored. `undrained`: the track had more. `silent`: it gave nothing. */
  readonly what: "unsealed" | "segment" | "page" | "undrained" | "silent";
  readonly cause: "crash" | "deadline" | "source" | "server" | "silence" | "storage" | "overflow";
  /** Undefined for pages, and for a track whose name is not known. */
  readonly track: string | undefined;
  /** Indices of segments or numbers of pages; 0 and 0 where neither is meant. */
  readonly first: number;
  readonly count: number;
  readonly time: Date;
}

/** A stored segment that no manifest covers. */
export interface UncoveredVerdict {
  readonly track: number;
  /** Of its track; undefined where the log does not name it. */
  readonly name: string | undefined;
  readonly take: number;
  readonly index: number;
  readonly object: string;
  readonly isCut: boolean;
  /** Bytes of content. */
  readonly size: number;
}

/** What is wrong, and what it means for the state: `docs/reviewing.md`, "What is missing". */
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

/** What each finding means for the state; those of `undefined` are only reported. */
const STATES: Readonly<Record<FindingCause, RecordingState | undefined>> = {
  /** The core names no key that could sign. */
  "no-sender": "unfinished",
  /** Nothing signed was found. */
  "no-manifest": "unfinished",
  /** A stored manifest does not open, and is left out; `code` says why. */
  "invalid-manifest": undefined,
  /** The recording was closed twice, differently. */
  "two-finals": "altered",
  /** Two statements were signed with one sequence. */
  "conflicting-manifests": "altered",
  /** Something was signed after the end. */
  "after-final": "altered",
  /** A manifest is no beginning of the one that counts, or speaks of more entries than a later one. */
  "other-beginning": "altered",
  /** The pages that are there are not those of the manifest's root. */
  "other-pages": "altered",
  "missing-page": "truncated",
  /** A page is missing, and the recorder says that the server refused it or the journal lost it. */
  "refused-page": "interrupted",
  /** A stored page does not open, or was not signed by the recorder; `code` says why. */
  "altered-page": "altered",
  /** A stored page bears another number than its name. */
  "renamed-page": "altered",
  /** An entry breaks a rule of the log; `rule` says which. It is left out. */
  "broken-rule": "altered",
  /** A stored segment that the log does not list, and cannot list any more. */
  "unlisted-segment": "altered",
  /** A stored page behind the end of a final log. */
  "unlisted-page": "altered",
  /** An object is longer than was signed. */
  "excess-bytes": "altered",
  /** A stored segment that the manifest does not cover does not authenticate, or is not what a page lists; `code` says why. */
  "altered-segment": "altered",
};

/** Something that is wrong with a recording or its objects, and where. */
export interface Finding {
  readonly cause: FindingCause;
  /** Name of the stored object, where it is about one. */
  readonly object?: string;
  readonly code?: ErrorCode;
  /** The entry's place in the log. */
  readonly entry?: number;
  readonly rule?: string;
}

const WORST_FIRST: readonly RecordingState[] = [
  "altered",
  "truncated",
  "unfinished",
  "interrupted",
  "complete",
];

const SEGMENT_STATES: Readonly<Record<SegmentState, RecordingState>> = {
  authentic: "complete",
  missing: "truncated",
  refused: "interrupted",
  truncated: "truncated",
  altered: "altered",
};

/** The worst of what was found decides. */
export function stateOf(found: {
  readonly segments: Iterable<SegmentVerdict>;
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
