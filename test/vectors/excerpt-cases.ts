import { ed25519 } from "@noble/curves/ed25519.js";
import { type ExcerptForgery, type ForgedPart, forgeWitness, witnessSeed } from "./excerpt-forge.js";
import { CHUNK, Seeded } from "./forge.js";
import { forgeRecording, joined, type RecordingForgery, SCRIPT, type Step } from "./recording-forge.js";
import { type Extra, HONEST, type RecordingCase } from "./recording-vector.js";

/** Section L5 to L7 of test/README.md: excerpts and receipts. */

const AUTH = "authentication-failed";

const excerpt = (
  name: string,
  why: string,
  expect: string,
  forged: ExcerptForgery,
  forgery: RecordingForgery = {},
  extra: Extra = {},
): RecordingCase => ({
  name,
  why,
  expect,
  kind: "excerpt",
  excerpt: forged,
  forgery: { script: HONEST, ...forgery },
  ...extra,
});

const receipt = (
  name: string,
  why: string,
  expect: string,
  forged: ExcerptForgery,
  forgery: RecordingForgery = {},
  extra: Extra = {},
): RecordingCase => ({
  ...excerpt(name, why, expect, { places: [], ...forged }, forgery, extra),
  kind: "receipt",
});

const flip = (bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> => {
  const changed = new Uint8Array(bytes);
  changed[offset < 0 ? bytes.length + offset : offset]! ^= 1;
  return changed;
};
const data = (name: string, length: number): Uint8Array => new Seeded(name).bytes(length);
const fill = (count: number): Step[] => Array.from({ length: count }, () => ({ take: "screen" }));

/** Changes the part at a place among the parts. */
const part = (i: number, change: (honest: ForgedPart) => Partial<ForgedPart>) => ({
  parts: (honest: readonly ForgedPart[]) =>
    honest.map((each, at) => (at === i ? { ...each, ...change(each) } : each)),
});

/** A segment that its recorder signed as it is, though it breaks a rule. */
const signed = (
  name: string,
  why: string,
  step: Partial<Extract<Step, { segment: string }>>,
  code = AUTH,
): RecordingCase =>
  excerpt(name, why, code, {}, { script: [{ segment: "chat", data: data("signed", 300), ...step }] });
const header = (offset: number, value: number) => (honest: Uint8Array<ArrayBuffer>) => {
  const changed = honest.slice();
  changed[offset] = value;
  return changed;
};
/** A signed segment of which one byte of the header is another. */
const headed = (family: string, name: string, why: string, offset: number, value: number, code = AUTH) =>
  signed(`${family}-excerpt-header-${name}`, why, { header: header(offset, value) }, code);
/** The excerpt with its first segment's object changed. */
const object = (name: string, why: string, change: (bytes: Uint8Array) => Uint8Array<ArrayBuffer>) =>
  excerpt(
    `L5-object-${name}`,
    why,
    AUTH,
    part(1, (shown) => ({ object: change(shown.object) })),
  );

/** Another recording's manifest, and one that is signed before anything else happens. */
const other = forgeRecording({ seed: "other", script: HONEST });
const EARLY: readonly Step[] = [...HONEST.slice(0, 2), { manifest: {} }, ...HONEST.slice(2)];

/** The time in a segment's or take's entry: an hour later. */
function laterHour({ entry }: ForgedPart): Partial<ForgedPart> {
  const changed = new Uint8Array(entry);
  const at = changed[0] === 2 ? 26 : changed.length - 8;
  const view = new DataView(changed.buffer);
  view.setBigUint64(at, view.getBigUint64(at) + 3_600_000n);
  return { entry: changed };
}

const FIRST_MINUTES = [0, 1] as const;

function excerpts(): RecordingCase[] {
  return [
    excerpt("ok-excerpt", "All segments with their takes.", "ok", {}),
    excerpt(
      "ok-excerpt-unpinned",
      "Nobody told the reader which recording was announced.",
      "ok",
      {},
      {},
      { expected: "nothing" },
    ),
    excerpt("ok-excerpt-cut", "A cut segment is shown as far as it goes.", "ok", {}, { script: SCRIPT }),
    excerpt("ok-excerpt-one-segment", "One segment and its take.", "ok", { places: FIRST_MINUTES }),
    excerpt(
      "ok-excerpt-hole",
      "The first and the last segment of a take: what is between is reported as not shown.",
      "ok",
      { places: [0, 1, 6] },
      { script: [...HONEST.slice(0, 5), HONEST[6]!, { segment: "camera", data: data("third", 50) }] },
    ),
    excerpt("ok-excerpt-padded", "A padded segment is shown without its padding.", "ok", { places: [2, 3] }),
    excerpt("ok-excerpt-no-objects", "Keys without objects: the reader fetches those.", "ok", {
      hasNoObjects: true,
    }),
    excerpt(
      "ok-excerpt-of-checkpoint",
      "An excerpt may stand on a checkpoint.",
      "ok",
      { places: FIRST_MINUTES, manifest: 0 },
      { script: EARLY },
    ),
    excerpt("L5-no-parts", "An excerpt of no part is a receipt.", "malformed", { places: [] }),
    excerpt(
      "L5-loss-shown",
      "An excerpt shows a take and its segments.",
      "malformed",
      { places: [0, 1, 2] },
      { script: [...HONEST.slice(0, 2), { lost: 1, track: "camera" }] },
    ),
    excerpt("L5-two-takes-shown", "An excerpt is of one take.", "malformed", { places: [0, 1, 5, 6] }),
    excerpt("L5-segment-of-another-track", "A part of another track.", "malformed", { places: [0, 1, 3] }),
    excerpt("ok-excerpt-witnesses", "Two witnesses saw the head.", "ok", { witnesses: ["school", "server"] }),
    excerpt(
      "ok-excerpt-long-log",
      "Paths in a log of 200 entries, at its first and last place.",
      "ok",
      { places: [0, 1, 199] },
      { script: [...HONEST.slice(0, 2), ...fill(197), { segment: "camera", data: data("last", 40) }] },
    ),
    excerpt(
      "L5-other-recording",
      "It is not the recording that was announced.",
      "unexpected-recording",
      {},
      {},
      { expected: "other" },
    ),
    excerpt("D4-excerpt-magic", "Another magic.", "malformed", { magic: "BLRY" }),
    excerpt("D4-excerpt-version", "Another version.", "unsupported-version", { version: 2 }),
    excerpt("D6-excerpt-empty", "Nothing at all.", "malformed", { bytes: () => new Uint8Array(0) }),
    excerpt("D6-excerpt-cut", "It ends too early.", "malformed", { bytes: (bytes) => bytes.slice(0, -1) }),
    excerpt("D6-excerpt-trailing", "A byte too many.", "malformed", {
      bytes: (bytes) => joined(bytes, new Uint8Array(1)),
    }),
    excerpt("D7-excerpt-core-above-ceiling", "A core is at most 128 KiB.", "limit-exceeded", {
      bytes: (bytes) => joined(bytes.slice(0, 5), new Uint8Array([0, 2, 0, 1]), bytes.slice(9)),
    }),
    excerpt("D7-excerpt-object-above-ceiling", "An object is no longer than an excerpt.", "limit-exceeded", {
      places: FIRST_MINUTES,
      parts: (parts) => parts,
      bytes: (bytes) => objectLength(bytes, 2 ** 32 - 1),
    }),
    excerpt("D4-excerpt-state-3", "There is no state 3.", "malformed", {
      head: (head) => header(25, 3)(new Uint8Array(head)),
    }),
    excerpt("D4-excerpt-core-suite", "The core is of another suite.", "unsupported-algorithm", {
      core: (core) => flip(core, 1),
    }),
    excerpt("D6-excerpt-core-trailing", "The core has a byte too many.", "malformed", {
      core: (core) => joined(core, new Uint8Array(1)),
    }),
    excerpt(
      "L5-core-altered",
      "Another core is another recording, to which nothing was signed.",
      AUTH,
      { core: (core) => flip(core, -1) },
      {},
      { expected: "nothing" },
    ),
    excerpt(
      "L5-core-of-a-file",
      "A sealed file has no log.",
      "wrong-kind",
      { core: (core) => header(2, 2)(new Uint8Array(core)) },
      {},
      { expected: "nothing" },
    ),
    excerpt(
      "L5-core-without-sender",
      "Nobody signs a recording that names no key.",
      "wrong-kind",
      {},
      { senderType: 0 },
    ),
    excerpt("L5-header-of-another-object", "The header is a manifest's.", "malformed", {
      head: (head) => flip(head, 3),
    }),
    excerpt("L5-header-version", "The header is of another version.", "unsupported-version", {
      head: (head) => flip(head, 4),
    }),
    excerpt("L5-header-of-another-recording", "The header is another recording's.", "wrong-recording", {
      head: (head) => flip(head, 8),
    }),
    excerpt("L5-sequence-altered", "The sequence is signed.", AUTH, { head: (head) => flip(head, 24) }),
    excerpt(
      "L5-state-altered",
      "A checkpoint is not made final.",
      AUTH,
      { places: FIRST_MINUTES, manifest: 0, head: (head) => header(25, 2)(new Uint8Array(head)) },
      { script: EARLY },
    ),
    excerpt("L5-size-altered", "The log's size is signed.", AUTH, {
      head: (head) => header(29, 9)(new Uint8Array(head)),
    }),
    excerpt("L5-root-altered", "The log's root is signed.", AUTH, { head: (head) => flip(head, 40) }),
    excerpt("L5-details-altered", "The details' hash is signed.", AUTH, { head: (head) => flip(head, 70) }),
    excerpt("L5-signature-altered", "A flipped bit of the signature.", AUTH, {
      head: (head) => flip(head, -1),
    }),
    excerpt("L5-signature-of-another-manifest", "The signature is an earlier manifest's.", AUTH, {
      head: (head) => joined(head.slice(0, -64), other.manifests[0]!.head.slice(-64)),
    }),
    excerpt("L5-key-of-another-segment", "The key is another segment's: the commitment does not fit.", AUTH, {
      parts: swapKeys,
    }),
    excerpt(
      "L5-key-altered",
      "A flipped bit of a key.",
      AUTH,
      part(1, ({ segmentKey }) => ({ segmentKey: flip(segmentKey!, 3) })),
    ),
    excerpt(
      "L9-key-of-zeros",
      "A wiped key opens nothing.",
      AUTH,
      part(1, () => ({ segmentKey: new Uint8Array(32) })),
    ),
    excerpt("L5-another-hour", "A segment's time is part of its entry.", AUTH, part(1, laterHour)),
    excerpt("L5-take-at-another-hour", "A take's time is part of its entry.", AUTH, part(0, laterHour)),
    excerpt("L5-another-place", "An entry is at its own place of the log.", AUTH, {
      places: FIRST_MINUTES,
      ...part(1, () => ({ n: 3 })),
    }),
    excerpt(
      "L5-path-longer",
      "A path is exactly as long as place and size say.",
      "malformed",
      part(1, ({ path }) => ({ path: [...path, data("hash", 32)] })),
    ),
    excerpt(
      "L5-path-shorter",
      "A path is exactly as long as place and size say.",
      "malformed",
      part(1, ({ path }) => ({ path: path.slice(1) })),
    ),
    excerpt(
      "L5-path-altered",
      "A path leads to the signed root.",
      AUTH,
      part(1, ({ path }) => ({ path: [flip(path[0]!, 0), ...path.slice(1)] })),
    ),
    excerpt(
      "L5-path-reversed",
      "A path begins at the leaf.",
      AUTH,
      part(1, ({ path }) => ({ path: [...path].reverse() })),
    ),
    excerpt("L5-parts-out-of-order", "Places ascend.", "malformed", {
      parts: ([first, second, ...rest]) => [second!, first!, ...rest],
    }),
    excerpt("L5-part-twice", "No place is shown twice.", "malformed", {
      parts: ([first, ...rest]) => [first!, first!, ...rest],
    }),
    excerpt("L5-place-past-the-end", "A place is below the size.", "malformed", {
      parts: (parts) => [...parts.slice(0, -1), { ...parts.at(-1)!, n: 7 }],
    }),
    excerpt("L5-take-not-shown", "Every segment's take is shown before it.", "malformed", { places: [1] }),
    excerpt("L5-another-take-shown", "The take that is shown is another one.", "malformed", {
      places: [0, 6],
    }),
    excerpt("L5-another-track-shown", "The track that is shown is another one.", "malformed", {
      places: [2, 4],
    }),
    excerpt(
      "D6-excerpt-entry-trailing",
      "An entry is exactly as long as it says.",
      "malformed",
      part(0, ({ entry }) => ({ entry: joined(entry, new Uint8Array(1)) })),
    ),
    excerpt(
      "D6-excerpt-entry-unknown-kind",
      "There are three kinds of entries.",
      "malformed",
      part(0, ({ entry }) => ({ entry: header(0, 4)(new Uint8Array(entry)) })),
    ),
    excerpt(
      "L5-index-repeated",
      "Indices ascend: here one was signed twice.",
      "malformed",
      {},
      {
        script: [
          { segment: "camera", data: data("a", 20) },
          { segment: "camera", data: data("b", 20), index: 0 },
        ],
      },
    ),
    object("longer", "An object is as long as its entry says.", (bytes) => joined(bytes, new Uint8Array(1))),
    object("shorter", "An object is as long as its entry says.", (bytes) => bytes.slice(0, -1)),
    object("altered", "A flipped bit of ciphertext.", (bytes) => flip(bytes, -1)),
    object("salt-altered", "A flipped bit of the salt.", (bytes) => flip(bytes, 31)),
    headed(
      "A5",
      "of-another-recording",
      "A signed segment bears another recordingId.",
      10,
      0xee,
      "wrong-recording",
    ),
    headed("D4", "magic", "A signed segment bears another magic.", 3, 0x54, "malformed"),
    headed("D4", "version", "A signed segment bears another version.", 4, 2, "unsupported-version"),
    headed("D4", "unknown-flag", "A signed segment bears an unknown flag.", 5, 2, "unsupported-algorithm"),
    headed("A5", "of-another-take", "A signed segment bears another take.", 25, 1),
    headed("A5", "of-another-track", "A signed segment bears another track.", 23, 2),
    headed("A5", "of-another-index", "A signed segment bears another index.", 29, 1),
    headed("D4", "flag", "The flag says padded, and the entry does not.", 5, 1),
    signed("L5-signed-chunk-does-not-open", "A signed chunk does not open.", {
      sealed: (bytes) => flip(bytes, -1),
    }),
    signed("L5-padded-length-field-differs", "The sealed length field and the entry's content differ.", {
      padded: 1000,
      lengthField: 299,
    }),
    signed("L5-padded-nonzero", "A byte of padding is not zero.", {
      padded: 2 * CHUNK + 100,
      plaintext: (bytes) => flip(bytes, CHUNK + 4),
    }),
  ];
}

/** The length of the one object, which stands before the witnesses' count. */
function objectLength(bytes: Uint8Array<ArrayBuffer>, stated: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  const length = 86 + 300 + 16;
  new DataView(changed.buffer).setUint32(bytes.length - 1 - length - 4, stated);
  return changed;
}

function swapKeys(parts: readonly ForgedPart[]): readonly ForgedPart[] {
  const keys = parts.flatMap(({ segmentKey }) => (segmentKey ? [segmentKey] : [])).reverse();
  return parts.map((each) => (each.segmentKey ? { ...each, segmentKey: keys.shift()! } : each));
}

function receipts(): RecordingCase[] {
  const torsion = new Uint8Array(32);
  torsion[0] = 1;
  return [
    receipt("ok-receipt", "As a recorder hands it out.", "ok", {}),
    receipt("ok-receipt-witnessed", "A server and a school have seen it.", "ok", {
      witnesses: ["server", "school"],
    }),
    receipt(
      "ok-receipt-unpinned",
      "Nobody told the reader which recording was announced.",
      "ok",
      { witnesses: ["server"] },
      {},
      { expected: "nothing" },
    ),
    receipt(
      "L7-receipt-other-recording",
      "It is not the recording that was announced.",
      "unexpected-recording",
      {},
      {},
      { expected: "other" },
    ),
    receipt(
      "L7-receipt-of-checkpoint",
      "A recording that goes on has no receipt.",
      "malformed",
      {},
      { final: { isFinal: false } },
    ),
    receipt("L7-receipt-with-a-part", "An excerpt is no receipt.", "malformed", { places: FIRST_MINUTES }),
    receipt("L7-receipt-too-long", "No receipt is longer than 192 KiB.", "malformed", {
      bytes: (bytes) => joined(bytes, new Uint8Array(196609 - bytes.length)),
    }),
    receipt("L7-witness-altered", "A flipped bit of a witness's signature.", AUTH, {
      witnesses: ["server"],
      witnessList: (list) => list.map((each) => ({ ...each, signature: flip(each.signature, 50) })),
    }),
    receipt("L7-witness-at-another-time", "The time is signed.", AUTH, {
      witnesses: ["server"],
      witnessList: (list) => list.map((each) => ({ ...each, time: Number(each.time) + 1 })),
    }),
    receipt("L7-witness-time-above-2-to-the-53", "Times stay below 2^53.", "malformed", {
      witnesses: ["server"],
      witnessList: (list) => list.map((each) => ({ ...each, time: 2n ** 53n })),
    }),
    receipt(
      "L7-witness-of-another-statement",
      "A witness saw another recording's end, and not this one's.",
      AUTH,
      { witnessList: () => [forgeWitness("server", other.secrets.coreHash, other.manifests[0]!.head)] },
    ),
    receipt(
      "L7-witness-of-another-sequence",
      "A witness saw the end under another sequence.",
      AUTH,
      { manifest: 0, witnessList: () => [forgeWitness("server", movedCore(), moved())] },
      { seed: "moved" },
    ),
    receipt("L7-witness-by-another-key", "The signature is not of the key that is named.", AUTH, {
      witnesses: ["server"],
      witnessList: (list) =>
        list.map((each) => ({ ...each, publicKey: ed25519.getPublicKey(witnessSeed("nobody")) })),
    }),
    receipt("L7-witness-of-small-order", "A key of small order signs everything.", AUTH, {
      witnessList: () => [{ publicKey: torsion, time: 1, signature: joined(torsion, new Uint8Array(32)) }],
    }),
    receipt("L7-witnesses-out-of-order", "Witnesses ascend by key.", "malformed", {
      witnesses: ["server", "school"],
      witnessList: (list) => [...list].reverse(),
    }),
    receipt("L7-witness-twice", "No key signs twice.", "malformed", {
      witnesses: ["server"],
      witnessList: (list) => [...list, ...list],
    }),
    receipt("L7-witness-count-too-high", "More witnesses are stated than are there.", "malformed", {
      bytes: (bytes) => joined(bytes.slice(0, -1), new Uint8Array([1])),
    }),
    receipt("L7-signature-altered", "The recording's own key has to have signed.", AUTH, {
      witnesses: ["server"],
      head: (head) => flip(head, -1),
    }),
  ];
}

/** The head of the recording "moved" as it would be under another sequence. */
function moved(): Uint8Array {
  return forgeRecording({ seed: "moved", script: HONEST, final: { sequence: 1 } }).manifests[0]!.head;
}

const movedCore = (): Uint8Array => forgeRecording({ seed: "moved", script: HONEST }).secrets.coreHash;

export function excerptCases(): RecordingCase[] {
  return [...excerpts(), ...receipts()];
}
