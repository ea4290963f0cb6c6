import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { openRecording, type Verdict } from "../../src/recording/index.js";
import { bytesSource } from "../../src/source/index.js";
import { sameBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode } from "../helpers/errors.js";
import { noise, START, staff, TestRecording } from "./recorder.js";

const CHUNK = 16384;
const BLOCK = 64 * CHUNK;
const BIG = noise(2 * BLOCK + 5000);
const SMALL = noise(300);

const at = (seconds: number) => START.getTime() + 1000 * seconds;

/** Two takes of a camera, the first cut by a crash, and a chat of three segments. */
async function typical(): Promise<TestRecording> {
  const { recipient } = await staff();
  const recording = await TestRecording.start(recipient);
  return recording.record({
    camera: [
      {
        startedAt: at(0),
        type: "video/webm",
        points: [
          { time: 0, byte: 0 },
          { time: 1000, byte: BLOCK },
          { time: 2000, byte: 2 * BLOCK },
        ],
        segments: [{ data: BIG }, { data: BIG.subarray(0, 5 * CHUNK), isCut: true }],
      },
      { startedAt: at(10), type: "video/webm", segments: [{ data: SMALL }] },
    ],
    chat: [{ segments: [{ data: SMALL }, { data: new Uint8Array(0) }, { data: SMALL }] }],
  });
}

async function verdictOf(
  recording: TestRecording,
  options: { pinned?: boolean; listed?: boolean } = {},
): Promise<Verdict> {
  const review = await openRecording(recording.envelope.bytes, {
    identities: await staff(),
    manifest: [...recording.objects].filter(([name]) => name.includes("manifest")).map(([, bytes]) => bytes),
    ...(options.pinned ? { expected: { coreHash: recording.coreHash } } : {}),
    objects: recording.lookup,
  });
  expect(review.status).toBe("unverified");
  const verdict = await review.verify(options.listed === false ? {} : { list: recording.list });
  expect(review.status).toBe(verdict.state);
  await review.close();
  return verdict;
}

const gapsOf = ({ gaps }: Verdict) =>
  gaps.map(({ track, take, segment, cause, bytes }) => ({ track, take, segment, cause, ...bytes }));
const interrupted = {
  track: "camera",
  take: 0,
  segment: 1,
  cause: "interrupted",
  start: BIG.length + 5 * CHUNK,
  end: BIG.length + 5 * CHUNK,
};

describe("the verdict on a recording", () => {
  it("that is all there is complete, pinned where its coreHash was announced", async () => {
    const recording = await typical();
    await recording.manifest();
    const pinned = await verdictOf(recording, { pinned: true });
    expect(pinned).toMatchObject({ state: "complete", origin: "pinned", findings: [], isListed: true });
    // What the crash took is named, though nothing of what was signed is missing.
    expect(gapsOf(pinned)).toEqual([interrupted]);
    expect(pinned.gaps[0]!.time).toEqual({ from: new Date(at(2)), to: new Date(at(10)) });
    expect(pinned.tracks.map(({ name, takes }) => [name, takes.length])).toEqual([
      ["camera", 2],
      ["chat", 1],
    ]);
    const [first, cut] = pinned.tracks[0]!.takes[0]!.segments;
    expect(first).toEqual({
      index: 0,
      object: recording.name(1, 0),
      end: "final",
      state: "authentic",
      content: { start: 0, end: BIG.length },
      authentic: [{ start: 0, end: BIG.length }],
    });
    expect(cut).toMatchObject({ end: "cut", state: "authentic" });
    const unpinned = await verdictOf(recording, { listed: false });
    expect(unpinned).toMatchObject({ state: "complete", origin: "unpinned", isListed: false });
  });

  it("without a final manifest is unfinished, also where there is none at all", async () => {
    const recording = await typical();
    const none = await verdictOf(recording);
    expect(none).toMatchObject({ state: "unfinished", findings: [{ cause: "no-manifest" }], tracks: [] });
    await recording.checkpoint(3);
    const checkpoint = await verdictOf(recording);
    expect(checkpoint).toMatchObject({ state: "unfinished", findings: [] });
    expect(gapsOf(checkpoint)).toEqual([interrupted]);
  });

  it("that went on after its last checkpoint is unfinished, what came later unsigned", async () => {
    const { recipient } = await staff();
    const recording = await TestRecording.start(recipient);
    const segments = [{ data: SMALL }, { data: BIG.subarray(0, 2 * CHUNK), isCut: true }];
    await recording.record({ camera: [{ segments }] });
    await recording.checkpoint(1);
    const grow = (index: number) => {
      const name = recording.name(1, index);
      recording.objects.set(name, concatBytes(recording.objects.get(name)!, noise(20_000)));
    };
    grow(1);
    await recording.segment(1, 2, { data: SMALL });
    await recording.segment(2, 0, { data: SMALL });
    const verdict = await verdictOf(recording);
    expect(verdict).toMatchObject({ state: "unfinished", findings: [] });
    const unsigned = { cause: "unsigned", take: 0, start: 0, end: 0 };
    expect(gapsOf(verdict)).toEqual([
      { ...unsigned, track: "camera", segment: 1, start: 300 + 2 * CHUNK, end: 300 + 2 * CHUNK },
      { ...unsigned, track: "camera", segment: 2 },
      { ...unsigned, track: undefined, segment: 0 },
    ]);
    // A segment that had ended does not grow, nor does one that a crash cut in an earlier take.
    grow(0);
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "excess-bytes" }],
    });
  });

  it("names a missing segment, with its time (H3)", async () => {
    const recording = await typical();
    await recording.manifest();
    recording.objects.delete(recording.name(1, 0));
    recording.objects.delete(recording.name(2, 2));
    const verdict = await verdictOf(recording, { pinned: true });
    expect(verdict.state).toBe("truncated");
    expect(gapsOf(verdict)).toEqual([
      { track: "camera", take: 0, segment: 0, cause: "missing", start: 0, end: BIG.length },
      interrupted,
      { track: "chat", take: 0, segment: 2, cause: "missing", start: 300, end: 600 },
    ]);
    expect(verdict.gaps[0]!.time).toEqual({ from: new Date(at(0)), to: new Date(at(10)) });
    expect(verdict.gaps[2]!.time).toBeUndefined();
  });

  it("says how far a segment that ends too early is authentic", async () => {
    const recording = await typical();
    await recording.manifest();
    const name = recording.name(1, 0);
    const whole = recording.objects.get(name)!;
    for (const length of [0, 50, 86, 5000, 86 + 64 * 16400, 86 + 100 * 16400, whole.length - 1]) {
      recording.objects.set(name, whole.slice(0, length));
      const verdict = await verdictOf(recording);
      expect(verdict.state, `${length}`).toBe("truncated");
      const blocks = Math.floor((length - 86) / (64 * 16400));
      const start = Math.max(0, blocks) * BLOCK;
      expect(gapsOf(verdict)[0], `${length}`).toEqual({
        track: "camera",
        take: 0,
        segment: 0,
        cause: "truncated",
        start,
        end: BIG.length,
      });
      const [segment] = verdict.tracks[0]!.takes[0]!.segments;
      expect(segment!.authentic).toEqual(start === 0 ? [] : [{ start: 0, end: start }]);
    }
  });

  it("is altered where any byte of head or chunks is, and says which megabyte", async () => {
    const recording = await typical();
    await recording.manifest();
    const name = recording.name(1, 0);
    const whole = recording.objects.get(name)!;
    for (const [offset, block] of [
      [0, undefined],
      [40, undefined],
      [85, undefined],
      [86, 0],
      [86 + 64 * 16400 - 1, 0],
      [86 + 64 * 16400, 1],
      [whole.length - 1, 2],
    ] as const) {
      const changed = whole.slice();
      changed[offset]! ^= 1;
      recording.objects.set(name, changed);
      const verdict = await verdictOf(recording);
      expect(verdict.state, `${offset}`).toBe("altered");
      const start = block === undefined ? 0 : block * BLOCK;
      const end = block === undefined || block === 2 ? BIG.length : start + BLOCK;
      expect(gapsOf(verdict)[0]).toMatchObject({ cause: "altered", start, end });
      if (block === 1) expect(verdict.gaps[0]!.time).toEqual({ from: new Date(at(1)), to: new Date(at(2)) });
    }
  });

  it("is altered where segments changed places, or were replaced by another's (H4)", async () => {
    const recording = await typical();
    await recording.manifest();
    const [one, other] = [recording.name(2, 0), recording.name(2, 2)];
    const [first, second] = [recording.objects.get(one)!, recording.objects.get(other)!];
    recording.objects.set(one, second).set(other, first);
    expect(await verdictOf(recording)).toMatchObject({ state: "altered" });
  });

  it("is altered by a byte behind a segment's end, and by a segment nobody signed", async () => {
    const recording = await typical();
    await recording.manifest();
    const name = recording.name(2, 1);
    const before = recording.objects.get(name)!;
    recording.objects.set(name, concatBytes(before, Uint8Array.of(0)));
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "excess-bytes", object: name }],
    });
    recording.objects.set(name, before);
    await recording.segment(2, 3, { data: SMALL });
    expect(await verdictOf(recording, { listed: false })).toMatchObject({ state: "complete" });
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "unlisted-segment", object: recording.name(2, 3) }],
    });
  });

  it("is altered by two ends, or one that was signed past", async () => {
    const recording = await typical();
    const first = await recording.manifest({}, 4);
    // The same manifest once more, sealed under another salt, is the same manifest.
    await recording.manifest({}, 4);
    recording.objects.set("again/manifest", first);
    expect(await verdictOf(recording)).toMatchObject({ state: "complete", findings: [] });
    await recording.manifest({ reason: "timed out" }, 5);
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "two-finals" }],
    });
    await recording.checkpoint(5);
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "after-final" }],
    });
    await recording.manifest({ reason: "timed out" }, 4);
    recording.objects.delete([...recording.objects.keys()].find((name) => name.endsWith("00000005"))!);
    expect(await verdictOf(recording)).toMatchObject({
      state: "altered",
      findings: [{ cause: "conflicting-manifests" }],
    });
  });

  it("goes by the highest sequence that opens, and reports those that do not", async () => {
    const recording = await typical();
    await recording.checkpoint(1, { entries: recording.entries.slice(0, 1) });
    const sealed = await recording.manifest({}, 2);
    const damaged = sealed.slice();
    damaged[sealed.length - 1]! ^= 1;
    recording.objects.set(`${recording.id}/manifest-00000003`, damaged);
    expect(await verdictOf(recording)).toMatchObject({
      state: "complete",
      findings: [{ cause: "invalid-manifest", code: "authentication-failed" }],
    });
  });

  it("names tracks that were not drained", async () => {
    const recording = await typical();
    await recording.manifest({ undrained: [2] });
    const verdict = await verdictOf(recording);
    expect(verdict.state).toBe("complete");
    expect(gapsOf(verdict)).toContainEqual({
      track: "chat",
      take: 0,
      segment: undefined,
      cause: "undrained",
      start: 600,
      end: 600,
    });
  });

  it("is never complete where the core names no sender", async () => {
    const { recipient } = await staff();
    const { createRecordingEnvelope, planEnvelope } = await import("../../src/envelope/create.js");
    const { bytes } = await createRecordingEnvelope(planEnvelope("recording", { to: recipient }));
    const review = await openRecording(bytes, { identities: await staff() });
    expect(await review.verify()).toMatchObject({ state: "unfinished", findings: [{ cause: "no-sender" }] });
  });
});

describe("verifying", () => {
  it("reads every byte once, a megabyte at a time, at most four at once, and reports progress", async () => {
    const recording = await typical();
    await recording.manifest();
    let open = 0;
    let most = 0;
    let read = 0;
    let closed = 0;
    const review = await openRecording(recording.envelope.bytes, {
      identities: await staff(),
      objects: recording.lookup,
      list: recording.list,
    });
    const progress: { bytes: number; total?: number }[] = [];
    const verdict = await review.verify({
      onProgress: (each) => progress.push(each),
      objects: (name) => {
        const source = bytesSource(recording.objects.get(name)!);
        return {
          size: () => source.size(),
          async read(start, end) {
            most = Math.max(most, ++open);
            read += end - start;
            expect(end - start).toBeLessThanOrEqual(86 + 64 * 16400);
            await new Promise((resolve) => setTimeout(resolve, 1));
            open--;
            return source.read(start, end);
          },
          close: () => void closed++,
        };
      },
    });
    expect(verdict.state).toBe("complete");
    expect(most).toBe(4);
    const total = recording.entries.reduce((sum, { length }) => sum + length, 0);
    expect(read).toBe(total);
    expect(closed).toBe(recording.entries.length);
    expect(progress.at(-1)).toEqual({ bytes: total, total });
  });

  it("is stopped by its signal, and by a source that fails, without a verdict", async () => {
    const recording = await typical();
    await recording.manifest();
    const review = await openRecording(recording.envelope.bytes, {
      identities: await staff(),
      objects: recording.lookup,
      list: recording.list,
    });
    const controller = new AbortController();
    const reason = new Error("enough");
    const stopped = review.verify({
      signal: controller.signal,
      objects: (name) => {
        controller.abort(reason);
        return recording.lookup(name, {});
      },
    });
    expect(await caught(() => stopped)).toBe(reason);
    expect(review.status).toBe("unverified");
    const failing = { size: async () => 1e6, read: async () => new Uint8Array(3) };
    await expectCode(() => review.verify({ objects: () => failing }), "source-failed");
    expect(review.status).toBe("unverified");
  });

  it("gives no verdict once the recording is closed, nor in the middle of it", async () => {
    const recording = await typical();
    await recording.manifest();
    const open = async () =>
      openRecording(recording.envelope.bytes, {
        identities: await staff(),
        objects: recording.lookup,
        list: recording.list,
      });
    const closed = await open();
    await closed.close();
    await closed.close();
    await expectCode(() => closed.verify(), "closed");
    const review = await open();
    const verdict = review.verify();
    await review.close();
    expectErrorCode(await caught(() => verdict), "closed");
  });
});

describe("opening a recording", () => {
  it("tells what it is, and refuses another's manifest or an older one by name", async () => {
    const recording = await typical();
    const manifest = await recording.manifest({}, 7);
    const identities = await staff();
    const review = await openRecording(recording.envelope.bytes, { identities, manifest, minSequence: 7 });
    expect(review).toMatchObject({
      recordingId: recording.id,
      coreHash: recording.coreHash,
      metadata: { exam: "physics" },
      origin: "unpinned",
      sequence: 7,
      reason: "submitted",
      startedAt: START,
    });
    expect(review.tracks.map(({ id, name }) => [id, name])).toEqual([
      [1, "camera"],
      [2, "chat"],
    ]);
    const unknown = await expectCode(() => review.track("microphone"), "unknown-track");
    expect(unknown.details.tracks).toEqual(["camera", "chat"]);
    const other = await typical();
    const open = (given: Uint8Array) => openRecording(other.envelope.bytes, { identities, manifest: given });
    await expectCode(() => open(manifest), "wrong-recording");
    const stale = await expectCode(
      () => openRecording(recording.envelope.bytes, { identities, manifest, minSequence: 8 }),
      "stale-manifest",
    );
    expect(stale.details).toEqual({ sequence: 7, minSequence: 8 });
    await expectCode(
      () => openRecording(recording.envelope.bytes, { identities, minSequence: 0 }),
      "stale-manifest",
    );
  });

  it("refuses a recording that is not the announced one, before any key is used (H1)", async () => {
    const recording = await typical();
    const announced = await typical();
    let used = 0;
    const identities = { unwrap: () => (++used > 0 ? null : null) };
    const error = await expectCode(
      () =>
        openRecording(recording.envelope.bytes, {
          identities,
          expected: { coreHash: announced.coreHash },
        }),
      "unexpected-recording",
    );
    expect(error.details).toEqual({ expected: announced.coreHash, actual: recording.coreHash });
    expect(used).toBe(0);
    const expected = { coreHash: undefined as unknown as string };
    expect(
      await caught(() => openRecording(recording.envelope.bytes, { identities, expected })),
    ).toBeInstanceOf(TypeError);
  });

  it("refuses a sealed file, and open refuses a recording", async () => {
    const { open, seal } = await import("../../src/index.js");
    const { recipient } = await staff();
    const recording = await typical();
    const file = await seal(SMALL, { to: recipient });
    const { envelopeLength } = await import("../../src/envelope/wire.js");
    const { LIMITS } = await import("../../src/formats/constants.js");
    const envelope = file.slice(0, envelopeLength(file.slice(0, 14), LIMITS));
    await expectCode(async () => openRecording(envelope, { identities: await staff() }), "wrong-kind");
    await expectCode(async () => open(recording.envelope.bytes, { identities: await staff() }), "wrong-kind");
    expect(sameBytes(envelope, file.slice(0, envelope.length))).toBe(true);
  });
});
