import { outOfRange, wrongType } from "../errors.js";
import { isUint8Array, plainView } from "./brand.js";
import { wellFormedText } from "./text.js";

/** Bytes on an unshared buffer of fixed size. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** An immediate result of synchronous backends, a promise of WebCrypto. */
export type MaybePromise<T> = T | Promise<T>;

export const EMPTY: Bytes = /* @__PURE__ */ new Uint8Array(0);

/**
 * Checks that an argument is a `Uint8Array` of any realm. Shared and resizable buffers are refused, since
 * another thread could change them between two reads, and detached ones, which would pass for empty.
 *
 * @returns a plain view, not a copy: `slice` of a `Buffer` would share memory, and own properties set on the
 *   object (another `length`) are ignored.
 * @throws TypeError.
 */
export function bytesArgument(name: string, value: unknown): Bytes {
  if (!isUint8Array(value)) throw wrongType(name, "a Uint8Array", value);
  const view = plainView(value);
  if (view) return view;
  throw wrongType(name, "backed by an ArrayBuffer of fixed size, neither shared nor transferred away");
}

/** @throws RangeError where the runtime cannot allocate `length` bytes. */
export function allocate(name: string, length: number): Bytes {
  try {
    return new Uint8Array(length);
  } catch {
    throw outOfRange(name, "within the available memory", length);
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  return joinBytes(parts);
}

/** {@link concatBytes} of a list, whose length is not bounded by the number of arguments of a call. */
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

/** Lexicographic order, a prefix first (format-v1, "Slots", rule 6). For public values only. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const difference = left[i]! - right[i]!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Equality of public values; {@link constantTimeEqual} for secrets and what derives from them. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return compareBytes(left, right) === 0;
}

/** Equality in time that depends on the length alone: for everything derived from a key. */
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

/** Overwrites the SDK's own buffers. Best effort: a runtime may have moved or copied them. */
export function wipe(...buffers: readonly (Uint8Array | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0);
}

const textEncoder = /* @__PURE__ */ new TextEncoder();

/** @throws RangeError for a lone surrogate, which encoders replace. */
export function utf8(text: string): Bytes {
  return textEncoder.encode(wellFormedText("text", text)) as Bytes;
}

/** Printable ASCII only: labels and regions without look-alike characters. @throws TypeError. */
export function ascii(text: string): Bytes {
  if (!/^[\x20-\x7e]*$/.test(text)) throw wrongType("text", "printable ASCII", text);
  return singleBytes(text);
}

/** One byte for each character, U+0000 to U+00FF: the binary strings of `btoa` and `atob`. */
export function singleBytes(characters: string): Bytes {
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
