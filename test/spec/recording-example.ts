/** The recording of the worked example, computed by the SDK's own code with preset randomness. */
import { nobleProvider } from "../../src/crypto/noble.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { segmentContext } from "../../src/envelope/key-schedule.js";
import { encodeSegmentHeader } from "../../src/envelope/segment-header.js";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { LeafType, ManifestState, SegmentEnd } from "../../src/formats/constants.js";
import type { Recipient } from "../../src/keywrap/index.js";
import { hashChunk, hashSegmentHead, SEGMENT_HEAD_LENGTH } from "../../src/recording/leaf.js";
import { encodeManifest, type Manifest } from "../../src/recording/manifest.js";
import { encodeManifestHeader } from "../../src/recording/manifest-header.js";
import { openManifest, sealManifest, signedMessage } from "../../src/recording/manifest-seal.js";
import { ChunkTree, leafHash } from "../../src/recording/tree.js";
import { sealBytes } from "../../src/stream/seal.js";

const START = new Date("2026-01-15T10:20:30Z");
export const MESSAGE = utf8("Hello, Blindreel!");

const counting = (first: number, length: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (first + i) % 256);

/** In the order in which they are asked for. */
const RANDOMNESS = {
  recordingId: counting(0x11, 16),
  fileKey: counting(0x21, 32),
  metadataSalt: counting(0x41, 24),
  segmentSalt: counting(0x61, 24),
  manifestSalt: counting(0x91, 24),
};
const SESSION_SEED = counting(0xd0, 32);

export interface ExampleValue {
  readonly name: string;
  readonly bytes: Bytes;
  readonly note?: string;
}

/** @param preset makes a provider that answers with the randomness given, in order. */
export async function recordingValues(
  to: Recipient,
  preset: (randomness: readonly Bytes[]) => CryptoProvider,
): Promise<readonly ExampleValue[]> {
  const crypto = preset(Object.values(RANDOMNESS));
  const sender = await nobleProvider.signatures.deriveEd25519PublicKey(SESSION_SEED);
  const plan = planEnvelope("recording", { to, now: START, crypto, sender });
  const envelope = await createRecordingEnvelope(plan);
  const { recordingId, coreHash, contentKey, manifestKey } = envelope;

  const segmentHeader = encodeSegmentHeader({ flags: 0, recordingId, track: 1, index: 0 });
  const streamKey = { key: contentKey, context: segmentContext(segmentHeader) };
  const segment = concatBytes(segmentHeader, await sealBytes(MESSAGE, streamKey, { crypto }));
  const head = await hashSegmentHead(crypto, segment.slice(0, SEGMENT_HEAD_LENGTH));
  const chunkHash = await hashChunk(crypto, segment.slice(SEGMENT_HEAD_LENGTH));
  const tree = new ChunkTree();
  tree.add(chunkHash);

  const manifest: Manifest = {
    state: ManifestState.final,
    startedAt: START.getTime(),
    writtenAt: START.getTime() + 2500,
    reason: "submitted",
    undrained: [],
    tracks: [
      {
        id: 1,
        name: "chat",
        takes: [
          { firstIndex: 0, startedAt: START.getTime() + 1000, type: "", points: [{ time: 0, byte: 0 }] },
        ],
      },
    ],
    entries: [
      {
        track: 1,
        index: 0,
        end: SegmentEnd.final,
        length: segment.length,
        chunks: 1,
        leafType: LeafType.sha256,
        head,
        root: tree.root(),
        subroots: tree.subroots(),
      },
    ],
  };
  const signingKey = await nobleProvider.signatures.importEd25519(SESSION_SEED);
  const sealed = await sealManifest(crypto, envelope, signingKey, 0, manifest);
  const { signature } = await openManifest(nobleProvider, { ...envelope, sender }, sealed);
  const header = encodeManifestHeader({ recordingId, sequence: 0 });
  const body = encodeManifest(manifest);
  return [
    { name: "session key's seed", bytes: SESSION_SEED },
    { name: "sender", bytes: sender },
    { name: "recording's envelope", bytes: envelope.bytes },
    { name: "recording's coreHash", bytes: coreHash },
    { name: "recording's contentKey", bytes: contentKey },
    { name: "recording's segment", bytes: segment, note: "track 1, index 0" },
    { name: "head", bytes: head, note: 'H("segment head", its first 86 bytes)' },
    { name: "SHA-256 of its chunk", bytes: chunkHash },
    { name: "leaf 0", bytes: leafHash(chunkHash), note: "of one chunk: the subroot and the root too" },
    { name: "manifestKey", bytes: manifestKey },
    { name: "manifestHeader", bytes: header },
    { name: "body", bytes: body },
    { name: "signed message", bytes: signedMessage(coreHash, header, body) },
    { name: "signature", bytes: signature },
    { name: "manifest", bytes: sealed },
  ];
}
