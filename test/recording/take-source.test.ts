import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { openRecording, type RecordingReview, type TakeSource } from "../../src/recording/index.js";
import { type ByteSource, bytesSource, httpSource } from "../../src/source/index.js";
import { collect, expectBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { rangeOf, testServer } from "../source/server.js";
import { noise, type SegmentContent, staff, TestRecording } from "./recorder.js";

const CHUNK = 16384;
const BLOCK = 64 * CHUNK;

const server = testServer();

/** Segments of every kind of length around the borders of chunks and blocks, whole and cut. */
const SEGMENTS: readonly SegmentContent[] = [
  { data: noise(2 * BLOCK + 3 * CHUNK + 77) },
  { data: noise(0) },
  { data: noise(1) },
  { data: noise(BLOCK) },
  { data: noise(CHUNK) },
  { data: noise(CHUNK - 1) },
  { data: noise(66 * CHUNK), isCut: true },
];
const CONTENT = concatBytes(...SEGMENTS.map(({ data }) => data));

async function record(segments = SEGMENTS): Promise<{ recording: TestRecording; review: RecordingReview }> {
  const identity = await staff();
  const recording = await TestRecording.start(identity.recipient);
  await recording.record({ camera: [{ segments }, { segments: [{ data: noise(10) }] }] });
  const manifest = await recording.manifest();
  const review = await openRecording(recording.envelope.bytes, { identities: identity, manifest });
  return { recording, review };
}

const shared = record();
async function sourceOf(options?: { cacheBytes?: number }): Promise<TakeSource> {
  const { recording, review } = await shared;
  return review.track("camera").takes[0]!.source(recording.lookup, options);
}

/** Counts what is asked of a source. */
function counting(source: ByteSource, count: { bytes: number; calls: number; closed: number }): ByteSource {
  return {
    size: (options) => source.size(options),
    read(start, end, options) {
      count.calls++;
      count.bytes += end - start;
      return source.read(start, end, options);
    },
    close: () => void count.closed++,
  };
}

describe("a take as one source", () => {
  it("gives every range just as it was recorded, over all borders, whatever is cached", async () => {
    const border = fc.constantFrom(
      ...SEGMENTS.map((_, i) => concatBytes(...SEGMENTS.slice(0, i).map(({ data }) => data)).length),
      CHUNK,
      BLOCK,
      2 * BLOCK,
      CONTENT.length,
    );
    const near = fc.tuple(border, fc.integer({ min: -2, max: 2 })).map(([at, by]) => at + by);
    const place = fc
      .oneof(near, fc.nat(CONTENT.length))
      .map((at) => Math.min(CONTENT.length, Math.max(0, at)));
    const source = await sourceOf();
    const forgetful = await sourceOf({ cacheBytes: 0 });
    await fc.assert(
      fc.asyncProperty(place, place, fc.boolean(), async (a, b, isForgetful) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        const from = isForgetful ? forgetful : source;
        expectBytes(await from.read(start, end), CONTENT.subarray(start, end), `${start}…${end}`);
      }),
      { numRuns: 60, examples: [[0, CONTENT.length, false]] },
    );
    await source.close();
    await forgetful.close();
  });

  it("streams the whole, or a part", async () => {
    const source = await sourceOf();
    expect(source.size).toBe(CONTENT.length);
    expectBytes(await collect(source.stream()), CONTENT);
    expectBytes(await collect(source.stream(BLOCK - 5, 3 * BLOCK)), CONTENT.subarray(BLOCK - 5, 3 * BLOCK));
    expectBytes(await collect(source.stream(7, 7)), new Uint8Array(0));
    await source.close();
  });

  it("answers concurrent reads, each right", async () => {
    const source = await sourceOf({ cacheBytes: BLOCK });
    const reads = Array.from({ length: 40 }, (_, i) => {
      const start = (i * 104_729) % (CONTENT.length - 50_000);
      return source.read(start, start + 50_000).then((bytes) => {
        expectBytes(bytes, CONTENT.subarray(start, start + 50_000));
      });
    });
    await Promise.all(reads);
    await source.close();
  });

  it("fetches a block once while it is cached, the next ahead when read in order, and keeps few objects open", async () => {
    const { recording, review } = await shared;
    const count = { bytes: 0, calls: 0, closed: 0 };
    let opened = 0;
    const source = review.track("camera").takes[0]!.source((name) => {
      opened++;
      return counting(bytesSource(recording.objects.get(name)!), count);
    });
    await source.read(100, 200);
    const one = 86 + 64 * 16400;
    expect(count.bytes).toBe(one);
    await source.read(500, 600);
    expect(count).toEqual({ bytes: one, calls: 2, closed: 0 });
    await source.read(600, 700);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What is left of the first segment's blocks: read in order, so fetched ahead.
    expect(count.bytes).toBe(recording.objects.get(recording.name(1, 0))!.length);
    await source.read(BLOCK, 2 * BLOCK);
    expect(opened).toBe(1);
    await source.close();
    expect(count.closed).toBe(1);
    await source.close();
  });

  it("with hundreds of small segments reads each in one request, and closes what it has used", async () => {
    const segments = Array.from({ length: 200 }, (_, i) => ({ data: noise(50 + i) }));
    const { recording, review } = await record(segments);
    const count = { bytes: 0, calls: 0, closed: 0 };
    let open = 0;
    let most = 0;
    const source = review.track("camera").takes[0]!.source((name) => {
      most = Math.max(most, ++open);
      const inner = counting(bytesSource(recording.objects.get(name)!), count);
      return { ...inner, close: () => void open-- };
    });
    expectBytes(await source.read(0, source.size), concatBytes(...segments.map(({ data }) => data)));
    expect(count.calls).toBe(200);
    expect(most).toBeLessThanOrEqual(12);
    await source.close();
    expect(open).toBe(0);
  });

  it("refuses ranges past the end, and everything once closed", async () => {
    const source = await sourceOf();
    await expectOutOfRange(() => source.read(0, source.size + 1));
    await expectOutOfRange(() => source.read(5, 4));
    await expectOutOfRange(() => source.read(-1, 4));
    await expectOutOfRange(() => source.stream(0, source.size + 1));
    const pending = source.read(0, source.size);
    await source.close();
    await expectCode(() => pending, "closed");
    await expectCode(() => source.read(0, 1), "closed");
    await expectCode(() => source.stream(), "closed");
    await expectOutOfRange(() => sourceOf({ cacheBytes: -1 }));
    const { review } = await shared;
    await expectWrongType(() => review.track("camera").takes[0]!.source());
  });

  it("stops working with the review it came from", async () => {
    const { recording, review } = await record([{ data: noise(100) }]);
    const source = review.track("camera").takes[0]!.source(recording.lookup);
    await source.read(0, 100);
    await review.close();
    await expectCode(() => source.read(0, 100), "closed");
    await expectCode(() => review.track("camera").takes[0]!.source(recording.lookup), "closed");
  });
});

describe("a take of altered or missing objects", () => {
  /** Each fault by what it does to segment 0's bytes, and the code that reading all of it must give. */
  const faults: Record<string, [(bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | null, string]> =
    {
      missing: [() => null, "truncated"],
      empty: [() => new Uint8Array(0), "truncated"],
      "cut in its head": [(bytes) => bytes.slice(0, 60), "truncated"],
      "cut at a block's border": [(bytes) => bytes.slice(0, 86 + 64 * 16400), "truncated"],
      "cut by one byte": [(bytes) => bytes.slice(0, -1), "truncated"],
      "of another salt": [(bytes) => flip(bytes, 30), "authentication-failed"],
      "of another track": [(bytes) => flip(bytes, 25), "authentication-failed"],
      "altered in a tag": [(bytes) => flip(bytes, 86 + 16399), "authentication-failed"],
      "altered at its end": [(bytes) => flip(bytes, bytes.length - 1), "authentication-failed"],
    };
  function flip(bytes: Uint8Array<ArrayBuffer>, offset: number): Uint8Array<ArrayBuffer> {
    const changed = bytes.slice();
    changed[offset]! ^= 1;
    return changed;
  }

  for (const [what, [fault, code]] of Object.entries(faults)) {
    it(`${what}: ${code}, and what was released before is right`, async () => {
      const { recording, review } = await shared;
      const first = recording.name(1, 0);
      const source = review.track("camera").takes[0]!.source((name) => {
        const bytes = recording.objects.get(name)!;
        const given = name === first ? fault(bytes) : bytes;
        return given && bytesSource(given);
      });
      await expectCode(() => source.read(0, source.size), code as "truncated");
      const parts: Uint8Array[] = [];
      const reader = source.stream().getReader();
      const error = await caught(async () => {
        for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
      });
      expect((error as { code: string }).code).toBe(code);
      const released = concatBytes(...parts);
      expectBytes(released, CONTENT.subarray(0, released.length));
      // The segments after it do not suffer.
      const start = SEGMENTS[0]!.data.length;
      expectBytes(await source.read(start, source.size), CONTENT.subarray(start));
      await source.close();
    });
  }

  it("is read again after a failure that passed", async () => {
    const { recording, review } = await shared;
    let isDown = true;
    const source = review.track("camera").takes[0]!.source((name) => {
      const inner = bytesSource(recording.objects.get(name)!);
      return {
        ...inner,
        read: async (start, end) => (isDown ? new Uint8Array(1) : inner.read(start, end)),
      };
    });
    await expectCode(() => source.read(0, 10), "source-failed");
    isDown = false;
    expectBytes(await source.read(0, 10), CONTENT.subarray(0, 10));
    await source.close();
  });
});

describe("an abort", () => {
  it("ends a read at once and stops its network, but nobody else's", async () => {
    const { recording, review } = await shared;
    const seen: AbortSignal[] = [];
    const source = review.track("camera").takes[0]!.source((name) => {
      const inner = bytesSource(recording.objects.get(name)!);
      return {
        ...inner,
        async read(start, end, options) {
          if (start > 0) {
            seen.push(options!.signal!);
            await new Promise((resolve) => setTimeout(resolve, 60));
          }
          return inner.read(start, end);
        },
      };
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const reason = new Error("the viewer went elsewhere");
    const first = source.read(BLOCK, BLOCK + 10, { signal: one.signal });
    const second = source.read(BLOCK, BLOCK + 20, { signal: two.signal });
    const alone = source.read(2 * BLOCK, 2 * BLOCK + 10, { signal: one.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    one.abort(reason);
    expect(await caught(() => first)).toBe(reason);
    expect(await caught(() => alone)).toBe(reason);
    expect(seen.map(({ aborted }) => aborted)).toEqual([false, true]);
    expectBytes(await second, CONTENT.subarray(BLOCK, BLOCK + 20));
    // And what was aborted can be asked for anew.
    expectBytes(await source.read(2 * BLOCK, 2 * BLOCK + 10), CONTENT.subarray(2 * BLOCK, 2 * BLOCK + 10));
    expect(await caught(() => source.read(0, 1, { signal: one.signal }))).toBe(reason);
    await source.close();
  });

  it("closes the connection of a real server in the middle of a range", async () => {
    const { recording, review } = await shared;
    const bytes = recording.objects.get(recording.name(1, 0))!;
    const controller = new AbortController();
    let closed!: () => void;
    const isClosed = new Promise<void>((resolve) => (closed = resolve));
    server.handle = (request, response) => {
      const { first: start, last } = rangeOf(request);
      const end = last + 1;
      response.writeHead(206, {
        "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}`,
        "Content-Length": end - start,
      });
      if (end - start < 1000) return void response.end(bytes.subarray(start, end));
      response.on("close", closed);
      // A little, and then nothing for ever.
      response.write(bytes.subarray(start, start + 1000));
      setTimeout(() => controller.abort(), 20);
    };
    const source = review.track("camera").takes[0]!.source(() => httpSource(server.origin));
    const read = source.read(0, 10, { signal: controller.signal });
    expect(((await caught(() => read)) as Error).name).toBe("AbortError");
    await isClosed;
    await source.close();
  });

  it("by cancelling a stream stops what it had on its way", async () => {
    const { recording, review } = await shared;
    const seen: AbortSignal[] = [];
    const source = review.track("camera").takes[0]!.source((name) => {
      const inner = bytesSource(recording.objects.get(name)!);
      return {
        ...inner,
        read(start, end, options) {
          if (start === 0) return inner.read(start, end);
          seen.push(options!.signal!);
          return new Promise(() => {});
        },
      };
    });
    const reader = source.stream().getReader();
    const waiting = reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await reader.cancel();
    await waiting.catch(() => {});
    expect(seen.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.every(({ aborted }) => aborted)).toBe(true);
    await source.close();
  });
});

describe("a segment opened without anything signed", () => {
  it("says that it is unverified, and whether its end is there", async () => {
    const { recording, review } = await shared;
    const objects = recording.lookup;
    const whole = await review.openUnsigned({ track: 1, index: 0 }, { objects });
    const { data } = SEGMENTS[0]!;
    expect(whole).toMatchObject({ isVerified: false, isCut: false, size: data.length });
    expectBytes(await whole.read(0, data.length), data);
    expectBytes(await whole.read(CHUNK - 1, CHUNK + 1), data.subarray(CHUNK - 1, CHUNK + 1));
    await whole.close();
    const stored = recording.objects.get(recording.name(1, 0))!;
    for (const [length, chunks] of [
      [86, 0],
      [86 + 10, 0],
      [86 + 16399, 0],
      [86 + 16400, 1],
      [86 + 2 * 16400 + 700, 2],
      [stored.length - 1, 131],
    ] as const) {
      const cut = await review.openUnsigned(
        { track: 1, index: 0 },
        { objects: () => bytesSource(stored.slice(0, length)) },
      );
      expect(cut, `${length}`).toMatchObject({ isVerified: false, isCut: true, size: chunks * CHUNK });
      expectBytes(await cut.read(0, cut.size), data.subarray(0, cut.size));
      await expectOutOfRange(() => cut.read(0, cut.size + 1));
    }
  });

  it("is refused as another segment, from another recording, or where nothing is", async () => {
    const { recording, review } = await shared;
    const as = (name: string) => ({ objects: () => bytesSource(recording.objects.get(name)!) });
    await expectCode(
      () => review.openUnsigned({ track: 1, index: 0 }, as(recording.name(1, 3))),
      "authentication-failed",
    );
    const other = await record([{ data: noise(5) }]);
    await expectCode(
      () =>
        review.openUnsigned(
          { track: 1, index: 0 },
          { objects: () => other.recording.lookup(other.recording.name(1, 0), {}) },
        ),
      "wrong-recording",
    );
    await expectCode(() => review.openUnsigned({ track: 9, index: 0 }, { objects: () => null }), "truncated");
    await expectCode(
      () => review.openUnsigned({ track: 1, index: 0 }, { objects: () => bytesSource(new Uint8Array(85)) }),
      "truncated",
    );
  });

  it("is refused where it is padded: lengths would not be those of content", async () => {
    const { recording, review } = await record([{ data: noise(64), flags: 1 }]);
    const objects = recording.lookup;
    await expectCode(() => review.openUnsigned({ track: 1, index: 0 }, { objects }), "malformed");
    const source = review.track("camera").takes[0]!.source(objects);
    await expectCode(() => source.read(0, 1), "malformed");
    expect(await review.verify({ objects })).toMatchObject({ state: "altered" });
  });
});
