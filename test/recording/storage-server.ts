/** What a server keeps of recordings, and a reader of it that trusts nothing: both plain, for tests of the writer. */
import { deriveManifestKey, segmentContext } from "../../src/envelope/key-schedule.js";
import { decodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "../../src/envelope/segment-header.js";
import { unlock } from "../../src/envelope/unlock.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { LIMITS, SegmentEnd } from "../../src/formats/constants.js";
import { encodeHex } from "../../src/formats/encoding.js";
import type { JsonObject } from "../../src/formats/json.js";
import type { Identity } from "../../src/keywrap/types.js";
import { hashChunks, hashSegmentHead, SEGMENT_HEAD_LENGTH } from "../../src/recording/leaf.js";
import type { Manifest, ManifestEntry } from "../../src/recording/manifest.js";
import { openManifest } from "../../src/recording/manifest-seal.js";
import { objectName } from "../../src/recording/object-name.js";
import type { RecordingPart } from "../../src/recording/outbox.js";
import type { Recording } from "../../src/recording/recording.js";
import { ChunkTree } from "../../src/recording/tree.js";
import { startOpening } from "../../src/stream/derive.js";
import { SEALED_CHUNK } from "../../src/stream/geometry.js";
import { backends } from "../helpers/backends.js";
import { toHex } from "../helpers/bytes.js";

const [crypto] = backends as [(typeof backends)[0]];

/** Objects by name. A part that was stored before must be the same. */
export class StorageServer {
  readonly objects = new Map<string, Bytes>();
  readonly completed = new Set<string>();
  parts = 0;

  put({ objectName: name, bytes }: { readonly objectName: string; readonly bytes: Bytes }): void {
    this.objects.set(name, bytes.slice());
  }

  putPart({ objectName: name, offset, bytes, isLast }: RecordingPart): void {
    const before = this.objects.get(name) ?? new Uint8Array(0);
    const length = Math.max(before.length, offset + bytes.length);
    const after = new Uint8Array(length);
    after.set(before);
    const overlap = before.subarray(offset, offset + bytes.length);
    if (toHex(overlap) !== toHex(bytes.subarray(0, overlap.length)))
      throw new Error("a part came back altered");
    after.set(bytes, offset);
    this.objects.set(name, after);
    if (isLast) this.completed.add(name);
    this.parts++;
  }

  /** Uploads all there is and will be, as an uploader does. */
  async upload(recording: Recording, minSize = 0): Promise<void> {
    this.put(recording.envelope);
    for await (const part of recording.parts({ minSize })) {
      this.putPart(part);
      part.acknowledge();
    }
  }
}

export interface ReadTake {
  readonly type: string;
  readonly content: Bytes;
  readonly points: readonly { readonly time: number; readonly byte: number }[];
}

export interface ReadRecording {
  readonly manifest: Manifest;
  readonly metadata: JsonObject | undefined;
  readonly tracks: Readonly<Record<string, readonly ReadTake[]>>;
}

/** Opens all of a recording, and throws where anything differs from what its manifest says. */
export async function readRecording(
  { objects }: StorageServer,
  recording: { readonly recordingId: string; readonly envelope: { readonly bytes: Bytes } },
  identity: Identity,
  manifestBytes: Bytes,
): Promise<ReadRecording> {
  const envelope = decodeEnvelope(recording.envelope.bytes, LIMITS);
  const unlocked = await unlock(envelope, ["recording"], { identities: [identity] });
  const { info, coreHash, contentKey, readKey } = unlocked;
  const manifestKey = await deriveManifestKey(crypto, readKey, coreHash);
  const { recordingId, sender } = envelope.core;
  const { manifest } = await openManifest(
    crypto,
    { recordingId, coreHash, manifestKey, sender },
    manifestBytes,
  );
  const tracks: Record<string, ReadTake[]> = {};
  for (const { id, name, takes } of manifest.tracks) {
    tracks[name] = [];
    for (const [i, { firstIndex, type, points }] of takes.entries()) {
      const end = takes[i + 1]?.firstIndex ?? Number.POSITIVE_INFINITY;
      const entries = manifest.entries.filter(
        ({ track, index }) => track === id && firstIndex <= index && index < end,
      );
      const contents: Bytes[] = [];
      for (const entry of entries) {
        const object = objects.get(objectName(encodeHex(recordingId), id, entry.index));
        if (!object) throw new Error(`segment ${id}/${entry.index} is missing`);
        contents.push(await readSegment(object, entry, contentKey, recordingId));
      }
      tracks[name].push({ type, points, content: concatBytes(...contents) });
    }
  }
  return { manifest, metadata: info.metadata, tracks };
}

async function readSegment(
  object: Bytes,
  entry: ManifestEntry,
  key: Bytes,
  recordingId: Bytes,
): Promise<Bytes> {
  const { track, index, end, length, chunks, head, root } = entry;
  const what = `segment ${track}/${index}`;
  if (object.length !== length) throw new Error(`${what} has ${object.length} bytes, not ${length}`);
  const header = decodeSegmentHeader(object.slice(0, SEGMENT_HEADER_LENGTH), 0);
  if (header.track !== track || header.index !== index || toHex(header.recordingId) !== toHex(recordingId)) {
    throw new Error(`${what} is another`);
  }
  const prefix = object.slice(0, SEGMENT_HEAD_LENGTH);
  if (toHex(await hashSegmentHead(crypto, prefix)) !== toHex(head))
    throw new Error(`${what} has another head`);
  const sealed = object.slice(SEGMENT_HEAD_LENGTH);
  const tree = new ChunkTree();
  for (const hash of await hashChunks(crypto, sealed)) tree.add(hash);
  if (tree.chunks !== chunks || toHex(tree.root()) !== toHex(root))
    throw new Error(`${what} has another root`);
  const streamKey = { key: key.slice(), context: segmentContext(prefix.slice(0, SEGMENT_HEADER_LENGTH)) };
  const cipher = await startOpening(crypto, streamKey, prefix.slice(SEGMENT_HEADER_LENGTH));
  const opened: Bytes[] = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    opened.push(await cipher.open(chunk, sealed.slice(chunk * SEALED_CHUNK, (chunk + 1) * SEALED_CHUNK)));
  }
  if (end === SegmentEnd.final && opened.at(-1)!.length >= 16384) throw new Error(`${what} has no end`);
  return concatBytes(...opened);
}
