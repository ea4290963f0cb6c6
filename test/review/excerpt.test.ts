import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { decodeExcerpt, type Excerpt, type ExcerptPart, encodeExcerpt } from "../../src/log/excerpt.js";
import { countersignReceipt, httpObjects, openExcerpt, openReceipt } from "../../src/review/index.js";
import { backends } from "../helpers/backends.js";
import { expectBytes, toHex } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange } from "../helpers/errors.js";
import { serve, testServer } from "../source/server.js";
import { CHUNK, Seeded } from "../vectors/forge.js";
import {
  type ForgedRecording,
  forgeRecording,
  logLeafOf,
  many,
  pathOf,
  STARTED,
  type Step,
  tagged,
} from "../vectors/recording-forge.js";
import { lookupIn, reviewOf } from "./reader.js";

const noise = (length: number, name = "noise") => new Seeded(name).bytes(length);

/** Two takes of a camera in segments of ten seconds, and a chat between them whose name and times stay undisclosed. */
const SCRIPT: readonly Step[] = [
  { take: "camera", type: "video/webm;codecs=vp9", at: 0 },
  ...Array.from({ length: 9 }, (_, i): Step[] => [
    {
      segment: "camera",
      data: noise(i === 4 ? CHUNK + 5 : 100 + i, `c${i}`),
      at: 10_000 * i,
      points: [[0, 1]],
    },
    { segment: "secret-chat", data: noise(10, `s${i}`), padded: true, at: 10_000 * i + 3123 },
  ]).flat(),
  { take: "camera", type: "video/mp4", at: 200_000 },
  { segment: "camera", data: noise(50), at: 200_000 },
];
const forged = forgeRecording({ script: SCRIPT });
const at = (seconds: number) => new Date(STARTED + 1000 * seconds);
const RANGE = { from: at(35), to: at(62) };

async function excerptOf(
  recording: ForgedRecording = forged,
  range: Parameters<Awaited<ReturnType<typeof reviewOf>>["excerpt"]>[1] = RANGE,
): Promise<Bytes> {
  const review = await reviewOf(recording);
  const bytes = await review.excerpt("camera", range);
  await review.close();
  return bytes;
}

describe.each(backends)("an excerpt on $name", (crypto) => {
  it("shows the segments that overlap, the take and its first segment, and what lies between", async () => {
    const opened = await openExcerpt(await excerptOf(), { expected: { coreHash: forged.coreHash }, crypto });
    expect(opened).toMatchObject({
      recordingId: forged.id,
      coreHash: forged.coreHash,
      origin: "pinned",
      state: "final",
      sequence: 0,
      size: SCRIPT.length + 1,
      track: "camera",
      take: { number: 0, startedAt: at(0), type: "video/webm;codecs=vp9" },
      gaps: [{ first: 1, count: 2 }],
      witnesses: [],
    });
    expect(opened.segments.map(({ index, time, end, size }) => [index, time, end, size])).toEqual([
      [0, at(0), "final", 100],
      [3, at(30), "final", 103],
      [4, at(40), "final", CHUNK + 5],
      [5, at(50), "final", 105],
      [6, at(60), "final", 106],
    ]);
    for (const segment of opened.segments) {
      expectBytes(await segment.read(), forged.content.get(`camera/${segment.index}`)!);
      expect(segment).toMatchObject({ isIncluded: true, points: [{ time: 0, byte: 1 }] });
    }
    const source = opened.source();
    const all = concatBytes(...[0, 3, 4, 5, 6].map((index) => forged.content.get(`camera/${index}`)!));
    const size = await source.size();
    expectBytes(await source.read(0, size), all);
    for (const [start, end] of [
      [99, 101],
      [100, 203],
      [150, size - 1],
      [7, 7],
    ] as const)
      expectBytes(await source.read(start, end), all.subarray(start, end));
    await expectOutOfRange(() => source.read(0, size + 1));
    await opened.close();
    await expectCode(() => opened.segments[0]!.read(), "closed");
    await expectCode(() => source.read(size - 1, size), "closed");
  });

  it("is unpinned where nothing was announced, and refused where another recording was", async () => {
    const bytes = await excerptOf();
    expect((await openExcerpt(bytes, { crypto })).origin).toBe("unpinned");
    await expectCode(
      () => openExcerpt(bytes, { crypto, expected: { coreHash: "0".repeat(64) } }),
      "unexpected-recording",
    );
  });
});

const server = testServer();

describe("an excerpt without objects", () => {
  it("opens those minutes of that track from the stored objects, and nothing else", async () => {
    const grant = await excerptOf(forged, { ...RANGE, objects: false });
    expect(grant.length).toBeLessThan(8 * 1024);
    const opened = await openExcerpt(grant, { objects: lookupIn(forged.objects) });
    for (const segment of opened.segments) {
      expect(segment.isIncluded).toBe(false);
      expectBytes(await segment.read(), forged.content.get(`camera/${segment.index}`)!);
    }
    server.handle = serve(forged.objects.get(forged.segmentName(1, 3))!);
    const online = await openExcerpt(grant, { objects: httpObjects(server.origin) });
    expectBytes(await online.segments[1]!.read(), forged.content.get("camera/3")!);
    expect(server.requests).toHaveLength(1);
    await expectCode(() => online.segments[2]!.read(), "truncated");
    await expectCode(async () => (await openExcerpt(grant)).segments[0]!.read(), "truncated");
    const other = new Map(forged.objects).set(
      forged.segmentName(1, 0),
      forged.objects.get(forged.segmentName(1, 1))!.slice(0, -1),
    );
    const fooled = await openExcerpt(grant, { objects: lookupIn(other) });
    await expectCode(() => fooled.segments[0]!.read(), "authentication-failed");
  });

  it("of 30 seconds of a recording of 1 GiB is at most 8 KiB", async () => {
    const script: Step[] = Array.from({ length: 2000 }, (_, i) => ({
      segment: ["camera", "screen", "microphone", "chat"][i % 4]!,
      data: new Uint8Array(520 * 1024),
      points: Array.from({ length: 10 }, (_, k) => [1000 * k, k] as const),
      at: 2500 * i,
    }));
    const long = forgeRecording({ script, hasNoSegments: true });
    const review = await reviewOf(long, { list: undefined, manifest: long.manifests[0]!.bytes });
    expect(
      review.tracks.flatMap(({ takes }) => takes).reduce((sum, { size }) => sum + size, 0),
    ).toBeGreaterThan(2 ** 30 - 2 ** 26);
    const grant = await review.excerpt("camera", { from: at(2500), to: at(2530), objects: false });
    expect((await openExcerpt(grant)).segments).toHaveLength(4);
    expect(grant.length).toBeLessThanOrEqual(8 * 1024);
  });
});

/** An excerpt's parts, changed and written down again. */
function changed(bytes: Bytes, change: (excerpt: Excerpt) => Partial<Excerpt>): Bytes {
  const excerpt = decodeExcerpt(bytes);
  return encodeExcerpt({ ...excerpt, ...change(excerpt) });
}
const withPart = (bytes: Bytes, place: number, change: (part: ExcerptPart) => Partial<ExcerptPart>): Bytes =>
  changed(bytes, ({ parts }) => ({
    parts: parts.map((part, i) => (i === place ? { ...part, ...change(part) } : part)),
  }));
const flip = (bytes: Bytes, offset: number): Bytes => {
  const copy = bytes.slice();
  copy[offset < 0 ? bytes.length + offset : offset]! ^= 1;
  return copy;
};

/** Any entry of the log as a part, with its right path. */
function partOf(n: number, track: number, recording = forged): ExcerptPart {
  const { bytes, entry } = recording.log[n]!;
  const path = pathOf(
    recording.log.map((each) => logLeafOf(each.bytes)),
    n,
  );
  const isSegment = entry.kind === 2;
  const name = isSegment ? recording.segmentName(track, entry.index) : "";
  const object = isSegment ? recording.objects.get(name)! : undefined;
  return {
    n,
    entryBytes: bytes,
    entry: { kind: entry.kind } as never,
    path,
    segmentKey: object && recording.segmentKey(object.slice(0, 30)),
    object,
  };
}

describe("an excerpt that is not what was signed", () => {
  it("L5 is refused with any byte changed", async () => {
    const small = forgeRecording({
      script: [
        { segment: "camera", data: noise(30) },
        { segment: "chat", data: noise(3) },
        { segment: "camera", data: noise(20), points: [[0, 1]] },
      ],
    });
    const bytes = await excerptOf(small, { from: 0, to: at(999) });
    const witnessed = changed(bytes, () => ({}));
    expectBytes(witnessed, bytes);
    const codes = new Set<string>();
    for (let offset = 0; offset < bytes.length; offset++) {
      const error = (await caught(() => openExcerpt(flip(bytes, offset)))) as { code: string };
      codes.add(error.code ?? String(error));
    }
    expect([...codes].sort()).toEqual(
      [
        "authentication-failed",
        "limit-exceeded",
        "malformed",
        "unsupported-algorithm",
        "unsupported-version",
        "wrong-kind",
        "wrong-recording",
      ].filter((code) => codes.has(code)),
    );
    for (let length = 0; length < bytes.length; length += 7)
      await expect(openExcerpt(bytes.slice(0, length))).rejects.toMatchObject({ code: "malformed" });
    await expectCode(() => openExcerpt(concatBytes(bytes, Uint8Array.of(0))), "malformed");
  });

  it("L5 refuses another key, hour, place, path, part", async () => {
    const bytes = await excerptOf();
    const leaves = forged.log.map((each) => logLeafOf(each.bytes));
    const cases: Record<string, [Bytes, string]> = {
      "a key that is not its segment's": [
        withPart(bytes, 1, ({ segmentKey }) => ({ segmentKey: flip(segmentKey!, 0) })),
        "authentication-failed",
      ],
      "another segment's key": [
        changed(bytes, ({ parts }) => ({
          parts: parts.map((part, i) => (i === 1 ? { ...part, segmentKey: parts[2]!.segmentKey } : part)),
        })),
        "authentication-failed",
      ],
      "a key of zeros": [
        withPart(bytes, 1, () => ({ segmentKey: new Uint8Array(32) })),
        "authentication-failed",
      ],
      "another hour": [
        withPart(bytes, 1, ({ entryBytes }) => ({
          entryBytes: flip(entryBytes, 1 + 16 + 2 + 2 + 4 + 1 + 7),
        })),
        "authentication-failed",
      ],
      "another place": [withPart(bytes, 1, ({ n }) => ({ n: n + 1 })), "authentication-failed"],
      "a path one longer": [withPart(bytes, 1, ({ path }) => ({ path: [...path, path[0]!] })), "malformed"],
      "a path one shorter": [withPart(bytes, 1, ({ path }) => ({ path: path.slice(1) })), "malformed"],
      "a path exchanged": [
        withPart(bytes, 1, ({ path }) => ({ path: [...path].reverse() })),
        "authentication-failed",
      ],
      "parts out of order": [
        changed(bytes, ({ parts }) => ({ parts: [parts[0]!, parts[2]!, parts[1]!] })),
        "malformed",
      ],
      "a part twice": [
        changed(bytes, ({ parts }) => ({ parts: [parts[0]!, parts[1]!, ...parts.slice(1)] })),
        "malformed",
      ],
      "no take": [changed(bytes, ({ parts }) => ({ parts: parts.slice(1) })), "malformed"],
      "no part": [changed(bytes, () => ({ parts: [] })), "malformed"],
      "a part of another track": [
        changed(bytes, ({ parts }) => ({ parts: [parts[0]!, parts[1]!, partOf(3, 2), ...parts.slice(2)] })),
        "malformed",
      ],
      "a part of another take": [
        changed(bytes, ({ parts }) => ({ parts: [...parts, partOf(forged.log.length - 1, 1)] })),
        "malformed",
      ],
      "two takes": [
        changed(bytes, ({ parts }) => ({ parts: [...parts, partOf(forged.log.length - 2, 1)] })),
        "malformed",
      ],
      "another object": [
        changed(bytes, ({ parts }) => ({
          parts: parts.map((part, i) => (i === 1 ? { ...part, object: parts[2]!.object } : part)),
        })),
        "authentication-failed",
      ],
      "an object with a byte more": [
        withPart(bytes, 1, ({ object }) => ({ object: concatBytes(object!, Uint8Array.of(0)) })),
        "authentication-failed",
      ],
      "an object with a byte less": [
        withPart(bytes, 1, ({ object }) => ({ object: object!.slice(0, -1) })),
        "authentication-failed",
      ],
      "another salt": [
        withPart(bytes, 1, ({ object }) => ({ object: flip(object!, 30) })),
        "authentication-failed",
      ],
      "another size": [
        changed(bytes, ({ statement }) => ({ statement: { ...statement, size: statement.size + 1 } })),
        "authentication-failed",
      ],
      "another state": [
        changed(bytes, ({ statement }) => ({ statement: { ...statement, state: 1 } })),
        "authentication-failed",
      ],
      "another sequence": [
        changed(bytes, ({ statement }) => ({
          statement: { ...statement, header: flip(statement.header, -1) },
        })),
        "authentication-failed",
      ],
      "another recording's header": [
        changed(bytes, ({ statement }) => ({
          statement: { ...statement, header: flip(statement.header, 6) },
        })),
        "wrong-recording",
      ],
      "another core": [changed(bytes, ({ core }) => ({ core: flip(core, -1) })), "authentication-failed"],
    };
    expect(leaves.length).toBe(forged.log.length);
    for (const [what, [altered, code]] of Object.entries(cases))
      expect([what, ((await caught(() => openExcerpt(altered))) as { code: string }).code]).toEqual([
        what,
        code,
      ]);
    // With the right parts the same hand-made excerpt opens: each fault is its own.
    const made = changed(bytes, () => ({ parts: [partOf(0, 1), partOf(1, 1), partOf(4, 1)] }));
    const opened = await openExcerpt(made);
    expectBytes(await opened.segments[1]!.read(), forged.content.get("camera/1")!);
  });

  it("L6 shows no other key, name or time, and lets nobody look for them", async () => {
    const bytes = await excerptOf();
    const text = Buffer.from(bytes).toString("latin1");
    const hex = toHex(bytes);
    expect(text).not.toContain("secret-chat");
    expect(text).not.toContain("submitted");
    for (const key of [
      forged.secrets.fileKey,
      forged.secrets.readKey,
      forged.secrets.contentKey,
      forged.manifestKey,
    ])
      expect(hex).not.toContain(toHex(key));
    const shown = new Set(decodeExcerpt(bytes).parts.map(({ n }) => n));
    for (const [n, { bytes: entry }] of forged.log.entries()) {
      expect(hex.includes(toHex(entry))).toBe(shown.has(n));
      if (shown.has(n)) continue;
      expect(hex).not.toContain(toHex(entry.slice(1, 17)));
      const each = forged.log[n]!.entry;
      if (each.kind !== 2) continue;
      const stored = forged.objects.get(forged.segmentName(each.track, each.index))!;
      expect(hex).not.toContain(toHex(forged.segmentKey(stored.slice(0, 30))));
    }
    // By search: without the salts, the rest of an entry or of the details leads to no hash in it.
    const hashes = new Set(hex.match(/.{64}/g));
    for (const { bytes: entry } of forged.log) {
      const guess = entry.slice();
      guess.fill(0, 1, 17);
      expect(hashes.has(toHex(logLeafOf(guess)))).toBe(false);
      expect(hex).not.toContain(toHex(tagged("entry", guess)));
    }
  });

  it("L7 carries witnesses of its own statement alone", async () => {
    const bytes = await excerptOf();
    const receipt = changed(bytes, () => ({ parts: [] }));
    const seed = noise(32, "witness");
    const key = {
      publicKey: new Uint8Array(ed25519.getPublicKey(seed)),
      sign: (message: Uint8Array) => ed25519.sign(message, seed),
    };
    const now = at(500);
    const signed = await countersignReceipt(receipt, key, { now });
    expect(await openReceipt(signed)).toMatchObject({
      recordingId: forged.id,
      coreHash: forged.coreHash,
      witnesses: [{ publicKey: toHex(key.publicKey), time: now }],
    });
    const { witnesses } = decodeExcerpt(signed);
    const witnessed = changed(bytes, () => ({ witnesses }));
    expect((await openExcerpt(witnessed)).witnesses).toEqual([
      { publicKey: toHex(key.publicKey), time: now },
    ]);
    const other = forgeRecording({ seed: "other", script: SCRIPT });
    const moved = changed(await excerptOf(other), () => ({ witnesses }));
    await expectCode(() => openExcerpt(moved), "authentication-failed");
    const late = changed(bytes, () => ({
      witnesses: witnesses.map((each) => ({ ...each, time: each.time + 1 })),
    }));
    await expectCode(() => openExcerpt(late), "authentication-failed");
    await expectCode(() => openExcerpt(receipt), "malformed");
    await expectCode(() => openReceipt(bytes), "malformed");
  });
});

describe("making an excerpt", () => {
  it("takes Dates and milliseconds, at the borders of segments and takes", async () => {
    const review = await reviewOf(forged);
    const indices = async (from: number, to: number) =>
      (await openExcerpt(await review.excerpt("camera", { from, to }))).segments.map(({ index }) => index);
    expect(await indices(STARTED, STARTED + 1)).toEqual([0]);
    expect(await indices(STARTED + 9_999, STARTED + 10_000)).toEqual([0]);
    expect(await indices(STARTED + 10_000, STARTED + 10_001)).toEqual([0, 1]);
    expect(await indices(STARTED + 20_000, STARTED + 30_000)).toEqual([0, 2]);
    expect(await indices(STARTED + 80_000, STARTED + 200_000)).toEqual([0, 8]);
    expect(await indices(STARTED + 200_000, STARTED + 400_000)).toEqual([9]);
    for (const [from, to] of [
      [STARTED - 5000, STARTED],
      [STARTED + 300_000, STARTED + 400_000],
      [STARTED, STARTED],
      [STARTED + 85_000, STARTED + 200_001],
      [Number.NaN, STARTED],
    ] as const)
      expect(await caught(() => review.excerpt("camera", { from, to }))).toMatchObject({
        code: "out-of-range",
      });
    expect(await caught(() => review.excerpt("camera", { from: "x" as never, to: 5 }))).toMatchObject({
      code: "wrong-type",
    });
    await expectCode(() => review.excerpt("screen", RANGE), "unknown-track");
    await review.close();
  });

  it("shows padded and cut segments as they were signed", async () => {
    const mixed = forgeRecording({
      script: [
        { segment: "camera", data: noise(40), padded: true },
        { segment: "camera", data: noise(0), padded: true },
        { segment: "camera", data: noise(2 * CHUNK), isCut: true },
      ],
    });
    const opened = await openExcerpt(await excerptOf(mixed, { from: 0, to: at(100) }));
    expect(opened.segments.map(({ end, size }) => [end, size])).toEqual([
      ["final", 40],
      ["final", 0],
      ["cut", 2 * CHUNK],
    ]);
    for (const segment of opened.segments)
      expectBytes(await segment.read(), mixed.content.get(`camera/${segment.index}`)!);
    for (const step of [
      {
        lengthField: 39,
        plaintext: (padded: Uint8Array) => {
          const copy = padded.slice();
          copy[39] = 0;
          return copy;
        },
      },
      { header: (header: Bytes) => flip(header, 5) },
      { header: (header: Bytes) => flip(header, 25) },
    ]) {
      const wrong = forgeRecording({
        script: [{ segment: "camera", data: noise(40), padded: true, ...step }],
      });
      await expectCode(() => excerptOf(wrong, { from: 0, to: at(100) }), "authentication-failed");
      const grant = await excerptOf(wrong, { from: 0, to: at(100), objects: false });
      const shown = await openExcerpt(grant, { objects: lookupIn(wrong.objects) });
      await expectCode(() => shown.segments[0]!.read(), "authentication-failed");
    }
  });

  it("of an open recording says so", async () => {
    const open = forgeRecording({ script: [...SCRIPT, { manifest: {} }], final: null });
    expect(await openExcerpt(await excerptOf(open))).toMatchObject({ state: "open", sequence: 0 });
  });

  it("L2 needs the pages on its way, and no others; and the segments themselves", async () => {
    const script = [
      ...Array.from({ length: 270 }, (_, i): Step => ({ segment: "screen", data: noise(20), at: 1000 * i })),
      { take: "camera", at: 0 },
      ...Array.from({ length: 120 }, (_, i): Step => ({ segment: "camera", data: noise(20), at: 1000 * i })),
    ];
    // Four pages under the first peak, then two under the second, which hold what is shown.
    for (const missing of [0, 1, 2, 3, 4, 5]) {
      const long = forgeRecording({
        script,
        objects: (objects, { pageName }) => void objects.delete(pageName(missing)),
      });
      const making = excerptOf(long, { from: at(50), to: at(55) });
      // The fifth also names the track.
      if (missing === 4) await expectCode(() => making, "unknown-track");
      else if (missing === 5) await expectCode(() => making, "truncated");
      else expect((await openExcerpt(await making)).segments).toHaveLength(6);
    }
    // Without the take's first segment it would not play: the page that lists it is missing, and no path needs that.
    const headless = forgeRecording({
      script: [
        ...many(254, "screen"),
        { take: "camera", at: 0 },
        ...Array.from(
          { length: 100 },
          (_, i): Step => ({ segment: "camera", data: noise(20), at: 1000 * i }),
        ),
      ],
      objects: (objects, { pageName }) => void objects.delete(pageName(4)),
    });
    expect(headless.log[255]!.entry).toMatchObject({ kind: 1, track: 2 });
    const headlessAt = { from: at(80), to: at(85) };
    await expectCode(() => excerptOf(headless, headlessAt), "truncated");
    const gone = forgeRecording({ script });
    gone.objects.delete(gone.segmentName(2, 50));
    await expectCode(() => excerptOf(gone, { from: at(50), to: at(55) }), "truncated");
    expect(
      (await openExcerpt(await excerptOf(gone, { from: at(50), to: at(55), objects: false }))).segments,
    ).toHaveLength(6);
  });

  it("is bounded", async () => {
    const long = forgeRecording({
      script: Array.from(
        { length: 12 },
        (): Step => ({ segment: "camera", data: new Uint8Array(6 * 2 ** 20) }),
      ),
      hasNoSegments: true,
    });
    await expectCode(() => excerptOf(long, { from: 0, to: at(99) }), "limit-exceeded");
    await expectCode(() => openExcerpt(new Uint8Array(64 * 2 ** 20 + 1)), "limit-exceeded");
    // Thousands of parts are no more than their bytes.
    const wide = forgeRecording({ script: many(20_000), hasNoSegments: true });
    const review = await reviewOf(wide);
    const grant = await review.excerpt("camera", { from: at(0), to: at(99_999), objects: false });
    expect((await openExcerpt(grant)).segments).toHaveLength(20_000);
  });
});
