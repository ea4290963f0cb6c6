/** One of each object of the format, as a server gets it. Keys are thrown away: nothing here needs them. */
import { randomFillSync } from "node:crypto";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "../../src/envelope/segment-header.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import { ascii, type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { encode } from "../../src/formats/codec.js";
import { LIMITS } from "../../src/formats/constants.js";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import { GrantKind, grantBodyCodec } from "../../src/formats/grant.js";
import { encodeJson, type JsonValue } from "../../src/formats/json.js";
import { generateIdentity, inspect, type SealFileOptions, seal } from "../../src/index.js";
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

export async function manifest(length = 700): Promise<Bytes> {
  const header = concatBytes(ascii("BLRM"), Uint8Array.of(1), randomBytes(16), Uint8Array.of(0, 0, 0, 3));
  return concatBytes(header, await sealBytes(randomBytes(length), { key: randomBytes(32), context: header }));
}

/** A page of a recording's log: 17 entries, or so. */
export async function page(): Promise<Bytes> {
  const header = concatBytes(ascii("BLRL"), Uint8Array.of(1), randomBytes(16), Uint8Array.of(0, 0, 0, 2));
  return concatBytes(header, await sealBytes(randomBytes(3072), { key: randomBytes(32), context: header }));
}

/** The core of an envelope, and what may stand behind it in an excerpt. */
export async function excerpt(rest = randomBytes(500)): Promise<Bytes> {
  const envelope = await envelopeAlone();
  const { length } = decodeEnvelope(envelope, LIMITS).coreParts.bytes;
  const core = envelope.slice(14, 18 + length);
  return concatBytes(ascii("BLRX"), Uint8Array.of(1), core, rest);
}

export function grant(kem: "x25519" | "x-wing" = "x25519"): Bytes {
  const body = encode(grantBodyCodec, {
    magic: undefined,
    version: undefined,
    kind: GrantKind.readKey,
    grantId: randomBytes(16),
    institution: randomBytes(16),
    subject: randomBytes(32),
    staff: randomBytes(32),
    issuer: randomBytes(32),
    issued: 1_800_000_000,
    notAfter: 1_800_086_400,
  });
  const enc = randomBytes(kem === "x25519" ? 32 : 1120);
  if (kem === "x25519") enc[31]! &= 0x7f;
  return concatBytes(body, enc, randomBytes(48), randomBytes(64));
}

export const KEYSET_PAYLOAD = {
  institution: "0123456789abcdef0123456789abcdef",
  sequence: 7,
  issued: 1_800_000_000,
  expires: 1_800_000_000 + 30 * 86_400,
  keys: [
    { role: "recipient", kid: "winter-2027", x: "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo" },
    { role: "staff", kid: "reviewer-1" },
  ],
} satisfies JsonValue;

export function keyset(payload: JsonValue = KEYSET_PAYLOAD, header?: string): Bytes {
  const kid = encodeBase64Url(randomBytes(32));
  const exact = header ?? `{"alg":"Ed25519","kid":"${kid}","typ":"blindreel-keyset+jws"}`;
  const parts = [utf8(exact), encodeJson(payload), randomBytes(64)];
  return utf8(parts.map((part) => encodeBase64Url(part)).join("."));
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
    grant: grant(),
    "grant to X-Wing": grant("x-wing"),
    keyset: keyset(),
  };
}
