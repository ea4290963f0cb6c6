import { utf8 } from "../formats/bytes.js";
import { type Codec, checked, fixed, prefixed, type Reader, u8 } from "../formats/codec.js";
import { HASH_LENGTH, SIGNATURE_LENGTH } from "../formats/constants.js";

/** Fields of the log's objects (format-v1, "Entries", "Manifest", "Excerpt"). */

export const hash = /* @__PURE__ */ fixed(HASH_LENGTH);
export const signature = /* @__PURE__ */ fixed(SIGNATURE_LENGTH);

/** `str8` as text: well-formed UTF-8, of at most `ceiling` bytes. */
export function text(what: string, ceiling: number): Codec<string> {
  const field = checked(prefixed(u8, what, 255), ({ length }, fail) => {
    if (length > ceiling) throw fail(`${what} has more than ${ceiling} bytes`);
  });
  return {
    write: (writer, value) => field.write(writer, utf8(value)),
    read(reader) {
      const bytes = field.read(reader);
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw reader.malformed(`${what} is not UTF-8`);
      }
    },
  };
}

/** Exactly `count` items, one behind the other. */
export function readMany<T>(reader: Reader, codec: Codec<T>, count: number): T[] {
  return Array.from({ length: count }, () => codec.read(reader));
}

/** The latest time of a `Date`; a u64 holds later ones. */
const LATEST = 8.64e15;

/** @param milliseconds since 1970. */
export function dateOf(milliseconds: number): Date {
  return new Date(Math.min(milliseconds, LATEST));
}
