/**
 * A recorder for tests that does everything by hand, so that every part of what it stores can be made wrong. It has
 * no journal and no queue; the real recorder is tested by itself.
 */

import { randomFillSync } from "node:crypto";
import { defaultProvider } from "../../src/crypto/default.js";
import type { CryptoProvider, PrivateKeyHandle } from "../../src/crypto/provider.js";
import { signaturesOf } from "../../src/crypto/signatures.js";
import { type CreatedRecording, createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { segmentContext } from "../../src/envelope/key-schedule.js";
import { encodeSegmentHeader } from "../../src/envelope/segment-header.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { LeafType, ManifestState, SegmentEnd } from "../../src/formats/constants.js";
import { encodeHex } from "../../src/formats/encoding.js";
import { generateIdentity, type Recipient, type X25519Identity } from "../../src/keywrap/index.js";
import { hashChunks, hashSegmentHead } from "../../src/recording/leaf.js";
import type { Manifest, ManifestEntry, ManifestTake, ManifestTrack } from "../../src/recording/manifest.js";
import { sealManifest } from "../../src/recording/manifest-seal.js";
import { manifestName, objectName } from "../../src/recording/object-name.js";
import type { ObjectListing, ObjectLookup } from "../../src/recording/objects.js";
import { ChunkTree } from "../../src/recording/tree.js";
import { bytesSource } from "../../src/source/index.js";
import { createSealer, SEALED_CHUNK } from "../../src/stream/index.js";

export const START = new Date("2026-09-21T14:13:20Z");

export interface SegmentContent {
  readonly data: Uint8Array;
  /** Whole chunks only, no end. */
  readonly isCut?: boolean;
  /** Flags of the segment header. */
  readonly flags?: number;
}

export interface TakeContent extends Partial<Omit<ManifestTake, "firstIndex">> {
  readonly segments: readonly SegmentContent[];
}

export type Content = Readonly<Record<string, readonly TakeContent[]>>;

export class TestRecording {
  readonly crypto: CryptoProvider;
  readonly envelope: CreatedRecording;
  readonly signingKey: PrivateKeyHandle;
  readonly objects = new Map<string, Bytes>();
  readonly entries: ManifestEntry[] = [];
  readonly tracks: ManifestTrack[] = [];

  private constructor(crypto: CryptoProvider, envelope: CreatedRecording, signingKey: PrivateKeyHandle) {
    this.crypto = crypto;
    this.envelope = envelope;
    this.signingKey = signingKey;
  }

  static async start(
    to: Recipient | readonly Recipient[],
    crypto: CryptoProvider = defaultProvider(),
  ): Promise<TestRecording> {
    const { publicKey, privateKey } = await signaturesOf(crypto).generateEd25519();
    const metadata = { exam: "physics" };
    const plan = planEnvelope("recording", { to, metadata, now: START, crypto, sender: publicKey });
    return new TestRecording(crypto, await createRecordingEnvelope(plan), privateKey);
  }

  get id(): string {
    return encodeHex(this.envelope.recordingId);
  }

  get coreHash(): string {
    return encodeHex(this.envelope.coreHash);
  }

  name(track: number, index: number): string {
    return objectName(this.id, track, index);
  }

  /** Seals a segment and lists it. */
  async segment(track: number, index: number, { data, isCut, flags = 0 }: SegmentContent): Promise<Bytes> {
    const header = encodeSegmentHeader({ flags, recordingId: this.envelope.recordingId, track, index });
    const streamKey = { key: this.envelope.contentKey, context: segmentContext(header) };
    const sealer = await createSealer(streamKey, { crypto: this.crypto });
    const chunks = [await sealer.push(data)];
    if (!isCut) chunks.push(await sealer.finish());
    const head = concatBytes(header, sealer.header);
    const body = concatBytes(...chunks);
    const tree = new ChunkTree();
    for (const hash of await hashChunks(this.crypto, body)) tree.add(hash);
    this.entries.push({
      track,
      index,
      end: isCut ? SegmentEnd.cut : SegmentEnd.final,
      length: head.length + body.length,
      chunks: Math.ceil(body.length / SEALED_CHUNK),
      leafType: LeafType.sha256,
      head: await hashSegmentHead(this.crypto, head),
      root: tree.root(),
      subroots: tree.subroots(),
    });
    const stored = concatBytes(head, body);
    this.objects.set(this.name(track, index), stored);
    return stored;
  }

  async record(content: Content): Promise<this> {
    for (const [name, takes] of Object.entries(content)) {
      const id = this.tracks.length + 1;
      const own: ManifestTake[] = [];
      let index = 0;
      for (const { segments, ...take } of takes) {
        own.push({ startedAt: START.getTime(), type: "", points: [], ...take, firstIndex: index });
        for (const segment of segments) await this.segment(id, index++, segment);
      }
      this.tracks.push({ id, name, takes: own });
    }
    return this;
  }

  /** Signs what was recorded so far, and stores that. */
  async manifest(change: Partial<Manifest> = {}, sequence = 0): Promise<Bytes> {
    const manifest: Manifest = {
      state: ManifestState.final,
      startedAt: START.getTime(),
      writtenAt: START.getTime() + 60_000,
      reason: "submitted",
      undrained: [],
      tracks: this.tracks,
      entries: [...this.entries].sort((a, b) => a.track - b.track || a.index - b.index),
      ...change,
    };
    const bytes = await sealManifest(this.crypto, this.envelope, this.signingKey, sequence, manifest);
    this.objects.set(manifestName(this.id, sequence), bytes);
    return bytes;
  }

  checkpoint(sequence = 0, change: Partial<Manifest> = {}): Promise<Bytes> {
    return this.manifest({ state: ManifestState.open, reason: "", ...change }, sequence);
  }

  readonly lookup: ObjectLookup = (name) => {
    const bytes = this.objects.get(name);
    return bytes ? bytesSource(bytes) : null;
  };

  readonly list: ObjectListing = (prefix) =>
    [...this.objects.keys()].filter((name) => name.startsWith(prefix));
}

/** Bytes that nobody can mix up, faster than a generator. */
export function noise(length: number): Bytes {
  return randomFillSync(new Uint8Array(length));
}

let staffKey: Promise<X25519Identity> | undefined;
export const staff = (): Promise<X25519Identity> => (staffKey ??= generateIdentity());
