import { readdirSync, readFileSync } from "node:fs";
import { type ExcerptForgery, forgeExcerpt, placesOf } from "./excerpt-forge.js";
import { NOW, Seeded } from "./forge.js";
import { type ForgedRecording, forgeRecording, type RecordingForgery, type Step } from "./recording-forge.js";
import { RECORDINGS, sha256Hex } from "./vector-file.js";

/** One recording, excerpt or receipt with at most one fault, and what must come of reading it. */
export interface RecordingCase {
  /** File name, starting with its id in test/README.md, or `ok`. */
  readonly name: string;
  /** One sentence: why this must be so. */
  readonly why: string;
  readonly kind: "recording" | "excerpt" | "receipt";
  /** A recording's state, `ok` for the others, or the code with which it is refused. */
  readonly expect: string;
  /** What the reader was told: this recording's coreHash, another's, or nothing. */
  readonly expected?: "announced" | "other" | "nothing";
  readonly minSequence?: number;
  /** By stored object: with which code it is left out. */
  readonly codes?: Readonly<Record<string, string>>;
  /** Segments that authenticate and that no signed manifest covers; `all` that are stored. */
  readonly uncovered?: readonly (readonly [track: number, index: number])[] | "all";
  readonly forgery: RecordingForgery;
  readonly excerpt?: ExcerptForgery;
}

export type Extra = Partial<Omit<RecordingCase, "name" | "why" | "expect" | "forgery" | "kind">>;

const data = (name: string, length: number): Uint8Array => new Seeded(name).bytes(length);

/** What an honest recorder writes down, in few bytes: a camera of two takes and a padded chat. */
export const HONEST: readonly Step[] = [
  { take: "camera", at: 0 },
  {
    segment: "camera",
    data: data("camera 0", 300),
    points: [
      [0, 0],
      [1000, 90],
    ],
  },
  { take: "chat", type: "text/plain" },
  { segment: "chat", data: data("chat 0", 20), padded: 200 },
  { segment: "camera", data: data("camera 1", 200) },
  { take: "camera", at: 60_000 },
  { segment: "camera", data: data("camera 2", 300) },
];

/** A recording, by the script of an honest one unless told otherwise. */
export const one = (
  name: string,
  why: string,
  expect: string,
  forgery: RecordingForgery,
  extra: Extra = {},
): RecordingCase => ({
  name,
  why,
  expect,
  kind: "recording",
  forgery: { script: HONEST, ...forgery },
  ...extra,
});

export interface TakeContent {
  readonly track: number;
  readonly take: number;
  readonly size: number;
  /** `-` where it has a hole: what is before and behind does not belong together. */
  readonly sha256: string;
}

export interface RecordingVector extends Omit<RecordingCase, "forgery" | "excerpt" | "uncovered" | "codes"> {
  readonly coreHash: string | undefined;
  readonly codes: Readonly<Record<string, string>>;
  readonly uncovered: readonly string[];
  readonly takes: readonly TakeContent[];
  readonly identity: Uint8Array<ArrayBuffer>;
  readonly now: Date;
  /** By name without the recordingId. */
  readonly objects: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly recordingId: string;
}

const MARK = "\n\n";
const HAS_CONTENT = ["complete", "interrupted", "ok"];

export function encodeRecordingVector(each: RecordingCase): Buffer {
  const forged = forgeRecording({ seed: "recording", ...each.forgery });
  const { id } = forged;
  const stored =
    each.kind === "recording"
      ? [...forged.objects].map(([name, bytes]) => [name.slice(id.length + 1), bytes] as const)
      : [[each.kind, forgeExcerpt(forged, each.excerpt)] as const];
  const announced = { announced: forged.coreHash, other: "5a".repeat(32), nothing: undefined };
  const coreHash = announced[each.expected ?? "announced"];
  const names = stored.map(([name]) => name);
  const header = [
    `why: ${each.why}`,
    `kind: ${each.kind}`,
    `expect: ${each.expect}`,
    ...(coreHash ? [`core-hash: ${coreHash}`] : []),
    ...(each.minSequence === undefined ? [] : [`min-sequence: ${each.minSequence}`]),
    ...Object.entries(each.codes ?? {}).map(([name, code]) => `code: ${name} ${code}`),
    ...uncoveredOf(each, names).map((name) => `uncovered: ${name}`),
    ...(HAS_CONTENT.includes(each.expect) ? takesOf(forged, each) : []).map(
      ({ track, take, size, sha256 }) => `take: ${track} ${take} ${size} ${sha256}`,
    ),
    `identity: ${Buffer.from(forged.identity.secret).toString("hex")}`,
    `recording-id: ${id}`,
    `now: ${NOW}`,
    ...stored.map(([name, bytes]) => `object: ${name} ${bytes.length}`),
  ];
  return Buffer.concat([Buffer.from(header.join("\n") + MARK), ...stored.map(([, bytes]) => bytes)]);
}

function uncoveredOf({ uncovered = [], expect }: RecordingCase, names: readonly string[]): string[] {
  // What is altered is not looked at further.
  if (expect === "altered") return [];
  if (uncovered === "all") return names.filter((name) => name.endsWith(".seg"));
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return uncovered.map(([track, index]) => `${hex(track, 4)}/${hex(index, 8)}.seg`);
}

/** What is in the takes, by the log and by what was sealed. */
function takesOf(forged: ForgedRecording, { kind, excerpt }: RecordingCase): TakeContent[] {
  const pages = Array.from({ length: Math.floor(forged.log.length / 64) }, (_, page) =>
    forged.pageName(page),
  );
  if (kind === "receipt" || pages.some((name) => !forged.objects.has(name))) return [];
  const places = kind === "excerpt" ? placesOf(forged, excerpt ?? {}) : undefined;
  const entries = forged.log.flatMap(({ entry }, n) => (places && !places.includes(n) ? [] : [entry]));
  const takes = new Map<
    string,
    { track: number; take: number; size: number; last: number; parts: (Uint8Array | undefined)[] }
  >();
  const names = new Map<number, string>();
  for (const entry of entries) {
    if (entry.kind === 3) continue;
    const { track, take } = entry;
    const key = `${track}/${take}`;
    if (!takes.has(key)) takes.set(key, { track, take, size: 0, last: -1, parts: [] });
    const known = takes.get(key)!;
    if (entry.kind === 1) {
      names.set(track, String(entry.name));
      continue;
    }
    const isStored =
      forged.objects.get(forged.segmentName(track, entry.index))?.length === entry.length &&
      !excerpt?.hasNoObjects;
    const isNext = known.parts.length === 0 || entry.index === known.last + 1;
    known.parts.push(
      isStored && isNext ? forged.content.get(`${names.get(track)}/${entry.index}`) : undefined,
    );
    known.size += entry.content;
    known.last = entry.index;
  }
  return [...takes.values()].map(({ track, take, size, parts }) => {
    const isWhole = parts.every((part) => part !== undefined);
    return { track, take, size, sha256: isWhole ? sha256Hex(Buffer.concat(parts as Uint8Array[])) : "-" };
  });
}

export function readRecordingVectors(folder = RECORDINGS): RecordingVector[] {
  const names = readdirSync(folder).sort();
  return names.map((name) =>
    decodeRecordingVector(name.replace(/\.vector$/, ""), readFileSync(folder + name)),
  );
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
  const minSequence = all("min-sequence")[0];
  return {
    name,
    why: all("why")[0]!,
    kind: all("kind")[0] as RecordingVector["kind"],
    expect: all("expect")[0]!,
    coreHash: all("core-hash")[0],
    ...(minSequence === undefined ? {} : { minSequence: Number(minSequence) }),
    codes: Object.fromEntries(all("code").map((line) => line.split(" ") as [string, string])),
    uncovered: all("uncovered"),
    takes: all("take").map((line) => {
      const [track, take, size, sha256] = line.split(" ") as [string, string, string, string];
      return { track: Number(track), take: Number(take), size: Number(size), sha256 };
    }),
    identity: new Uint8Array(Buffer.from(all("identity")[0]!, "hex")),
    recordingId: all("recording-id")[0]!,
    now: new Date(Number(all("now")[0]) * 1000),
    objects,
  };
}
