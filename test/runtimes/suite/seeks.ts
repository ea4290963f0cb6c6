import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { openRecording, type RecordingReview, type TakeSource } from "blindreel/review";
import { bytesSource } from "blindreel/source";
import { type Bytes, generator, join, pattern } from "./bytes.js";
import { type Case, codeOf, equal } from "./kit.js";

/** Seeks in recordings whose stored objects were swapped, cut and altered: what comes out is compared with what was recorded. */

type Identity = Awaited<ReturnType<typeof generateIdentity>>;
type Objects = Map<string, Bytes>;
type Random = () => number;

/** A recording as a server stores it, and what is in it. */
interface Recorded {
  readonly identity: Identity;
  readonly coreHash: string;
  readonly objects: Objects;
  /** Content of each take, by track. */
  readonly content: ReadonlyMap<string, readonly Bytes[]>;
}

const CHUNK = 16384;
const SEALED_CHUNK = CHUNK + 16;
const SEGMENT_HEAD = 86;
/** On both sides of a chunk and of a block of 64. */
const SIZES = [100, CHUNK - 1, CHUNK, 70 * CHUNK + 5, 70_001, 64 * CHUNK, 300_000];
const TAKES = { camera: 2, screen: 1 };

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

async function record(identity: Identity, seed: number): Promise<Recorded> {
  const recording = await startRecording({ to: identity.recipient });
  const objects: Objects = new Map();
  const uploading = recording.upload((name, bytes) => void objects.set(name, bytes.slice()));
  const content = new Map<string, Bytes[]>();
  for (const [name, takes] of Object.entries(TAKES)) {
    const track = recording.track(name);
    const all: Bytes[] = [];
    for (let take = 0; take < takes; take++) {
      track.startTake({ type: "video/webm" });
      const parts = SIZES.map((size, i) => pattern(size, seed + content.size * 100 + take * 10 + i));
      for (const part of parts) await track.write(part, { startsSegment: true });
      all.push(join(parts));
    }
    content.set(name, all);
  }
  await recording.finish("submitted");
  await uploading;
  return { identity, coreHash: recording.coreHash, objects, content };
}

/** A change of the object of this name. `others`: those of another recording to the same key. */
type Fault = (objects: Objects, name: string, random: Random, others: Objects) => void;

const changed =
  (change: (bytes: Bytes, random: Random) => Bytes): Fault =>
  (objects, name, random) =>
    void objects.set(name, change(objects.get(name)!.slice(), random));

const oneOf = (names: readonly string[], random: Random): string => names[below(random, names.length)]!;
const segmentsIn = (objects: Objects): string[] =>
  [...objects.keys()].filter((name) => name.endsWith(".seg"));

const FAULTS: Readonly<Record<string, Fault>> = {
  flipped: changed((bytes, random) => {
    bytes[below(random, bytes.length)]! ^= 1 << below(random, 8);
    return bytes;
  }),
  cut: changed((bytes, random) => bytes.slice(0, below(random, bytes.length))),
  longer: changed((bytes, random) => join([bytes, pattern(1 + below(random, 2 * SEALED_CHUNK))])),
  /** Two chunks change places. */
  reordered: changed((bytes, random) => {
    const chunks = Math.floor((bytes.length - SEGMENT_HEAD) / SEALED_CHUNK);
    if (chunks < 2) return bytes.slice(1);
    const at = SEGMENT_HEAD + below(random, chunks - 1) * SEALED_CHUNK;
    const first = bytes.slice(at, at + SEALED_CHUNK);
    bytes.copyWithin(at, at + SEALED_CHUNK, at + 2 * SEALED_CHUNK);
    bytes.set(first, at + SEALED_CHUNK);
    return bytes;
  }),
  missing: (objects, name) => void objects.delete(name),
  swapped(objects, name, random) {
    const other = oneOf(segmentsIn(objects), random);
    const bytes = objects.get(other)!;
    objects.set(other, objects.get(name)!).set(name, bytes);
  },
  repeated: (objects, name, random) =>
    void objects.set(name, objects.get(oneOf(segmentsIn(objects), random))!),
  replaced(objects, name, random, others) {
    const path = name.slice(name.indexOf("/"));
    const same = [...others.keys()].find((other) => other.endsWith(path));
    objects.set(name, others.get(same ?? oneOf([...others.keys()], random))!);
  },
};

/** What may come of a seek that touches a fault. */
const EXPECTED = ["truncated", "authentication-failed", "source-changed"];
/** What may come of an opening where the log itself was changed. */
const REFUSED = [...EXPECTED, "unknown-track", "malformed", "unsupported-version", "limit-exceeded"];

export interface SeekCounts {
  seeks: number;
  bytes: number;
  /** Refusals by their code. */
  readonly refused: Record<string, number>;
}

/** Seeks of one faulty store. */
const ROUND = 25;

/**
 * @param first seed of the first round; each has its own.
 * @throws where a byte is not what was recorded, a failure has no code that fits, or a seek fails that touches no fault.
 */
export async function seekThrough(first: number, seeks: number): Promise<SeekCounts> {
  const identity = await generateIdentity();
  const [recorded, other] = [await record(identity, 1), await record(identity, 1000)];
  const counts: SeekCounts = { seeks: 0, bytes: 0, refused: {} };
  for (let seed = first; counts.seeks < seeks; seed++) {
    await seekRound(recorded, other.objects, generator(seed), counts).catch((cause) => {
      throw new Error(`seed ${seed}: ${cause}`, { cause });
    });
  }
  return counts;
}

async function seekRound(
  recorded: Recorded,
  others: Objects,
  random: Random,
  counts: SeekCounts,
): Promise<void> {
  const objects = new Map(recorded.objects);
  const refuse = (error: unknown, codes: readonly string[]): void => {
    const code = codeOf(error);
    if (!codes.includes(code)) throw error;
    counts.refused[code] = (counts.refused[code] ?? 0) + 1;
  };
  const spoil = (): boolean => {
    const all = [...objects.keys()].filter((name) => !name.endsWith("/envelope"));
    // One round in eight spoils the log too.
    const isLog = below(random, 8) === 0;
    for (let left = 1 + below(random, 4); left > 0; left--) {
      const names = (isLog ? all : segmentsIn(objects)).filter((name) => objects.has(name));
      FAULTS[oneOf(Object.keys(FAULTS), random)]!(objects, oneOf(names, random), random, others);
    }
    return isLog;
  };
  // Before it is opened, or in the middle.
  const isLate = below(random, 3) === 0;
  const isLog = !isLate && spoil();
  const opened = await open(recorded, objects).catch((error) => refuse(error, REFUSED));
  if (!opened) {
    counts.seeks += ROUND;
    return;
  }
  const sources = new Map<string, TakeSource>();
  for (let seek = 0; seek < ROUND; seek++) {
    if (isLate && seek === ROUND >> 1) spoil();
    const track = oneOf([...recorded.content.keys()], random);
    const number = below(random, recorded.content.get(track)!.length);
    counts.seeks++;
    let touched: readonly string[] = [];
    try {
      const take = opened.track(track).takes[number]!;
      const key = `${track} ${number}`;
      const cacheBytes = [0, 2 ** 20, 8 * 2 ** 20][below(random, 3)]!;
      const source = sources.get(key) ?? take.source({ cacheBytes });
      sources.set(key, source);
      const [start, end] = rangeIn(take.size, random);
      touched = segmentsOf(recorded, track, number, start, end);
      const bytes = await source.read(start, end);
      const expected = recorded.content.get(track)![number]!.subarray(start, end);
      equal(bytes.length, end - start, "length");
      if (!bytes.every((byte, i) => byte === expected[i])) throw new Error(`wrong bytes in ${start}-${end}`);
      counts.bytes += bytes.length;
    } catch (error) {
      refuse(error, isLog ? REFUSED : EXPECTED);
      if (!isLog && touched.every((name) => objects.get(name) === recorded.objects.get(name))) throw error;
    }
  }
  await opened.close();
}

/** Where each segment of a take begins. */
const STARTS = SIZES.map((_, i) => SIZES.slice(0, i).reduce((sum, size) => sum + size, 0));

/** Names of the objects that hold a range of a take. */
function segmentsOf(
  { objects, content }: Recorded,
  track: string,
  take: number,
  start: number,
  end: number,
): string[] {
  const id = [...content.keys()].indexOf(track) + 1;
  const names = segmentsIn(objects).filter((name) => Number(name.split("/").at(-2)) === id);
  const inTake = names.sort().slice(take * SIZES.length, (take + 1) * SIZES.length);
  return inTake.filter((_, i) => STARTS[i]! < end && STARTS[i]! + SIZES[i]! > start);
}

/** At borders of segments as often as anywhere. */
function rangeIn(size: number, random: Random): [number, number] {
  const place = (): number =>
    random() < 0.5 ? below(random, size) : STARTS[below(random, STARTS.length)]! + below(random, 3) - 1;
  const start = Math.min(Math.max(0, place()), size);
  const length = random() < 0.9 ? below(random, 100_000) : below(random, 2 ** 21);
  return [start, Math.min(size, start + length)];
}

function open({ identity, coreHash, objects: whole }: Recorded, objects: Objects): Promise<RecordingReview> {
  const envelope = [...whole].find(([name]) => name.endsWith("/envelope"))![1];
  return openRecording(envelope, {
    identities: identity,
    expected: { coreHash },
    objects: (name) => {
      const bytes = objects.get(name);
      return bytes ? bytesSource(bytes) : null;
    },
    list: () => objects.keys(),
    retry: { attempts: 1 },
  });
}

export const seeks: readonly Case[] = [
  {
    name: "a hundred seeks in recordings with swapped, cut and altered objects give no wrong byte",
    async run() {
      await seekThrough(1, 100);
    },
  },
];
