import { type Bytes, compareBytes } from "../formats/bytes.js";
import { ManifestState, SegmentEnd } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type ByteSource, claimedSize } from "../source/byte-source.js";
import { type OperationOptions, progressReporter } from "../stream/operation.js";
import {
  BLOCK_CONTENT,
  type Block,
  blockCount,
  blockOf,
  layOutTracks,
  type SegmentLayout,
  type TrackLayout,
} from "./layout.js";
import { hashSegmentHead, SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { Manifest } from "./manifest.js";
import { objectName, parseObjectName } from "./object-name.js";
import {
  endOfTruncated,
  listNames,
  lookUp,
  type ObjectListing,
  type ObjectLookup,
  readPart,
} from "./objects.js";
import { eachInFlight, Pool } from "./pool.js";
import { isBlockSigned, openSegmentHead, type RecordingKeys } from "./segment-reader.js";
import {
  type ByteRange,
  type Finding,
  type Gap,
  type GapCause,
  rangesOutside,
  type SegmentVerdict,
  type TrackVerdict,
  timeOf,
} from "./verdict.js";

/** Ranges of at most 1 MiB that are fetched and hashed at the same time: what bounds the memory. */
const IN_FLIGHT = 4;

export interface VerifyContext {
  readonly keys: RecordingKeys;
  readonly manifest: Manifest;
  readonly objects: ObjectLookup;
  readonly list: ObjectListing | undefined;
}

/** What the stored objects say about the manifest. */
export interface StoredState {
  readonly tracks: readonly TrackVerdict[];
  readonly gaps: readonly Gap[];
  readonly findings: readonly Finding[];
}

/**
 * Hashes every byte of ciphertext that was signed and compares. Trouble with a source is thrown and no verdict: only
 * an object that is not there, too short, too long or other counts.
 *
 * @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`.
 */
export async function verifyObjects(context: VerifyContext, options: OperationOptions): Promise<StoredState> {
  const { manifest, list } = context;
  const layouts = layOutTracks(manifest);
  const check = new ObjectCheck(context, options);
  const checked = new Map<SegmentLayout, Checked>();
  const segments = layouts.flatMap(({ takes }) => takes.flatMap((take) => take.segments));
  await eachInFlight(segments, IN_FLIGHT, async (segment) => {
    checked.set(segment, await check.segment(segment));
  });
  check.finish();

  const gaps: Gap[] = [];
  const findings: Finding[] = [];
  const tracks = layouts.map((track) => {
    const takes = track.takes.map((take, index) => {
      const results = take.segments.map((segment) => checked.get(segment)!);
      reportTake(manifest, track, index, results, gaps, findings);
      const verdicts = results.map(({ verdict }) => verdict);
      return { startedAt: new Date(take.take.startedAt), size: take.size, segments: verdicts };
    });
    return { id: track.id, name: track.name, takes };
  });
  if (list) await reportUnlisted(context, list, options, gaps, findings);
  return { tracks, gaps, findings };
}

/** Adds what is missing of a take, and what is too much. */
function reportTake(
  manifest: Manifest,
  { name, takes }: TrackLayout,
  index: number,
  results: readonly Checked[],
  gaps: Gap[],
  findings: Finding[],
): void {
  const take = takes[index]!;
  const next = takes[index + 1];
  const takeEnd = next && new Date(next.take.startedAt);
  const addGap = (cause: GapCause, bytes: ByteRange, segment?: number): void => {
    gaps.push({ track: name, take: index, segment, cause, bytes, time: timeOf(take, bytes, takeEnd) });
  };
  const end = { start: take.size, end: take.size };
  const last = results.at(-1)?.verdict;
  for (const { verdict, hasExcess } of results) {
    const { state, content, authentic, object } = verdict;
    if (state !== "authentic") {
      const missing = rangesOutside(content, authentic);
      for (const range of missing.length > 0 ? missing : [content]) addGap(state, range, verdict.index);
    }
    // A checkpoint speaks of what there was when it was written: a track's last segment may have grown since.
    const isLast = !next && verdict === last;
    const isGrowing = manifest.state === ManifestState.open && verdict.end === "cut" && isLast;
    if (hasExcess && isGrowing) addGap("unsigned", end, verdict.index);
    else if (hasExcess) findings.push({ cause: "excess-bytes", object });
  }
  const hasCrashed = last?.end === "cut" && (next || manifest.state === ManifestState.final);
  if (hasCrashed) addGap("interrupted", end, last.index);
  if (!next && manifest.undrained.includes(take.track)) addGap("undrained", end);
}

/** Adds stored segments that the manifest does not know: none may be beside a final one. */
async function reportUnlisted(
  { keys, manifest }: VerifyContext,
  list: ObjectListing,
  options: OperationOptions,
  gaps: Gap[],
  findings: Finding[],
): Promise<void> {
  const id = encodeHex(keys.recordingId);
  const known = new Set(manifest.entries.map(({ track, index }) => objectName(id, track, index)));
  for (const object of new Set(await listNames(list, `${id}/`, options))) {
    const parts = parseObjectName(id, object);
    if (parts?.kind !== "segment" || known.has(object)) continue;
    if (manifest.state === ManifestState.final) findings.push({ cause: "unlisted-segment", object });
    else gaps.push(unsignedSegment(manifest, parts.track, parts.index));
  }
}

/** A segment begun after the checkpoint, perhaps of a track begun after it. */
function unsignedSegment({ tracks }: Manifest, id: number, segment: number): Gap {
  const track = tracks.find((each) => each.id === id);
  const bytes = { start: 0, end: 0 };
  return {
    track: track?.name,
    take: track ? track.takes.length - 1 : 0,
    segment,
    cause: "unsigned",
    bytes,
    time: undefined,
  };
}

interface Checked {
  readonly verdict: SegmentVerdict;
  /** Whether the object goes on behind what was signed. */
  readonly hasExcess: boolean;
}

class ObjectCheck {
  readonly #context: VerifyContext;
  readonly #options: OperationOptions;
  readonly #progress: ReturnType<typeof progressReporter>;
  readonly #pool = new Pool(IN_FLIGHT);
  #done = 0;
  readonly #total: number;

  constructor(context: VerifyContext, options: OperationOptions) {
    this.#context = context;
    this.#options = options;
    this.#total = context.manifest.entries.reduce((sum, { length }) => sum + length, 0);
    this.#progress = progressReporter(options.onProgress, this.#total);
  }

  finish(): void {
    this.#progress.final(this.#total);
  }

  async segment(segment: SegmentLayout): Promise<Checked> {
    const { keys, objects } = this.#context;
    const { entry, start, size } = segment;
    const object = objectName(encodeHex(keys.recordingId), entry.track, entry.index);
    const verdict = {
      index: entry.index,
      object,
      end: entry.end === SegmentEnd.cut ? ("cut" as const) : ("final" as const),
      content: { start, end: start + size },
    };
    const source = await lookUp(objects, object, this.#options);
    if (!source) return { verdict: { ...verdict, state: "missing", authentic: [] }, hasExcess: false };
    try {
      const { state, authentic, hasExcess } = await this.#object(source, object, segment);
      return { verdict: { ...verdict, state, authentic }, hasExcess };
    } finally {
      await source.close?.();
    }
  }

  async #object(source: ByteSource, name: string, segment: SegmentLayout) {
    const { entry } = segment;
    // The head and the first block in one go: a small segment costs one request.
    const blocks = Array.from({ length: blockCount(entry) }, (_, index) => blockOf(entry, index));
    const firstEnd = blocks[0]?.to ?? SEGMENT_HEAD_LENGTH;
    let size: number | undefined;
    const authentic: boolean[] = [];
    let isHeadSigned = true;
    await this.#pool.run(async () => {
      let bytes: Bytes;
      try {
        bytes = await readPart(source, name, 0, firstEnd, this.#options);
      } catch (error) {
        size = endOfTruncated(error);
        if (size === undefined) throw error;
        bytes = await readPart(source, name, 0, Math.min(size, firstEnd), this.#options);
      }
      if (bytes.length >= SEGMENT_HEAD_LENGTH) isHeadSigned = await this.#isHeadSigned(segment, bytes);
      if (blocks[0] && bytes.length === firstEnd) {
        authentic[0] = await this.#isBlockSigned(segment, blocks[0], bytes.subarray(SEGMENT_HEAD_LENGTH));
      }
      this.#report(bytes.length);
    });
    const stored = size ?? (await claimedSize(source, this.#options));
    if (isHeadSigned) {
      const rest = blocks.slice(1).filter(({ to }) => to <= stored);
      await eachInFlight(rest, IN_FLIGHT, (block) =>
        this.#pool.run(async () => {
          const sealed = await readPart(source, name, block.from, block.to, this.#options);
          authentic[block.index] = await this.#isBlockSigned(segment, block, sealed);
          this.#report(sealed.length);
        }),
      );
    }
    const state: SegmentVerdict["state"] =
      !isHeadSigned || authentic.includes(false)
        ? "altered"
        : stored < entry.length
          ? "truncated"
          : "authentic";
    return {
      state,
      // Under another head nothing opens to what was sealed.
      authentic: isHeadSigned ? rangesOf(segment, blocks, authentic) : [],
      hasExcess: stored > entry.length,
    };
  }

  /** The head as it was signed, and one that its segment opens with. */
  async #isHeadSigned({ entry }: SegmentLayout, bytes: Bytes): Promise<boolean> {
    const { keys } = this.#context;
    const head = bytes.slice(0, SEGMENT_HEAD_LENGTH);
    if (compareBytes(await hashSegmentHead(keys.crypto, head), entry.head) !== 0) return false;
    try {
      await openSegmentHead(keys, entry, head);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === undefined) throw error;
      return false;
    }
  }

  #isBlockSigned({ entry }: SegmentLayout, block: Block, sealed: Bytes): Promise<boolean> {
    return isBlockSigned(this.#context.keys.crypto, entry, block, sealed);
  }

  #report(bytes: number): void {
    this.#done += bytes;
    this.#progress.report(this.#done);
  }
}

/** The content of the blocks that are authentic, neighbours joined, in the take. */
function rangesOf(
  { start: segmentStart }: SegmentLayout,
  blocks: readonly Block[],
  authentic: readonly (boolean | undefined)[],
): ByteRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const { index, size } of blocks) {
    if (!authentic[index] || size === 0) continue;
    const start = segmentStart + index * BLOCK_CONTENT;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = start + size;
    else ranges.push({ start, end: start + size });
  }
  return ranges;
}
