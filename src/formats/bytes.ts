import { wrongType } from "../errors.js";

/** Bytes on an ordinary, unshared, fixed-size buffer: what every function here returns. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A result that synchronous backends give at once and WebCrypto gives later. */
export type MaybePromise<T> = T | Promise<T>;

export const EMPTY: Bytes = /* @__PURE__ */ new Uint8Array(0);

/**
 * Checks that an argument is a `Uint8Array` and returns it, without copying; a `Buffer` as a plain view, because its
 * `slice` shares memory where everything here relies on a copy. Shared and resizable buffers are refused: another
 * thread could change them between two reads. So are buffers that were transferred away: they would pass for empty.
 */
export function bytesArgument(name: string, value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw wrongType(name, "a Uint8Array", value);
  const buffer = value.buffer as ArrayBufferLike & { readonly resizable?: boolean };
  if (!(buffer instanceof ArrayBuffer)) throw wrongType(name, "backed by an unshared ArrayBuffer", buffer);
  if (buffer.resizable) throw wrongType(name, "backed by an ArrayBuffer of fixed size", buffer);
  if (buffer.byteLength === 0 && isDetached(buffer)) {
    throw wrongType(name, "backed by an ArrayBuffer that was not transferred away", buffer);
  }
  return plainView(value as Bytes);
}

/** `ArrayBuffer.prototype.detached` is younger than the oldest runtime supported. */
function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** The same memory as a `Uint8Array` and nothing more. */
function plainView(bytes: Bytes): Bytes {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
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

export function utf8(text: string): Bytes {
  return textEncoder.encode(text) as Bytes;
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
