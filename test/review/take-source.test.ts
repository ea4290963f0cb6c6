import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { httpObjects, type TakeSource } from "../../src/review/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import { collect, expectBytes, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange } from "../helpers/errors.js";
import { rangeOf, serve, testServer } from "../source/server.js";
import { forgeRecording, type Step } from "../vectors/recording-forge.js";
import { lookupIn, nothingAsked, reviewOf } from "./reader.js";

const CHUNK = 16384;
const BLOCK = 64 * CHUNK;

const server = testServer();

/** Segments of every kind of length around the borders of chunks and blocks: whole, padded, cut. */
const SEGMENTS = [
  { data: pattern(2 * BLOCK + 3 * CHUNK + 77, 1) },
  { data: pattern(0, 2) },
  { data: pattern(1, 3) },
  { data: pattern(40_000, 4), padded: true },
  { data: pattern(0, 5), padded: true },
  { data: pattern(BLOCK, 6) },
  { data: pattern(CHUNK, 7) },
  { data: pattern(CHUNK - 1, 8) },
  { data: pattern(66 * CHUNK, 9), isCut: true },
];
const CONTENT = concatBytes(...SEGMENTS.map(({ data }) => data));
const script: Step[] = SEGMENTS.map((segment) => ({ segment: "camera", ...segment }));
const forged = forgeRecording({
  script: [...script, { take: "camera" }, { segment: "camera", data: pattern(10) }],
});
const first = forged.segmentName(1, 0);
const whole = forged.objects.get(first)!;

/** The first take, its objects changed on their way. */
async function takeOf(
  change: (name: string, source: ByteSource) => ByteSource | null = (_, source) => source,
) {
  const review = await reviewOf(forged, {
    list: undefined,
    manifest: forged.manifests[0]!.bytes,
    objects: (name) => {
      const bytes = forged.objects.get(name);
      return bytes ? change(name, bytesSource(bytes)) : null;
    },
  });
  return { review, take: review.track("camera").takes[0]! };
}
const sourceOf = async (
  options?: { cacheBytes?: number },
  change?: Parameters<typeof takeOf>[0],
): Promise<TakeSource> => (await takeOf(change)).take.source(options);

const flip = (bytes: Uint8Array<ArrayBuffer>, offset: number) => {
  const changed = bytes.slice();
  changed[offset]! ^= 1;
  return changed;
};

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

  it("costs at most two requests and 1.1 MiB for a first seek, and one where it is a segment's beginning", async () => {
    const objects = httpObjects(server.origin);
    const review = await reviewOf(forged, {
      list: undefined,
      manifest: forged.manifests[0]!.bytes,
      objects,
    });
    server.handle = serve(whole);
    for (const [at, requests] of [
      [BLOCK + 5, 2],
      [2 * BLOCK + 3 * CHUNK, 2],
      [5, 1],
    ] as const) {
      const source = review.track("camera").takes[0]!.source();
      server.requests.splice(0);
      expectBytes(await source.read(at, at + 10), CONTENT.subarray(at, at + 10));
      expect(server.requests).toHaveLength(requests);
      const bytes = server.requests
        .map(({ range }) => rangeOf({ headers: { range } } as never))
        .reduce((sum, { first: from, last }) => sum + last + 1 - from, 0);
      expect(bytes).toBeLessThanOrEqual(1.1 * 2 ** 20);
      await source.close();
    }
    await review.close();
  });

  it("fetches a block once while it is cached, the next ahead when read in order", async () => {
    const asked = nothingAsked();
    const review = await reviewOf(forged, {
      list: undefined,
      manifest: forged.manifests[0]!.bytes,
      objects: lookupIn(forged.objects, asked),
    });
    const source = review.track("camera").takes[0]!.source();
    await source.read(100, 200);
    const one = 86 + 64 * 16400;
    expect(asked.bytes).toBe(one);
    await source.read(500, 600);
    expect(asked).toEqual({ lookups: 1, reads: 1, bytes: one, closed: 0 });
    await source.read(600, 700);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What is left of the first segment's blocks: read in order, so fetched ahead.
    expect(asked.bytes).toBe(whole.length);
    await source.read(BLOCK, 2 * BLOCK);
    expect(asked.lookups).toBe(1);
    await source.close();
    expect(asked.closed).toBe(1);
    await source.close();
  });

  it("with hundreds of small segments reads each in one request, and closes what it has used", async () => {
    const data = Array.from({ length: 200 }, (_, i) => pattern(50 + i, i));
    const small = forgeRecording({ script: data.map((each) => ({ segment: "camera", data: each })) });
    const asked = nothingAsked();
    const review = await reviewOf(small, {
      objects: lookupIn(small.objects, asked),
      list: undefined,
      manifest: small.manifests[0]!.bytes,
    });
    const before = { ...asked };
    const source = review.track("camera").takes[0]!.source();
    expectBytes(await source.read(0, source.size), concatBytes(...data));
    expect(asked.reads - before.reads).toBe(200);
    expect(asked.lookups - asked.closed).toBeLessThanOrEqual(12);
    await source.close();
    expect(asked.closed).toBe(asked.lookups);
    await review.close();
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
      "of another track": [(bytes) => flip(bytes, 23), "authentication-failed"],
      "altered in a tag": [(bytes) => flip(bytes, 86 + 16399), "authentication-failed"],
      "altered at its end": [(bytes) => flip(bytes, bytes.length - 1), "authentication-failed"],
    };

  it.each(Object.entries(faults))(
    "%s: what was released before is right, and what is around opens",
    async (_, [fault, code]) => {
      const source = await sourceOf({}, (name, honest) => {
        if (name !== first) return honest;
        const given = fault(whole);
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
      const start = SEGMENTS[0]!.data.length;
      expectBytes(await source.read(start, source.size), CONTENT.subarray(start));
      await source.close();
    },
  );

  it("fails at the read where a padded segment states another length than was signed, and where its flag is another", async () => {
    const data = pattern(100);
    for (const step of [
      {
        lengthField: 99,
        plaintext: (padded: Uint8Array) => {
          const changed = padded.slice();
          changed[99] = 0;
          return changed;
        },
      },
      { header: (header: Uint8Array) => flip(new Uint8Array(header), 5) },
    ]) {
      const padded = forgeRecording({
        script: [
          { segment: "chat", data, padded: true, ...step },
          { segment: "chat", data },
        ],
      });
      const review = await reviewOf(padded);
      const source = review.track("chat").takes[0]!.source();
      await expectCode(() => source.read(0, 10), "authentication-failed");
      expectBytes(await source.read(100, 200), data);
      expect((await review.verify()).state).toBe("altered");
      await review.close();
    }
  });

  it("is read again after a failure that passed", async () => {
    let isDown = true;
    const { review, take } = await takeOf((_, inner) => ({
      ...inner,
      read: async (start, end) => (isDown ? new Uint8Array(1) : inner.read(start, end)),
    }));
    const source = take.source();
    setTimeout(() => {
      isDown = false;
    }, 100);
    expectBytes(await source.read(0, 10), CONTENT.subarray(0, 10));
    await review.close();
  });
});

describe("an abort", () => {
  it("ends a read at once and stops its network, but nobody else's", async () => {
    const seen: AbortSignal[] = [];
    const source = await sourceOf({}, (name, inner) =>
      name !== first
        ? inner
        : {
            ...inner,
            async read(start, end, options) {
              if (start > 0) {
                seen.push(options!.signal!);
                await new Promise((resolve) => setTimeout(resolve, 60));
              }
              return inner.read(start, end);
            },
          },
    );
    const [one, two] = [new AbortController(), new AbortController()];
    const reason = new Error("the viewer went elsewhere");
    const shared = source.read(BLOCK, BLOCK + 10, { signal: one.signal });
    const second = source.read(BLOCK, BLOCK + 20, { signal: two.signal });
    const alone = source.read(2 * BLOCK, 2 * BLOCK + 10, { signal: one.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    one.abort(reason);
    expect(await caught(() => shared)).toBe(reason);
    expect(await caught(() => alone)).toBe(reason);
    expect(seen.map(({ aborted }) => aborted)).toEqual([false, true]);
    expectBytes(await second, CONTENT.subarray(BLOCK, BLOCK + 20));
    // An aborted read can be repeated.
    expectBytes(await source.read(2 * BLOCK, 2 * BLOCK + 10), CONTENT.subarray(2 * BLOCK, 2 * BLOCK + 10));
    expect(await caught(() => source.read(0, 1, { signal: one.signal }))).toBe(reason);
    await source.close();
  });

  it("closes the connection of a real server in the middle of a range", async () => {
    const controller = new AbortController();
    let closed!: () => void;
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    server.handle = (request, response) => {
      const { first: start, last } = rangeOf(request);
      response.writeHead(206, {
        "Content-Range": `bytes ${start}-${last}/${whole.length}`,
        "Content-Length": last + 1 - start,
      });
      response.on("close", closed);
      // Some bytes, then silence.
      response.write(whole.subarray(start, start + 1000));
      setTimeout(() => controller.abort(), 20);
    };
    const review = await reviewOf(forged, {
      list: undefined,
      manifest: forged.manifests[0]!.bytes,
      objects: httpObjects(server.origin),
    });
    const source = review.track("camera").takes[0]!.source();
    const read = source.read(0, 10, { signal: controller.signal });
    expect(((await caught(() => read)) as Error).name).toBe("AbortError");
    await isClosed;
    await review.close();
  });

  it("by cancelling a stream stops what it had on its way", async () => {
    const seen: AbortSignal[] = [];
    const source = await sourceOf({}, (_, inner) => ({
      ...inner,
      read(start, end, options) {
        if (start === 0 && end < 100) return inner.read(start, end);
        seen.push(options!.signal!);
        return new Promise(() => {});
      },
    }));
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
