import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { alice } from "./cases.js";
import {
  CHUNK,
  cobblestone,
  forge,
  type KeyPair,
  NOW,
  pad,
  SEALED_CHUNK,
  type Secrets,
  Seeded,
  u8,
  u16,
  u32,
  u64,
} from "./forge.js";

/**
 * A second writer of recordings, from docs/format-v1.md and independent of `src`, that can break any rule on purpose: a script of
 * what happens becomes a log, and every step and object of it can be changed before or after it is signed and sealed.
 * Deterministic, as the writer of files that it stands on, and synchronous.
 */

type Bytes = Uint8Array<ArrayBuffer>;
type Change<T> = (honest: T) => T;

export const joined = (...parts: readonly Uint8Array[]): Bytes => concatBytes(...parts) as Bytes;
export const label = (name: string): Bytes => joined(utf8ToBytes(`blindreel/v1 ${name}`), u8(0));
export const tagged = (name: string, ...message: readonly Uint8Array[]): Bytes =>
  sha256(joined(label(name), ...message)) as Bytes;
export const expand32 = (key: Uint8Array, ...info: Uint8Array[]): Bytes =>
  hmac(sha256, key, joined(...info, u8(1))) as Bytes;
const str8 = (text: string | Uint8Array): Bytes => {
  const bytes = typeof text === "string" ? utf8ToBytes(text) : text;
  return joined(u8(bytes.length), bytes);
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const digits = (value: number, length: number): string => value.toString(16).padStart(length, "0");

/** RFC 6962 §2.1, over hashes of leaves. */
export function rootOf(leaves: readonly Uint8Array[]): Bytes {
  if (leaves.length === 0) return sha256(new Uint8Array(0)) as Bytes;
  if (leaves.length === 1) return leaves[0]! as Bytes;
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

const node = (left: Uint8Array, right: Uint8Array): Bytes => sha256(joined(u8(1), left, right)) as Bytes;

/** RFC 6962 §2.1.1, from the leaf upwards. */
export function pathOf(leaves: readonly Uint8Array[], n: number): Bytes[] {
  if (leaves.length < 2) return [];
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return n < k
    ? [...pathOf(leaves.slice(0, k), n), rootOf(leaves.slice(k))]
    : [...pathOf(leaves.slice(k), n - k), rootOf(leaves.slice(0, k))];
}

export const logLeafOf = (entry: Uint8Array): Bytes => sha256(joined(u8(0), tagged("entry", entry))) as Bytes;

/** Roots of the aligned subtrees of 64 chunks of a stored segment. */
export function subrootsOf(stored: Uint8Array): Bytes[] {
  const leaves: Bytes[] = [];
  for (let at = 86; at < stored.length; at += SEALED_CHUNK) {
    leaves.push(sha256(joined(u8(0), sha256(stored.slice(at, at + SEALED_CHUNK)))) as Bytes);
  }
  const roots: Bytes[] = [];
  for (let at = 0; at < leaves.length; at += 64) roots.push(rootOf(leaves.slice(at, at + 64)));
  return roots;
}

/** Entries as the format writes them down; a text may be any bytes, a number any number. */
export interface ForgedTake {
  readonly kind: 1;
  readonly salt: Uint8Array;
  readonly track: number;
  readonly take: number;
  readonly name: string | Uint8Array;
  readonly type: string | Uint8Array;
  readonly time: number | bigint;
}

export interface ForgedSegment {
  readonly kind: 2;
  readonly salt: Uint8Array;
  readonly track: number;
  readonly take: number;
  readonly index: number;
  /** 1 final, 2 cut. */
  readonly end: number;
  readonly time: number | bigint;
  readonly length: number;
  readonly content: number;
  readonly head: Uint8Array;
  readonly subroots: readonly Uint8Array[];
  readonly points: readonly (readonly [time: number, byte: number])[];
  /** Stated, where it is not the points' number. */
  readonly pointCount?: number;
}

export interface ForgedLoss {
  readonly kind: 3;
  readonly salt: Uint8Array;
  readonly what: number;
  readonly cause: number;
  readonly track: number;
  readonly first: number;
  readonly count: number;
  readonly time: number | bigint;
}

export type ForgedEntry = ForgedTake | ForgedSegment | ForgedLoss;

export function encodeForged(entry: ForgedEntry): Bytes {
  const start = joined(u8(entry.kind), entry.salt);
  if (entry.kind === 1) {
    const { track, take, name, type, time } = entry;
    return joined(start, u16(track), u16(take), str8(name), str8(type), u64(time));
  }
  if (entry.kind === 3) {
    const { what, cause, track, first, count, time } = entry;
    return joined(start, u8(what), u8(cause), u16(track), u32(first), u32(count), u64(time));
  }
  const { track, take, index, end, time, length, content, head, subroots, points, pointCount } = entry;
  return joined(
    start,
    u16(track),
    u16(take),
    u32(index),
    u8(end),
    u64(time),
    u32(length),
    u32(content),
    head,
    ...subroots,
    u8(pointCount ?? points.length),
    ...points.map(([at, byte]) => joined(u32(at), u32(byte))),
  );
}

/** How one entry is told wrongly: its fields, or its bytes, before they are hashed and signed. */
interface EntryBreak<T extends ForgedEntry> {
  readonly entry?: Change<T>;
  readonly bytes?: Change<Bytes>;
}

export interface TakeStep extends EntryBreak<ForgedTake> {
  readonly take: string;
  readonly type?: string;
  /** Milliseconds since the recording's start; as for every step, a second after the last where it is not said. */
  readonly at?: number;
}

export interface SegmentStep extends EntryBreak<ForgedSegment> {
  /** Name of the track; a take begins by itself where none has. */
  readonly segment: string;
  readonly data: Uint8Array;
  /** Without its last chunk: of the data only whole chunks are there. */
  readonly isCut?: boolean;
  /** Total of the padded plaintext; true for the whole-chunk rule. */
  readonly padded?: boolean | number;
  readonly points?: ForgedSegment["points"];
  readonly at?: number;
  /** Leaves out of the log, as after an honest crash, or as somebody with the keys may add. */
  readonly isUnlisted?: boolean;
  /** What is sealed. */
  readonly header?: Change<Bytes>;
  /** The stated length of padded data. */
  readonly lengthField?: number | bigint;
  readonly plaintext?: Change<Uint8Array>;
  readonly key?: (secrets: Secrets, header: Bytes) => Uint8Array;
  readonly index?: number;
  /** The object before it is hashed. */
  readonly sealed?: Change<Bytes>;
  /** What is stored of it: null for nothing. */
  readonly stored?: (honest: Bytes) => Bytes | null;
}

export interface LossStep extends EntryBreak<ForgedLoss> {
  readonly lost: 1 | 2 | 3 | 4 | 5;
  readonly cause?: number;
  readonly track?: string;
  /** Next index of the track for what 1, where it is not said. */
  readonly first?: number;
  readonly count?: number;
  readonly at?: number;
}

/** A manifest over the log as far as the script has come. */
export interface ManifestForgery {
  readonly sequence?: number;
  readonly isFinal?: boolean;
  readonly body?: Change<ManifestBody>;
  readonly bodyBytes?: Change<Bytes>;
  /** Keeps the signature over the honest body. */
  readonly signsHonest?: boolean;
  readonly signingSeed?: Uint8Array;
  readonly signature?: Change<Bytes>;
  readonly signed?: Change<Bytes>;
  readonly recordingId?: Uint8Array;
  readonly magic?: string;
  readonly version?: number;
  /** Written instead of the header that key and signature are bound to. */
  readonly writtenHeader?: Change<Bytes>;
  readonly key?: (secrets: Secrets) => Uint8Array;
  readonly padded?: Change<Bytes>;
  readonly sealed?: Change<Bytes>;
  /** Part of its name, where it is stored under another sequence. */
  readonly name?: number;
  readonly isStored?: boolean;
}

export interface CheckpointStep {
  readonly manifest: ManifestForgery;
}

export interface ManifestBody {
  readonly state: number;
  readonly size: number;
  readonly logRoot: Uint8Array;
  readonly details: Details;
  readonly peaks: readonly Uint8Array[];
  readonly tail: readonly Uint8Array[];
}

export interface Details {
  readonly salt: Uint8Array;
  readonly started: number | bigint;
  readonly ended: number | bigint;
  readonly reason: string | Uint8Array;
}

export type Step = TakeStep | SegmentStep | LossStep | CheckpointStep;

export interface PageForgery {
  readonly entries?: Change<readonly Uint8Array[]>;
  readonly number?: number;
  readonly recordingId?: Uint8Array;
  readonly signingSeed?: Uint8Array;
  readonly signature?: Change<Bytes>;
  readonly signed?: Change<Bytes>;
  readonly key?: (secrets: Secrets) => Uint8Array;
  readonly padded?: Change<Bytes>;
  readonly sealed?: Change<Bytes>;
  /** null stores nothing. */
  readonly stored?: (honest: Bytes) => Bytes | null;
}

export interface RecordingForgery {
  readonly seed?: string;
  readonly senderType?: number;
  readonly recipients?: readonly KeyPair[];
  readonly metadataText?: string;
  readonly script?: Iterable<Step>;
  /** By page number. */
  readonly pages?: Readonly<Record<number, PageForgery>>;
  /** The last manifest, over everything; null for none. It is final unless told otherwise. */
  readonly final?: ManifestForgery | null;
  /** Objects of segments are not sealed: for logs too long to seal what they list. */
  readonly hasNoSegments?: boolean;
  /** The stored objects, at the end. */
  readonly objects?: (objects: Map<string, Bytes>, forged: ForgedRecording) => void;
}

export interface ForgedManifest {
  readonly bytes: Bytes;
  readonly header: Bytes;
  readonly body: ManifestBody;
  /** What an excerpt shows of it: header, state, size, logRoot, H("details"), signature. */
  readonly head: Bytes;
}

export interface ForgedRecording {
  readonly envelope: Bytes;
  readonly core: Bytes;
  /** By customary name, the envelope too. */
  readonly objects: Map<string, Bytes>;
  readonly coreHash: string;
  readonly id: string;
  readonly recordingId: Bytes;
  readonly signingSeed: Bytes;
  readonly secrets: Secrets;
  readonly manifestKey: Bytes;
  /** Private half of the recipient. */
  readonly identity: KeyPair;
  /** The log's entries, as bytes, and what they were made from. */
  readonly log: readonly { readonly bytes: Bytes; readonly entry: ForgedEntry }[];
  readonly manifests: readonly ForgedManifest[];
  /** By track's name and index. */
  readonly content: ReadonlyMap<string, Uint8Array>;
  segmentName(track: number, index: number): string;
  pageName(page: number): string;
  manifestName(sequence: number): string;
  segmentKey(header: Uint8Array): Bytes;
}

/** Milliseconds since 1970 at which forged recordings start. */
export const STARTED = NOW * 1000;

interface TrackState {
  readonly id: number;
  takes: number;
  next: number;
}

class Forging {
  readonly random: Seeded;
  readonly forgery: RecordingForgery;
  readonly recordingId: Bytes;
  readonly signingSeed: Bytes;
  readonly identity: KeyPair;
  readonly envelope: Bytes;
  readonly secrets: Secrets;
  readonly manifestKey: Bytes;
  readonly objects = new Map<string, Bytes>();
  readonly log: { bytes: Bytes; entry: ForgedEntry }[] = [];
  readonly leaves: Bytes[] = [];
  readonly pageRoots: Bytes[] = [];
  readonly manifests: ForgedManifest[] = [];
  readonly content = new Map<string, Uint8Array>();
  readonly tracks = new Map<string, TrackState>();
  readonly empty = new Map<number, Bytes>();
  sequence = 0;
  clock = 0;

  constructor(forgery: RecordingForgery) {
    this.forgery = forgery;
    const seed = forgery.seed ?? "recording";
    this.random = new Seeded(`recording ${seed}`);
    this.recordingId = this.random.bytes(16) as Bytes;
    this.signingSeed = this.random.bytes(32) as Bytes;
    const recipients = forgery.recipients ?? [alice];
    this.identity = recipients[0]!;
    const senderType = forgery.senderType ?? 1;
    let secrets!: Secrets;
    const file = {
      kind: 1,
      recordingId: this.recordingId,
      senderType,
      sender: senderType === 0 ? new Uint8Array(0) : ed25519.getPublicKey(this.signingSeed),
      isEnvelopeOnly: true,
      slots: <T>(honest: T, _: unknown, known: Secrets): T => {
        secrets = known;
        return honest;
      },
      ...(forgery.metadataText ? { metadataText: forgery.metadataText } : {}),
    };
    this.envelope = forge(seed, new Uint8Array(0), file, recipients) as Bytes;
    this.secrets = secrets;
    this.manifestKey = expand32(secrets.readKey, label("manifest"), secrets.coreHash);
    this.objects.set(`${hex(this.recordingId)}/envelope`, this.envelope);
  }

  name(rest: string): string {
    return `${hex(this.recordingId)}/${rest}`;
  }

  segmentName = (track: number, index: number): string =>
    this.name(`${digits(track, 4)}/${digits(index, 8)}.seg`);
  pageName = (page: number): string => this.name(`page-${digits(page, 8)}`);
  manifestName = (sequence: number): string => this.name(`manifest-${digits(sequence, 8)}`);
  segmentKey = (header: Uint8Array): Bytes => expand32(this.secrets.contentKey, label("segment key"), header);

  salt(): Bytes {
    return this.random.bytes(16) as Bytes;
  }

  time(at: number | undefined): number {
    this.clock = at ?? this.clock + 1000;
    return STARTED + this.clock;
  }

  step(step: Step): void {
    if ("take" in step) this.take(step);
    else if ("segment" in step) this.segment(step);
    else if ("lost" in step) this.lost(step);
    else this.manifest(step.manifest);
  }

  append<T extends ForgedEntry>(entry: T, change: EntryBreak<T>): void {
    const told = change.entry?.(entry) ?? entry;
    const encoded = encodeForged(told);
    const bytes = change.bytes?.(encoded) ?? encoded;
    this.log.push({ bytes, entry: told });
    this.leaves.push(logLeafOf(bytes));
    if (this.log.length % 64 === 0) this.page(this.log.length / 64 - 1);
  }

  take(step: TakeStep): TrackState {
    const { take: name, type = "video/webm", at } = step;
    const track = this.tracks.get(name) ?? { id: this.tracks.size + 1, takes: 0, next: 0 };
    this.tracks.set(name, track);
    const time = this.time(at);
    this.append({ kind: 1, salt: this.salt(), track: track.id, take: track.takes, name, type, time }, step);
    track.takes++;
    return track;
  }

  segment(step: SegmentStep): void {
    const track = this.tracks.get(step.segment) ?? this.take({ take: step.segment });
    const index = step.index ?? track.next;
    track.next = index + 1;
    const time = this.time(step.at);
    const isPadded = step.padded !== undefined && step.padded !== false;
    const flags = isPadded ? 1 : 0;
    const honest = joined(
      utf8ToBytes("BLRS"),
      u8(1),
      u8(flags),
      this.recordingId,
      u16(track.id),
      u16(track.takes - 1),
      u32(index),
    );
    const header = step.header?.(honest) ?? honest;
    const data = step.isCut ? step.data.slice(0, Math.floor(step.data.length / CHUNK) * CHUNK) : step.data;
    const stored = this.sealSegment(step, header, data);
    const subtrees = Math.ceil((stored.length - 86) / (64 * SEALED_CHUNK));
    this.content.set(`${step.segment}/${index}`, data);
    const kept = step.stored ? step.stored(stored) : stored;
    if (kept && !this.forgery.hasNoSegments) this.objects.set(this.segmentName(track.id, index), kept);
    if (step.isUnlisted) return;
    const entry: ForgedSegment = {
      kind: 2,
      salt: this.salt(),
      track: track.id,
      take: track.takes - 1,
      index,
      end: step.isCut ? 2 : 1,
      time,
      length: stored.length,
      content: data.length,
      head: tagged("segment head", stored.slice(0, 86)),
      subroots: this.forgery.hasNoSegments
        ? Array.from({ length: subtrees }, () => this.random.bytes(32))
        : subrootsOf(stored),
      points: step.points ?? [],
    };
    this.append(entry, step);
  }

  sealSegment(step: SegmentStep, header: Bytes, data: Uint8Array): Bytes {
    let plaintext = data;
    if (step.padded) {
      const whole = data.length + 8 + ((((CHUNK - 1 - data.length - 8) % CHUNK) + CHUNK) % CHUNK);
      plaintext = pad(data, step.padded === true ? whole : step.padded, step.lengthField ?? data.length);
    }
    plaintext = step.plaintext?.(plaintext) ?? plaintext;
    const salt = this.random.bytes(24);
    if (this.forgery.hasNoSegments) {
      const chunks = step.isCut ? plaintext.length / CHUNK : Math.floor(plaintext.length / CHUNK) + 1;
      // Nobody writes to it, so one does for all of a length.
      const length = 86 + plaintext.length + 16 * chunks;
      const empty = this.empty.get(length) ?? new Uint8Array(length);
      this.empty.set(length, empty);
      return empty;
    }
    const key = step.key?.(this.secrets, header) ?? this.segmentKey(header);
    const stream = cobblestone(key, joined(label("segment"), header), plaintext, salt, {
      ...(step.isCut ? { isOpen: true } : {}),
    });
    const sealed = joined(header, stream);
    return step.sealed?.(sealed) ?? sealed;
  }

  lost(step: LossStep): void {
    const track = step.track === undefined ? undefined : this.tracks.get(step.track)!;
    const count = step.count ?? (step.lost <= 3 ? 1 : 0);
    const first = step.first ?? (step.lost === 1 ? track!.next : 0);
    if (step.lost === 1) track!.next = first + count;
    const cause = step.cause ?? { 1: 1, 2: 4, 3: 4, 4: 2, 5: 5 }[step.lost];
    const time = this.time(step.at);
    this.append(
      { kind: 3, salt: this.salt(), what: step.lost, cause, track: track?.id ?? 0, first, count, time },
      step,
    );
  }

  sign(seed: Uint8Array | undefined, message: Uint8Array): Bytes {
    return ed25519.sign(message, seed ?? this.signingSeed) as Bytes;
  }

  /** `header || Cobblestone(key, L(kind) || header, padded(content))`. */
  sealObject(
    kind: "page" | "manifest",
    header: Bytes,
    content: Bytes,
    change: Pick<ManifestForgery, "padded" | "key" | "writtenHeader" | "sealed">,
  ): Bytes {
    const padded = new Uint8Array(Math.ceil((content.length + 4) / 1024) * 1024);
    padded.set(u32(content.length));
    padded.set(content, 4);
    const plaintext = change.padded?.(padded) ?? padded;
    const key = change.key?.(this.secrets) ?? this.manifestKey;
    const stream = cobblestone(key, joined(label(kind), header), plaintext, this.random.bytes(24));
    const sealed = joined(change.writtenHeader?.(header) ?? header, stream);
    return change.sealed?.(sealed) ?? sealed;
  }

  page(number: number): void {
    const change = this.forgery.pages?.[number] ?? {};
    const honest = this.log.slice(64 * number, 64 * number + 64).map(({ bytes }) => bytes);
    this.pageRoots.push(rootOf(this.leaves.slice(64 * number, 64 * number + 64)));
    const entries = change.entries?.(honest) ?? honest;
    const header = joined(
      utf8ToBytes("BLRL"),
      u8(1),
      change.recordingId ?? this.recordingId,
      u32(change.number ?? number),
    );
    const root = rootOf(entries.map(logLeafOf));
    const message = joined(label("page signature"), this.secrets.coreHash, header, root);
    const signature = this.sign(change.signingSeed, change.signed?.(message) ?? message);
    const content = joined(...entries, change.signature?.(signature) ?? signature);
    const sealed = this.sealObject("page", header, content, change);
    const kept = change.stored ? change.stored(sealed) : sealed;
    if (kept) this.objects.set(this.pageName(number), kept);
  }

  /** Peaks over the full pages of the log as it is. */
  peaks(): Bytes[] {
    const peaks: Bytes[] = [];
    let at = 0;
    for (let size = 2 ** 30; size >= 1; size /= 2) {
      if ((this.pageRoots.length & size) === 0) continue;
      peaks.push(rootOf(this.pageRoots.slice(at, at + size)));
      at += size;
    }
    return peaks;
  }

  manifest(change: ManifestForgery): void {
    const sequence = change.sequence ?? this.sequence;
    this.sequence = sequence + 1;
    const header = joined(
      utf8ToBytes(change.magic ?? "BLRM"),
      u8(change.version ?? 1),
      change.recordingId ?? this.recordingId,
      u32(sequence),
    );
    const size = this.log.length;
    const peaks = this.peaks();
    const tailLeaves = this.leaves.slice(64 * this.pageRoots.length);
    const ends = tailLeaves.length > 0 ? [...peaks, rootOf(tailLeaves)] : peaks;
    const honest: ManifestBody = {
      state: change.isFinal ? 2 : 1,
      size,
      logRoot: ends.length === 0 ? rootOf([]) : ends.reduceRight((right, left) => node(left, right)),
      details: {
        salt: this.random.bytes(32),
        started: STARTED,
        ended: STARTED + this.clock,
        reason: change.isFinal ? "submitted" : "",
      },
      peaks,
      tail: this.log.slice(64 * this.pageRoots.length).map(({ bytes }) => bytes),
    };
    const body = change.body?.(honest) ?? honest;
    const { bytes: encoded, details } = encodeBody(body);
    const written = change.bodyBytes?.(encoded) ?? encoded;
    const told = change.signsHonest ? honest : body;
    const statement = joined(
      u8(told.state),
      u32(told.size),
      told.logRoot,
      tagged("details", change.signsHonest ? encodeBody(honest).details : details),
    );
    const message = joined(label("manifest signature"), this.secrets.coreHash, header, statement);
    const honestSignature = this.sign(change.signingSeed, change.signed?.(message) ?? message);
    const signature = change.signature?.(honestSignature) ?? honestSignature;
    const bytes = this.sealObject("manifest", header, joined(written, signature), change);
    this.manifests.push({ bytes, header, body, head: joined(header, statement, signature) });
    if (change.isStored !== false) this.objects.set(this.manifestName(change.name ?? sequence), bytes);
  }
}

function encodeBody({ state, size, logRoot, details, peaks, tail }: ManifestBody) {
  const { salt, started, ended, reason } = details;
  const encoded = joined(salt, u64(started), u64(ended), str8(reason));
  const bytes = joined(u8(state), u32(size), logRoot, u16(encoded.length), encoded, ...peaks, ...tail);
  return { bytes, details: encoded };
}

/** Plays the script, then writes the final manifest. */
export function forgeRecording(forgery: RecordingForgery = {}): ForgedRecording {
  const forging = new Forging(forgery);
  for (const step of forgery.script ?? SCRIPT) forging.step(step);
  if (forgery.final !== null) forging.manifest({ isFinal: true, ...forgery.final });
  const { envelope, objects, recordingId, signingSeed, secrets, manifestKey, identity, log, manifests } =
    forging;
  const coreLength = Buffer.from(envelope.slice(14, 18)).readUInt32BE();
  const forged: ForgedRecording = {
    envelope,
    core: envelope.slice(18, 18 + coreLength),
    objects,
    coreHash: hex(secrets.coreHash),
    id: hex(recordingId),
    recordingId,
    signingSeed,
    secrets,
    manifestKey,
    identity,
    log,
    manifests,
    content: forging.content,
    segmentName: forging.segmentName,
    pageName: forging.pageName,
    manifestName: forging.manifestName,
    segmentKey: forging.segmentKey,
  };
  forgery.objects?.(objects, forged);
  return forged;
}

const data = (name: string, length: number): Uint8Array => new Seeded(name).bytes(length);

/** What an honest recorder writes down: a camera of two takes, the first cut by a crash, and a padded chat. */
export const SCRIPT: readonly Step[] = [
  { take: "camera", at: 0 },
  {
    segment: "camera",
    data: data("camera 0", CHUNK + 100),
    points: [
      [0, 0],
      [1000, 9000],
    ],
  },
  { take: "chat", type: "text/plain" },
  { segment: "chat", data: utf8ToBytes("What was question 3?"), padded: true },
  { segment: "camera", data: data("camera 1", CHUNK), isCut: true, points: [[0, 10]] },
  { take: "camera", at: 60_000 },
  { segment: "camera", data: data("camera 2", 300) },
];

/** The same without a crash: nothing is lost of it. */
export const WHOLE: readonly Step[] = SCRIPT.map((step) =>
  "segment" in step && step.isCut ? { ...step, isCut: false } : step,
);

/** `count` short segments of one track, one a second, behind its take's entry. */
export function many(count: number, track = "camera", bytes = 20): Step[] {
  const shared = data(`many ${bytes}`, bytes);
  return [
    { take: track, at: 0 },
    ...Array.from({ length: count }, (_, i): Step => ({ segment: track, data: shared, at: 1000 * i })),
  ];
}
