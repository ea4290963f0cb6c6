import type { Inspection } from "../envelope/inspect.js";
import type { SegmentStructure, Structure } from "../server/structure.js";

/** Everything that any object can expose, and what it means for somebody without a key. */
const MEANINGS = {
  object: "which of the format's objects it is",
  length: "bytes in all",
  kind: "what the envelope is for",
  recordingId: "which objects belong together",
  createdAt: "the hour of sealing",
  expiresAt: "when it is to be deleted",
  region: "where it may be stored",
  institution: "whose it is, as an opaque id",
  sender: "the session's public key",
  postQuantumOnly: "that only post-quantum keys may open it",
  epoch: "how often its recipients were changed",
  recipients: "how many keys open it",
  keyIds: "which keys open it, not whose they are",
  slotTypes: "kinds of those keys",
  metadataLength: "length of the sealed metadata, in steps of 512 bytes",
  contentLength: "bytes of the content, its padding included",
  padded: "that the content's exact length is hidden",
  cut: "that its end is missing",
  track: "the number of its track, not its name",
  take: "which run of its recorder it is from",
  index: "its place in the track",
  sequence: "how many manifests came before it",
  page: "its place in the log",
  size: "entries in the recording's log",
  witnesses: "how many saw that the recording ended",
  parts: "entries that it shows to everybody",
} as const;

/** Stable between versions. */
export type ExposedName = keyof typeof MEANINGS;

/** What an object says to whoever stores it: one public fact. */
export interface ExposedField {
  readonly field: ExposedName;
  readonly value: string | number | boolean | Date | readonly string[];
  /** What it means for somebody without a key. */
  readonly meaning: string;
}

type Facts = { readonly [Name in ExposedName]?: ExposedField["value"] | undefined };

/** Exactly what a server learns from an object's bytes; what it learns from their coming and going is not in here. */
export function exposedFields(structure: Structure): ExposedField[] {
  const { object, length } = structure;
  const facts: Facts = { object, length, ...factsOf(structure) };
  return (Object.keys(facts) as ExposedName[]).flatMap((field) => {
    const value = facts[field];
    return value === undefined || value === false ? [] : [{ field, value, meaning: MEANINGS[field] }];
  });
}

function factsOf(structure: Structure): Facts {
  switch (structure.object) {
    case "envelope":
      return envelopeFacts(structure.envelope);
    case "sealed-file":
      return { ...envelopeFacts(structure.envelope), ...contentFacts(structure.segment) };
    case "segment": {
      const { recordingId, track, take, index } = structure.segment;
      return { recordingId, track, take, index, ...contentFacts(structure.segment) };
    }
    case "manifest": {
      const { plaintextLength, ...place } = structure.manifest;
      return { ...place, contentLength: plaintextLength };
    }
    case "page": {
      const { plaintextLength, ...place } = structure.page;
      return { ...place, contentLength: plaintextLength };
    }
    case "excerpt":
      return { ...structure.excerpt };
    case "receipt":
      return { ...structure.receipt };
  }
}

function envelopeFacts(envelope: Inspection): Facts {
  const { kind, recordingId, createdAt, policy, sender, epoch, slots } = envelope;
  const keyIds = slots.flatMap(({ keyId }) => keyId ?? []);
  const types = slots.map(({ type, typeName }) =>
    typeName === "unknown" ? `0x${type.toString(16)}` : typeName,
  );
  return {
    kind,
    recordingId,
    createdAt,
    expiresAt: policy.expiresAt,
    region: policy.region,
    institution: policy.institution,
    sender,
    postQuantumOnly: envelope.isPostQuantumOnly,
    epoch,
    recipients: slots.length,
    keyIds: keyIds.length > 0 ? keyIds : undefined,
    slotTypes: [...new Set(types)],
    metadataLength: envelope.sealedMetadataLength,
  };
}

function contentFacts({ plaintextLength, isPadded, isCut }: SegmentStructure): Facts {
  return { contentLength: plaintextLength, padded: isPadded, cut: isCut };
}

/**
 * Words as names have them: small letters with a capital in front or none, digits, space, `.`, `_`, `-`; or all of it in
 * capitals. There are fewer than 52.8^n such texts of n bytes (40 of one byte, 676 of two), so sixteen random bytes are
 * one of them less than twice in 10^11.
 */
const NAME = /^(?:(?:[A-Z]?[a-z]|[0-9 ._-])+|[A-Z0-9 ._-]+)$/;

/** Identifiers that spell something. @returns what is wrong with each. */
export function publicFaults(structure: Structure): string[] {
  return exposedFields(structure).flatMap(({ field, value }) => {
    if (typeof value !== "string" || !/^([0-9a-f]{32}|[0-9a-f]{64})$/.test(value)) return [];
    const text = textOf(value);
    return text === undefined ? [] : `${field} spells ${JSON.stringify(text)}; it is to be an opaque id`;
  });
}

/** The text that an id in hex spells, zeros at its end left out. */
function textOf(hex: string): string | undefined {
  const digits = hex.replace(/(00)+$/, "");
  if (digits.length < 8) return undefined;
  const text = digits.replace(/../g, (octet) => String.fromCharCode(Number.parseInt(octet, 16)));
  return NAME.test(text) ? text : undefined;
}
