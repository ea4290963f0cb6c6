import { generateIdentity, open, openFrom, seal, sealFrom, type X25519Recipient } from "blindreel";
import type { Group } from "../lib/group.js";
import { type Contender, measure } from "../lib/measure.js";
import { type Row, valueAtMost } from "../lib/row.js";
import type { Scale } from "../lib/scale.js";
import { drain, expectBytes, repeat, samplePiece } from "../lib/streams.js";
import { grow } from "./recording-growth.js";

const PIECE = 64 * 1024;
/** A tenth more for each unit than in the middle of the sizes is no growth of the work. */
const LINEAR = 1.1;
const MOST_ROUNDS = 5;

/** What grows, and the time at each size in milliseconds. */
interface Series {
  readonly name: string;
  readonly times: readonly (readonly [size: number, milliseconds: number])[];
}

async function timesOf(
  name: string,
  sizes: readonly number[],
  runs: (size: number) => Promise<Contender["run"]>,
  scale: Scale,
): Promise<Series> {
  const contenders: Contender[] = [];
  for (const size of sizes) contenders.push({ name: `${size}`, run: await runs(size) });
  const rounds = Math.min(scale.rounds, MOST_ROUNDS);
  const results = await measure(contenders, { rounds, sample: scale.sample / 4 });
  return { name, times: sizes.map((size, i) => [size, results[i]!.median]) };
}

/** Powers of four up to `most`, and `most`. */
function sizesTo(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < most; size *= 4) sizes.push(size);
  return [...sizes, most];
}

async function length(scale: Scale): Promise<Series> {
  const identities = await generateIdentity();
  const { recipient: to } = identities;
  const piece = samplePiece(PIECE);
  const run = async (count: number) => () => {
    const sealed = sealFrom(repeat(piece, count), { to });
    return expectBytes(drain(openFrom(sealed, { identities })), count * PIECE);
  };
  return timesOf("length, 64 KiB", sizesTo(scale.bytes(2 ** 30) / PIECE), run, scale);
}

/** Sealing to many, and opening by the key of one of many slots: up to the format's 4096. */
async function envelopes(scale: Scale): Promise<Series[]> {
  const sizes = sizesTo(scale.name === "smoke" ? 3 : 4096);
  const own = await generateIdentity();
  const recipients: X25519Recipient[] = [own.recipient];
  while (recipients.length < sizes.at(-1)!) recipients.push((await generateIdentity()).recipient);
  const data = new Uint8Array(1);
  const sealing = async (count: number) => () => seal(data, { to: recipients.slice(0, count) });
  const opening = async (count: number) => {
    const file = await seal(data, { to: recipients.slice(0, count) });
    return () => open(file, { identities: own });
  };
  return [await timesOf("recipients", sizes, sealing, scale), await timesOf("slots", sizes, opening, scale)];
}

/**
 * Each segment is an entry of the log: sealed, hashed and uploaded one by one, then opened and verified together. Up to the
 * ceiling of logs, less the entries that are left to losses and ends.
 */
async function recordings(scale: Scale): Promise<Series[]> {
  const identity = await generateIdentity();
  await grow(identity, scale.count(2_000), true);
  const segments: [number, number][] = [];
  const entries: [number, number][] = [];
  for (const full of [1, 1_000, 4_000, 16_000, 64_000, 256_000]) {
    const count = scale.count(full);
    if (segments.some(([known]) => known === count)) continue;
    const { times } = await grow(identity, count, true);
    segments.push([count, times.record + times.upload]);
    entries.push([count, times.open + times.verify]);
  }
  return [
    { name: "segments", times: segments },
    { name: "entries", times: entries },
  ];
}

/** Time for each unit beyond the first size, by that of the middle size. */
function rowsOf({ name, times }: Series): Row[] {
  const [first, ...rest] = times;
  const beyond = rest.map(([size, took]) => ({ size, each: (took - first![1]) / (size - first![0]) }));
  const reference = beyond[beyond.length >> 1]!.each;
  return beyond.map(({ size, each }, i) => ({
    what: `${name}, ${size.toLocaleString("en")}`,
    value: each / reference,
    unit: "×",
    point: { series: name, x: size },
    ...(i === beyond.length - 1 && { target: valueAtMost(LINEAR) }),
  }));
}

export const group: Group = {
  title: "What each unit costs as things grow",
  about:
    "Time for each unit beyond the first: of length (64 KiB each, sealed and opened in one pipe), recipients (sealed to), slots (opened among), segments (recorded, time of the processor), entries (of a log, opened and verified, time of the processor). 1 is the middle of the sizes; a line that stays level is linear growth.",
  chart: { kind: "lines", x: "length, recipients, slots, segments, entries" },

  async run(scale) {
    const all = [await length(scale), ...(await envelopes(scale)), ...(await recordings(scale))];
    return all.flatMap(rowsOf);
  },
};
