import { limitExceeded, malformed, outOfRange, unsupportedAlgorithm } from "../errors.js";
import { type Bytes, joinBytes } from "./bytes.js";

/**
 * One definition for both directions. Decoding is strict: {@link decode} accepts exactly the outputs of
 * {@link encode}, without trailing bytes. Numbers are big-endian.
 */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

export class Writer {
  readonly #parts: Uint8Array[] = [];
  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
  }
  finish(): Bytes {
    return joinBytes(this.#parts);
  }
}

/** Reads an object in memory; `what` names it in errors, `base` is its offset in the file. */
export class Reader {
  readonly #bytes: Bytes;
  readonly #what: string;
  readonly #base: number;
  #offset = 0;

  constructor(bytes: Bytes, what: string, base = 0) {
    this.#bytes = bytes;
    this.#what = what;
    this.#base = base;
  }

  /** Position in the file, for error messages. */
  get position(): number {
    return this.#base + this.#offset;
  }

  /** Position in this buffer. */
  get offset(): number {
    return this.#offset;
  }

  /** Unread bytes: the upper bound of a count. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** A view of the next `length` bytes. */
  take(length: number): Bytes {
    const start = this.pass(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The next `length` bytes as a number, exact below 2^53. Without a view: a log has a hundred thousand numbers. */
  number(length: number): number {
    const start = this.pass(length);
    let value = 0;
    for (let i = start; i < start + length; i++) value = value * 256 + this.#bytes[i]!;
    return value;
  }

  /** The only step forward. @returns the offset before it. */
  protected pass(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw this.malformed("a field runs past the end");
    this.#offset = start + length;
    return start;
  }

  malformed(reason: string): Error {
    return malformed(`${this.#what}: ${reason}`, this.position);
  }

  /** @throws BlindreelError `malformed` for trailing bytes. */
  end(): void {
    const trailing = this.#bytes.length - this.#offset;
    if (trailing > 0) throw this.malformed(`${trailing} bytes too many`);
  }
}

export function encode<T>(codec: Codec<T>, value: T): Bytes {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** Decodes the whole of `bytes`. Results may be views of it: `bytes` must not change afterwards. */
export function decode<T>(codec: Pick<Codec<T>, "read">, bytes: Bytes, what: string, base = 0): T {
  const reader = new Reader(bytes, what, base);
  const value = codec.read(reader);
  reader.end();
  return value;
}

/** Values are JavaScript numbers: u64 refuses 2^53 and above in both directions. */
function uint(size: 1 | 2 | 4 | 8): Codec<number> {
  const limit = Math.min(2 ** (8 * size), 2 ** 53);
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value >= limit) {
        throw outOfRange(`u${8 * size}`, `an integer from 0 to ${limit - 1}`, value);
      }
      const bytes = new Uint8Array(size);
      let rest = value;
      for (let i = size - 1; i >= 0; i--) {
        bytes[i] = rest % 256;
        rest = Math.floor(rest / 256);
      }
      writer.push(bytes);
    },
    read(reader) {
      const value = reader.number(size);
      if (value >= limit) throw reader.malformed("a 64-bit number of 2^53 or more");
      return value;
    },
  };
}

export const u8 = /* @__PURE__ */ uint(1);
export const u16 = /* @__PURE__ */ uint(2);
export const u32 = /* @__PURE__ */ uint(4);
export const u64 = /* @__PURE__ */ uint(8);

/** Exactly `length` bytes. */
export function fixed(length: number): Codec<Bytes> {
  return {
    write(writer, value) {
      if (value.length !== length) throw outOfRange("byte length", `${length}`, value.length);
      writer.push(value);
    },
    read: (reader) => reader.take(length),
  };
}

/**
 * `strN`: a length of N bits, then as many bytes, at most `ceiling`. `rule` restricts the length, so that
 * stream readers refuse an impossible one before its bytes arrive.
 */
export function prefixed(
  length: Codec<number>,
  what: string,
  ceiling: number,
  rule?: Rule<number>,
): Codec<Bytes> {
  const withinCeiling = (size: number): number => {
    if (size > ceiling) throw limitExceeded(what, ceiling, size);
    return size;
  };
  return {
    write(writer, value) {
      length.write(writer, withinCeiling(value.length));
      writer.push(value);
    },
    read(reader) {
      const size = withinCeiling(length.read(reader));
      rule?.(size, (reason) => reader.malformed(reason));
      return reader.take(size);
    },
  };
}

/**
 * Constant bytes (a magic, a version), decoded to undefined. Read one by one, so that stream readers fail at
 * the first mismatch, which `mismatch` receives.
 */
export function constant(bytes: Bytes, mismatch: (reader: Reader, actual: Bytes) => Error): Codec<undefined> {
  return {
    write(writer) {
      writer.push(bytes);
    },
    read(reader) {
      for (const byte of bytes) {
        const actual = reader.take(1);
        if (actual[0] !== byte) throw mismatch(reader, actual);
      }
      return undefined;
    },
  };
}

/** Throws `fail(reason)` for a value against the rule. */
type Rule<T> = (value: T, fail: (reason: string) => Error) => void;

type FieldsOf<T extends object> = { readonly [K in keyof T]: Codec<T[K]> };

/** Rules over several fields, each under its last field's name; later fields are not read yet. */
export type RulesOf<T extends object> = { readonly [K in keyof T]?: Rule<T> };

/** Fields in wire order; each rule is checked right after its field. */
export function struct<T extends object>(fields: FieldsOf<T>, rules: RulesOf<T> = {}): Codec<T> {
  const entries = Object.entries(fields) as unknown as [keyof T, Codec<T[keyof T]>][];
  // Own members only, against pollution of Object.prototype.
  const ruleOf = new Map(Object.entries(rules) as [keyof T, Rule<T> | undefined][]);
  return {
    write(writer, value) {
      for (const [name, codec] of entries) {
        ruleOf.get(name)?.(value, (reason) => malformed(reason, 0));
        codec.write(writer, value[name]);
      }
    },
    read(reader) {
      const value: Partial<T> = {};
      for (const [name, codec] of entries) {
        value[name] = codec.read(reader);
        ruleOf.get(name)?.(value as T, (reason) => reader.malformed(reason));
      }
      return value as T;
    },
  };
}

/** `codec` restricted by a rule, in both directions. */
export function checked<T>(codec: Codec<T>, check: Rule<T>): Codec<T> {
  return {
    write(writer, value) {
      check(value, (reason) => malformed(reason, 0));
      codec.write(writer, value);
    },
    read(reader) {
      const value = codec.read(reader);
      check(value, (reason) => reader.malformed(reason));
      return value;
    },
  };
}

/** For rules: numbers of a closed list, never negotiated. @throws BlindreelError `unsupported-algorithm`. */
export function refuseUnknown(what: string, value: number, known: readonly number[]): void {
  if (!known.includes(value)) throw unsupportedAlgorithm(what, value);
}
