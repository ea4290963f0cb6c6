import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { entryCases, orderCases } from "./entry-cases.js";
import { excerptCases } from "./excerpt-cases.js";
import { CHUNK, cobblestone, Seeded, u16, u32 } from "./forge.js";
import {
  type ForgedRecording,
  type ForgedTake,
  joined,
  label,
  logLeafOf,
  type ManifestBody,
  type ManifestForgery,
  type PageForgery,
  type RecordingForgery,
  rootOf,
  SCRIPT,
  type Step,
  WHOLE,
} from "./recording-forge.js";
import { type Extra, HONEST, one, type RecordingCase } from "./recording-vector.js";

/** Sections C, D, E6, H and L of test/README.md, for recordings; excerpts and receipts are in `excerpt-cases.ts`. */

type Objects = Map<string, Uint8Array<ArrayBuffer>>;

const FINAL = "manifest-00000000";
const FIRST_PAGE = "page-00000000";

/** A fault in the one manifest: it is left out, and nothing that is signed is left. */
const manifest = (name: string, why: string, code: string, final: ManifestForgery): RecordingCase =>
  one(name, why, "unfinished", { final }, { codes: { [FINAL]: code }, uncovered: "all" });

const body = (name: string, why: string, code: string, change: (honest: ManifestBody) => ManifestBody) =>
  manifest(name, why, code, { body: change });

/** Something done to what is stored. */
const stored = (
  name: string,
  why: string,
  expect: string,
  change: (objects: Objects, forged: ForgedRecording) => void,
  extra: Extra & { readonly forgery?: RecordingForgery } = {},
): RecordingCase => {
  const { forgery, ...rest } = extra;
  return one(name, why, expect, { ...forgery, objects: change as never }, rest);
};

const flip = (bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> => {
  const changed = new Uint8Array(bytes);
  changed[offset < 0 ? bytes.length + offset : offset]! ^= 1;
  return changed;
};

const edit =
  (track: number, index: number, change: (bytes: Uint8Array) => Uint8Array) =>
  (objects: Objects, { segmentName }: ForgedRecording): void => {
    const name = segmentName(track, index);
    objects.set(name, new Uint8Array(change(objects.get(name)!)));
  };

const data = (name: string, length: number): Uint8Array => new Seeded(name).bytes(length);

/** Entries that need no object: takes of a recorder that gave nothing. */
const fill = (count: number): Step[] => Array.from({ length: count }, () => ({ take: "screen" }));
/** A page that lists a segment of a camera, and one more segment behind it. */
const PAGED: readonly Step[] = [
  { take: "camera" },
  { segment: "camera", data: data("paged 0", 200) },
  ...fill(62),
  { segment: "camera", data: data("paged 1", 200) },
];
const page = (
  name: string,
  why: string,
  code: string,
  change: PageForgery,
  expect = "altered",
): RecordingCase =>
  one(
    name,
    why,
    expect,
    { script: PAGED, pages: { 0: change } },
    { codes: { [FIRST_PAGE]: code }, uncovered: [[1, 0]] },
  );
const checkpoint: Step = { manifest: {} };

const whole: RecordingCase[] = [
  one("ok-pinned", "All is there, and it is the recording that was announced.", "complete", {}),
  one(
    "ok-unpinned",
    "All is there; whether it is the right recording nobody told the reader.",
    "complete",
    {},
    { expected: "nothing" },
  ),
  one("ok-whole-chunks", "Segments of several chunks, and a chat padded to whole ones.", "complete", {
    script: WHOLE,
  }),
  one("ok-empty", "A recording in which nothing happened is complete.", "complete", { script: [] }),
  one("ok-one-page", "A log that fills a page exactly has no tail.", "complete", {
    script: [...PAGED.slice(0, 64)],
  }),
  one("ok-three-pages", "Three pages have two peaks, and the root is over both and the tail.", "complete", {
    script: [...PAGED, ...fill(140)],
  }),
  one(
    "ok-tracks-in-any-order",
    "Numbers of tracks need not be contiguous, nor appear in order.",
    "complete",
    {
      script: [
        { take: "camera", entry: (take: ForgedTake) => ({ ...take, track: 700 }) },
        { take: "chat", entry: (take: ForgedTake) => ({ ...take, track: 9 }) },
      ],
    },
  ),
  one(
    "ok-cut",
    "A crash cut a segment; all that was signed is there, and the log says what is not.",
    "interrupted",
    {
      script: SCRIPT,
    },
  ),
  one("ok-empty-segment", "A segment of no content is one empty chunk.", "complete", {
    script: [{ segment: "chat", data: new Uint8Array(0) }],
  }),
  one("ok-padded-empty", "A tick in which nothing was written is a segment like others.", "complete", {
    script: [{ segment: "chat", data: new Uint8Array(0), padded: true }],
  }),
  one("ok-padded-to-eight", "The shortest padded plaintext is the length field alone.", "complete", {
    script: [{ segment: "chat", data: new Uint8Array(0), padded: 8 }],
  }),
  one("ok-padded-two-chunks", "Padding may reach over whole chunks; all its zeros are checked.", "complete", {
    script: [{ segment: "chat", data: data("padded", 300), padded: CHUNK + 100 }],
  }),
  one("ok-points-16", "Sixteen points are as many as there may be.", "complete", {
    script: [
      {
        segment: "camera",
        data: data("points", 100),
        points: Array.from({ length: 16 }, (_, i) => [i, i] as const),
      },
    ],
  }),
  one("ok-longest-texts", "A name of 64 bytes and a type of 128 are allowed.", "complete", {
    script: [{ take: "n".repeat(64), type: "t".repeat(128) }],
  }),
  one("ok-checkpoints", "The highest sequence counts, and those before it are its beginnings.", "complete", {
    script: [
      checkpoint,
      ...PAGED.slice(0, 40),
      checkpoint,
      ...PAGED.slice(40),
      checkpoint,
      ...fill(140),
      checkpoint,
    ],
  }),
  one("ok-sequences-left-out", "Sequences may be left out: a crash can spend one.", "complete", {
    script: [...HONEST, { manifest: { sequence: 4 } }],
    final: { sequence: 90 },
  }),
  one("ok-one-checkpoint", "Only a checkpoint: nothing says how it ended.", "unfinished", {
    final: { isFinal: false },
  }),
  one(
    "ok-no-manifest",
    "Nothing is signed but what pages are there; segments authenticate by the keys alone.",
    "unfinished",
    { final: null },
    { uncovered: "all" },
  ),
  one(
    "ok-no-sender",
    "A core without a key that could sign is never complete, though a manifest is there.",
    "unfinished",
    { senderType: 0 },
    { uncovered: "all" },
  ),
  one("ok-other-names", "Objects under other names are not the recording's.", "complete", {
    objects: (objects, { id }) => {
      for (const name of ["receipt", "notes.txt", "0001/0000000.seg", "page-0000000G", "0001/00000000.SEG"])
        objects.set(`${id}/${name}`, new Uint8Array(40));
    },
  }),
];

const reseal = (kept: { body?: ManifestBody } = {}): Step[] => [
  ...HONEST,
  { manifest: { isFinal: true, sequence: 3, body: (honest) => (kept.body = honest) } },
  { manifest: { isFinal: true, sequence: 3, name: 4, body: () => kept.body! } },
];

const statements: RecordingCase[] = [
  one(
    "L4-two-finals-of-one-sequence",
    "One sequence was signed twice, and both say that they are the end.",
    "altered",
    {
      script: [...HONEST, { manifest: { isFinal: true, sequence: 3, name: 7 } }],
      final: { sequence: 3 },
    },
  ),
  one(
    "L4-resealed-under-second-name",
    "The same statement sealed twice is not two, whatever it is stored under.",
    "complete",
    { script: reseal(), final: { isStored: false, isFinal: false } },
  ),
  one("L4-two-statements-of-one-sequence", "One sequence was signed twice, differently.", "altered", {
    script: [...HONEST, { manifest: { sequence: 3, name: 7 } }, { manifest: { sequence: 3 } }],
  }),
  one("L4-two-finals", "The recording was closed twice.", "altered", {
    script: [...HONEST, { manifest: { isFinal: true } }],
  }),
  one("L4-final-with-successor", "Nothing follows a final manifest, not even a checkpoint.", "altered", {
    script: [...HONEST, { manifest: { isFinal: true } }],
    final: { isFinal: false },
  }),
  one(
    "L4-smaller-size",
    "A higher sequence never speaks of fewer entries.",
    "altered",
    {
      script: [...HONEST.slice(0, 2), { manifest: { sequence: 9 } }, ...HONEST.slice(2)],
      final: { sequence: 4, isFinal: false },
    },
    {
      uncovered: [
        [1, 1],
        [1, 2],
        [2, 0],
      ],
    },
  ),
  one(
    "L4-lower-is-no-beginning",
    "A checkpoint was signed over an entry that the log does not have.",
    "altered",
    {
      script: [
        ...HONEST.slice(0, 2),
        {
          manifest: {
            body: (honest) => {
              const tail = [honest.tail[0]!, flip(honest.tail[1]!, 5)];
              return { ...honest, tail, logRoot: rootOf(tail.map(logLeafOf)) };
            },
          },
        },
        ...HONEST.slice(2),
      ],
    },
  ),
  one(
    "L4-lower-has-other-peaks",
    "A checkpoint was signed over a page that the log does not have.",
    "altered",
    {
      script: [
        ...PAGED.slice(0, 64),
        {
          manifest: {
            body: (honest) => ({ ...honest, peaks: [data("peak", 32)], logRoot: data("peak", 32) }),
          },
        },
        ...PAGED.slice(64),
      ],
    },
  ),
  one(
    "L3-older-as-newest",
    "A server that shows an old checkpoint as the newest gets no better verdict than unfinished.",
    "unfinished",
    {
      script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2)],
      objects: (objects, { manifestName }) => void objects.delete(manifestName(1)),
    },
    {
      uncovered: [
        [1, 1],
        [1, 2],
        [2, 0],
      ],
    },
  ),
  one(
    "L3-stale-manifest",
    "Who knows of a newer manifest refuses an older one.",
    "stale-manifest",
    { final: { sequence: 6 } },
    { minSequence: 7 },
  ),
  one(
    "L3-no-manifest-where-one-is-demanded",
    "Who knows of a manifest is not content with none.",
    "stale-manifest",
    { final: null },
    { minSequence: 1 },
  ),
  one(
    "L3-sequence-as-demanded",
    "The lowest sequence that is demanded is enough.",
    "complete",
    { final: { sequence: 7 } },
    { minSequence: 7 },
  ),
];

const provenance: RecordingCase[] = [
  one("H3-cut-segment-cut-further", "Of a cut segment too, what was signed has to be there.", "truncated", {
    script: SCRIPT,
    objects: edit(1, 1, (bytes) => bytes.slice(0, -1)) as never,
  }),
  one(
    "H3-segment-cut-at-chunk",
    "Cut at a chunk's border it is still shorter than was signed.",
    "truncated",
    {
      script: [{ segment: "camera", data: data("two chunks", CHUNK + 10) }],
      objects: edit(1, 0, (bytes) => bytes.slice(0, 86 + 16400)) as never,
    },
  ),
  one("A3-chunk-behind-cut-segment", "What stands behind a cut segment's chunks was not signed.", "altered", {
    script: [{ segment: "camera", data: data("cut", CHUNK), isCut: true }],
    objects: edit(1, 0, (bytes) => joined(bytes, new Uint8Array(16))) as never,
  }),
  one(
    "H1-substituted-pinned",
    "Another recording in the announced one's place is refused, though it is consistent in itself.",
    "unexpected-recording",
    {},
    { expected: "other" },
  ),
  one(
    "H1-substituted-unpinned",
    "Without a pin the same recording is complete, and says that it is unpinned.",
    "complete",
    { seed: "substitute" },
    { expected: "nothing" },
  ),
  stored(
    "H2-chunk-altered",
    "A flipped bit of ciphertext is not what was signed.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes, 200)),
  ),
  stored(
    "H2-tag-altered",
    "The tag is part of what is hashed.",
    "altered",
    edit(1, 2, (bytes) => flip(bytes, -1)),
  ),
  stored(
    "H2-reencrypted",
    "Who has the keys seals other content of the same length: its chunks are not those signed.",
    "altered",
    reencrypt,
  ),
  stored(
    "C1-salt-altered",
    "Under another salt a chunk could open to another text: the head is signed.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes, 40)),
  ),
  stored(
    "C1-commitment-altered",
    "The commitment is part of the signed head.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes, 60)),
  ),
  stored(
    "H3-last-segment-dropped",
    "The last segment of a track is not there.",
    "truncated",
    (objects, { segmentName }) => void objects.delete(segmentName(1, 2)),
  ),
  stored(
    "H3-segment-cut",
    "A stored segment ends too early.",
    "truncated",
    edit(1, 0, (bytes) => bytes.slice(0, -1)),
  ),
  stored(
    "H3-segment-cut-in-head",
    "Not even the head is there.",
    "truncated",
    edit(2, 0, (bytes) => bytes.slice(0, 50)),
  ),
  stored(
    "H3-segment-empty",
    "An object of no bytes is one that is cut.",
    "truncated",
    edit(2, 0, () => new Uint8Array(0)),
  ),
  stored(
    "H3-cut-and-altered-head",
    "What is there of a cut object is compared all the same.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes.slice(0, 90), 35)),
  ),
  stored(
    "H4-track-dropped",
    "A track is gone.",
    "truncated",
    (objects, { segmentName }) => void objects.delete(segmentName(2, 0)),
  ),
  stored(
    "H4-segments-swapped",
    "Two segments stand in each other's place.",
    "altered",
    (objects, { segmentName }) => {
      const [first, second] = [segmentName(1, 0), segmentName(1, 2)];
      const kept = objects.get(first)!;
      objects.set(first, objects.get(second)!.slice());
      objects.set(second, kept);
    },
  ),
  stored(
    "A3-segment-longer",
    "Bytes behind a segment were never signed.",
    "altered",
    edit(1, 0, (bytes) => joined(bytes, new Uint8Array(1))),
  ),
  stored(
    "H4-unlisted-under-final",
    "Beside a final manifest no segment stands that it does not list.",
    "altered",
    (objects, { segmentName }) => void objects.set(segmentName(1, 3), objects.get(segmentName(1, 2))!),
  ),
  stored(
    "H4-unlisted-track-under-final",
    "Nor one of another track.",
    "altered",
    (objects, { segmentName }) => void objects.set(segmentName(3, 0), objects.get(segmentName(1, 2))!),
  ),
  stored(
    "L1-lost-index-is-there",
    "The log says that this index was never sealed, and yet there is an object.",
    "altered",
    (objects, { segmentName }) => void objects.set(segmentName(1, 1), objects.get(segmentName(1, 0))!),
    {
      forgery: {
        script: [
          { segment: "camera", data: data("lost", 10) },
          { lost: 1, track: "camera" },
        ],
      },
    },
  ),
];

/** Who has the keys seals other content of the same length as the last segment of the camera. */
function reencrypt(objects: Objects, forged: ForgedRecording): void {
  edit(1, 2, (bytes) => {
    const head = bytes.slice(0, 30);
    const context = joined(label("segment"), head);
    const stream = cobblestone(
      forged.segmentKey(joined(head)),
      context,
      data("other", 300),
      bytes.slice(30, 54),
    );
    return joined(head, stream);
  })(objects, forged);
}

const header = (offset: number, value: number) => (honest: Uint8Array<ArrayBuffer>) => {
  const changed = honest.slice();
  changed[offset] = value;
  return changed;
};
const sealedWrong = (
  name: string,
  why: string,
  step: Partial<Extract<Step, { segment: string }>>,
): RecordingCase =>
  one(name, why, "altered", { script: [{ segment: "chat", data: data("wrong", 300), ...step }] });

/** Signed as they are, by a recorder that breaks the rules. */
const segments: RecordingCase[] = [
  sealedWrong("L9-segment-under-zeros", "A wiped key seals nothing that a reader opens.", {
    key: () => new Uint8Array(32),
  }),
  sealedWrong("A5-header-of-another-recording", "A signed segment bears another recordingId.", {
    header: header(10, 0xee),
  }),
  sealedWrong("A5-header-of-another-track", "A signed segment bears another track.", {
    header: header(23, 2),
  }),
  sealedWrong("A5-header-of-another-take", "A signed segment bears another take.", { header: header(25, 1) }),
  sealedWrong("A5-header-of-another-index", "A signed segment bears another index.", {
    header: header(29, 1),
  }),
  sealedWrong("D4-header-version", "A signed segment bears another version.", { header: header(4, 2) }),
  sealedWrong("D4-header-unknown-flag", "A signed segment bears an unknown flag.", { header: header(5, 2) }),
  sealedWrong(
    "D4-header-padded-content-is-not",
    "The flag says padded, and content and length say that it is not.",
    { header: header(5, 1) },
  ),
  sealedWrong(
    "D4-header-unpadded-content-is",
    "Content and length say that it is padded, and the flag does not.",
    { padded: 1000, header: header(5, 0) },
  ),
  sealedWrong("C5-key-of-another-header", "The segment does not open with the key of its header.", {
    key: ({ contentKey }) => contentKey,
  }),
  sealedWrong("C5-commitment-of-none", "A signed head whose commitment is no key's.", {
    sealed: (bytes) => flip(bytes, 60),
  }),
  sealedWrong("L-padded-length-field-differs", "The sealed length field and the entry's content differ.", {
    padded: 1000,
    lengthField: 299,
  }),
  sealedWrong("L-padded-length-field-huge", "The sealed length field is longer than the segment.", {
    padded: 1000,
    lengthField: 2n ** 60n,
  }),
  sealedWrong("L-padded-nonzero", "A byte between content and length field is not zero.", {
    padded: 1000,
    plaintext: (bytes) => flip(bytes, 400),
  }),
  sealedWrong(
    "L-padded-nonzero-before-last-chunk",
    "Zeros are checked in every chunk that padding reaches over.",
    { padded: 2 * CHUNK + 100, plaintext: (bytes) => flip(bytes, 400) },
  ),
  sealedWrong(
    "L-padded-last-chunk-does-not-open",
    "The chunk with the length field was signed and does not open.",
    { padded: 1000, sealed: (bytes) => flip(bytes, -1) },
  ),
];

const OPEN = { isFinal: false } as const;
const behind = (
  name: string,
  why: string,
  expect: string,
  step: Partial<Extract<Step, { segment: string }>>,
  extra: Extra = {},
): RecordingCase =>
  one(
    name,
    why,
    expect,
    {
      script: [...HONEST, { segment: "camera", data: data("behind", 300), isUnlisted: true, ...step }],
      final: OPEN,
    },
    expect === "altered" ? { codes: { "0001/00000003.seg": "authentication-failed" }, ...extra } : extra,
  );

const uncovered: RecordingCase[] = [
  behind(
    "ok-behind-open",
    "What came behind a checkpoint and authenticates is uncovered, and alters nothing.",
    "unfinished",
    {},
    { uncovered: [[1, 3]] },
  ),
  behind(
    "ok-behind-open-cut",
    "A crash may have cut what came behind a checkpoint.",
    "unfinished",
    { isCut: true, data: data("behind", CHUNK) },
    { uncovered: [[1, 3]] },
  ),
  behind(
    "ok-behind-open-padded",
    "What came behind a checkpoint may be padded.",
    "unfinished",
    { padded: 1000 },
    { uncovered: [[1, 3]] },
  ),
  behind(
    "ok-behind-open-hole",
    "Between uncovered segments there may be holes: they are gaps.",
    "unfinished",
    { index: 8 },
    { uncovered: [[1, 8]] },
  ),
  behind(
    "ok-behind-open-new-track",
    "A track may have begun behind the checkpoint.",
    "unfinished",
    { segment: "screen" },
    { uncovered: [[3, 0]] },
  ),
  behind("H4-behind-open-altered", "What lies behind a checkpoint has to authenticate.", "altered", {
    stored: (bytes) => flip(bytes, 100),
  }),
  behind("H4-behind-open-torn", "Half a chunk is neither a whole nor a cut segment.", "altered", {
    stored: (bytes) => bytes.slice(0, 95),
  }),
  behind("H4-behind-open-longer", "Nor is one with bytes behind its end.", "altered", {
    stored: (bytes) => joined(bytes, new Uint8Array(3)),
  }),
  behind("H4-behind-open-of-another-index", "It has to stand under its own index.", "altered", {
    header: header(29, 7),
  }),
  behind(
    "H4-behind-open-of-another-recording",
    "And in its own recording.",
    "altered",
    {
      header: header(10, 0xee),
    },
    { codes: { "0001/00000003.seg": "wrong-recording" } },
  ),
  behind("H4-behind-open-padded-nonzero", "Its padding is checked like all.", "altered", {
    padded: 1000,
    plaintext: (bytes) => flip(bytes, -100),
  }),
  behind("H4-behind-open-padded-cut", "A padded segment is never cut.", "altered", {
    isCut: true,
    data: data("behind", CHUNK),
    header: header(5, 1),
  }),
  one(
    "H4-unlisted-below-highest",
    "At an index below the highest that is listed nothing can have come later.",
    "altered",
    {
      script: [
        { segment: "camera", data: data("a", 10) },
        { lost: 1, track: "camera" },
        { segment: "camera", data: data("b", 10) },
      ],
      final: OPEN,
      objects: (objects, { segmentName }) =>
        void objects.set(segmentName(1, 1), objects.get(segmentName(1, 0))! as never),
    },
  ),
  one("H4-behind-open-track-0", "No segment of a recording is of track 0.", "altered", {
    script: [
      ...HONEST,
      { segment: "camera", data: data("behind", 300), isUnlisted: true, header: header(23, 0) },
    ],
    final: OPEN,
    objects: (objects, { segmentName }) => {
      objects.set(segmentName(0, 3), objects.get(segmentName(1, 3))!);
      objects.delete(segmentName(1, 3));
    },
  }),
  one(
    "H2-reencrypted-behind-open",
    "The page behind the checkpoint signed other bytes than who has the keys put in their place.",
    "altered",
    {
      script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2), ...fill(60)],
      final: null,
      objects: ((objects: Objects, forged: ForgedRecording) => reencrypt(objects, forged)) as never,
    },
  ),
  one(
    "ok-page-behind-open",
    "A page behind the last checkpoint vouches for what it lists.",
    "unfinished",
    { script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2), ...fill(60)], final: null },
    {
      uncovered: [
        [1, 1],
        [1, 2],
        [2, 0],
      ],
    },
  ),
  one(
    "ok-segment-missing-behind-open",
    "What only a page behind the checkpoint lists, and is not there, is a gap and no loss of what was acknowledged.",
    "unfinished",
    {
      script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2), ...fill(60)],
      final: null,
      objects: (objects, { segmentName }) => void objects.delete(segmentName(2, 0)),
    },
    {
      uncovered: [
        [1, 1],
        [1, 2],
      ],
    },
  ),
  one("L1-segment-altered-behind-open", "The page behind the checkpoint signed other bytes.", "altered", {
    script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2), ...fill(60)],
    final: null,
    objects: edit(2, 0, (bytes) => flip(bytes, 300)) as never,
  }),
  one(
    "L1-page-behind-open-altered",
    "A page behind the checkpoint has to authenticate.",
    "altered",
    {
      script: [...HONEST.slice(0, 2), checkpoint, ...HONEST.slice(2), ...fill(60)],
      final: null,
      pages: { 0: { signingSeed: data("thief", 32) } },
    },
    {
      codes: { [FIRST_PAGE]: "authentication-failed" },
      uncovered: [
        [1, 1],
        [1, 2],
        [2, 0],
      ],
    },
  ),
  one(
    "L1-page-behind-open-is-not-the-tail",
    "A page behind the checkpoint begins with other entries than the checkpoint.",
    "altered",
    {
      script: [...fill(3), checkpoint, ...fill(61)],
      final: null,
      pages: { 0: { entries: ([first, ...rest]) => [flip(first!, 4), ...rest] } },
    },
  ),
  one("L1-page-behind-final", "A final log has no page behind its end.", "altered", {
    objects: (objects, { pageName }) => void objects.set(pageName(0), new Uint8Array(1200)),
  }),
];

const manifests: RecordingCase[] = [
  one(
    "D10-page-as-manifest",
    "A page is no manifest.",
    "unfinished",
    {
      script: PAGED,
      final: null,
      objects: (objects, { manifestName, pageName }) =>
        void objects.set(manifestName(0), objects.get(pageName(0))!),
    },
    { codes: { [FINAL]: "malformed" }, uncovered: "all" },
  ),
  one(
    "D10-manifest-as-page",
    "A manifest is no page.",
    "altered",
    {
      script: PAGED,
      objects: (objects, { manifestName, pageName }) =>
        void objects.set(pageName(0), objects.get(manifestName(0))!),
    },
    { codes: { [FIRST_PAGE]: "malformed" } },
  ),
  manifest("D4-manifest-magic", "Another magic.", "malformed", { magic: "BLRN" }),
  manifest("D4-manifest-version", "Another version.", "unsupported-version", { version: 2 }),
  manifest("A2-manifest-cut-in-header", "25 bytes have to be there.", "truncated", {
    sealed: (bytes) => bytes.slice(0, 24),
  }),
  manifest("A2-manifest-cut-in-stream-head", "A stream has 56 bytes before its chunks.", "truncated", {
    sealed: (bytes) => bytes.slice(0, 60),
  }),
  manifest("A2-manifest-no-stream-length", "A stream never has this length.", "truncated", {
    sealed: (bytes) => bytes.slice(0, 90),
  }),
  manifest("A4-manifest-last-bit", "Its last bit is flipped.", "authentication-failed", {
    sealed: (bytes) => flip(bytes, -1),
  }),
  manifest("A4-manifest-commitment", "Its stream's commitment is altered.", "authentication-failed", {
    sealed: (bytes) => flip(bytes, 55),
  }),
  manifest("A5-manifest-of-another-recording", "It bears another recordingId.", "wrong-recording", {
    recordingId: data("other id", 16),
  }),
  manifest(
    "A5-manifest-sequence-altered",
    "Its sequence is bound into its stream.",
    "authentication-failed",
    { writtenHeader: (bytes) => flip(bytes, 24) },
  ),
  manifest(
    "D10-manifest-under-content-key",
    "It is sealed under another key of the recording.",
    "authentication-failed",
    { key: ({ contentKey }) => contentKey },
  ),
  manifest(
    "B6-manifest-under-zeros",
    "A wiped key seals nothing that a reader opens.",
    "authentication-failed",
    { key: () => new Uint8Array(32) },
  ),
  manifest(
    "D6-manifest-padding-too-long",
    "Padding is the smallest multiple of 1024, and no more.",
    "malformed",
    { padded: (bytes) => joined(bytes, new Uint8Array(1024)) },
  ),
  manifest("D6-manifest-padding-nonzero", "Padding is zeros.", "malformed", {
    padded: (bytes) => flip(bytes, -1),
  }),
  manifest("D6-manifest-length-past-end", "The stated length is longer than what is there.", "malformed", {
    padded: (bytes) => joined(u32(bytes.length), bytes.slice(4)),
  }),
  manifest("D6-manifest-not-padded", "A plaintext of no multiple of 1024.", "malformed", {
    padded: (bytes) => bytes.slice(0, -1),
  }),
  body("D4-manifest-state-0", "There is no state 0.", "malformed", (honest) => ({ ...honest, state: 0 })),
  body("D4-manifest-state-3", "There is no state 3.", "malformed", (honest) => ({ ...honest, state: 3 })),
  body(
    "L8-size-of-2-to-the-32",
    "A signed size above the ceiling is refused before anything is done for it.",
    "limit-exceeded",
    (honest) => ({ ...honest, size: 2 ** 32 - 1 }),
  ),
  body("L1-size-too-large", "More entries are stated than are there.", "malformed", (honest) => ({
    ...honest,
    size: honest.size + 1,
  })),
  body("L1-size-too-small", "Fewer entries are stated than are there.", "malformed", (honest) => ({
    ...honest,
    size: honest.size - 1,
  })),
  body(
    "L1-tail-entry-changed",
    "An entry of the tail is another than the root is of.",
    "malformed",
    (honest) => ({ ...honest, tail: [...honest.tail.slice(0, -1), flip(honest.tail.at(-1)!, 5)] }),
  ),
  body("L1-tail-entries-swapped", "Two entries are in each other's place.", "malformed", (honest) => ({
    ...honest,
    tail: [honest.tail[1]!, honest.tail[0]!, ...honest.tail.slice(2)],
  })),
  body("L1-root-altered", "The root is that of no such entries.", "malformed", (honest) => ({
    ...honest,
    logRoot: flip(honest.logRoot, 0),
  })),
  body("L1-one-peak-too-many", "A log without a full page has no peak.", "malformed", (honest) => ({
    ...honest,
    peaks: [data("peak", 32)],
  })),
  body("D6-reason-missing", "A final manifest states a reason.", "malformed", (honest) => ({
    ...honest,
    details: { ...honest.details, reason: "" },
  })),
  manifest("D6-reason-in-checkpoint", "A checkpoint states none.", "malformed", {
    ...OPEN,
    body: (honest) => ({ ...honest, details: { ...honest.details, reason: "so far" } }),
  }),
  body("D6-reason-not-utf8", "A reason is well-formed UTF-8.", "malformed", (honest) => ({
    ...honest,
    details: { ...honest.details, reason: Uint8Array.of(0xc0, 0xaf) },
  })),
  body("D6-time-above-2-to-the-53", "Times stay below 2^53.", "malformed", (honest) => ({
    ...honest,
    details: { ...honest.details, ended: 2n ** 53n },
  })),
  manifest("D6-details-longer-than-they-say", "Details are exactly as long as they say.", "malformed", {
    bodyBytes: (bytes) => {
      const length = (bytes[37]! << 8) | bytes[38]!;
      return joined(
        bytes.slice(0, 37),
        u16(length + 1),
        bytes.slice(39, 39 + length),
        new Uint8Array(1),
        bytes.slice(39 + length),
      );
    },
  }),
  manifest("D6-manifest-trailing-byte", "Nothing is left over behind the signature.", "malformed", {
    signature: (bytes) => joined(bytes, new Uint8Array(1)),
  }),
  manifest("D6-manifest-signature-short", "A signature has 64 bytes.", "malformed", {
    signature: (bytes) => bytes.slice(0, 63),
  }),
  ...peakCases(),
];

function peakCases(): RecordingCase[] {
  const node = (left: Uint8Array, right: Uint8Array) => rootOf([left as never, right as never]);
  const script = [...fill(200)];
  const all = (name: string, why: string, change: (honest: ManifestBody) => ManifestBody) =>
    one(name, why, "unfinished", { script, final: { body: change } }, { codes: { [FINAL]: "malformed" } });
  return [
    all("L1-peaks-swapped", "Peaks stand in their order, largest first.", (honest) => ({
      ...honest,
      peaks: [honest.peaks[1]!, honest.peaks[0]!],
    })),
    all("L1-peak-missing", "There are as many peaks as bits are set in the number of pages.", (honest) => ({
      ...honest,
      peaks: honest.peaks.slice(0, 1),
    })),
    all("L1-peak-over-both", "Peaks are over complete subtrees, not over what is left.", (honest) => ({
      ...honest,
      peaks: [node(honest.peaks[0]!, honest.peaks[1]!)],
    })),
    one(
      "L1-peaks-of-other-pages",
      "The manifest's root is that of its peaks, and its peaks are not those of the pages.",
      "altered",
      {
        script,
        final: {
          body: (honest) => {
            const peaks = [honest.peaks[1]!, honest.peaks[0]!];
            const tail = rootOf(honest.tail.map(logLeafOf));
            return { ...honest, peaks, logRoot: node(peaks[0]!, node(peaks[1]!, tail)) };
          },
        },
      },
    ),
  ];
}

const pages: RecordingCase[] = [
  page("L9-page-under-zeros", "A wiped key seals nothing that a reader opens.", "authentication-failed", {
    key: () => new Uint8Array(32),
  }),
  page("L1-page-emptied", "Nothing is no page.", "truncated", { sealed: () => new Uint8Array(0) }),
  page("D4-page-magic", "Another magic.", "malformed", { sealed: (bytes) => flip(bytes, 0) }),
  page("D4-page-version", "Another version.", "unsupported-version", { sealed: (bytes) => flip(bytes, 4) }),
  page("A2-page-cut", "A page that is cut does not authenticate.", "truncated", {
    sealed: (bytes) => bytes.slice(0, 24),
  }),
  page("A4-page-altered", "A flipped bit of a page.", "authentication-failed", {
    sealed: (bytes) => flip(bytes, 500),
  }),
  page("A5-page-of-another-recording", "It bears another recordingId.", "wrong-recording", {
    recordingId: data("other id", 16),
  }),
  page("D7-page-above-ceiling", "A page is at most 64 KiB.", "limit-exceeded", {
    sealed: (bytes) => joined(bytes, new Uint8Array(65537 - bytes.length)),
  }),
  page("D6-page-padding-nonzero", "Padding is zeros.", "malformed", { padded: (bytes) => flip(bytes, -1) }),
  page("L1-page-entry-dropped", "A page has 64 entries.", "malformed", {
    entries: (honest) => honest.slice(1),
  }),
  page("L1-page-entry-too-many", "A page has no more than 64 entries.", "malformed", {
    entries: (honest) => [...honest, honest[0]!],
  }),
  page(
    "D10-page-under-content-key",
    "It is sealed under another key of the recording.",
    "authentication-failed",
    { key: ({ contentKey }) => contentKey },
  ),
  page(
    "L1-page-of-another-signer",
    "Who has the keys and not the session key signs no page.",
    "authentication-failed",
    { signingSeed: data("thief", 32) },
  ),
  page("L1-page-signature-altered", "A flipped bit of the signature.", "authentication-failed", {
    signature: (bytes) => flip(bytes, 40),
  }),
  page("L1-page-signed-for-another-number", "The number is in what is signed.", "authentication-failed", {
    signed: (message) => flip(message, label("page signature").length + 32 + 24),
  }),
  one("L1-page-entries-changed", "A page was signed over other entries than the root is of.", "altered", {
    script: PAGED,
    pages: { 0: { entries: (honest) => [...honest.slice(0, 63), flip(honest[63]!, 3)] } },
  }),
  one("L1-page-entries-swapped", "A page was signed with two entries in each other's place.", "altered", {
    script: [...fill(1), { take: "chat" }, ...fill(62)],
    pages: { 0: { entries: ([first, second, ...rest]) => [second!, first!, ...rest] } },
  }),
  one(
    "L1-page-under-another-number",
    "A page bears another number than its name.",
    "altered",
    {
      script: PAGED,
      pages: { 0: { number: 5 } },
    },
    { uncovered: [[1, 0]] },
  ),
  one("L1-two-pages-swapped", "Two pages are stored under each other's name.", "altered", {
    script: [...fill(128)],
    objects: (objects, { pageName }) => {
      const kept = objects.get(pageName(0))!;
      objects.set(pageName(0), objects.get(pageName(1))!);
      objects.set(pageName(1), kept);
    },
  }),
  one(
    "L2-page-missing",
    "A page that is missing costs its own entries: what it may list authenticates by the keys alone.",
    "truncated",
    {
      script: PAGED,
      pages: { 0: { stored: () => null } },
    },
    { uncovered: [[1, 0]] },
  ),
  one(
    "L2-page-missing-others-there",
    "Pages behind it say what they say.",
    "truncated",
    {
      script: [...PAGED, ...fill(100)],
      pages: { 0: { stored: () => null } },
    },
    { uncovered: [[1, 0]] },
  ),
  one(
    "L2-unlisted-where-page-is-missing-altered",
    "What a missing page may list has to authenticate.",
    "altered",
    {
      script: PAGED,
      pages: { 0: { stored: () => null } },
      objects: edit(1, 0, (bytes) => flip(bytes, 90)) as never,
    },
  ),
  one(
    "L2-unlisted-where-no-page-can-list",
    "An index that no missing page can hold is not excused by one.",
    "altered",
    {
      script: PAGED,
      pages: { 0: { stored: () => null } },
      objects: (objects, { segmentName }) =>
        void objects.set(segmentName(1, 2), objects.get(segmentName(1, 1))! as never),
    },
    { uncovered: [[1, 0]] },
  ),
  one(
    "L2-page-refused",
    "The log says that the server refused the page: the recorder lost it and says so.",
    "interrupted",
    {
      script: [...fill(64), { lost: 3, first: 0 }],
      pages: { 0: { stored: () => null } },
    },
  ),
  one(
    "L2-page-refused-and-there",
    "A page that was refused and is there all the same is read.",
    "interrupted",
    {
      script: [...PAGED, { lost: 3, first: 0 }],
    },
  ),
];

/** The session key of every forged recording of this seed. */
function sessionSeed(): Uint8Array {
  const random = new Seeded("recording recording");
  random.bytes(16);
  return random.bytes(32);
}

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
};
const numberOf = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);

/** A signature with an R of the forger's choice: R = [r]B + torsion, encoded as told. */
function forgeSignature(message: Uint8Array, R: Uint8Array, r: bigint): Uint8Array<ArrayBuffer> {
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(sessionSeed());
  const k = numberOf(sha512(joined(R, pointBytes, message))) % L;
  return joined(R, littleEndian((r + k * scalar) % L));
}

function signatures(): RecordingCase[] {
  const signed = (
    name: string,
    why: string,
    make: (message: Uint8Array, honest: Uint8Array) => Uint8Array,
  ) => {
    let message!: Uint8Array<ArrayBuffer>;
    return manifest(name, why, "authentication-failed", {
      signed: (honest) => (message = honest),
      signature: (honest) => make(message, honest) as Uint8Array<ArrayBuffer>,
    });
  };
  const torsion = ed25519.Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
  const r = 123456789n;
  const R = ed25519.Point.BASE.multiply(r);
  const P = 2n ** 255n - 19n;
  return [
    signed("E6-signature-altered", "A flipped bit of the signature.", (_, honest) => flip(honest, 5)),
    signed("E6-signature-zeros", "Zeros are no signature.", () => new Uint8Array(64)),
    signed("E6-s-not-reduced", "S + L is the same number to a lax verifier.", (_, honest) =>
      joined(honest.slice(0, 32), littleEndian(numberOf(honest.slice(32)) + L)),
    ),
    signed("E6-r-of-small-order", "R is the neutral point; the equation holds.", (message) =>
      forgeSignature(message, littleEndian(1n), 0n),
    ),
    signed("E6-r-of-order-eight", "R is of order eight.", (message) =>
      forgeSignature(message, torsion.toBytes(), 0n),
    ),
    signed("E6-r-not-canonical", "R is encoded with y = p + 1.", (message) =>
      forgeSignature(message, littleEndian(P + 1n), 0n),
    ),
    signed("E6-r-of-mixed-order", "With the cofactor the equation holds, without it does not.", (message) =>
      forgeSignature(message, R.add(torsion).toBytes(), r),
    ),
    signed("E6-r-is-no-point", "R is the y of no point.", (message) =>
      forgeSignature(message, littleEndian(2n), 0n),
    ),
    manifest("E6-signed-by-another-key", "Another key signed.", "authentication-failed", {
      signingSeed: data("thief", 32),
    }),
    manifest(
      "E6-signature-of-another-statement",
      "The signature is over what the log was, and the manifest says something else.",
      "authentication-failed",
      {
        signsHonest: true,
        body: (honest) => ({ ...honest, details: { ...honest.details, reason: "crashed" } }),
      },
    ),
    manifest(
      "E6-final-made-of-checkpoint",
      "A checkpoint's signature makes no final manifest.",
      "authentication-failed",
      {
        ...OPEN,
        signsHonest: true,
        body: (honest) => ({ ...honest, state: 2, details: { ...honest.details, reason: "submitted" } }),
      },
    ),
    manifest("E6-signed-without-label", "What is signed begins with the label.", "authentication-failed", {
      signed: (message) => message.slice(label("manifest signature").length),
    }),
    manifest("E6-signed-as-page", "A page's signature is no manifest's.", "authentication-failed", {
      signed: (message) => joined(label("page signature"), message.slice(label("manifest signature").length)),
    }),
  ];
}

export const recordingCases: readonly RecordingCase[] = [
  ...whole,
  ...statements,
  ...provenance,
  ...segments,
  ...uncovered,
  ...manifests,
  ...pages,
  ...signatures(),
  ...entryCases(),
  ...orderCases(),
  ...excerptCases(),
];
