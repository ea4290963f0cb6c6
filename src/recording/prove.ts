import { authenticationFailed, outOfRange, truncated } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { ReadOptions } from "../source/byte-source.js";
import { CHUNK } from "../stream/geometry.js";
import type { SegmentLayout } from "./layout.js";
import { hashSegmentHead, SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { OpenedManifest } from "./manifest-seal.js";
import { objectName } from "./object-name.js";
import { lookUp, type ObjectLookup, readPart } from "./objects.js";
import {
  encodeRangeProof,
  type ProofPart,
  provePart,
  type RangeProof,
  type StoredRange,
  storedRange,
} from "./range-proof.js";
import { isBlockSigned, type RecordingKeys } from "./segment-reader.js";
import type { ByteRange } from "./verdict.js";

/** Proves a range of a take's content: one part for each segment that it touches. */
export async function proveTakeRange(
  keys: RecordingKeys,
  recording: {
    readonly core: Bytes;
    readonly signed: OpenedManifest;
    readonly segments: readonly SegmentLayout[];
  },
  objects: ObjectLookup,
  { start, end }: ByteRange,
  options: ReadOptions,
): Promise<RangeProof> {
  if (start === end) throw outOfRange("end", "above start: there is nothing to prove of an empty range", end);
  const parts: ProofPart[] = [];
  const ciphertext: StoredRange[] = [];
  for (const segment of recording.segments) {
    const from = Math.max(start, segment.start);
    const to = Math.min(end, segment.start + segment.size);
    if (from >= to) continue;
    const firstChunk = Math.floor((from - segment.start) / CHUNK);
    const endChunk = Math.floor((to - 1 - segment.start) / CHUNK) + 1;
    const part = await proveSegment(keys, segment, objects, { firstChunk, endChunk }, options);
    parts.push(part);
    const object = objectName(encodeHex(keys.recordingId), part.track, part.index);
    ciphertext.push({ object, ...storedRange(segment.entry, firstChunk, endChunk) });
  }
  return { proof: encodeRangeProof(recording.core, recording.signed, parts), ciphertext };
}

async function proveSegment(
  { crypto, recordingId }: RecordingKeys,
  { entry }: SegmentLayout,
  objects: ObjectLookup,
  chunks: { readonly firstChunk: number; readonly endChunk: number },
  options: ReadOptions,
): Promise<ProofPart> {
  const name = objectName(encodeHex(recordingId), entry.track, entry.index);
  const source = await lookUp(objects, name, options);
  if (!source) throw truncated(`the object ${name}, which is not there,`, 0);
  try {
    const head = (await readPart(source, name, 0, SEGMENT_HEAD_LENGTH, options)).slice();
    if (compareBytes(await hashSegmentHead(crypto, head), entry.head) !== 0) throw authenticationFailed();
    return await provePart(crypto, entry, head, chunks, async (block) => {
      const sealed = await readPart(source, name, block.from, block.to, options);
      // Ours would be the false proof.
      if (!(await isBlockSigned(crypto, entry, block, sealed))) throw authenticationFailed();
      return sealed;
    });
  } finally {
    await source.close?.();
  }
}
