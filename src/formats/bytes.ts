import { outOfRange, wrongType } from "../errors.js";
import { isUint8Array, plainView } from "./brand.js";
import { wellFormedText } from "./text.js";

/** Bytes on an ordinary, unshared, fixed-size buffer: what every function here returns. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A result that synchronous backends give at once and WebCrypto gives later. */
export type MaybePromise<T> = T | Promise<T>;

export const EMPTY: Bytes = /* @__PURE__ */ new Uint8Array(0);

/**
 * Checks that an argument is a `Uint8Array`, of whatever realm, and returns a plain view of it, without copying: the
 * `slice` of a `Buffer` shares memory where everything here relies on a copy, and what somebody put on the object
 * itself (another `length`) does not count. Shared and resizable buffers are refused: another thread could change them
 * between two reads. So are buffers that were transferred away: they would pass for empty.
 */
export function bytesArgument(name: string, value: unknown): Bytes {
  if (!isUint8Array(value)) throw wrongType(name, "a Uint8Array", value);
  const view = plainView(value);
  if (view) return view;
  throw wrongType(name, "backed by an ArrayBuffer of fixed size, neither shared nor transferred away");
}

/** @throws RangeError where the runtime has no room for so many bytes, or never has. */
export function allocate(name: string, length: number): Bytes {
  try {
    return new Uint8Array(length);
  } catch {
    throw outOfRange(name, "as many bytes as there is memory for", length);
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  return joinBytes(parts);
}

/** The same for lists of any length, which no call can take as arguments. */
export function joinBytes(parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Byte order as in the format's sort rules: lexicographic, a prefix first. For public values only. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const difference = left[i]! - right[i]!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Equality in time that depends on the length alone. Use for anything derived from a key. */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!;
  return difference === 0;
}

export function isAllZero(bytes: Uint8Array): boolean {
  let union = 0;
  for (const byte of bytes) union |= byte;
  return union === 0;
}

/** Overwrites buffers this SDK made. Best effort: a runtime may have moved or copied them. */
export function wipe(...buffers: readonly (Uint8Array | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0);
}

const textEncoder = /* @__PURE__ */ new TextEncoder();

/** @throws RangeError for half of a surrogate pair, for which an encoder would write something else. */
export function utf8(text: string): Bytes {
  return textEncoder.encode(wellFormedText("text", text)) as Bytes;
}

/** `text` as bytes; refuses anything outside printable ASCII, so that labels and regions mean what they show. */
export function ascii(text: string): Bytes {
  if (!/^[\x20-\x7e]*$/.test(text)) throw wrongType("text", "printable ASCII", text);
  return singleBytes(text);
}

/** One byte for each character, of which none may be above U+00FF: what `btoa` and `atob` take for bytes. */
export function singleBytes(characters: string): Bytes {
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
