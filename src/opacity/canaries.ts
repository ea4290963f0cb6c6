import { outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, utf8 } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { Pattern, PatternGraph } from "./pattern-graph.js";

/** Something that the caller knows to be in the plaintext: a name, an id, a line of chat, a frame. */
export type Canary = string | Uint8Array;

/** Shorter ones turn up by chance. */
export const SHORTEST_CANARY = 8;
/** More would tell no more: what has so many bytes in common has them from there. */
const LONGEST = 48;

/** A pattern that stands for a canary. */
export interface CanaryPattern extends Pattern {
  /** Which of the caller's canaries, from 0. */
  readonly canary: number;
  /** For messages: "as base64". */
  readonly form: string;
  /** What it looks like unchanged. */
  readonly plain: Bytes;
}

/** A long canary is looked for by samples of this length, so that a part of it is found as well. */
const SAMPLE = 32;
const MOST_SAMPLES = 16;
/** Samples with fewer different bytes are left out: runs of zeros are everywhere. */
const FEWEST_VALUES = 4;

/** @throws RangeError for a canary of fewer than 8 bytes or of one repeated byte; TypeError for what is none. */
export function canaryBytes(canaries: readonly Canary[]): Bytes[] {
  if (!Array.isArray(canaries)) throw wrongType("canaries", "an array of strings and Uint8Arrays", canaries);
  return canaries.map((canary: Canary, i) => {
    const name = `canaries[${i}]`;
    const bytes = typeof canary === "string" ? utf8(canary) : bytesArgument(name, canary).slice();
    if (bytes.length < SHORTEST_CANARY) {
      const expected = `${SHORTEST_CANARY} bytes or longer: shorter ones turn up by chance`;
      throw outOfRange(name, expected, bytes.length);
    }
    if (new Set(bytes).size === 1) throw outOfRange(name, "of more than one byte value", "one repeated byte");
    return bytes;
  });
}

/** Adds every form of a canary to the graph. @param text undefined for a canary of bytes. */
export function addCanary(
  graph: PatternGraph,
  canary: number,
  bytes: Bytes,
  text: string | undefined,
): CanaryPattern[] {
  const found: CanaryPattern[] = [];
  const add = (form: string, plain: Bytes, make: () => Pattern) =>
    found.push({ ...make(), canary, form, plain });
  /** @param places at each the sequences that may stand there; those of bytes have one. */
  const addEncoded = (plain: Bytes, places: readonly (readonly Bytes[])[], what: string) => {
    add(`${what}as hex`, plain, () =>
      chain(
        graph,
        places.map((each) => each.map(hexPlaces)),
      ),
    );
    for (let before = 0; before < 3; before++)
      add(`${what}as base64`, plain, () => base64(graph, places, before));
  };
  for (const part of text === undefined ? [] : partsOf(text)) {
    const units = unitsOf(part);
    const plain = bytes.length <= LONGEST ? bytes : utf8(part);
    add("in another case, normal form or escape", plain, () =>
      chain(
        graph,
        units.map((forms) => forms.flatMap(textPlaces)),
      ),
    );
    for (const high of [0, 1] as const) {
      const wide = units.map((forms) => forms.map((form) => exact(utf16(form, high))));
      if (shortest(wide) >= SHORTEST_CANARY) add("in UTF-16", plain, () => chain(graph, wide));
    }
    addEncoded(
      plain,
      units.map((forms) => forms.map((form) => utf8(form))),
      "",
    );
  }
  if (text !== undefined && bytes.length <= LONGEST) return found;
  for (const [at, sample, isOuter] of samplesOf(bytes)) {
    const where = bytes.length <= LONGEST ? "" : `, its bytes from ${at} on, `;
    const places = Array.from(sample, (byte) => [Uint8Array.of(byte)]);
    add(`${where}as it is`, sample, () =>
      chain(
        graph,
        places.map(([byte]) => (isOuter ? [exact(byte!), percent(byte!)] : [exact(byte!)])),
      ),
    );
    if (isOuter) addEncoded(sample, places, where);
  }
  return found;
}

/** Beginning and end of a long text, cut between characters. */
function partsOf(text: string): string[] {
  const chars = [...text.normalize("NFC")];
  const upTo = (list: readonly string[]) => {
    let [count, length] = [0, 0];
    while (count < list.length && length + utf8(list[count]!).length <= LONGEST)
      length += utf8(list[count++]!).length;
    return count;
  };
  const first = upTo(chars);
  if (first === chars.length) return [chars.join("")];
  return [chars.slice(0, first).join(""), chars.slice(-upTo([...chars].reverse())).join("")];
}

function* samplesOf(bytes: Bytes): Generator<readonly [at: number, sample: Bytes, isOuter: boolean]> {
  if (bytes.length <= LONGEST) return yield [0, bytes, true];
  const count = Math.min(MOST_SAMPLES, Math.ceil(bytes.length / SAMPLE));
  for (let i = 0; i < count; i++) {
    const at = Math.round(((bytes.length - SAMPLE) * i) / (count - 1));
    const sample = bytes.slice(at, at + SAMPLE);
    if (new Set(sample).size >= FEWEST_VALUES) yield [at, sample, i === 0 || i === count - 1];
  }
  return undefined;
}

/** At one place of a path: the bytes that may stand there. */
type Places = readonly (readonly number[])[];

const NORMAL_FORMS = ["NFC", "NFD", "NFKC", "NFKD"] as const;

/** Each character in both cases and every normal form, as long as the whole stays long enough to be no accident. */
function unitsOf(text: string): readonly (readonly string[])[] {
  const cased = (char: string) => [char, char.toLowerCase(), char.toUpperCase()];
  const forms = (chars: readonly string[], names: readonly (typeof NORMAL_FORMS)[number][]) => [
    ...new Set(chars.flatMap((char) => names.map((name) => char.normalize(name)))),
  ];
  for (const names of [NORMAL_FORMS, NORMAL_FORMS.slice(0, 2)]) {
    const units = [...text].map((char) => forms(cased(char), names));
    if (shortest(units.map((unit) => unit.flatMap(textPlaces))) >= SHORTEST_CANARY) return units;
  }
  return [...text].map((char) => [char]);
}

function shortest(units: readonly (readonly Places[])[]): number {
  return units.reduce((sum, forms) => sum + Math.min(...forms.map(({ length }) => length)), 0);
}

/** Each of its characters as UTF-8, in Latin-1, URL-, form- or JSON-escaped. */
function textPlaces(text: string): Places[] {
  const none: Places[] = [[]];
  return [...text]
    .map(charPlaces)
    .reduce((all, next) => all.flatMap((a) => next.map((b) => [...a, ...b])), none);
}

function charPlaces(text: string): Places[] {
  const bytes = utf8(text);
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  const escaped = units.flatMap((unit) => [
    ...exact(utf8("\\u")),
    ...exact(utf8(unit.toString(16).padStart(4, "0"))).map(([digit]) => eitherCase(digit!)),
  ]);
  const short = utf8(JSON.stringify(text).slice(1, -1));
  const found = [exact(bytes), percent(bytes)];
  if (text === " ") found.push(exact(utf8("+")));
  if (text === "/") found.push(exact(utf8("\\/")));
  if (units.length === 1 && units[0]! > 0x7f && units[0]! <= 0xff) found.push([[units[0]!]]);
  if (short.length !== bytes.length) found.push(exact(short));
  if (/[^\x20-\x7e]|["\\/<>&'+=]/.test(text)) found.push(escaped);
  return found;
}

function exact(bytes: Uint8Array): Places {
  return Array.from(bytes, (byte) => [byte]);
}

function eitherCase(digit: number): number[] {
  const char = String.fromCharCode(digit);
  return [...new Set([char.toLowerCase(), char.toUpperCase()])].map((each) => each.charCodeAt(0));
}

function hexPlaces(bytes: Bytes): Places {
  return exact(utf8(encodeHex(bytes))).map(([digit]) => eitherCase(digit!));
}

function percent(bytes: Bytes): Places {
  return Array.from(bytes, (byte) => [[0x25], ...hexPlaces(Uint8Array.of(byte))]).flat();
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

/** One of several sequences behind one of several, and so on. */
function chain(graph: PatternGraph, units: readonly (readonly Places[])[]): Pattern {
  const start = graph.node();
  let at = start;
  for (const forms of units) {
    const next = graph.node();
    for (const form of forms) graph.path(at, form, next);
    at = next;
  }
  return { start, ends: [at] };
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** base64 and base64url differ in two digits (RFC 4648 §4, §5). */
const digitOf = (value: number): readonly number[] =>
  value < BASE64.length ? [BASE64.charCodeAt(value)] : value === 62 ? [0x2b, 0x2d] : [0x2f, 0x5f];

/** The digits that these bytes alone determine, with `before` bytes in front of them in their group of three. */
function base64(graph: PatternGraph, units: readonly (readonly Bytes[])[], before: number): Pattern {
  const start = graph.node();
  /** By the bits that are left over of the bytes so far, as "count value". */
  let states = new Map([[before === 0 ? "0 0" : `-${2 * before} 0`, start]]);
  for (const forms of units) {
    const next = new Map<string, number>();
    for (const [state, node] of states) {
      for (const bytes of forms) {
        const { digits, left } = digitsOf(state, bytes);
        // Without a digit yet the start goes on, apart from what has digits behind it.
        const key = digits.length === 0 ? `${left} start` : left;
        if (!next.has(key)) next.set(key, digits.length === 0 ? node : graph.node());
        graph.path(node, digits.map(digitOf), next.get(key)!);
      }
    }
    states = next;
  }
  return { start, ends: [...states.values()] };
}

/** Where bytes stand before the first, its upper bits belong to a digit that depends on them, and are left out. */
function digitsOf(state: string, bytes: Bytes): { readonly digits: number[]; readonly left: string } {
  let [count, value] = state.split(" ").map(Number) as [number, number];
  const digits: number[] = [];
  for (const byte of bytes) {
    value = (value << 8) | byte;
    count += 8;
    // -2: four upper bits end a digit, of 8 that stand before: 16 + 2; -4: two of them.
    if (count === 6 && digits.length === 0 && state.startsWith("-2")) count = 4;
    else if (count === 4 && digits.length === 0 && state.startsWith("-4")) {
      digits.push(value & 63);
      count = 0;
    }
    for (; count >= 6; count -= 6) digits.push((value >> (count - 6)) & 63);
    value &= (1 << count) - 1;
  }
  return { digits, left: `${count} ${value}` };
}
