import { limitExceeded, malformed, outOfRange, unsupportedAlgorithm } from "../errors.js";
import { type Bytes, joinBytes } from "./bytes.js";

/**
 * One definition gives both directions. Decoding is strict: {@link decode} accepts exactly the bytes that
 * {@link encode} can produce, with nothing behind them. Numbers are big-endian.
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

/**
 * Reads forward through an object, which callers have made sure is all there; `what` names it in errors, `base` is
 * its offset in the file.
 */
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

  /** Bytes not read yet: what a count may claim at most. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** A view of the next `length` bytes. */
  take(length: number): Bytes {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw this.malformed("a field runs past the end");
    const view = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return view;
  }

  malformed(reason: string): Error {
    return malformed(`${this.#what}: ${reason}`, this.position);
  }

  /** Fails if anything is left. */
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

/** Decodes the whole of `bytes`. Results may be views of it, so hand in bytes that nobody else writes to. */
export function decode<T>(codec: Pick<Codec<T>, "read">, bytes: Bytes, what: string, base = 0): T {
  const reader = new Reader(bytes, what, base);
  const value = codec.read(reader);
  reader.end();
  return value;
}

/** Values are numbers, so of eight bytes 2^53 and above is refused in both directions. */
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
      let value = 0;
      for (const byte of reader.take(size)) value = value * 256 + byte;
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
 * `strN`: a length of N bits, then as many bytes, at most `ceiling` of them; `rule` where not every length is possible, so
 * that a reader of a stream need not wait for the bytes to know.
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
 * Bytes that never vary: a magic, a version. Nothing is returned for them. They are read one by one, so that a reader of
 * a stream fails at the first wrong one, which `mismatch` gets.
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

/** Throws what `fail` makes of the reason where a value breaks it. */
type Rule<T> = (value: T, fail: (reason: string) => Error) => void;

type FieldsOf<T extends object> = { readonly [K in keyof T]: Codec<T[K]> };

/** Rules over several fields, under the name of the last of them; what comes after it is not there yet. */
export type RulesOf<T extends object> = { readonly [K in keyof T]?: Rule<T> };

/** Fields in the order in which they are written down; each rule is checked as soon as its field is there. */
export function struct<T extends object>(fields: FieldsOf<T>, rules: RulesOf<T> = {}): Codec<T> {
  const entries = Object.entries(fields) as unknown as [keyof T, Codec<T[keyof T]>][];
  // Own members only: nothing that somebody put on Object.prototype is a rule.
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

/** The same bytes, restricted: `check` throws for what the rule forbids, in both directions. */
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

/** For rules: a number out of a closed list. Anything else is refused: nothing is negotiated. */
export function refuseUnknown(what: string, value: number, known: readonly number[]): void {
  if (!known.includes(value)) throw unsupportedAlgorithm(what, value);
}
