/** One of each object of the format, as a server gets it. Keys are thrown away: nothing here needs them. */
import { randomFillSync } from "node:crypto";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "../../src/envelope/segment-header.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import { ascii, type Bytes, compareBytes, concatBytes } from "../../src/formats/bytes.js";
import { LIMITS } from "../../src/formats/constants.js";
import { generateIdentity, inspect, type SealFileOptions, seal } from "../../src/index.js";
import { EntryKind, encodeEntry } from "../../src/log/entry.js";
import { type Excerpt, encodeExcerpt } from "../../src/log/excerpt.js";
import { ManifestState } from "../../src/log/statement.js";
import { startRecording } from "../../src/recording/index.js";
import { CHUNK, SEALED_CHUNK, sealBytes } from "../../src/stream/index.js";

export { CHUNK, SEALED_CHUNK, SEGMENT_HEADER_LENGTH };

export function randomBytes(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 2 ** 30) randomFillSync(bytes, at, Math.min(2 ** 30, length - at));
  return bytes;
}

/** A sealed file, to one fresh key or to those given. */
export async function sealedFile(
  content: Uint8Array,
  options: Partial<SealFileOptions> = {},
): Promise<Bytes> {
  const { recipient } = await generateIdentity();
  return seal(content, { to: recipient, ...options });
}

export async function envelopeAlone(): Promise<Bytes> {
  const file = await sealedFile(new Uint8Array(0));
  return file.slice(0, inspect(file).envelopeLength);
}

export interface SegmentOptions {
  readonly recordingId?: Bytes;
  readonly track?: number;
  readonly take?: number;
  readonly index?: number;
  readonly flags?: number;
}

/** A recording's segment under a key of its own. */
export async function segment(content: Uint8Array, options: SegmentOptions = {}): Promise<Bytes> {
  const header = encodeSegmentHeader({
    flags: 0,
    recordingId: randomBytes(16),
    track: 1,
    take: 0,
    index: 0,
    ...options,
  });
  return concatBytes(header, await sealBytes(content, { key: randomBytes(32), context: header }));
}

export async function manifest(length = 1024): Promise<Bytes> {
  const header = concatBytes(ascii("BLRM"), Uint8Array.of(1), randomBytes(16), Uint8Array.of(0, 0, 0, 3));
  return concatBytes(header, await sealBytes(randomBytes(length), { key: randomBytes(32), context: header }));
}

/** A page of a recording's log: 17 entries, or so. */
export async function page(): Promise<Bytes> {
  const header = concatBytes(ascii("BLRL"), Uint8Array.of(1), randomBytes(16), Uint8Array.of(0, 0, 0, 2));
  return concatBytes(header, await sealBytes(randomBytes(3072), { key: randomBytes(32), context: header }));
}

/** The head of a recording's log, shown to somebody without keys. */
async function excerptOf(fields: Partial<Excerpt> & { readonly state: ManifestState }): Promise<Bytes> {
  const { recipient } = await generateIdentity();
  const { envelope } = await startRecording({ to: recipient });
  const { core, coreBytes } = decodeEnvelope(envelope, LIMITS);
  const header = concatBytes(ascii("BLRM"), Uint8Array.of(1), core.recordingId, Uint8Array.of(0, 0, 0, 3));
  const [logRoot, detailsHash] = [randomBytes(32), randomBytes(32)];
  const statement = { header, state: fields.state, size: 9, logRoot, detailsHash };
  const rest = { parts: [], witnesses: [], ...fields };
  return encodeExcerpt({ core: coreBytes, statement, signature: randomBytes(64), ...rest });
}

export function excerpt(): Promise<Bytes> {
  const entry = {
    kind: EntryKind.take,
    salt: randomBytes(16),
    track: 1,
    take: 0,
    name: "camera",
    type: "video/webm",
    time: 1_800_000_000_000,
  };
  const path = [randomBytes(32), randomBytes(32)];
  const part = {
    n: 4,
    entryBytes: encodeEntry(entry),
    entry,
    path,
    segmentKey: undefined,
    object: undefined,
  };
  return excerptOf({ state: ManifestState.open, parts: [part] });
}

export function receipt(witnesses = 2): Promise<Bytes> {
  const publicKeys = Array.from({ length: witnesses }, () => randomBytes(32)).sort(compareBytes);
  const signed = publicKeys.map((publicKey) => ({ publicKey, time: 1, signature: randomBytes(64) }));
  return excerptOf({ state: ManifestState.final, witnesses: signed });
}

/** Every kind of object, small and of several chunks. */
export async function everyObject(): Promise<Readonly<Record<string, Bytes>>> {
  const [{ recipient }, { recipient: hidden }] = [await generateIdentity(), await generateIdentity()];
  return {
    envelope: await envelopeAlone(),
    "sealed file": await sealedFile(randomBytes(100)),
    "sealed file of chunks": await sealedFile(randomBytes(2 * CHUNK + 5), {
      to: [recipient, hidden.anonymous()],
      policy: { region: "eu-central", institution: "ab".repeat(16), expiresAt: new Date("2100-01-01") },
      metadata: { name: "x".repeat(2000) },
    }),
    "padded file": await sealedFile(randomBytes(40), { padding: "chunk" }),
    segment: await segment(randomBytes(3000)),
    "segment of whole chunks": await segment(new Uint8Array(CHUNK)),
    manifest: await manifest(),
    page: await page(),
    excerpt: await excerpt(),
    receipt: await receipt(),
  };
}
