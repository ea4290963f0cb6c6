import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Limits, Magic } from "../formats/constants.js";
import { envelopeStep, segmentStep } from "./envelope-steps.js";
import { excerptStep, logStep } from "./log-steps.js";
import type { Step } from "./step.js";
import { OBJECT_NAMES } from "./structure.js";

/** Finds out, byte by byte, which object this is; fails at the first byte that none of them has there. */
export function firstStep(limits: Limits, head: (end: number) => Bytes): Step {
  const starts: readonly (readonly [Bytes, Step])[] = [
    [Magic.envelope, envelopeStep(limits, head)],
    [Magic.segment, segmentStep(0, undefined, (segment) => ({ object: "segment", segment }))],
    [Magic.manifest, logStep("manifest", limits)],
    [Magic.page, logStep("page", limits)],
    [Magic.excerpt, excerptStep(limits)],
  ];
  return {
    what: "the object",
    objects: OBJECT_NAMES,
    isPeek: true,
    read(reader) {
      for (let seen = 0, left = starts; ; seen++) {
        const [byte] = reader.take(1);
        left = left.filter(([magic]) => magic[seen] === byte);
        if (left.length === 0) throw notOurs(Uint8Array.of());
        const [[magic, step]] = left as [readonly [Bytes, Step]];
        if (magic.length === seen + 1) return step;
      }
    },
  };
}

/** How other formats start, for the error's message. Short ones are fine for that. One character is one byte. */
const FOREIGN: readonly (readonly [string, number, string])[] = [
  ["WebM or Matroska", 0, "\x1a\x45\xdf\xa3"],
  ["MP4", 4, "ftyp"],
  ["PNG", 0, "\x89PNG"],
  ["JPEG", 0, "\xff\xd8\xff"],
  ["Ogg", 0, "OggS"],
  ["PDF", 0, "%PDF"],
  ["ZIP", 0, "PK"],
  ["JSON", 0, "{"],
];

/** Bytes of the beginning that name a foreign format. */
export const NAMING_LENGTH = 18;

/** @param beginning as much of the object as is there, up to {@link NAMING_LENGTH} bytes. */
export function notOurs(beginning: Uint8Array): BlindreelError<"not-an-envelope"> {
  const text = String.fromCharCode(...beginning);
  const foreign = FOREIGN.find(([, offset, start]) => text.startsWith(start, offset))?.[0];
  const format = foreign ?? (/^[\t\n\r\x20-\x7e]{8,}$/.test(text) ? "text" : undefined);
  const named = format === undefined ? "" : `; it looks like ${format}`;
  const message = `this is none of Blindreel's objects: it starts like none of them${named}`;
  return new BlindreelError("not-an-envelope", message, undefined);
}
