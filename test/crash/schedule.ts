/** What a run of a crashing recording does, drawn from a seed: known to the process that does it and to who checks it. */
import { generator } from "../helpers/bytes.js";

/** Content is made of blocks that say what they are, so that any of them tells where it belongs. */
export const BLOCK = 16;

export type TrackName = "camera" | "screen" | "chat" | "answers" | "flags";

export interface TrackPlan {
  readonly name: TrackName;
  readonly isText: boolean;
  readonly options?: { readonly padding?: "padme"; readonly cadence?: number };
  /** Blocks of one write, at most. */
  readonly most: number;
}

const TRACKS: readonly TrackPlan[] = [
  { name: "camera", isText: false, most: 5000 },
  { name: "screen", isText: false, most: 1500 },
  { name: "chat", isText: true, most: 8 },
  { name: "answers", isText: false, most: 300, options: { padding: "padme" } },
  { name: "flags", isText: true, most: 8, options: { cadence: 100 } },
];

export interface CasePlan {
  readonly tracks: readonly TrackPlan[];
  readonly provider: "node" | "webcrypto";
}

export type Step =
  | { readonly kind: "write"; readonly track: number; readonly blocks: number; readonly isAwaited: boolean }
  | { readonly kind: "flush"; readonly track: number | undefined; readonly isAwaited: boolean }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "take"; readonly track: number }
  | { readonly kind: "pause"; readonly delay: number }
  /** Leaves the upload loop, and begins another. */
  | { readonly kind: "reload" };

export interface RunPlan {
  readonly segmentEvery: number;
  readonly checkpointEvery: number;
  readonly concurrency: number;
  /** By `objects()`, not by `upload()`. */
  readonly isByHand: boolean;
  /** Of uploads: how many fail before and after the server stores them, and how many it refuses for good. */
  readonly failing: number;
  readonly refusing: number;
  /** Milliseconds that an upload takes, at most. */
  readonly uploadDelay: number;
  readonly steps: readonly Step[];
  readonly end: "finish" | "close";
  /** Of `finish`. */
  readonly timeout: number | undefined;
}

export function planCase(seed: number): CasePlan {
  const random = generator(seed);
  const tracks = TRACKS.filter(({ name }) => random() < (name === "flags" ? 0.15 : 0.7));
  return {
    tracks: tracks.length > 0 ? tracks : [TRACKS[0]!],
    provider: random() < 0.5 ? "node" : "webcrypto",
  };
}

/** @param isLast ends by `finish`. */
export function planRun(seed: number, run: number, isLast: boolean): RunPlan {
  const random = generator(seed + 7919 * (run + 1));
  const { tracks } = planCase(seed);
  const upTo = (most: number): number => Math.floor(random() * most);
  const track = (): number => upTo(tracks.length);
  // Small segments in numbers fill pages of the log; otherwise a few large ones.
  const isMany = random() < 0.25;
  const step = (): Step => {
    const kind = random();
    const isAwaited = random() < 0.6;
    if (kind < 0.55) {
      const to = track();
      const most = isMany ? Math.min(tracks[to]!.most, 40) : tracks[to]!.most;
      return { kind: "write", track: to, blocks: 1 + upTo(most), isAwaited };
    }
    if (kind < 0.75) return { kind: "flush", track: random() < 0.5 ? undefined : track(), isAwaited };
    if (kind < 0.83) return { kind: "checkpoint" };
    if (kind < 0.88) return { kind: "take", track: track() };
    if (kind < 0.91) return { kind: "reload" };
    return { kind: "pause", delay: upTo(20) };
  };
  const steps = Array.from({ length: isMany ? 60 + upTo(120) : 5 + upTo(35) }, step);
  return {
    segmentEvery: random() < 0.6 ? 3 + upTo(60) : 10_000,
    checkpointEvery: 2 + upTo(25),
    concurrency: 1 + upTo(4),
    isByHand: random() < 0.3,
    failing: random() < 0.5 ? 0 : random() * 0.3,
    refusing: random() < 0.7 ? 0 : random() * 0.05,
    uploadDelay: random() < 0.3 ? 0 : upTo(8),
    steps,
    end: !isLast && random() < 0.12 ? "close" : "finish",
    timeout: random() < 0.1 ? 1 + upTo(10) : undefined,
  };
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** 16 characters of ASCII: the run, the block's number, the track, a check, and a newline. */
export function block(track: TrackName, run: number, number: number): string {
  const letter = track[1]!;
  const mixed = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b) ^ letter.charCodeAt(0);
  return `${hex(run, 2)}${hex(number, 8)}${letter}${hex((mixed >>> 12) & 0xffff, 4)}\n`;
}

/** Blocks `[from, to)` of what `run` writes to `track`. */
export function blocks(track: TrackName, run: number, from: number, to: number): string {
  let text = "";
  for (let number = from; number < to; number++) text += block(track, run, number);
  return text;
}

/** What a block says of itself. */
export function readBlock(text: string): { readonly run: number; readonly number: number } {
  const [, run, number] = /^([0-9a-f]{2})([0-9a-f]{8})[a-z][0-9a-f]{4}\n$/.exec(text) ?? [];
  if (!run || !number) throw new Error(`${JSON.stringify(text)} is no block of content`);
  return { run: Number.parseInt(run, 16), number: Number.parseInt(number, 16) };
}
