/** Section R of the faults that were found, and L12: each once, so that none comes back. */
import { describe, expect, it } from "vitest";
import { defaultProvider } from "../../src/crypto/default.js";
import { BlindreelError } from "../../src/errors.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { httpObjects, type ObjectLookup, openRecording } from "../../src/review/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import { expectBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode } from "../helpers/errors.js";
import { testServer } from "../source/server.js";
import { CHUNK, Seeded } from "../vectors/forge.js";
import {
  type ForgedRecording,
  forgeRecording,
  many,
  SCRIPT,
  type Step,
  WHOLE,
} from "../vectors/recording-forge.js";
import { causesOf, LATER, lookupIn, nothingAsked, optionsFor, reviewOf, verdictOf } from "./reader.js";

const noise = (length: number, name = "noise") => new Seeded(name).bytes(length);
const failed = () => new BlindreelError("source-failed", "the network failed", undefined);
const FAST = { backoff: 1, timeout: 40 };

/** An honest crash: a checkpoint, and a part of the uploads since. */
const CRASHED: readonly Step[] = [
  ...WHOLE,
  { manifest: {} },
  { segment: "camera", data: noise(30_000, "a"), isUnlisted: true },
  { segment: "camera", data: noise(100, "b"), isUnlisted: true, stored: () => null },
  { segment: "camera", data: noise(2 * CHUNK, "c"), isCut: true, isUnlisted: true },
  { segment: "chat", data: noise(33, "d"), padded: true, isUnlisted: true },
];

describe("fault R2: one place to give objects and list", () => {
  const forgery = { script: [...WHOLE, { manifest: { isFinal: true } }], final: { sequence: 5 } };

  it("sees a second final manifest wherever it is found", async () => {
    const forged = forgeRecording(forgery);
    const first = forged.manifests[0]!.bytes;
    expect((await verdictOf(forged)).state).toBe("altered");
    expect(causesOf(await verdictOf(forged, { manifest: first }))).toEqual(["two-finals"]);
    const given = await verdictOf(forged, {
      list: undefined,
      manifest: forged.manifests.map(({ bytes }) => bytes),
    });
    expect(causesOf(given)).toEqual(["two-finals"]);
  });

  it("says what was looked at, and that nothing was listed", async () => {
    const forged = forgeRecording(forgery);
    const verdict = await verdictOf(forged, { list: undefined, manifest: forged.manifests[1]!.bytes });
    expect(verdict).toMatchObject({ state: "complete", isListed: false, sequence: 5 });
    expect(verdict.seen).toEqual({
      objects: 4,
      bytes: [...forged.objects]
        .filter(([name]) => name.endsWith(".seg"))
        .reduce((sum, [, bytes]) => sum + bytes.length, 0),
      manifests: 1,
      pages: { listed: 0, read: 0 },
      segments: 4,
    });
  });
});

describe("fault R3: an honest crash", () => {
  it.each([true, false])("opens everything that is there; listed: %s", async (isListed) => {
    const forged = forgeRecording({ script: CRASHED, final: null });
    const review = await reviewOf(
      forged,
      isListed ? {} : { list: undefined, manifest: forged.manifests[0]!.bytes },
    );
    const camera = review.track("camera").takes[0]!.source();
    expectBytes(await camera.read(0, CHUNK + 100), forged.content.get("camera/0")!);
    const verdict = await review.verify();
    expect(verdict).toMatchObject({ state: "unfinished", isListed });
    expect(verdict.uncovered).toHaveLength(3);
    expect(verdict.gaps).toMatchObject([{ track: "camera", segment: 4, count: 1, cause: "missing" }]);
    const uncovered = await review.uncovered();
    expect(uncovered.map(({ time }) => time)).toEqual([undefined, undefined, undefined]);
    expect(
      uncovered.map(({ name, take, index, isCut, size, isVerified }) => [
        name,
        take,
        index,
        isCut,
        size,
        isVerified,
      ]),
    ).toEqual([
      ["camera", 1, 3, false, 30_000, false],
      ["camera", 1, 5, true, 2 * CHUNK, false],
      ["chat", 0, 1, false, 33, false],
    ]);
    for (const segment of uncovered) {
      const content = forged.content.get(`${segment.name}/${segment.index}`)!;
      expectBytes(await segment.read(0, segment.size), content);
      expectBytes(await segment.read(5, 20), content.subarray(5, 20));
      await segment.close();
      await expectCode(() => segment.read(0, 1), "closed");
    }
    await review.close();
  });

  it("opens what is there where there is no manifest at all", async () => {
    const script = SCRIPT.map((step) => ("segment" in step ? { ...step, isUnlisted: true } : step));
    const forged = forgeRecording({ script, final: null });
    for (const list of [() => forged.objects.keys(), undefined]) {
      const review = await reviewOf(forged, { list });
      expect((await review.verify()).state).toBe("unfinished");
      const found = await review.uncovered();
      expect(found.map(({ name, track, index, isCut }) => [name, track, index, isCut])).toEqual([
        [undefined, 1, 0, false],
        [undefined, 1, 1, true],
        [undefined, 1, 2, false],
        [undefined, 2, 0, false],
      ]);
      expectBytes(await found[2]!.read(0, 300), forged.content.get("camera/2")!);
      await review.close();
    }
  });

  it("L2 opens segments of a page that is missing as uncovered, and knows how many may be missing", async () => {
    const forged = forgeRecording({
      script: many(200),
      objects: (objects, { pageName }) => void objects.delete(pageName(1)),
    });
    for (const isListed of [true, false]) {
      const review = await reviewOf(
        forged,
        isListed ? {} : { list: undefined, manifest: forged.manifests[0]!.bytes },
      );
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ state: "truncated", seen: { pages: { listed: 3, read: 2 } } });
      expect(verdict.uncovered.map(({ index }) => index)).toEqual(
        Array.from({ length: 64 }, (_, i) => 63 + i),
      );
      expect(verdict.gaps).toMatchObject([{ track: "camera", segment: 63, count: 64, cause: "unlisted" }]);
      const [take] = review.track("camera").takes;
      expect(take!.holes).toEqual([63 * 20]);
      await review.close();
    }
  });

  it("replaces nothing that was seen: another object under the name is no longer the same segment", async () => {
    const forged = forgeRecording({ script: CRASHED, final: null });
    const review = await reviewOf(forged);
    const [first] = await review.uncovered();
    const other = forgeRecording({
      seed: "recording",
      script: [...CRASHED.slice(0, -4), { segment: "camera", data: noise(5), isUnlisted: true }],
      final: null,
    });
    forged.objects.set(forged.segmentName(1, 3), other.objects.get(other.segmentName(1, 3))!);
    await expectCode(() => first!.read(0, 1), "source-changed");
    await review.close();
  });
});

const server = testServer();
/** An HTTP store of a recording's objects; `answer` comes first. */
function serveObjects(
  forged: ForgedRecording,
  answer: (name: string, times: number) => number | "hang" | "break" | undefined = () => undefined,
): void {
  const times = new Map<string, number>();
  server.handle = (request, response) => {
    const name = request.url!.slice("/store/".length);
    times.set(name, (times.get(name) ?? 0) + 1);
    const special = answer(name, times.get(name)!);
    if (special === "hang") return;
    if (special === "break") return void response.destroy();
    if (special) return void response.writeHead(special).end();
    const bytes = forged.objects.get(name);
    if (!bytes) return void response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")!.map(Number) as number[];
    if (first! >= bytes.length) {
      response.writeHead(416, { "Content-Range": `bytes */${bytes.length}` }).end();
      return;
    }
    const body = bytes.subarray(first, last! + 1);
    response
      .writeHead(206, {
        "Content-Range": `bytes ${first}-${first! + body.length - 1}/${bytes.length}`,
        "Content-Length": String(body.length),
        ETag: '"1"',
      })
      .end(body);
  };
}
const store = () => httpObjects(`${server.origin}/store`);

describe("fault R4: an object that is not there", () => {
  it.each([404, 410])("is missing where HTTP says %i, and every verdict comes", async (status) => {
    const forged = forgeRecording({ script: WHOLE });
    serveObjects(forged, (name) => (name === forged.segmentName(1, 1) ? status : undefined));
    const verdict = await verdictOf(forged, { objects: store() });
    expect(verdict).toMatchObject({
      state: "truncated",
      gaps: [{ track: "camera", segment: 1, cause: "missing" }],
    });
  });

  it.each([401, 403, 500, 503])("is trouble where HTTP says %i", async (status) => {
    const forged = forgeRecording({ script: WHOLE });
    serveObjects(forged, (name) => (name === forged.segmentName(1, 1) ? status : undefined));
    await expectCode(() => verdictOf(forged, { objects: store(), retry: FAST }), "source-failed");
  });

  it("costs one request for each object that is there", async () => {
    const forged = forgeRecording({ script: [...many(70), ...WHOLE] });
    serveObjects(forged);
    const review = await reviewOf(forged, { objects: store() });
    expect(server.requests).toHaveLength(2);
    expect((await review.verify()).state).toBe("complete");
    expect(server.requests).toHaveLength(2 + 74);
    await review.close();
  });

  it("lets an empty object be truncated, and not trouble", async () => {
    const forged = forgeRecording({
      script: WHOLE,
      objects: (objects, { segmentName }) => void objects.set(segmentName(1, 0), new Uint8Array(0)),
    });
    serveObjects(forged);
    expect((await verdictOf(forged, { objects: store() })).state).toBe("truncated");
  });
});

describe("fault R5: a platform that fails is no verdict", () => {
  const faults: readonly unknown[] = [
    new BlindreelError("unsupported-runtime", "no fallback", { operation: "AES-256-GCM" }),
    new BlindreelError("provider-fault", "impossible", undefined),
    new TypeError("x is not a function"),
  ];

  it.each(faults)("%s is thrown from opening, verify and uncovered", async (fault) => {
    const forged = forgeRecording({ script: CRASHED, final: null });
    const provider = defaultProvider();
    let isBroken = false;
    const crypto = {
      ...provider,
      importAesGcmKey(key: Uint8Array<ArrayBuffer>) {
        if (isBroken) throw fault;
        return provider.importAesGcmKey(key);
      },
    };
    const review = await reviewOf(forged, { crypto });
    isBroken = true;
    expect(await caught(() => review.verify())).toBe(fault);
    expect(await caught(() => review.uncovered())).toBe(fault);
    expect(await caught(() => review.track("camera").takes[0]!.source().read(0, 1))).toBe(fault);
    await review.close();
    expect(await caught(() => reviewOf(forged, { crypto }))).toBe(fault);
  });
});

describe("fault R6: content over a hole, and one statement twice", () => {
  it("R6 never joins content over segments that are missing, and gives what is around", async () => {
    const forged = forgeRecording({
      script: [
        { segment: "chat", data: noise(100, "a") },
        { lost: 1, track: "chat", cause: 6 },
        { segment: "chat", data: noise(50, "b") },
      ],
    });
    const review = await reviewOf(forged);
    const [take] = review.track("chat").takes;
    expect(take!.holes).toEqual([100]);
    const source = take!.source();
    expectBytes(await source.read(0, 100), forged.content.get("chat/0")!);
    expectBytes(await source.read(100, 150), forged.content.get("chat/2")!);
    await expectCode(() => source.read(0, 150), "truncated");
    await expectCode(() => source.read(99, 101), "truncated");
    const reader = source.stream().getReader();
    expectBytes((await reader.read()).value!, forged.content.get("chat/0")!);
    expectErrorCode(await caught(() => reader.read()), "truncated");
    const verdict = await review.verify();
    expect(verdict).toMatchObject({
      state: "interrupted",
      gaps: [
        { track: "chat", take: 0, segment: 1, count: 1, cause: "lost", bytes: { start: 100, end: 100 } },
      ],
      losses: [{ what: "unsealed", cause: "storage", track: "chat", first: 1, count: 1 }],
    });
    await review.close();
  });
  // cut-not-last and a final manifest under a second name are vectors.
});

/** A lookup whose reads wait for their release. */
function stalling(forged: ForgedRecording): {
  objects: ObjectLookup;
  started: Promise<void>;
  release: () => void;
} {
  let begin!: () => void;
  let release!: () => void;
  const started = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const objects: ObjectLookup = (name) => {
    const bytes = forged.objects.get(name);
    if (!bytes) return null;
    const source = bytesSource(bytes);
    const slow: ByteSource = {
      size: (options) => source.size(options),
      async read(start, end, options) {
        if (name.endsWith(".seg")) {
          begin();
          await gate;
        }
        return source.read(start, end, options);
      },
    };
    return slow;
  };
  return { objects, started, release };
}

describe("fault R7: closing during an operation", () => {
  it.each(["verify", "uncovered", "read", "stream", "excerpt"] as const)(
    "ends %s with closed",
    async (kind) => {
      const forged = forgeRecording({ script: [...CRASHED, { manifest: {} }], final: null });
      forged.objects.delete(forged.manifestName(1));
      const { objects, started } = stalling(forged);
      const review = await reviewOf(forged, { objects });
      const source = review.track("camera").takes[0]!.source();
      const running = {
        verify: () => review.verify(),
        uncovered: () => review.uncovered(),
        read: () => source.read(0, 10),
        stream: () => source.stream().getReader().read(),
        excerpt: () => review.excerpt("camera", { from: 0, to: review.startedAt!.getTime() + 2000 }),
      }[kind]();
      const outcome = caught(() => running);
      await started;
      await review.close();
      expectErrorCode(await outcome, "closed");
      for (const later of [
        () => review.verify(),
        () => review.uncovered(),
        () => source.read(0, 1),
        () => source.read(0, 0),
        () => review.track("camera").takes[0]!.source(),
        () => review.excerpt("camera", { from: 0, to: 1 }),
      ])
        await expectCode(later, "closed");
    },
  );
});

describe("fault L12: no operation outlives its keys", () => {
  it("L9 never opens a segment under a key of zeros, forged for the moment at which the review closes", async () => {
    const zeros = new Uint8Array(32);
    const forged = forgeRecording({
      script: [
        ...WHOLE,
        { manifest: {} },
        { segment: "camera", data: noise(50), isUnlisted: true, key: () => zeros },
        { segment: "chat", data: noise(50), isUnlisted: true, key: (_, header) => forgedUnderZeros(header) },
      ],
      final: null,
    });
    for (const wait of [0, 1, 2, 5, 10, 20]) {
      const { objects, started, release } = stalling(forged);
      const review = await reviewOf(forged, { objects });
      const outcome = review.uncovered().then(
        (found) => found.map(({ index }) => index),
        (error) => error,
      );
      await started;
      release();
      for (let turn = 0; turn < wait; turn++) await Promise.resolve();
      await review.close();
      expectErrorCode(await outcome, "closed");
    }
    expect(await (await reviewOf(forged)).uncovered()).toEqual([]);
  });
});

import { expand32, label } from "../vectors/recording-forge.js";

/** The segment key of a wiped contentKey. */
const forgedUnderZeros = (header: Uint8Array) => expand32(new Uint8Array(32), label("segment key"), header);

describe("fault R8: a network that fails now and then", () => {
  it("asks again: one 503, one lost connection, one silence for each object", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const kinds = [503, "break", "hang"] as const;
    let turn = 0;
    serveObjects(forged, (_, times) => (times === 1 ? kinds[turn++ % 3] : undefined));
    const verdict = await verdictOf(forged, { objects: store(), retry: { ...FAST, timeout: 300 } });
    expect(verdict.state).toBe("complete");
  });

  it("ends in source-failed where the server stays silent, and after as many tries as were asked for", async () => {
    const forged = forgeRecording({ script: WHOLE });
    serveObjects(forged, (name) => (name.endsWith(".seg") ? "hang" : undefined));
    const review = await reviewOf(forged, {
      objects: store(),
      retry: { attempts: 2, backoff: 1, timeout: 50 },
    });
    server.requests.splice(0);
    await expectCode(() => review.track("camera").takes[0]!.source().read(0, 1), "source-failed");
    expect(server.requests).toHaveLength(2);
    await expectCode(() => review.verify(), "source-failed");
    await review.close();
  });

  it("ends a listing that is silent, at its beginning and inside", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const retry = { attempts: 2, backoff: 1, timeout: 20 };
    const never = () => new Promise<never>(() => {});
    await expectCode(() => reviewOf(forged, { list: never, retry }), "source-failed");
    async function* stuck() {
      yield "one";
      await never();
    }
    await expectCode(() => reviewOf(forged, { list: stuck, retry }), "source-failed");
    let tries = 0;
    const list = () => {
      if (tries++ === 0) throw failed();
      return forged.objects.keys();
    };
    expect((await verdictOf(forged, { list, retry })).state).toBe("complete");
  });

  it("asks nothing again that was answered, and stops at once when aborted", async () => {
    const forged = forgeRecording({ script: WHOLE });
    let lookups = 0;
    const objects: ObjectLookup = () => {
      lookups++;
      throw new BlindreelError("source-changed", "changed", undefined);
    };
    await expectCode(() => reviewOf(forged, { objects }), "source-changed");
    expect(lookups).toBe(1);
    const abort = new AbortController();
    const reason = new Error("enough");
    const review = await reviewOf(forged, {});
    const running = review.verify({ signal: abort.signal });
    abort.abort(reason);
    expect(await caught(() => running)).toBe(reason);
    const { objects: slow, started } = stalling(forged);
    const waiting = await reviewOf(forged, { objects: slow });
    const second = new AbortController();
    const read = waiting.track("camera").takes[0]!.source().read(0, 1, { signal: second.signal });
    const outcome = caught(() => read);
    await started;
    second.abort(reason);
    expect(await outcome).toBe(reason);
  });

  it("refuses settings that are none", async () => {
    const forged = forgeRecording({ script: WHOLE });
    for (const retry of [
      { attempts: 0 },
      { timeout: 0 },
      { timeout: Number.POSITIVE_INFINITY },
      { backoff: -1 },
    ])
      expect(await caught(() => reviewOf(forged, { retry }))).toMatchObject({ code: "out-of-range" });
  });
});

describe("fault R9: what a server lists has a ceiling", () => {
  it("refuses a listing without end, and a name without end", async () => {
    const forged = forgeRecording({ script: WHOLE });
    function* endless() {
      for (;;) yield `${forged.id}/x`;
    }
    async function* endlessLater() {
      for (let i = 0; i < 10; i++) yield `${forged.id}/x`;
      yield "n".repeat(201);
    }
    await expectCode(() => reviewOf(forged, { list: endless }), "limit-exceeded");
    await expectCode(() => reviewOf(forged, { list: endlessLater }), "limit-exceeded");
    expect(await caught(() => reviewOf(forged, { list: () => [7] as never }))).toBeInstanceOf(TypeError);
    const manifests = Array.from({ length: 2 ** 16 + 1 }, (_, i) => forged.manifestName(i));
    await expectCode(() => reviewOf(forged, { list: () => manifests }), "limit-exceeded");
  });

  it("fetches nothing behind the ceiling of a log, and reports a million things that nobody signed", async () => {
    const forged = forgeRecording({ script: [...WHOLE, { manifest: {} }], final: null });
    const names = Array.from({ length: 300_000 }, (_, i) => forged.pageName(4096 + i));
    const asked = nothingAsked();
    const list = () => [...forged.objects.keys(), ...names];
    const verdict = await verdictOf(forged, { list, objects: lookupIn(forged.objects, asked) });
    expect(verdict.state).toBe("altered");
    expect(verdict.findings).toHaveLength(names.length);
    expect(asked.lookups).toBe(5);
  });
});

describe("fault R10: nothing is allocated on a claim", () => {
  const claiming = (forged: ForgedRecording, size: number, asked = nothingAsked()): ObjectLookup => {
    const lookup = lookupIn(forged.objects, asked);
    return async (name, options) => {
      const source = (await lookup(name, options)) as ByteSource | null;
      return source && { ...source, size: async () => size };
    };
  };

  it("reads no more of a page, a manifest or an uncovered segment than it may have", async () => {
    const forged = forgeRecording({ script: [...many(70), ...CRASHED], final: null });
    const asked = nothingAsked();
    const verdict = await verdictOf(forged, { objects: claiming(forged, 2 ** 40, asked) });
    expect(verdict.findings.map(({ cause, code }) => [cause, code])).toContainEqual([
      "invalid-manifest",
      "limit-exceeded",
    ]);
    expect(asked.bytes).toBeLessThan(100);
  });

  it("judges a listed segment that claims more as longer, and reads what was signed of it", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const review = await reviewOf(forged, {
      list: undefined,
      manifest: forged.manifests[0]!.bytes,
      objects: claiming(forged, 2 ** 40),
    });
    const verdict = await review.verify();
    expect(verdict.state).toBe("altered");
    expect(causesOf(verdict)).toEqual(Array(4).fill("excess-bytes"));
    expectBytes(
      await review.track("camera").takes[1]!.source().read(0, 300),
      forged.content.get("camera/2")!,
    );
  });

  it("ends in a typed error where a source contradicts itself", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const objects: ObjectLookup = (name) => {
      const bytes = forged.objects.get(name);
      return bytes ? { size: async () => bytes.length, read: async () => bytes.subarray(0, 3) } : null;
    };
    await expectCode(() => reviewOf(forged, { objects, retry: FAST }), "source-failed");
    const impossible: ObjectLookup = () => ({ size: async () => -1, read: async () => new Uint8Array(0) });
    await expectCode(() => reviewOf(forged, { objects: impossible, retry: FAST }), "source-failed");
    expect(await caught(() => reviewOf(forged, { objects: () => ({}) as never }))).toBeInstanceOf(TypeError);
  });
});

describe("opening", () => {
  it("H1 refuses another recording before any key is used", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const identity = { unwrap: () => Promise.reject(new Error("used")) };
    const options = { ...(await optionsFor(forged)), identities: identity as never };
    await expectCode(
      () => openRecording(forged.envelope, { ...options, expected: { coreHash: "0".repeat(64) } }),
      "unexpected-recording",
    );
  });

  it("L3 refuses an older manifest than is known", async () => {
    const forged = forgeRecording({ script: [...WHOLE, { manifest: {} }] });
    expect((await reviewOf(forged, { minSequence: 1 })).sequence).toBe(1);
    const error = await expectCode(() => reviewOf(forged, { minSequence: 2 }), "stale-manifest");
    expect(error.details).toEqual({ sequence: 1, minSequence: 2 });
    forged.objects.delete(forged.manifestName(1));
    await expectCode(() => reviewOf(forged, { minSequence: 1 }), "stale-manifest");
    expect((await verdictOf(forged)).state).toBe("unfinished");
  });

  it("needs objects, and refuses what is none", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const identities = await importIdentity(new Uint8Array(forged.identity.secret));
    for (const objects of [undefined, {}, "x"])
      expect(
        await caught(() =>
          openRecording(forged.envelope, { identities, now: LATER, objects: objects as never }),
        ),
      ).toMatchObject({ code: "wrong-type" });
    expect(await caught(() => reviewOf(forged, { list: {} as never }))).toMatchObject({ code: "wrong-type" });
    expect(await caught(() => reviewOf(forged, { minSequence: -1 }))).toMatchObject({ code: "out-of-range" });
    expect(await caught(() => httpObjects(7 as never))).toMatchObject({ code: "wrong-type" });
  });

  it("says what the log says: tracks, takes, times, points, types", async () => {
    const forged = forgeRecording();
    const review = await reviewOf(forged);
    expect(review).toMatchObject({
      status: "unverified",
      origin: "pinned",
      sequence: 0,
      reason: "submitted",
    });
    const [first, second] = review.track("camera").takes;
    const { startedAt } = review;
    expect(first).toMatchObject({
      number: 0,
      type: "video/webm",
      size: 2 * CHUNK + 100,
      isCut: true,
      startedAt,
    });
    expect(first!.points).toEqual([
      { time: 1000, byte: 0 },
      { time: 2000, byte: 9000 },
      { time: 4000, byte: CHUNK + 110 },
    ]);
    expect(second).toMatchObject({ number: 1, size: 300, isCut: false });
    expect((await expectCode(() => review.track("screen"), "unknown-track")).details).toEqual({
      tracks: ["camera", "chat"],
    });
    await review.verify();
    expect(review.status).toBe("interrupted");
    await review.close();
  });

  it("reports progress to its end", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const review = await reviewOf(forged);
    const reports: unknown[] = [];
    await review.verify({ onProgress: (progress) => reports.push(progress) });
    const total = [...forged.objects]
      .filter(([name]) => name.endsWith(".seg"))
      .reduce((sum, [, bytes]) => sum + bytes.length, 0);
    expect(reports.at(-1)).toEqual({ bytes: total, total });
  });
});
