import { BlindreelError } from "../errors.js";
import { isPlainObject } from "./brand.js";
import { type Bytes, equalBytes, utf8 } from "./bytes.js";
import { hasLoneSurrogate } from "./text.js";

/** JSON with a canonical encoding: no undefined, no NaN, integers below 2^53 in magnitude. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** An object of JSON: metadata is one. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const MAX_DEPTH = 32;

/**
 * RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, shortest number form, no
 * white space. One encoding for each value, so {@link decodeJson} is strict by comparison.
 *
 * @throws BlindreelError `invalid-json` for values outside JSON, `__proto__` members, unsafe integers, lone
 *   surrogates, and nesting deeper than 32 (format-v1, "Sealed metadata").
 */
export function encodeJson(value: JsonValue): Bytes {
  return utf8(canonical(value, 0));
}

/**
 * Accepts exactly the outputs of {@link encodeJson}. `source` names the text in errors.
 *
 * @throws BlindreelError `invalid-json`.
 */
export function decodeJson(bytes: Bytes, source: string): JsonValue {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidJson(`${source} is not UTF-8`);
  }
  const value = parse(text, source);
  if (!equalBytes(encodeJson(value), bytes)) throw invalidJson(`${source} is not canonical JSON`);
  return value;
}

/**
 * Foreign JSON text (a JWK file): any white space and order of members, but no duplicate members, no
 * `__proto__`, no unsafe integers, no nesting deeper than 32. `source` names the text in errors.
 *
 * @throws BlindreelError `invalid-json`.
 */
export function parseJson(text: string, source: string): JsonValue {
  const value = parse(text, source);
  canonical(value, 0);
  refuseDuplicateMembers(text, source);
  return value;
}

function parse(text: string, source: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw invalidJson(`${source} is not JSON`);
  }
}

function canonical(value: JsonValue, depth: number): string {
  if (depth > MAX_DEPTH) throw invalidJson(`nested deeper than ${MAX_DEPTH}`);
  // Array.from, not map, which skips holes; they are refused as undefined.
  if (Array.isArray(value)) return `[${Array.from(value, (item) => canonical(item, depth + 1)).join(",")}]`;
  if (!isRecord(value)) {
    checkScalar(value);
    // RFC 8785 §3.2.2 adopts ECMAScript's form of strings and numbers.
    return JSON.stringify(value);
  }
  const members = Object.keys(value)
    .sort()
    .map((name) => {
      if (name === "__proto__") throw invalidJson("a member is named __proto__");
      checkScalar(name);
      return `${JSON.stringify(name)}:${canonical(value[name]!, depth + 1)}`;
    });
  return `{${members.join(",")}}`;
}

function isRecord(value: JsonValue): value is JsonObject {
  return isPlainObject(value);
}

/** A JSON object, as opposed to an array or a scalar. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws BlindreelError `invalid-json` for values outside JSON or without one portable form. */
function checkScalar(value: JsonValue): void {
  if (typeof value === "string") {
    if (hasLoneSurrogate(value)) throw invalidJson("a string holds half of a surrogate pair");
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalidJson("a number is not finite");
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw invalidJson("an integer exceeds 2^53");
  } else if (value !== null && typeof value !== "boolean") {
    throw invalidJson("only plain objects, arrays, strings, numbers, booleans and null can be stored");
  }
}

/**
 * `JSON.parse` keeps the last of two equal members without an error, so the tokens of accepted text are
 * scanned. Names are compared unescaped: `"a"` and `"\u0061"` are one name.
 */
function refuseDuplicateMembers(text: string, source: string): void {
  const open: Set<string>[] = [];
  const colon = /\s*:/y;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") open.push(new Set());
    else if (text[at] === "}") open.pop();
    if (text[at] !== '"') continue;
    const start = at++;
    // No regular expression: it recurses on long strings until the stack overflows.
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    colon.lastIndex = at + 1;
    if (colon.test(text)) {
      const name = JSON.parse(text.slice(start, at + 1)) as string;
      const members = open.at(-1)!;
      if (members.has(name)) throw invalidJson(`${source} has the member ${JSON.stringify(name)} twice`);
      members.add(name);
    }
  }
}

function invalidJson(message: string): BlindreelError<"invalid-json"> {
  return new BlindreelError("invalid-json", message, undefined);
}
