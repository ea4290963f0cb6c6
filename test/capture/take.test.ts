/** What a take writes, in a recording. */
import { describe, expect, test } from "vitest";
import { Pressure } from "../../src/capture/pressure.js";
import { TakeOutput } from "../../src/capture/take.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { startRecording } from "../../src/recording/start.js";
import type { TrackSink } from "../../src/recording/track-source.js";
import { openRecording } from "../../src/review/review.js";
import { bytesSource } from "../../src/source/bytes.js";
import { memoryJournal } from "../../src/storage/memory.js";

const MIB = 2 ** 20;

/** Numbered bytes of a unit. */
const unit = (length: number, first: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (first + i) % 251);

/** A recording of one track, which `write` writes, and what a reviewer finds. */
async function recorded(write: (sink: TrackSink) => Promise<void>) {
  const identity = await generateIdentity();
  const recording = await startRecording({ to: identity.recipient, journal: memoryJournal() });
  const objects = new Map<string, Uint8Array>();
  const uploading = recording.upload((name, bytes) => void objects.set(name, bytes.slice()));
  let sink!: TrackSink;
  const ended = recording.track("camera").attach((given) => {
    sink = given;
    const done = Promise.resolve();
    return { done, drain: async () => {}, stop: async () => {}, abandon() {} };
  });
  await write(sink);
  await sink.flush();
  await recording.finish("submitted");
  await Promise.all([uploading, ended]);
  return openRecording(objects.get(`${recording.recordingId}/envelope`)!, {
    identities: identity,
    objects: (name) => (objects.has(name) ? bytesSource(objects.get(name)!) : null),
    list: (prefix) => [...objects.keys()].filter((name) => name.startsWith(prefix)),
  });
}

describe("the units of a take", () => {
  test("longer than a segment are cut, and not a byte is lost", async () => {
    const pressure = new Pressure(64 * MIB);
    let waiting = 0;
    const onBuffered = (bytes: number): void => {
      waiting += bytes;
      expect(pressure.add(bytes)).toBeUndefined();
    };
    const [init, ...units] = [unit(100, 1), unit(3000, 2), unit(20 * MIB, 3), unit(8 * MIB, 4), unit(5, 5)];
    let startedAt = 0;
    const review = await recorded(async (sink) => {
      startedAt = sink.now();
      const output = new TakeOutput(sink, () => startedAt, Promise.resolve(), onBuffered);
      output.init(init!, Promise.resolve("video/webm;codecs=vp8"));
      for (const [n, bytes] of units.entries()) output.unit(bytes, 2 * n, true);
      await output.written();
      await sink.flush();
    });
    expect(waiting).toBe(0);
    const { state, tracks } = await review.verify();
    expect(state).toBe("complete");
    const [take] = review.track("camera").takes;
    const source = take!.source();
    const content = Buffer.from(await source.read(0, take!.size));
    await source.close();
    expect(content.equals(Buffer.concat([init!, ...units]))).toBe(true);

    // Each unit begins a segment, whose time is its own, where what is before it fills one.
    const starts = new Map(
      tracks[0]!.takes[0]!.segments.map((each) => [each.content.start, each.time.getTime() - startedAt]),
    );
    expect(starts.get(100)).toBe(0);
    expect(starts.get(100 + 3000)).toBe(2000);
    expect(starts.get(100 + 3000 + 20 * MIB)).toBe(4000);
    await review.close();
  }, 120_000);

  test("have their own times also where the take before was ahead of them", async () => {
    let now = 0;
    const review = await recorded(async (sink) => {
      now = sink.now();
      for (const [startedAt, ahead] of [
        [now, 400],
        [now + 100, 0],
      ] as const) {
        const output = new TakeOutput(
          sink,
          () => startedAt,
          Promise.resolve(),
          () => {},
        );
        output.init(unit(100, 1), Promise.resolve("video/webm;codecs=vp8"));
        output.unit(unit(3000, 2), ahead / 1000, true);
        await output.written();
        await sink.flush();
      }
    });
    const { state, tracks } = await review.verify();
    const times = tracks[0]!.takes.map(({ segments }) => segments.map(({ time }) => time.getTime() - now));
    expect([state, times]).toEqual([
      "complete",
      [
        [0, 400],
        [100, 100],
      ],
    ]);
    await review.close();
  });
});
