import { malformed } from "../errors.js";
import { type Bytes, utf8 } from "../formats/bytes.js";
import { type Codec, prefixed, type Reader, u8, type Writer } from "../formats/codec.js";

/** `str8` as text: well-formed UTF-8, of at most `ceiling` bytes. */
export function text(what: string, ceiling: number): Codec<string> {
  const field = prefixed(u8, what, 255);
  return {
    write(writer: Writer, value: string) {
      const bytes = utf8(value);
      if (bytes.length > ceiling) throw malformed(`${what} has more than ${ceiling} bytes`, 0);
      field.write(writer, bytes);
    },
    read(reader: Reader) {
      const bytes: Bytes = field.read(reader);
      if (bytes.length > ceiling) throw reader.malformed(`${what} has more than ${ceiling} bytes`);
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw reader.malformed(`${what} is not UTF-8`);
      }
    },
  };
}

/** Exactly `count` items, one behind the other. */
export function readMany<T>(reader: Reader, codec: Pick<Codec<T>, "read">, count: number): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(codec.read(reader));
  return items;
}

/** The latest that a `Date` can say; the format can say later ones. */
const LATEST = 8.64e15;

/** @param milliseconds since 1970. */
export function dateOf(milliseconds: number): Date {
  return new Date(Math.min(milliseconds, LATEST));
}
