import { CHUNK, Seeded } from "./forge.js";
import type { ForgedLoss, ForgedSegment, ForgedTake, Step } from "./recording-forge.js";
import { type Extra, one, type RecordingCase } from "./recording-vector.js";

/** Entries that break a rule of their own, and logs whose entries break a rule between them. */

const data = (name: string, length: number): Uint8Array => new Seeded(name).bytes(length);
const CAMERA: readonly Step[] = [{ take: "camera" }, { segment: "camera", data: data("camera", 300) }];

/** A fault in one entry: the manifest that holds it is left out, and nothing signed is left. */
const bad = (name: string, why: string, step: Step): RecordingCase =>
  one(
    `D6-entry-${name}`,
    why,
    "unfinished",
    { script: [...CAMERA, step] },
    { codes: { "manifest-00000000": "malformed" }, uncovered: "all" },
  );

const take = (name: string, why: string, change: Partial<ForgedTake>): RecordingCase =>
  bad(`take-${name}`, why, { take: "chat", entry: (honest: ForgedTake) => ({ ...honest, ...change }) });

const segment = (
  name: string,
  why: string,
  change: Partial<ForgedSegment>,
  step: Partial<Extract<Step, { segment: string }>> = {},
): RecordingCase =>
  bad(`segment-${name}`, why, {
    segment: "camera",
    data: data("bad", 300),
    entry: (honest: ForgedSegment) => ({ ...honest, ...change }),
    ...step,
  });

const loss = (name: string, why: string, change: Partial<ForgedLoss>): RecordingCase =>
  bad(`loss-${name}`, why, {
    lost: 1,
    track: "camera",
    entry: (honest: ForgedLoss) => ({ ...honest, ...change }),
  });

export function entryCases(): RecordingCase[] {
  const tooMany = Array.from({ length: 17 }, (_, i) => [i, i] as const);
  return [
    bad("unknown-kind", "There are three kinds of entries.", {
      lost: 1,
      track: "camera",
      bytes: (honest) => Uint8Array.of(4, ...honest.subarray(1)),
    }),
    take("track-0", "Tracks count from 1.", { track: 0 }),
    take("without-name", "Every track has a name.", { name: "" }),
    take("name-of-65-bytes", "A name has at most 64 bytes.", { name: "n".repeat(65) }),
    take("name-not-utf8", "A name is well-formed UTF-8.", { name: Uint8Array.of(0x63, 0xed, 0xa0, 0x80) }),
    take("type-of-129-bytes", "A type has at most 128 bytes.", { type: "t".repeat(129) }),
    take("type-not-utf8", "A type is well-formed UTF-8.", { type: Uint8Array.of(0xff) }),
    take("time-above-2-to-the-53", "Times stay below 2^53.", { time: 2n ** 53n }),
    segment("track-0", "Tracks count from 1.", { track: 0 }),
    segment("end-0", "A segment is final or cut.", { end: 0 }),
    segment("end-3", "A segment is final or cut.", { end: 3 }),
    segment("shorter-than-a-head", "A segment has 86 bytes and a chunk.", { length: 85, content: 0 }),
    segment("tag-cut", "The last chunk has at least its tag.", { length: 86 + 15, content: 0 }),
    segment("final-without-end", "A final segment has a short last chunk.", {
      length: 86 + 16400,
      content: CHUNK,
    }),
    segment("cut-with-rest", "A cut segment has whole chunks only.", { end: 2 }),
    segment("cut-of-no-chunk", "A segment of no whole chunk is lost and not cut.", {
      end: 2,
      length: 86,
      content: 0,
      subroots: [],
    }),
    segment("of-513-chunks", "A segment has at most 512 chunks.", {
      length: 86 + 512 * 16400 + 16,
      content: 512 * CHUNK,
      subroots: Array.from({ length: 9 }, () => data("subroot", 32)),
    }),
    segment("of-4-GiB", "Nothing is allocated for subroots that a length claims.", {
      length: 2 ** 32 - 1,
      content: 0,
    }),
    segment("content-above-plaintext", "There is no more content than plaintext.", { content: 301 }),
    segment("content-7-below-plaintext", "Less than a length field is neither padded nor not.", {
      content: 293,
    }),
    segment(
      "padded-field-over-chunks",
      "The length field lies whole in the last chunk.",
      {},
      {
        data: data("bad", 300),
        plaintext: (bytes) => new Uint8Array([...bytes, ...new Uint8Array(CHUNK + 7 - bytes.length)]),
      },
    ),
    segment(
      "padded-and-cut",
      "A padded segment is never cut.",
      { content: CHUNK - 100 },
      { data: data("bad", CHUNK), isCut: true },
    ),
    segment("17-points", "A segment has at most 16 points.", { points: tooMany }),
    segment("points-at-one-time", "Points ascend in time.", {
      points: [
        [5, 1],
        [5, 2],
      ],
    }),
    segment("points-at-one-byte", "Points ascend in bytes.", {
      points: [
        [5, 2],
        [6, 2],
      ],
    }),
    segment("point-behind-content", "A point lies within the content.", { points: [[5, 300]] }),
    segment("points-stated", "More points are stated than are there.", { pointCount: 2 }),
    loss("what-0", "There is no loss 0.", { what: 0 }),
    loss("what-6", "There is no loss 6.", { what: 6 }),
    loss("cause-0", "There is no cause 0.", { cause: 0 }),
    loss("unsealed-by-server", "No server refuses what was never sealed.", { cause: 4 }),
    loss("segment-by-crash", "What was sealed is in the journal, so no crash loses it.", {
      what: 2,
      first: 0,
      cause: 1,
    }),
    loss("undrained-by-crash", "A crash leaves no list of what was to come.", {
      what: 4,
      cause: 1,
      first: 0,
      count: 0,
    }),
    loss("silent-by-deadline", "Silence is its only cause.", { what: 5, cause: 2, first: 0, count: 0 }),
    loss("index-of-track-0", "An index is that of a track.", { track: 0 }),
    loss("page-of-a-track", "A page is that of no track.", { what: 3, cause: 4 }),
    loss("of-nothing", "A loss of indices names at least one.", { count: 0 }),
    loss("past-2-to-the-32", "Indices stay below 2^32.", { count: 2 ** 32 - 1, first: 2 }),
    loss("undrained-with-range", "What was still to come has no index.", {
      what: 4,
      cause: 2,
      first: 1,
      count: 1,
    }),
  ];
}

const order = (name: string, why: string, script: readonly Step[], expect = "altered", extra: Extra = {}) =>
  one(`L1-order-${name}`, why, expect, { script }, extra);

const fill = (count: number): Step[] => Array.from({ length: count }, () => ({ take: "screen" }));
const header =
  (offset: number, value: number) =>
  (honest: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    const changed = honest.slice();
    changed[offset] = value;
    return changed;
  };
const chat = (name: string, length = 100): Step => ({ segment: "chat", data: data(name, length) });

/** The first page is missing; what is behind it is taken as it comes, as far as it can be true. */
const gap = (
  name: string,
  why: string,
  expect: string,
  before: readonly Step[],
  behind: readonly Step[],
  extra: Extra = {},
) =>
  one(
    `L2-gap-${name}`,
    why,
    expect,
    { script: [...before, ...fill(64 - before.length), ...behind], pages: { 0: { stored: () => null } } },
    extra,
  );

export function orderCases(): RecordingCase[] {
  return [
    order("two-tracks-of-one-name", "Two tracks never have one name.", [
      { take: "camera" },
      { take: "chat", entry: (honest: ForgedTake) => ({ ...honest, name: "camera" }) },
    ]),
    order("two-names-of-one-track", "A track keeps its name.", [
      { take: "camera" },
      { take: "camera", entry: (honest: ForgedTake) => ({ ...honest, name: "screen" }) },
    ]),
    order("take-left-out", "Takes count from 0.", [
      { take: "camera", entry: (honest: ForgedTake) => ({ ...honest, take: 1 }) },
    ]),
    order("take-repeated", "No take begins twice.", [
      { take: "camera" },
      { take: "camera", entry: (honest: ForgedTake) => ({ ...honest, take: 0 }) },
    ]),
    order("segment-without-take", "A segment belongs to a take that began.", [
      { take: "camera", entry: (honest: ForgedTake) => ({ ...honest, track: 2 }) },
      { segment: "camera", data: data("no take", 30) },
    ]),
    order(
      "index-left-out",
      "An index that was spent is listed or lost: a hole is joined over by nobody (fault R6).",
      [...CAMERA, { segment: "camera", data: data("later", 30), index: 2 }],
    ),
    order("index-not-from-0", "Indices begin at 0.", [
      { segment: "camera", data: data("later", 30), index: 1 },
    ]),
    order("index-repeated", "No index is listed twice.", [
      ...CAMERA,
      { segment: "camera", data: data("again", 30), index: 0, stored: () => null },
    ]),
    order("segment-of-ended-take", "A take that has ended gets no more segments.", [
      ...CAMERA,
      { take: "camera" },
      {
        segment: "camera",
        data: data("late", 30),
        header: header(25, 0),
        entry: (honest: ForgedSegment) => ({ ...honest, take: 0 }),
      },
    ]),
    order("segment-of-coming-take", "A take begins before its segments.", [
      ...CAMERA,
      {
        segment: "camera",
        data: data("early", 30),
        header: header(25, 1),
        entry: (honest: ForgedSegment) => ({ ...honest, take: 1 }),
      },
    ]),
    order("cut-not-last", "Only the last segment of a take may be cut (fault R6).", [
      { segment: "camera", data: data("cut", CHUNK), isCut: true },
      { segment: "camera", data: data("behind", 30) },
    ]),
    order("cut-then-lost-then-segment", "A lost index behind a cut segment does not let its take go on.", [
      { segment: "camera", data: data("cut", CHUNK), isCut: true },
      { lost: 1, track: "camera" },
      { segment: "camera", data: data("behind", 30) },
    ]),
    order("time-falls", "Times never fall within a take.", [
      { take: "camera", at: 0 },
      { segment: "camera", data: data("one", 30), at: 5000 },
      { segment: "camera", data: data("two", 30), at: 4999 },
    ]),
    order("time-before-take", "No segment is earlier than its take.", [
      { take: "camera", at: 5000 },
      { segment: "camera", data: data("one", 30), at: 4999 },
    ]),
    order("loss-of-unknown-track", "A loss is that of a track that began.", [
      ...CAMERA,
      { lost: 5, track: "camera", entry: (honest: ForgedLoss) => ({ ...honest, track: 9 }) },
    ]),
    order("lost-index-left-out", "A lost index is the next one.", [
      ...CAMERA,
      { lost: 1, track: "camera", first: 2 },
    ]),
    order("lost-index-is-listed", "What has a segment is not lost.", [
      ...CAMERA,
      { lost: 1, track: "camera", first: 0 },
    ]),
    order("refused-without-entry", "Only what was sealed can be refused.", [
      ...CAMERA,
      { lost: 2, track: "camera", first: 1 },
    ]),
    order("refused-was-never-sealed", "An index that was lost before it was sealed is not refused.", [
      ...CAMERA,
      { lost: 1, track: "camera" },
      { lost: 2, track: "camera", first: 1 },
    ]),
    order("refused-twice", "A loss is told once.", [
      ...CAMERA,
      { lost: 2, track: "camera", first: 0 },
      { lost: 2, track: "camera", first: 0 },
    ]),
    order("refused-2-to-the-32", "A range is not walked before it is known to be that of segments.", [
      ...CAMERA,
      { lost: 2, track: "camera", first: 0, count: 2 ** 32 - 1 },
    ]),
    order("lost-page-not-full", "Only a full page can be lost.", [...CAMERA, { lost: 3, first: 0 }]),
    order("lost-page-twice", "A loss is told once.", [
      ...fill(64),
      { lost: 3, first: 0 },
      { lost: 3, first: 0 },
    ]),
    one("ok-lost-index", "An index was spent for nothing, and the log says so.", "interrupted", {
      script: [chat("one"), { lost: 1, track: "chat", count: 2 }, chat("two")],
    }),
    one("ok-lost-2-to-the-32", "A range of lost indices is one statement, however long.", "interrupted", {
      script: [...CAMERA, { lost: 1, track: "camera", count: 2 ** 32 - 1 }],
    }),
    one(
      "ok-refused-segment",
      "The server refused a segment for good, and the recorder says so: no store lost it.",
      "interrupted",
      {
        script: [
          chat("one"),
          { ...chat("two"), stored: () => null } as Step,
          { lost: 2, track: "chat", first: 1 },
        ],
      },
    ),
    one(
      "ok-refused-segment-is-there",
      "A segment that was refused and is there all the same is compared.",
      "interrupted",
      {
        script: [chat("one"), { lost: 2, track: "chat", first: 0, cause: 6 }],
      },
    ),
    one(
      "ok-refused-segment-half-there",
      "Half of what was refused is no loss of what was acknowledged.",
      "interrupted",
      {
        script: [
          { ...chat("one"), stored: (honest) => honest.slice(0, 100) } as Step,
          { lost: 2, track: "chat", first: 0 },
        ],
      },
    ),
    one("H2-refused-segment-altered", "And if it is another, that is altered.", "altered", {
      script: [
        { ...chat("one"), stored: (honest) => header(100, honest[100]! ^ 1)(honest) } as Step,
        { lost: 2, track: "chat", first: 0 },
      ],
    }),
    one("ok-undrained", "A track had more to come, and the log says so.", "interrupted", {
      script: [...CAMERA, { lost: 4, track: "camera" }],
    }),
    one("ok-silent", "A camera gave nothing, and the log says so.", "interrupted", {
      script: [{ take: "camera" }, { lost: 5, track: "camera" }],
    }),
    one("ok-every-cause", "Every loss with every cause that it can have.", "interrupted", {
      script: [
        ...fill(128),
        chat("one"),
        chat("two"),
        ...[1, 2, 6].map((cause): Step => ({ lost: 1, track: "chat", cause })),
        ...[4, 6].map((cause, first): Step => ({ lost: 2, track: "chat", cause, first })),
        ...[4, 6].map((cause, first): Step => ({ lost: 3, cause, first })),
        ...[2, 3, 6, 7].map((cause): Step => ({ lost: 4, track: "chat", cause })),
        { lost: 5, track: "screen" },
      ],
    }),
    gap(
      "takes-and-indices",
      "Behind a missing page a track goes on where it goes on.",
      "truncated",
      [...CAMERA, { take: "camera" }],
      [{ take: "camera" }, { segment: "camera", data: data("behind", 30) }],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "take-unknown",
      "Behind a missing page a segment's take need not be known.",
      "truncated",
      CAMERA,
      [{ segment: "camera", data: data("behind", 30) }],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "refused-in-missing-page",
      "What the missing page listed may have been refused.",
      "truncated",
      [chat("one"), { ...chat("two"), stored: () => null } as Step],
      [{ lost: 2, track: "chat", first: 1 }],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "refused-2-to-the-32",
      "Nor is a range walked behind a missing page.",
      "altered",
      CAMERA,
      [
        { segment: "camera", data: data("behind", 30) },
        { lost: 2, track: "camera", first: 0, count: 2 ** 32 - 1 },
      ],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "refused-2-to-the-32-before-a-segment",
      "Not even where nothing of the track is known yet.",
      "altered",
      CAMERA,
      [{ lost: 2, track: "camera", first: 0, count: 2 ** 32 - 1 }],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "then-in-order",
      "Behind the first segment that is known, indices are contiguous again.",
      "altered",
      CAMERA,
      [
        { segment: "camera", data: data("behind", 30) },
        { segment: "camera", data: data("later", 30), index: 3 },
      ],
      { uncovered: [[1, 0]] },
    ),
    gap(
      "two-names",
      "A name is that of one track, whatever is missing.",
      "altered",
      CAMERA,
      [{ take: "camera" }, { take: "chat", entry: (honest: ForgedTake) => ({ ...honest, name: "camera" }) }],
      { uncovered: [[1, 0]] },
    ),
  ];
}
