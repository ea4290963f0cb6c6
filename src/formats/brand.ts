/**
 * Types of values by their internal slots (ECMA-262 brand checks), not by `instanceof`: bytes of another
 * realm (iframe, jsdom, `node:vm`) are bytes; an object that only inherits from `Uint8Array.prototype` is
 * not.
 */

/** A prototype's built-in accessors at module load. They throw for objects without the internal slot. */
type Accessors = Readonly<Record<PropertyKey, PropertyDescriptor>>;

const TYPED_ARRAY = /* @__PURE__ */ accessorsOf(() => Object.getPrototypeOf(Uint8Array.prototype));
const ARRAY_BUFFER = /* @__PURE__ */ accessorsOf(() => ArrayBuffer.prototype);

function accessorsOf(prototype: () => object): Accessors {
  return Object.getOwnPropertyDescriptors(prototype());
}

function slotValue(accessors: Accessors, name: PropertyKey, value: unknown): unknown {
  return accessors[name]?.get?.call(value);
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return slotValue(TYPED_ARRAY, Symbol.toStringTag, value) === "Uint8Array";
}

/**
 * The same memory as a `Uint8Array` of this realm, own properties of the given array ignored; undefined for a
 * shared, resizable or detached buffer. Older runtimes have no resizable buffers.
 */
export function plainView(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const slot = (name: string) => slotValue(TYPED_ARRAY, name, bytes) as never;
  const buffer = slot("buffer");
  try {
    // Throws for a shared buffer; the constructor below throws for a detached one.
    slotValue(ARRAY_BUFFER, "byteLength", buffer);
    const isFixed = !slotValue(ARRAY_BUFFER, "resizable", buffer);
    return isFixed ? new Uint8Array(buffer, slot("byteOffset"), slot("length")) : undefined;
  } catch {
    return undefined;
  }
}

/** False for a SharedArrayBuffer. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    slotValue(ARRAY_BUFFER, "byteLength", value);
    return true;
  } catch {
    return false;
  }
}

/** A date's milliseconds since 1970; `NaN` for an invalid date, undefined for other values. */
export function dateTime(value: unknown): number | undefined {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return undefined;
  }
}

/** By its members: implementations of jsdom and of polyfills have no internal slots. */
export function isBlob(value: unknown): value is Blob {
  if (typeof value !== "object" || value === null) return false;
  const { size, slice, stream, arrayBuffer } = value as Partial<Blob>;
  const methods = [slice, stream, arrayBuffer];
  return typeof size === "number" && methods.every((method) => typeof method === "function");
}

export function isCryptoKey(value: unknown): value is CryptoKey {
  return Object.prototype.toString.call(value) === "[object CryptoKey]";
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | undefined)?.then === "function";
}

/** Whether `value` is an `Object.prototype`, of any realm, whose members are never the caller's. */
export function isRoot(value: object): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value, "isPrototypeOf");
}

/** Whether an object is the instance of a class, whose accessors may have any meaning. */
export function isClassInstance(value: object): boolean {
  for (let at: object | null = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, "constructor") && !isRoot(at)) return true;
  }
  return false;
}

/** An object literal, of any realm, or an object without prototype; not the instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype);
}
