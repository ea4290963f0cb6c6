import { outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, compareBytes, utf8 } from "../formats/bytes.js";
import { encodeBase64, encodeHex } from "../formats/encoding.js";
import { LONGEST_PATTERN, SHORTEST_PATTERN } from "./pattern-search.js";

/** Something that the caller knows to be in the plaintext: a name, an id, a line of chat, a frame. */
export type Canary = string | Uint8Array;

/** Shorter ones turn up by chance. */
export const SHORTEST_CANARY = 8;

/** One form in which a canary may show. */
export interface CanaryPattern {
  readonly bytes: Bytes;
  /** Which of the caller's canaries, from 0. */
  readonly canary: number;
  /** For messages: "as base64". */
  readonly form: string;
}

/** A long canary is looked for by samples of this length, so that a part of it is found as well. */
const SAMPLE = 32;
const MOST_SAMPLES = 16;
/** Samples with fewer different bytes are left out: runs of zeros are everywhere. */
const FEWEST_VALUES = 4;

/**
 * Every form of every canary.
 *
 * @throws RangeError for a canary of fewer than 8 bytes or of one repeated byte; TypeError for what is none.
 */
export function canaryPatterns(canaries: readonly Canary[]): CanaryPattern[] {
  if (!Array.isArray(canaries)) throw wrongType("canaries", "an array of strings and Uint8Arrays", canaries);
  const patterns: CanaryPattern[] = [];
  for (const [index, canary] of canaries.entries()) {
    const seen: Bytes[] = [];
    for (const [form, bytes] of formsOf(canary, index)) {
      const pattern = bytes.slice(0, LONGEST_PATTERN);
      if (pattern.length < SHORTEST_PATTERN || seen.some((other) => compareBytes(other, pattern) === 0))
        continue;
      seen.push(pattern);
      patterns.push({ bytes: pattern, canary: index, form });
    }
  }
  return patterns;
}

type Form = readonly [form: string, bytes: Bytes];

function* formsOf(canary: Canary, index: number): Generator<Form> {
  const name = `canaries[${index}]`;
  const bytes = typeof canary === "string" ? utf8(canary) : bytesArgument(name, canary).slice();
  if (bytes.length < SHORTEST_CANARY) {
    throw outOfRange(
      name,
      `${SHORTEST_CANARY} bytes or longer: shorter ones turn up by chance`,
      bytes.length,
    );
  }
  if (new Set(bytes).size === 1) throw outOfRange(name, "of more than one byte value", "one repeated byte");
  if (bytes.length <= LONGEST_PATTERN) yield* encodedForms(bytes);
  else yield* sampledForms(bytes);
  if (typeof canary === "string") yield* textForms(canary);
}

function* sampledForms(bytes: Bytes): Generator<Form> {
  const last = bytes.length - SAMPLE;
  const count = Math.min(MOST_SAMPLES, Math.ceil(bytes.length / SAMPLE));
  for (let i = 0; i < count; i++) {
    const at = Math.round((last * i) / (count - 1));
    const sample = bytes.slice(at, at + SAMPLE);
    if (new Set(sample).size < FEWEST_VALUES) continue;
    const where = `, its bytes from ${at} on,`;
    if (i === 0 || i === count - 1) {
      for (const [form, encoded] of encodedForms(sample)) yield [`${where} ${form}`, encoded];
    } else yield [`${where} as it is`, sample];
  }
}

/** Forms that any bytes can have. */
function* encodedForms(bytes: Bytes): Generator<Form> {
  yield ["as it is", bytes];
  for (let before = 0; before < 3; before++) {
    const text = base64Core(bytes, before);
    yield ["as base64", utf8(text)];
    yield ["as base64url", utf8(text.replaceAll("+", "-").replaceAll("/", "_"))];
  }
  const hex = encodeHex(bytes);
  yield ["as hex", utf8(hex)];
  yield ["as hex", utf8(hex.toUpperCase())];
  for (const keep of [/[A-Za-z0-9_.~-]/, /[A-Za-z0-9_.!~*'()-]/, /[A-Za-z0-9_.!~*'();/?:@&=+$,#-]/, /(?!)/]) {
    const encoded = percent(bytes, keep);
    yield ["URL-encoded", utf8(encoded)];
    yield ["URL-encoded", utf8(encoded.replace(/%../g, (octet) => octet.toLowerCase()))];
    yield ["form-encoded", utf8(encoded.replaceAll("%20", "+"))];
  }
}

/** Forms that only text has. */
function* textForms(text: string): Generator<Form> {
  yield ["in UTF-16LE", utf16(text, 1)];
  yield ["in UTF-16BE", utf16(text, 0)];
  yield ["in lower case", utf8(text.toLowerCase())];
  yield ["in upper case", utf8(text.toUpperCase())];
  yield ["in Latin-1", Uint8Array.from(text, (char) => Math.min(0xff, char.charCodeAt(0)))];
  yield ["escaped as in JSON", utf8(JSON.stringify(text).slice(1, -1))];
  const escaped = text.replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  yield ["escaped as in JSON", utf8(escaped)];
}

/** The characters of a base64 text that depend on these bytes alone, with `before` bytes in front of them. */
function base64Core(bytes: Bytes, before: number): string {
  const padded = new Uint8Array(before + bytes.length);
  padded.set(bytes, before);
  const text = encodeBase64(padded);
  return text.slice(Math.ceil((8 * before) / 6), Math.floor((8 * padded.length) / 6));
}

function percent(bytes: Bytes, keep: RegExp): string {
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return byte < 0x80 && keep.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

function utf16(text: string, highByteAt: 0 | 1): Bytes {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i + highByteAt] = unit >> 8;
    bytes[2 * i + 1 - highByteAt] = unit & 0xff;
  }
  return bytes;
}
