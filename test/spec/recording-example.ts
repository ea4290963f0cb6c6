/** The recording of the worked example, its excerpt and its receipt, computed by the SDK's own code with preset randomness. */

import { nobleProvider } from "../../src/crypto/noble.js";
import { nobleSha256 } from "../../src/crypto/noble-hash.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { deriveSegmentKey, segmentContext, taggedHash } from "../../src/envelope/key-schedule.js";
import { encodeSegmentHeader } from "../../src/envelope/segment-header.js";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { SegmentFlag } from "../../src/formats/constants.js";
import type { Recipient } from "../../src/keywrap/index.js";
import {
  type Entry,
  EntryKind,
  encodeEntry,
  hashSegmentHead,
  logLeaf,
  SEGMENT_HEAD_LENGTH,
  SegmentEnd,
  type SegmentEntry,
} from "../../src/log/entry.js";
import { type ExcerptPart, encodeExcerpt } from "../../src/log/excerpt.js";
import { sealManifest } from "../../src/log/manifest.js";
import { countersignReceipt } from "../../src/log/receipt.js";
import { ManifestState, manifestMessage } from "../../src/log/statement.js";
import { leafHash, subroots } from "../../src/log/tree.js";
import { paddedLength, writeLengthField } from "../../src/stream/padding.js";
import { sealBytes } from "../../src/stream/seal.js";
import { pathOf } from "../vectors/recording-forge.js";

const START = Date.parse("2026-01-15T10:20:30Z");
export const MESSAGE = utf8("Hello, Blindreel!");
export const SCREEN = [utf8("first seconds of a screen"), utf8("and the next")] as const;

const counting = (first: number, length: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (first + i) % 256);

/** In the order in which they are asked for. */
const RANDOMNESS = {
  recordingId: counting(0x11, 16),
  fileKey: counting(0x21, 32),
  metadataSalt: counting(0x41, 24),
  chatSalt: counting(0x61, 24),
  checkpointSalt: counting(0x91, 24),
  screenSalt0: counting(0x62, 24),
  screenSalt1: counting(0x63, 24),
  manifestSalt: counting(0x92, 24),
};
const SESSION_SEED = counting(0xd0, 32);
const WITNESS_SEED = counting(0xe0, 32);
const ENTRY_SALTS = [1, 2, 3, 4, 5].map((first) => counting(first, 16));
const CHECKPOINT_SALT = counting(0xb1, 32);
const DETAILS_SALT = counting(0xb2, 32);

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
  const signingKey = await nobleProvider.signatures.importEd25519(SESSION_SEED);
  const envelope = await createRecordingEnvelope(
    planEnvelope("recording", { to, now: new Date(START), crypto, sender }),
  );
  const { recordingId, coreHash, contentKey, manifestKey } = envelope;
  const coreLength = new DataView(envelope.bytes.buffer).getUint32(14);
  const core = envelope.bytes.slice(18, 18 + coreLength);

  /** A segment of one chunk, as it is stored, and what its entry says. */
  async function segment(place: Place, content: Bytes, points: SegmentEntry["points"] = []) {
    const { track, index, isPadded, time } = place;
    const flags = isPadded ? SegmentFlag.padded : 0;
    const header = encodeSegmentHeader({ flags, recordingId, track, take: 0, index });
    const key = await deriveSegmentKey(crypto, contentKey, header);
    const segmentKey = key.slice();
    const plaintext = isPadded ? padded(content) : content;
    const stream = await sealBytes(plaintext, { key, context: segmentContext(header) }, { crypto });
    const object = concatBytes(header, stream);
    const head = await hashSegmentHead(crypto, object.slice(0, SEGMENT_HEAD_LENGTH));
    const chunkHash = nobleSha256(object.slice(SEGMENT_HEAD_LENGTH));
    const leaves = [leafHash(chunkHash)];
    const entry: Entry = {
      kind: EntryKind.segment,
      salt: ENTRY_SALTS[place.n]!,
      track,
      take: 0,
      index,
      end: SegmentEnd.final,
      time: START + time,
      length: object.length,
      content: content.length,
      head,
      subroots: subroots(leaves),
      points,
    };
    return { header, segmentKey, plaintext, object, head, chunkHash, leaf: leaves[0]!, entry };
  }
  const take = (n: number, track: number, name: string, type: string, time: number): Entry => {
    const salt = ENTRY_SALTS[n]!;
    return { kind: EntryKind.take, salt, track, take: 0, name, type, time: START + time };
  };
  const manifest = (sequence: number, entries: readonly Bytes[], ended: number, reason: string) =>
    sealManifest(crypto, envelope, signingKey, sequence, {
      state: reason === "" ? ManifestState.open : ManifestState.final,
      size: entries.length,
      details: {
        salt: reason === "" ? CHECKPOINT_SALT : DETAILS_SALT,
        started: START,
        ended: START + ended,
        reason,
      },
      peaks: [],
      tail: entries,
    });

  const chat = await segment({ n: 1, track: 1, index: 0, isPadded: true, time: 1000 }, MESSAGE);
  const log = [take(0, 1, "chat", "", 900), chat.entry].map(encodeEntry);
  const checkpoint = await manifest(0, log, 1500, "");
  const screen = [
    await segment({ n: 3, track: 2, index: 0, time: 1600 }, SCREEN[0], [{ time: 0, byte: 0 }]),
    await segment({ n: 4, track: 2, index: 1, time: 2100 }, SCREEN[1]),
  ];
  log.push(encodeEntry(take(2, 2, "screen", "video/webm", 1600)));
  for (const { entry } of screen) log.push(encodeEntry(entry));
  const final = await manifest(1, log, 2500, "submitted");
  const leaves = log.map(logLeaf);
  const { statement, signature } = final;
  const details = concatBytes(
    DETAILS_SALT,
    u64(START),
    u64(START + 2500),
    Uint8Array.of(9),
    utf8("submitted"),
  );

  const part = (n: number, entry: Entry, shown?: (typeof screen)[number]): ExcerptPart => ({
    n,
    entryBytes: log[n]!,
    entry,
    path: pathOf(leaves, n),
    segmentKey: shown?.segmentKey,
    object: shown?.object,
  });
  const first = screen[0]!;
  const takeEntry = take(2, 2, "screen", "video/webm", 1600);
  const head = { core, statement, signature, witnesses: [] };
  const excerpt = encodeExcerpt({ ...head, parts: [part(2, takeEntry), part(3, first.entry, first)] });
  const witness = await nobleProvider.signatures.deriveEd25519PublicKey(WITNESS_SEED);
  const witnessKey = await nobleProvider.signatures.importEd25519(WITNESS_SEED);
  const receipt = await countersignReceipt(
    encodeExcerpt({ ...head, parts: [] }),
    {
      publicKey: witness,
      sign: (message) => nobleProvider.signatures.signEd25519(witnessKey, new Uint8Array(message)),
    },
    { now: new Date(START + 60_000), crypto: nobleProvider },
  );

  return [
    { name: "session key's seed", bytes: SESSION_SEED },
    { name: "sender", bytes: sender },
    { name: "recording's envelope", bytes: envelope.bytes },
    { name: "recording's coreHash", bytes: coreHash },
    { name: "recording's contentKey", bytes: contentKey },
    { name: "manifestKey", bytes: manifestKey },
    { name: "segmentHeader of chat", bytes: chat.header, note: "padded, track 1, take 0, index 0" },
    { name: "segmentKey of chat", bytes: chat.segmentKey },
    { name: "plaintext of chat", bytes: chat.plaintext, note: "content, zeros, dataLength" },
    { name: "segment of chat", bytes: chat.object, note: "as it is stored" },
    { name: "head of chat", bytes: chat.head, note: 'H("segment head", its first 86 bytes)' },
    { name: "SHA-256 of its chunk", bytes: chat.chunkHash },
    { name: "leaf 0 of chat", bytes: chat.leaf, note: "of one chunk: the subroot too" },
    { name: "segmentKey of screen 0", bytes: first.segmentKey, note: "track 2, take 0, index 0" },
    { name: "segment of screen 0", bytes: first.object },
    { name: "segment of screen 1", bytes: screen[1]!.object },
    ...log.flatMap((bytes, n) => [
      { name: `entry ${n}`, bytes, note: ENTRY_NOTES[n]! },
      { name: `log leaf ${n}`, bytes: leaves[n]! },
    ]),
    { name: "checkpoint's logRoot", bytes: checkpoint.statement.logRoot, note: "over entries 0 and 1" },
    { name: "checkpoint", bytes: checkpoint.bytes, note: "sequence 0, state open, size 2" },
    { name: "logRoot", bytes: statement.logRoot, note: "over all five entries; there is no peak" },
    { name: "details", bytes: details },
    { name: 'H("details", details)', bytes: await taggedHash(nobleProvider, "details", details) },
    { name: "signed message", bytes: manifestMessage(coreHash, statement), note: "label, statement" },
    { name: "signature", bytes: signature },
    { name: "manifest", bytes: final.bytes, note: "sequence 1, state final, size 5" },
    { name: "path of entry 2", bytes: concatBytes(...pathOf(leaves, 2)), note: "three hashes" },
    { name: "excerpt", bytes: excerpt, note: "entries 2 and 3, with the object of screen 0" },
    { name: "witness's seed", bytes: WITNESS_SEED },
    { name: "receipt", bytes: receipt, note: "with one witness, a minute after the start" },
  ];
}

const ENTRY_NOTES = [
  "the take of chat, which began after 0.9 seconds",
  "its segment, after 1 second",
  "the take of screen, after 1.6 seconds",
  "its first segment, with one point",
  "its second segment, after 2.1 seconds",
];

interface Place {
  /** In the log. */
  readonly n: number;
  readonly track: number;
  readonly index: number;
  readonly isPadded?: boolean;
  /** Milliseconds since the start. */
  readonly time: number;
}

function padded(content: Bytes): Bytes {
  const plaintext = new Uint8Array(paddedLength("padme", content.length));
  plaintext.set(content);
  writeLengthField(plaintext, content.length);
  return plaintext;
}

function u64(value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
