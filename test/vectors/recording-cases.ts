import { NOW, SEALED_CHUNK, Seeded } from "./forge.js";
import {
  type Body,
  type Entry,
  type ForgedRecording,
  forgeRecording,
  type ManifestForgery,
  type RecordingForgery,
} from "./recording-forge.js";

/** Sections B (as far as stored bytes show it), C1, D and H of the list of attacks, for recordings. */

export interface RecordingCase {
  readonly name: string;
  /** One sentence: why this must be so. */
  readonly why: string;
  /** The verdict's state, or the code with which opening the one manifest fails. */
  readonly expect: string;
  readonly findings?: readonly string[];
  /** What the reader was told: this recording's coreHash, another's, or nothing. */
  readonly expected?: "announced" | "other" | "nothing";
  /** Give the reader the manifest, instead of having it found in the store. */
  readonly isManifestGiven?: boolean;
  readonly forgery: RecordingForgery;
}

type Extra = Partial<Omit<RecordingCase, "name" | "why" | "expect" | "forgery">>;

function one(
  name: string,
  why: string,
  expect: string,
  forgery: RecordingForgery,
  extra: Extra = {},
): RecordingCase {
  return { name, why, expect, forgery, expected: "announced", ...extra };
}

/** A fault in the one manifest, which is given to the reader by itself. */
const manifest = (name: string, why: string, expect: string, forgery: ManifestForgery): RecordingCase =>
  one(name, why, expect, { manifests: [forgery] }, { isManifestGiven: true });

const body = (name: string, why: string, change: (honest: Body) => Body): RecordingCase =>
  manifest(name, why, "malformed", { body: change });

const entry = (name: string, why: string, change: (first: Entry) => Entry): RecordingCase =>
  body(name, why, (honest) => ({
    ...honest,
    entries: [change(honest.entries[0]!), ...honest.entries.slice(1)],
  }));

const stored = (
  name: string,
  why: string,
  expect: string,
  change: (objects: Map<string, Uint8Array>, forged: ForgedRecording) => void,
  extra: Extra = {},
): RecordingCase => one(name, why, expect, { objects: change }, extra);

function flip(bytes: Uint8Array, offset: number): Uint8Array {
  const changed = bytes.slice();
  changed[offset < 0 ? bytes.length + offset : offset]! ^= 1;
  return changed;
}

const edit =
  (track: number, index: number, change: (bytes: Uint8Array) => Uint8Array) =>
  (objects: Map<string, Uint8Array>, { name }: ForgedRecording): void => {
    objects.set(name(track, index), change(objects.get(name(track, index))!));
  };

const open = (honest: Body): Body => ({ ...honest, state: 0, reason: "" });
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const whole: RecordingCase[] = [
  one("ok-pinned", "All is there, and it is the recording that was announced.", "complete", {}),
  one(
    "ok-unpinned",
    "All is there; whether it is the right recording nobody told the reader.",
    "complete",
    {},
    { expected: "nothing" },
  ),
  one("ok-undrained", "A track that was not drained is named; what was signed is all there.", "complete", {
    manifests: [{ body: (honest) => ({ ...honest, undrained: [1] }) }],
  }),
  one("ok-checkpoint", "Only a checkpoint: nothing says how it ended.", "unfinished", {
    manifests: [{ body: open }],
  }),
  one(
    "ok-checkpoint-before-final",
    "The highest sequence counts, so a checkpoint before it does not matter.",
    "complete",
    { manifests: [{ body: open }, { sequence: 1 }] },
  ),
  one(
    "no-manifest",
    "Without a manifest nothing is signed.",
    "unfinished",
    { manifests: [] },
    {
      findings: ["no-manifest"],
    },
  ),
  one(
    "no-sender",
    "A core without a key that could sign is never complete, though a manifest is there.",
    "unfinished",
    { senderType: 0 },
    { findings: ["no-sender"] },
  ),
];

const provenance: RecordingCase[] = [
  one(
    "H1-substituted-pinned",
    "Another recording in the announced one's place is refused, though it is consistent in itself.",
    "unexpected-recording",
    {},
    { expected: "other" },
  ),
  one(
    "H1-substituted-unpinned",
    "The same where nothing was announced: complete, and said to be unpinned.",
    "complete",
    {},
    { expected: "nothing" },
  ),
  manifest(
    "H1-signed-by-another-key",
    "A recipient can seal a manifest, but only the core's session key can sign it.",
    "authentication-failed",
    { signingSeed: new Seeded("another key").bytes(32) },
  ),
  stored(
    "H2-chunk-altered",
    "A chunk other than the signed one fails the hash tree.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes, 90)),
  ),
  stored(
    "H2-tag-altered",
    "A tag is part of what is hashed.",
    "altered",
    edit(2, 0, (bytes) => flip(bytes, -1)),
  ),
  stored(
    "H2-second-chunk-altered",
    "Every chunk is hashed.",
    "altered",
    edit(1, 0, (bytes) => flip(bytes, 86 + SEALED_CHUNK)),
  ),
  stored(
    "C1-salt-altered",
    "The head says under which salt chunks open, and is signed.",
    "altered",
    edit(1, 2, (bytes) => flip(bytes, 30)),
  ),
  stored(
    "C1-commitment-altered",
    "The stream's commitment is part of the head.",
    "altered",
    edit(1, 2, (bytes) => flip(bytes, 60)),
  ),
  stored(
    "H3-last-segment-dropped",
    "A segment that was signed is missing.",
    "truncated",
    (objects, { name }) => {
      objects.delete(name(1, 2));
    },
  ),
  stored(
    "H3-segment-cut-by-a-byte",
    "A byte that was signed is missing.",
    "truncated",
    edit(1, 0, (bytes) => bytes.slice(0, -1)),
  ),
  stored(
    "H3-segment-cut-at-chunk",
    "Cut at a chunk's border it is still shorter than was signed.",
    "truncated",
    edit(1, 0, (bytes) => bytes.slice(0, 86 + SEALED_CHUNK)),
  ),
  stored(
    "H3-cut-segment-cut-further",
    "Of a cut segment too, the signed count must be there.",
    "truncated",
    edit(1, 1, (bytes) => bytes.slice(0, 86)),
  ),
  stored(
    "H3-segment-emptied",
    "Nothing of it is there.",
    "truncated",
    edit(2, 0, () => new Uint8Array(0)),
  ),
  stored("H4-track-dropped", "A track that was signed is missing.", "truncated", (objects, { name }) => {
    for (const index of [0, 1, 2]) objects.delete(name(1, index));
  }),
  stored(
    "H4-segments-exchanged",
    "A segment stands in another's place.",
    "altered",
    (objects, { name }) => {
      const [first, third] = [objects.get(name(1, 0))!, objects.get(name(1, 2))!];
      objects.set(name(1, 0), third).set(name(1, 2), first);
    },
    { findings: ["excess-bytes"] },
  ),
  stored(
    "H4-byte-appended",
    "A byte behind a segment's end was not signed.",
    "altered",
    edit(1, 2, (bytes) => joined(bytes, Uint8Array.of(0))),
    {
      findings: ["excess-bytes"],
    },
  ),
  stored(
    "H4-chunk-behind-cut-segment",
    "What stands behind a cut segment's count was not signed.",
    "altered",
    edit(1, 1, (bytes) => joined(bytes, new Seeded("chunk").bytes(SEALED_CHUNK))),
    {
      findings: ["excess-bytes"],
    },
  ),
  stored(
    "H4-unlisted-segment",
    "A segment that the final manifest does not list was put there by somebody else.",
    "altered",
    (objects, { name }) => objects.set(name(2, 1), objects.get(name(2, 0))!),
    { findings: ["unlisted-segment"] },
  ),
  one(
    "H4-two-finals",
    "A recording ends once.",
    "altered",
    {
      manifests: [{}, { sequence: 1, body: (honest) => ({ ...honest, reason: "timed out" }) }],
    },
    { findings: ["two-finals"] },
  ),
  one(
    "H4-after-final",
    "Nothing is signed after the end.",
    "altered",
    {
      manifests: [{}, { sequence: 1, body: open }],
    },
    { findings: ["after-final"] },
  ),
];

const sealing: RecordingCase[] = [
  manifest("D4-manifest-version", "A version that is not known is refused by name.", "unsupported-version", {
    version: 2,
  }),
  manifest("D10-segment-as-manifest", "Another object's magic is refused.", "malformed", { magic: "BLRS" }),
  manifest("D10-manifest-under-content-key", "A manifest has a key of its own.", "authentication-failed", {
    key: ({ contentKey }) => contentKey,
  }),
  manifest("H4-manifest-of-another-recording", "The header names another recording.", "wrong-recording", {
    recordingId: new Seeded("another").bytes(16),
  }),
  manifest("H4-sequence-raised", "The sequence is bound into key and signature.", "authentication-failed", {
    writtenHeader: (header) => flip(header, -1),
  }),
  manifest("E6-signature-altered", "One bit of the signature.", "authentication-failed", {
    signature: (signature) => flip(signature, 5),
  }),
  manifest(
    "E6-signature-not-reduced",
    "S is not below the group order: another encoding of a signature that is right.",
    "authentication-failed",
    { signature: plusOrder },
  ),
  manifest(
    "E6-signature-over-body-alone",
    "The signature covers coreHash and header too.",
    "authentication-failed",
    { signed: (message) => message.slice(13 + 20) },
  ),
  manifest("D1-manifest-last-bit", "One bit of the sealed manifest.", "authentication-failed", {
    sealed: (sealed) => flip(sealed, -1),
  }),
  manifest("A2-manifest-cut", "A manifest cut inside its stream's header.", "truncated", {
    sealed: (sealed) => sealed.slice(0, 90),
  }),
];

/** S + L: what a lax verifier would accept as well. */
function plusOrder(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const scalar = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString("hex")}`) + order;
  const encoded = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse();
  return joined(signature.slice(0, 32), encoded);
}

const bodies: RecordingCase[] = [
  manifest("D6-manifest-trailing", "Nothing may stand behind the last entry.", "malformed", {
    bodyBytes: (honest) => joined(honest, Uint8Array.of(0)),
  }),
  manifest("D6-manifest-short", "An entry's last hash is cut.", "malformed", {
    bodyBytes: (honest) => honest.slice(0, -1),
  }),
  body("D6-state-2", "A state that is none of the format's.", (honest) => ({ ...honest, state: 2 })),
  body("D6-final-without-reason", "A final manifest says how it ended.", (honest) => ({
    ...honest,
    reason: "",
  })),
  body("D6-open-with-reason", "A checkpoint does not say that it ended.", (honest) => ({
    ...honest,
    state: 0,
  })),
  body("D6-name-not-utf-8", "Text is UTF-8.", (honest) => ({
    ...honest,
    tracks: [{ ...honest.tracks[0]!, name: Uint8Array.of(0xc0, 0x80) }, honest.tracks[1]!],
  })),
  body("D6-tracks-exchanged", "Tracks ascend.", (honest) => ({
    ...honest,
    tracks: [...honest.tracks].reverse(),
  })),
  body("D6-one-name-twice", "Names are unlike.", (honest) => ({
    ...honest,
    tracks: [honest.tracks[0]!, { ...honest.tracks[1]!, name: "camera" }],
  })),
  body("D6-track-0", "Track 0 is the sealed file's.", (honest) => ({
    ...honest,
    tracks: [{ id: 0, name: "extra", takes: [] }, ...honest.tracks],
  })),
  body("D6-undrained-unknown", "An undrained track is one of the recording's.", (honest) => ({
    ...honest,
    undrained: [3],
  })),
  body("D6-entries-exchanged", "Entries ascend.", (honest) => ({
    ...honest,
    entries: [...honest.entries].reverse(),
  })),
  body("B2-entry-twice", "An index is used once.", (honest) => ({
    ...honest,
    entries: [honest.entries[0]!, ...honest.entries],
  })),
  body("D6-entry-of-no-take", "Every segment belongs to a take.", (honest) => ({
    ...honest,
    tracks: [{ ...honest.tracks[0]!, takes: honest.tracks[0]!.takes.slice(1) }, honest.tracks[1]!],
  })),
  body("D6-points-stand-still", "The media index ascends.", (honest) => ({
    ...honest,
    tracks: [
      {
        ...honest.tracks[0]!,
        takes: [
          {
            firstIndex: 0,
            type: "",
            points: [
              [0, 0],
              [0, 1],
            ],
          },
        ],
      },
      honest.tracks[1]!,
    ],
  })),
  entry("D6-end-2", "An end that is none of the format's.", (first) => ({ ...first, end: 2 })),
  entry("D6-leaf-type-2", "A leaf type that is none of the format's.", (first) => ({
    ...first,
    leafType: 2,
  })),
  entry("D6-more-chunks-than-length", "A length holds one number of chunks.", (first) => ({
    ...first,
    chunks: 3,
  })),
  entry("D6-fewer-chunks-than-length", "A length holds one number of chunks.", (first) => ({
    ...first,
    chunks: 1,
  })),
  entry("D6-final-of-whole-chunks", "A final segment ends with a short chunk.", (first) => ({
    ...first,
    length: 86 + 2 * SEALED_CHUNK,
  })),
  entry("D6-cut-with-part-of-a-chunk", "A cut segment has whole chunks only.", (first) => ({
    ...first,
    end: 0,
  })),
  entry("H2-root-of-something-else", "The root is that of the subroots.", (first) => ({
    ...first,
    root: first.head,
  })),
  entry("D7-2-32-chunks", "Subroots for 64 TiB are not there; nothing is allocated for them.", (first) => ({
    ...first,
    chunks: 2 ** 32,
    length: 86 + (2 ** 32 - 1) * SEALED_CHUNK + 16,
  })),
  entry("D7-length-2-53", "Numbers are below 2^53.", (first) => ({ ...first, length: 2n ** 53n })),
  body("D7-entry-count", "A count above what follows is refused before anything is allocated.", (honest) => ({
    ...honest,
    entryCount: 2 ** 32 - 1,
  })),
  one(
    "D6-segment-padded",
    "Segments of recordings are not padded: their lengths would not be those of content.",
    "altered",
    { segmentFlags: 1 },
  ),
];

export const recordingCases: readonly RecordingCase[] = [...whole, ...provenance, ...sealing, ...bodies];

const MARK = "\n\n";

/** A header of `key: value` lines, an empty line, the stored objects' bytes, one behind the other. */
export function encodeRecordingVector(each: RecordingCase): Buffer {
  const { objects, coreHash } = forgeRecording(each.name, each.forgery);
  const other = forgeRecording("another recording", {}).coreHash;
  const pin = { announced: coreHash, other, nothing: undefined }[each.expected ?? "announced"];
  const header = [
    `why: ${each.why}`,
    `expect: ${each.expect}`,
    ...(pin ? [`core-hash: ${Buffer.from(pin).toString("hex")}`] : []),
    ...(each.findings ?? []).map((cause) => `finding: ${cause}`),
    ...(each.isManifestGiven ? ["manifest: given"] : []),
    `now: ${NOW}`,
    ...[...objects].map(([name, bytes]) => `object: ${name} ${bytes.length}`),
  ];
  return Buffer.concat([Buffer.from(header.join("\n") + MARK), ...objects.values()]);
}

export interface RecordingVector {
  readonly name: string;
  readonly why: string;
  readonly expect: string;
  readonly coreHash: string | undefined;
  readonly findings: readonly string[];
  readonly isManifestGiven: boolean;
  readonly now: Date;
  readonly objects: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export function decodeRecordingVector(name: string, bytes: Buffer): RecordingVector {
  const end = bytes.indexOf(MARK);
  const lines = bytes.subarray(0, end).toString().split("\n");
  const all = (key: string) =>
    lines.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2));
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  let at = end + MARK.length;
  for (const line of all("object")) {
    const [object, length] = line.split(" ") as [string, string];
    objects.set(object, new Uint8Array(bytes.subarray(at, at + Number(length))));
    at += Number(length);
  }
  if (at !== bytes.length) throw new Error(`${name}: ${bytes.length - at} bytes belong to no object`);
  return {
    name,
    why: all("why")[0]!,
    expect: all("expect")[0]!,
    coreHash: all("core-hash")[0],
    findings: all("finding"),
    isManifestGiven: all("manifest").includes("given"),
    now: new Date(Number(all("now")[0]) * 1000),
    objects,
  };
}
