/**
 * What a value is, by what the platform itself keeps about it, and not by `instanceof`: bytes of an iframe, of jsdom or
 * of a `node:vm` context are bytes, and an object that merely inherits from `Uint8Array.prototype` is none.
 */

/** The built-in accessors of a prototype, as they are when this module loads: they throw for what is not their own. */
type Accessors = Readonly<Record<PropertyKey, PropertyDescriptor>>;

const OF_ARRAYS = /* @__PURE__ */ accessorsOf(() => Object.getPrototypeOf(Uint8Array.prototype));
const OF_BUFFERS = /* @__PURE__ */ accessorsOf(() => ArrayBuffer.prototype);

function accessorsOf(prototype: () => object): Accessors {
  return Object.getOwnPropertyDescriptors(prototype());
}

function ask(accessors: Accessors, name: PropertyKey, value: unknown): unknown {
  return accessors[name]?.get?.call(value);
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return ask(OF_ARRAYS, Symbol.toStringTag, value) === "Uint8Array";
}

/**
 * The same memory as a `Uint8Array` of this realm, whatever properties somebody put on the one given; undefined where
 * its buffer is shared, resizable (which older runtimes do not know) or was transferred away.
 */
export function plainView(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const of = (name: string) => ask(OF_ARRAYS, name, bytes) as never;
  const buffer = of("buffer");
  try {
    // Throws for a shared buffer, the array for one that was transferred away.
    ask(OF_BUFFERS, "byteLength", buffer);
    const isFixed = !ask(OF_BUFFERS, "resizable", buffer);
    return isFixed ? new Uint8Array(buffer, of("byteOffset"), of("length")) : undefined;
  } catch {
    return undefined;
  }
}

/** Shared ones are none. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    ask(OF_BUFFERS, "byteLength", value);
    return true;
  } catch {
    return false;
  }
}

/** In milliseconds since 1970; `NaN` for an invalid date, undefined for what is no date. */
export function timeOf(value: unknown): number | undefined {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return undefined;
  }
}

/** By what is used of it: implementations that are no platform's (jsdom's, a polyfill's) have no brand. */
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

/**
 * `Object.prototype`, of whatever realm: what stands there is the page's, or somebody's who polluted it, and never the
 * caller's.
 */
export function isRoot(value: object): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value, "isPrototypeOf");
}

/** Whether a class stands between an object and `Object.prototype`: what its accessors mean cannot be seen. */
export function isMadeByClass(value: object): boolean {
  for (let at: object | null = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, "constructor") && !isRoot(at)) return true;
  }
  return false;
}

/** Written as `{ … }`, in whatever realm; nothing that a class made. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype);
}
