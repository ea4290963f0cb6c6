/** Excerpts as ordinary files, from real media: every frame is the original's, and none is from elsewhere. */
import { readFileSync } from "node:fs";
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from "mediabunny";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../src/formats/encoding.js";
import { exportExcerpt } from "../src/media-export.js";
import { type OpenedExcerpt, openExcerpt } from "../src/review/index.js";
import { caught, expectCode, expectWrongType } from "./helpers/errors.js";
import { reviewOf } from "./review/reader.js";
import { forgeRecording, STARTED, type Step } from "./vectors/recording-forge.js";

const media = (name: string) => readFileSync(new URL(`../../shared/media/${name}`, import.meta.url));

/** 90 s with a key frame every two; a unit of each begins with `mark`, some bytes behind its beginning. */
const FILMS = {
  webm: { bytes: media("vp8.webm"), type: "video/webm", mark: "1f43b675", before: 0 },
  mp4: { bytes: media("h264frag.mp4"), type: "video/mp4", mark: "6d6f6f66", before: 4 },
} as const;
type Film = (typeof FILMS)[keyof typeof FILMS];

function unitsOf({ bytes, mark, before }: Film): number[] {
  const units: number[] = [];
  for (let at = bytes.indexOf(mark, 0, "hex"); at >= 0; at = bytes.indexOf(mark, at + 4, "hex"))
    units.push(at - before);
  return units;
}

/** A take whose segments begin at these bytes and seconds; those of these indices were lost. */
async function excerptOf(
  film: Film,
  begins: readonly (readonly [byte: number, second: number])[],
  [from, to]: readonly [number, number],
  lost: readonly number[] = [],
): Promise<OpenedExcerpt> {
  const script: Step[] = [{ take: "camera", type: film.type, at: 0 }];
  begins.forEach(([byte, second], i) => {
    const data = new Uint8Array(film.bytes.subarray(byte, begins[i + 1]?.[0]));
    const at = second * 1000;
    script.push(lost.includes(i) ? { lost: 1, track: "camera", at } : { segment: "camera", data, at });
  });
  const review = await reviewOf(forgeRecording({ script }));
  const excerpt = await review.excerpt("camera", { from: STARTED + from * 1000, to: STARTED + to * 1000 });
  await review.close();
  return openExcerpt(excerpt);
}

/** As captured: the initialisation part alone, then units of two seconds. */
const aligned = (film: Film): [number, number][] => [
  [0, 0],
  ...unitsOf(film).map((unit, i): [number, number] => [unit, 2 * i]),
];

/** As a MediaRecorder's blobs are cut: anywhere. */
const unaligned = (film: Film): [number, number][] =>
  Array.from({ length: 18 }, (_, i) => [Math.round((film.bytes.length * i) / 18), 5 * i]);

interface Packet {
  readonly time: number;
  readonly key: boolean;
  readonly data: string;
}

async function packetsOf(bytes: Uint8Array, kind: "video" | "audio"): Promise<Packet[]> {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  const track = kind === "video" ? await input.getPrimaryVideoTrack() : await input.getPrimaryAudioTrack();
  const packets: Packet[] = [];
  for await (const { timestamp, type, data } of new EncodedPacketSink(track!).packets())
    packets.push({ time: timestamp, key: type === "key", data: encodeHex(data) });
  return packets;
}

const originals = new Map<string, Packet[]>();
async function originalOf(film: Film, kind: "video" | "audio"): Promise<Packet[]> {
  const key = `${film.type} ${kind}`;
  const known = originals.get(key) ?? (await packetsOf(film.bytes, kind));
  originals.set(key, known);
  return known;
}

/** That these are the original's frames of `[from, to)`, in order, at their times since the first. */
async function expectFrames(film: Film, bytes: Uint8Array, from: number, to: number): Promise<void> {
  const video = await originalOf(film, "video");
  const start = video.find(({ time, key }) => key && time >= from)!.time;
  const found = await packetsOf(bytes, "video");
  const expected = video.filter(({ time }) => time >= start && time < to);
  expect(found.map(({ data }) => data)).toEqual(expected.map(({ data }) => data));
  found.forEach(({ time, key }, i) => {
    expect(Math.abs(time - (expected[i]!.time - start))).toBeLessThan(0.002);
    expect(key).toBe(expected[i]!.key);
  });
  // Sound around the borders: its frames are cut by time, and units by video.
  const audio = new Map((await originalOf(film, "audio")).map(({ data, time }) => [data, time]));
  const heard = await packetsOf(bytes, "audio");
  expect(heard.length).toBeGreaterThan(40 * (to - start - 1));
  for (const { data } of heard) expect(audio.has(data)).toBe(true);
}

describe.each(Object.entries(FILMS))("an excerpt of %s", (extension, film) => {
  it("in segments that begin at key frames: the source is a file, and the export one from 0 on", async () => {
    const excerpt = await excerptOf(film, aligned(film), [30, 60]);
    const source = excerpt.source();
    const file = await packetsOf(await source.read(0, await source.size()), "video");
    expect(file.length).toBe(900);
    expect(Math.abs(file[0]!.time - 30)).toBeLessThan(0.07);
    const saved = await exportExcerpt(excerpt);
    expect(saved.extension).toBe(extension);
    expect(saved.type).toMatch(extension === "webm" ? /^video\/webm.*vp8/ : /^video\/mp4.*avc1/);
    expect(Math.abs(saved.startedAt.getTime() - STARTED - 30_000)).toBeLessThan(70);
    expect(Math.abs(saved.duration - 30_000)).toBeLessThan(100);
    await expectFrames(film, saved.bytes, 30, 60 + (extension === "mp4" ? 0.05 : 0));
  });

  it("from the take's beginning", async () => {
    const saved = await exportExcerpt(await excerptOf(film, aligned(film), [0, 10]));
    await expectFrames(film, saved.bytes, 0, 10 + (extension === "mp4" ? 0.05 : 0));
  });
});

/** That every frame is the original's, and at its time since the first one. @returns the original's times. */
async function expectOriginals(film: Film, bytes: Uint8Array): Promise<number[]> {
  const known = new Map((await originalOf(film, "video")).map(({ data, time }) => [data, time]));
  const found = await packetsOf(bytes, "video");
  const times = found.map(({ data }) => known.get(data)!);
  expect(times).not.toContain(undefined);
  found.forEach(({ time }, i) => {
    expect(Math.abs(times[i]! - times[0]! - (time - found[0]!.time))).toBeLessThan(0.002);
  });
  return times;
}

describe.each(Object.entries(FILMS))("an excerpt of %s with lost segments", (_extension, film) => {
  const parts = async (begins: [number, number][], range: [number, number], lost: number[]) => {
    const { bytes } = await exportExcerpt(await excerptOf(film, begins, range, lost));
    const times = await expectOriginals(film, bytes);
    const isJump = (time: number, i: number): boolean => i === 0 || time - times[i - 1]! > 0.5;
    const begin = times.filter(isJump);
    const end = times.filter((_, i) => i + 1 === times.length || isJump(times[i + 1]!, i + 1));
    return begin.map((time, i) => [Math.round(time), Math.round(end[i]!)]);
  };

  it("at key frames: a jump where each is missing, also behind the first and behind the beginning", async () => {
    // Index 0 is the initialisation part, index n begins at 2 n - 2 s.
    expect(await parts(aligned(film), [30, 50], [18, 20, 21])).toEqual([
      [30, 34],
      [36, 38],
      [42, 50],
    ]);
    expect(await parts(aligned(film), [30, 50], [17])).toEqual([
      [30, 32],
      [34, 50],
    ]);
    expect(await parts(aligned(film), [0, 10], [1])).toEqual([[2, 10]]);
    expect(await parts(aligned(film), [0, 10], [2])).toEqual([
      [0, 2],
      [4, 10],
    ]);
  });

  it("that begin anywhere: it goes on with the first key frame behind each", async () => {
    // Index n begins at about 5 n s, key frames every two.
    const found = await parts(unaligned(film), [30, 60], [8]);
    expect(found.length).toBe(2);
    const [[first, last], [next, end]] = found as [[number, number], [number, number]];
    for (const [time, expected] of [
      [first, 30],
      [last, 40],
      [next, 45],
      [end, 60],
    ] as const)
      expect(Math.abs(time - expected)).toBeLessThan(3);
  });
});

describe("an excerpt of segments that begin anywhere", () => {
  it("of WebM begins at the first key frame behind the first cluster", async () => {
    const excerpt = await excerptOf(FILMS.webm, unaligned(FILMS.webm), [30, 50]);
    const saved = await exportExcerpt(excerpt);
    const lag = (saved.startedAt.getTime() - STARTED) / 1000 - 30;
    expect(lag).toBeGreaterThan(-1);
    expect(lag).toBeLessThan(3);
    const video = await packetsOf(saved.bytes, "video");
    expect(video.length).toBeGreaterThan(17 * 30);
    const known = new Map((await originalOf(FILMS.webm, "video")).map(({ data, time }) => [data, time]));
    const start = known.get(video[0]!.data)!;
    expect(video[0]).toMatchObject({ time: 0, key: true });
    for (const { data, time } of video) expect(Math.abs(known.get(data)! - start - time)).toBeLessThan(0.002);
  });

  it("of MP4 makes no file where no fragment begins", async () => {
    const [unit, next] = unitsOf(FILMS.mp4).slice(10);
    const inside = Math.round((unit! + next!) / 2);
    const begins = [
      [0, 0],
      [unit!, 20],
      [inside, 21],
      [next!, 22],
    ] as const;
    const excerpt = await excerptOf(FILMS.mp4, begins, [21.1, 21.5]);
    expect(excerpt.segments.map(({ index }) => index)).toEqual([0, 2]);
    expect((await expectCode(() => exportExcerpt(excerpt), "unplayable")).details.reason).toBe("empty");
  });

  it("of both makes a file from the beginning on", async () => {
    for (const film of Object.values(FILMS)) {
      const saved = await exportExcerpt(await excerptOf(film, unaligned(film), [0, 20]));
      expect(saved.duration).toBeGreaterThan(15_000);
      expect((await packetsOf(saved.bytes, "video")).length).toBeGreaterThan(15 * 30);
    }
  });
});

it("refuses what is no media, what is no excerpt, and stops with its signal", async () => {
  const noise = { ...FILMS.webm, bytes: Buffer.alloc(1000, 7) };
  const excerpt = await excerptOf(noise, [[0, 0]], [0, 1]);
  expect((await expectCode(() => exportExcerpt(excerpt), "unplayable")).details.reason).toBe("media");
  await expectWrongType(() => exportExcerpt({} as never));
  await expectWrongType(() => exportExcerpt(excerpt, { format: "mp4" } as never));
  const signal = AbortSignal.abort(new Error("stop"));
  expect(await caught(() => exportExcerpt(excerpt, { signal }))).toBe(signal.reason);
  await excerpt.close();
  await expectCode(() => exportExcerpt(excerpt), "closed");
});
