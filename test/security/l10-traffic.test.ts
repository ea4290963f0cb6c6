/**
 * What a server that sees every upload learns of how somebody answered (docs/threat-model.md; attack L10): pairs of exams that
 * differ only in short and long answers, and a classifier that is to tell them apart by names, sizes, kinds, order and times.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generateIdentity } from "../../src/keywrap/import.js";
import type { TrackOptions } from "../../src/recording/options.js";
import { startRecording } from "../../src/recording/start.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

refuseUnhandledRejections();

const PAIRS = 1000;
/** For machines with other work: it takes about 20 seconds. */
const TIMEOUT = 300_000;
/** Milliseconds on a clock that only {@link pass} moves. Everything happens at a multiple of this. */
const STEP = 500;
const END = 20_000;
const CADENCE = 4000;

/** One exam's answers: when each is given, and what. */
type Answers = readonly { readonly at: number; readonly text: string }[];

/** What a server sees of an object; of its name, what is not the recording's random number. */
interface Seen {
  readonly name: string;
  readonly size: number;
  readonly kind: string;
  /** Since the exam's start. */
  readonly time: number;
}

/** Numbers that are the same in every run. */
let random = generator(1);

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const between = (low: number, high: number): number => low + Math.floor(random() * (high - low));

/** Two exams that are answered at the same moments, by a letter each in one and by an essay each in the other. */
function pair(): readonly [short: Answers, long: Answers] {
  const moments = Array.from({ length: between(2, 5) }, () => between(1, 30) * STEP).sort((a, b) => a - b);
  const written = (low: number, high: number): Answers =>
    moments.map((at) => ({ at, text: "a".repeat(between(low, high)) }));
  return [written(1, 13), written(200, 3000)];
}

beforeEach(() => {
  random = generator(1);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => vi.useRealTimers());

/** Lets the clock run until `work` is done. */
async function pass<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  work.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  while (!isDone) {
    // All that answers to one moment has run when the event loop comes back.
    await new Promise((resolve) => setImmediate(resolve));
    if (!isDone) vi.advanceTimersByTime(STEP);
  }
  return work;
}

const recipient = generateIdentity().then((identity) => identity.recipient);

async function sit(to: Awaited<typeof recipient>, answers: Answers, options: TrackOptions): Promise<Seen[]> {
  const start = performance.now();
  const until = (time: number) =>
    new Promise((resolve) => setTimeout(resolve, start + time - performance.now()));
  const recording = await startRecording({ to, segmentEvery: 1500, checkpointEvery: 6000 });
  const seen: Seen[] = [];
  const put = (name: string, { length: size }: Uint8Array, { kind }: { readonly kind: string }): void => {
    seen.push({ name: name.slice(name.indexOf("/")), size, kind, time: performance.now() - start });
  };
  const uploading = recording.upload(put, { concurrency: 1 });
  const track = recording.track("answers", options);
  for (const { at, text } of answers) {
    await until(at);
    track.write(text);
  }
  await until(END);
  await recording.finish("submitted");
  await uploading;
  return seen;
}

type SeenPair = readonly [short: Seen[], long: Seen[]];

async function sitPairs(count: number, options: TrackOptions): Promise<SeenPair[]> {
  const to = await recipient;
  const pairs: SeenPair[] = [];
  const BATCH = 50;
  for (let done = 0; done < count; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - done) }, pair).map(([short, long]) =>
      Promise.all([sit(to, short, options), sit(to, long, options)]),
    );
    pairs.push(...(await pass(Promise.all(batch))));
  }
  return pairs;
}

/** What might tell: how many there are of each kind, how large they are, when they come. */
function featuresOf(seen: readonly Seen[]): number[] {
  const kinds = ["envelope", "segment", "page", "checkpoint", "manifest"].flatMap((kind) => {
    const sizes = seen.filter((object) => object.kind === kind).map(({ size }) => size);
    return [sizes.length, sum(sizes), Math.max(0, ...sizes), spread(sizes)];
  });
  const times = seen.map(({ time }) => time);
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  return [...kinds, sum(times), times.at(-1)!, Math.max(...gaps), spread(gaps)];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length);
function spread(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

interface Sample {
  readonly features: readonly number[];
  readonly isLong: boolean;
}

/** Logistic regression by gradient descent, on features that are brought to one scale. */
function train(samples: readonly Sample[]): (features: readonly number[]) => boolean {
  const columns = samples[0]!.features.map((_, column) => samples.map(({ features }) => features[column]!));
  const scales = columns.map((column) => ({ middle: mean(column), width: spread(column) || 1 }));
  const scaled = (features: readonly number[]): number[] =>
    features.map((value, i) => (value - scales[i]!.middle) / scales[i]!.width);
  const weights = scales.map(() => 0);
  let bias = 0;
  const scoreOf = (row: readonly number[]): number =>
    1 / (1 + Math.exp(-(bias + sum(row.map((value, i) => value * weights[i]!)))));
  const rows = samples.map(({ features, isLong }) => ({ row: scaled(features), label: isLong ? 1 : 0 }));
  for (let step = 0; step < 100; step++) {
    const slope = weights.map(() => 0);
    let biasSlope = 0;
    for (const { row, label } of rows) {
      const error = scoreOf(row) - label;
      biasSlope += error;
      for (const [i, value] of row.entries()) slope[i]! += error * value;
    }
    bias -= biasSlope / rows.length;
    for (const [i, value] of slope.entries()) weights[i]! -= value / rows.length;
  }
  return (features) => scoreOf(scaled(features)) > 0.5;
}

/** Learns from one half of the exams, and says how many of the other it tells apart, from 0 to 1. */
function accuracy(pairs: readonly SeenPair[]): { readonly share: number; readonly heldOut: number } {
  const samplesOf = (some: readonly SeenPair[]): Sample[] =>
    some.flatMap(([short, long]) => [
      { features: featuresOf(short), isLong: false },
      { features: featuresOf(long), isLong: true },
    ]);
  const half = Math.floor(pairs.length / 2);
  const guess = train(samplesOf(pairs.slice(0, half)));
  const heldOut = samplesOf(pairs.slice(half));
  const right = heldOut.filter(({ features, isLong }) => guess(features) === isLong);
  return { share: right.length / heldOut.length, heldOut: heldOut.length };
}

const told = (pairs: readonly SeenPair[]) => {
  const { share, heldOut } = accuracy(pairs);
  expect(heldOut).toBe(pairs.length);
  return share;
};

describe("L10 what the server sees of short and long answers", { timeout: TIMEOUT }, () => {
  it("is the same where a track is padded, as those of text are by themselves", async () => {
    const pairs = await sitPairs(PAIRS, {});
    for (const [short, long] of pairs) expect(long).toEqual(short);
    expect(told(pairs)).toBeLessThanOrEqual(0.54);
    // There was something to see, and not the same in every exam.
    const numbers = new Set(pairs.map(([seen]) => seen.filter(({ kind }) => kind === "segment").length));
    expect(numbers.size).toBeGreaterThan(2);
  });

  it("is the same at every tick of a cadence, whenever and whatever was written", async () => {
    const pairs = await sitPairs(PAIRS, { cadence: CADENCE });
    const [[first]] = pairs as [SeenPair];
    // Nothing of it depends on the answers: not of one exam and not of another.
    for (const [short, long] of pairs) {
      expect(short).toEqual(first);
      expect(long).toEqual(first);
    }
    const segments = first.filter(({ kind }) => kind === "segment");
    expect(segments.map(({ time }) => time)).toEqual(
      Array.from({ length: END / CADENCE }, (_, tick) => (tick + 1) * CADENCE),
    );
    expect(told(pairs)).toBeLessThanOrEqual(0.54);
  });

  it("tells them apart where nothing is padded", async () => {
    const pairs = await sitPairs(PAIRS / 5, { padding: "none" });
    expect(told(pairs)).toBeGreaterThanOrEqual(0.9);
  });
});
