import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { alice } from "./cases.js";
import {
  CHUNK,
  cobblestone,
  forge,
  NOW,
  SEALED_CHUNK,
  type Secrets,
  Seeded,
  u8,
  u16,
  u32,
  u64,
} from "./forge.js";

/**
 * A second writer of recordings, from docs/format-v1.md and independent of `src`, that can break any rule on purpose.
 * Deterministic, as the writer of files that it stands on.
 */

type Bytes = Uint8Array;

const label = (name: string): Bytes => concatBytes(utf8ToBytes(`blindreel/v1 ${name}`), u8(0));
const expand32 = (key: Bytes, ...info: Bytes[]): Bytes => hmac(sha256, key, concatBytes(...info, u8(1)));
const str8 = (text: string | Bytes): Bytes => {
  const bytes = typeof text === "string" ? utf8ToBytes(text) : text;
  return concatBytes(u8(bytes.length), bytes);
};
const hex = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");
const hex8 = (value: number): string => value.toString(16).padStart(8, "0");

/** RFC 6962 §2.1, over hashes of leaves. */
function root(leaves: readonly Bytes[]): Bytes {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return sha256(concatBytes(u8(1), root(leaves.slice(0, k)), root(leaves.slice(k))));
}

export interface Entry {
  readonly track: number;
  readonly index: number;
  readonly end: number;
  readonly length: number | bigint;
  readonly chunks: number | bigint;
  readonly leafType: number;
  readonly head: Bytes;
  readonly root: Bytes;
  readonly subroots: readonly Bytes[];
}

export interface Take {
  readonly firstIndex: number;
  readonly type: string | Bytes;
  readonly points: readonly (readonly [time: number, byte: number])[];
}

export interface Track {
  readonly id: number;
  readonly name: string | Bytes;
  readonly takes: readonly Take[];
}

export interface Body {
  readonly state: number;
  readonly reason: string | Bytes;
  readonly undrained: readonly number[];
  readonly tracks: readonly Track[];
  readonly entries: readonly Entry[];
  /** Stated counts. */
  readonly entryCount?: number;
  readonly trackCount?: number;
}

export function encodeBody({
  state,
  reason,
  undrained,
  tracks,
  entries,
  entryCount,
  trackCount,
}: Body): Bytes {
  const take = ({ firstIndex, type, points }: Take) =>
    concatBytes(
      u32(firstIndex),
      u64(NOW * 1000),
      str8(type),
      u32(points.length),
      ...points.map(([time, byte]) => concatBytes(u32(time), u64(byte))),
    );
  const track = ({ id, name, takes }: Track) =>
    concatBytes(u32(id), str8(name), u16(takes.length), ...takes.map(take));
  const entry = (each: Entry) =>
    concatBytes(
      u32(each.track),
      u32(each.index),
      u8(each.end),
      u64(each.length),
      u64(each.chunks),
      u8(each.leafType),
      each.head,
      each.root,
      ...each.subroots,
    );
  return concatBytes(
    u8(state),
    u64(NOW * 1000),
    u64((NOW + 60) * 1000),
    str8(reason),
    u16(undrained.length),
    ...undrained.map(u32),
    u16(trackCount ?? tracks.length),
    ...tracks.map(track),
    u32(entryCount ?? entries.length),
    ...entries.map(entry),
  );
}

export interface ManifestForgery {
  readonly sequence?: number;
  readonly body?: (honest: Body) => Body;
  readonly bodyBytes?: (honest: Bytes) => Bytes;
  readonly recordingId?: Bytes;
  readonly magic?: string;
  readonly version?: number;
  /** Written instead of the header that key and signature are bound to. */
  readonly writtenHeader?: (header: Bytes) => Bytes;
  readonly signingSeed?: Bytes;
  readonly signature?: (honest: Bytes) => Bytes;
  readonly signed?: (honest: Bytes) => Bytes;
  readonly key?: (secrets: Secrets) => Bytes;
  readonly sealed?: (honest: Bytes) => Bytes;
}

export interface RecordingForgery {
  readonly senderType?: number;
  readonly manifests?: readonly ManifestForgery[];
  readonly segmentFlags?: number;
  /** The stored objects, at the end. */
  readonly objects?: (objects: Map<string, Bytes>, forged: ForgedRecording) => void;
}

export interface ForgedRecording {
  readonly id: string;
  readonly coreHash: Bytes;
  readonly objects: Map<string, Bytes>;
  readonly name: (track: number, index: number) => string;
}

export const CAMERA: readonly Bytes[] = [
  new Seeded("camera 0").bytes(CHUNK + 100),
  new Seeded("camera 1").bytes(CHUNK),
  new Seeded("camera 2").bytes(300),
];
export const CHAT: readonly Bytes[] = [utf8ToBytes("What was question 3?")];

/** The body that an honest recorder signs: a camera of two takes, the first cut, and a chat. */
const TRACKS: readonly Track[] = [
  {
    id: 1,
    name: "camera",
    takes: [
      {
        firstIndex: 0,
        type: "video/webm",
        points: [
          [0, 0],
          [1000, 9000],
        ],
      },
      { firstIndex: 2, type: "video/webm", points: [] },
    ],
  },
  { id: 2, name: "chat", takes: [{ firstIndex: 0, type: "", points: [] }] },
];

export function forgeRecording(seed: string, forgery: RecordingForgery): ForgedRecording {
  const random = new Seeded(`recording ${seed}`);
  const recordingId = random.bytes(16);
  const signingSeed = random.bytes(32);
  const senderType = forgery.senderType ?? 1;
  let secrets!: Secrets;
  const envelope = forge(
    seed,
    new Uint8Array(0),
    {
      kind: 1,
      recordingId,
      senderType,
      sender: senderType === 0 ? new Uint8Array(0) : ed25519.getPublicKey(signingSeed),
      isEnvelopeOnly: true,
      slots: (honest, _, known) => {
        secrets = known;
        return honest;
      },
    },
    [alice],
  );
  const id = hex(recordingId);
  const name = (track: number, index: number) => `${id}/${hex8(track)}/${hex8(index)}.seg`;
  const objects = new Map<string, Bytes>([[`${id}/envelope`, envelope]]);
  const entries: Entry[] = [];
  const addSegment = (track: number, index: number, plaintext: Bytes, isOpen: boolean): void => {
    const header = concatBytes(
      utf8ToBytes("BLRS"),
      u8(1),
      u8(forgery.segmentFlags ?? 0),
      recordingId,
      u32(track),
      u32(index),
    );
    const context = concatBytes(label("segment"), header);
    const stream = cobblestone(secrets.contentKey, context, plaintext, random.bytes(24), { isOpen });
    const stored = concatBytes(header, stream);
    const leaves: Bytes[] = [];
    for (let at = 86; at < stored.length; at += SEALED_CHUNK) {
      leaves.push(sha256(concatBytes(u8(0), sha256(stored.slice(at, at + SEALED_CHUNK)))));
    }
    entries.push({
      track,
      index,
      end: isOpen ? 0 : 1,
      length: stored.length,
      chunks: leaves.length,
      leafType: 1,
      head: sha256(concatBytes(label("segment head"), stored.slice(0, 86))),
      root: root(leaves),
      subroots: [root(leaves)],
    });
    objects.set(name(track, index), stored);
  };
  CAMERA.forEach((data, index) => void addSegment(1, index, data, index === 1));
  CHAT.forEach((data, index) => void addSegment(2, index, data, false));

  const honest: Body = { state: 1, reason: "submitted", undrained: [], tracks: TRACKS, entries };
  for (const each of forgery.manifests ?? [{}]) {
    const sequence = each.sequence ?? 0;
    const header = concatBytes(
      utf8ToBytes(each.magic ?? "BLRM"),
      u8(each.version ?? 1),
      each.recordingId ?? recordingId,
      u32(sequence),
    );
    const encoded = encodeBody(each.body?.(honest) ?? honest);
    const body = each.bodyBytes?.(encoded) ?? encoded;
    const message = concatBytes(label("manifest signature"), secrets.coreHash, header, body);
    const signature = ed25519.sign(each.signed?.(message) ?? message, each.signingSeed ?? signingSeed);
    const key = each.key?.(secrets) ?? expand32(secrets.readKey, label("manifest"), secrets.coreHash);
    const plaintext = concatBytes(body, each.signature?.(signature) ?? signature);
    const context = concatBytes(label("manifest"), header);
    const stream = cobblestone(key, context, plaintext, random.bytes(24));
    const sealed = concatBytes(each.writtenHeader?.(header) ?? header, stream);
    objects.set(`${id}/manifest-${hex8(sequence)}`, each.sealed?.(sealed) ?? sealed);
  }
  const forged = { id, coreHash: secrets.coreHash, objects, name };
  forgery.objects?.(objects, forged);
  return forged;
}
