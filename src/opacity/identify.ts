import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { Codec } from "../formats/codec.js";
import { Magic } from "../formats/constants.js";
import { KEYSET_START } from "../formats/keyset-shape.js";
import { foreignFormat } from "./signatures.js";

/** What an object starts with. An envelope may turn out to be a sealed file. */
const STARTS = {
  envelope: Magic.envelope,
  segment: Magic.segment,
  manifest: Magic.manifest,
  page: Magic.page,
  excerpt: Magic.excerpt,
  grant: Magic.grant,
  keyset: KEYSET_START,
} as const;

export type StartName = keyof typeof STARTS;

/** Finds out, byte by byte, which object this is; fails at the first byte that none of them has there. */
export const startCodec: Pick<Codec<StartName>, "read"> = {
  read(reader) {
    let candidates = Object.entries(STARTS) as [StartName, Bytes][];
    const seen: number[] = [];
    for (;;) {
      const byte = reader.take(1)[0]!;
      candidates = candidates.filter(([, start]) => start[seen.length] === byte);
      seen.push(byte);
      const [first] = candidates;
      if (!first) throw notOurs(Uint8Array.from(seen));
      if (first[1].length === seen.length) return first[0];
    }
  },
};

/** @param bytes the beginning of what was handed in. */
export function notOurs(bytes: Uint8Array): BlindreelError<"not-an-envelope"> {
  const format = foreignFormat(bytes);
  const named = format === undefined ? "" : `; it looks like ${format}`;
  const message = `this is none of Blindreel's objects: it starts like none of them${named}`;
  return new BlindreelError("not-an-envelope", message, undefined);
}
