import type { JsonValue } from "../formats/json.js";
import { PRIVATE_MEMBERS } from "../formats/jwk.js";
import type { KeysetShape } from "../formats/keyset-shape.js";
import type { Structure } from "./structure.js";

/** What an object says to whoever stores it: one public fact. */
export interface ExposedField {
  /** Stable between versions. */
  readonly field: ExposedName;
  readonly value: string | number | boolean | Date | readonly string[];
  /** What it means for somebody without a key. */
  readonly meaning: string;
}

/** Everything that any object can expose. */
export type ExposedName =
  | "object"
  | "length"
  | "kind"
  | "recordingId"
  | "createdAt"
  | "expiresAt"
  | "region"
  | "institution"
  | "sender"
  | "postQuantumOnly"
  | "epoch"
  | "recipients"
  | "keyIds"
  | "slotTypes"
  | "metadataLength"
  | "contentLength"
  | "padded"
  | "cut"
  | "track"
  | "take"
  | "index"
  | "sequence"
  | "page"
  | "grant"
  | "subject"
  | "staff"
  | "issuer"
  | "issued"
  | "notAfter"
  | "root"
  | "keys";

const fact = (field: ExposedName, value: ExposedField["value"], meaning: string): ExposedField => ({
  field,
  value,
  meaning,
});

/** Exactly what a server learns from an object's bytes; what it learns from their coming and going is not in here. */
export function exposedFields(structure: Structure): ExposedField[] {
  const fields = [
    fact("object", structure.object, "which of the format's objects it is"),
    fact("length", structure.length, "bytes in all"),
  ];
  if (structure.object === "envelope" || structure.object === "sealed-file")
    fields.push(...envelopeFacts(structure));
  if (structure.object === "segment") {
    const { recordingId, track, take, index } = structure.segment;
    fields.push(
      fact("recordingId", recordingId, "which objects belong together"),
      fact("track", track, "the number of its track, not its name"),
      fact("take", take, "which run of its recorder it is from"),
      fact("index", index, "its place in the track"),
      ...contentFacts(structure.segment),
    );
  }
  if (structure.object === "sealed-file") fields.push(...contentFacts(structure.segment));
  if (structure.object === "manifest") {
    fields.push(
      fact("recordingId", structure.manifest.recordingId, "which objects belong together"),
      fact("sequence", structure.manifest.sequence, "how many manifests came before it"),
      fact("contentLength", structure.manifest.plaintextLength, "bytes of the statement"),
    );
  }
  if (structure.object === "page") {
    fields.push(
      fact("recordingId", structure.page.recordingId, "which objects belong together"),
      fact("page", structure.page.page, "its place in the log"),
      fact("contentLength", structure.page.plaintextLength, "bytes of the entries, in steps of 1024"),
    );
  }
  if (structure.object === "excerpt") {
    fields.push(fact("recordingId", structure.excerpt.recordingId, "which objects belong together"));
  }
  if (structure.object === "grant") fields.push(...grantFacts(structure.grant));
  if (structure.object === "keyset") fields.push(...keysetFacts(structure.keyset));
  return fields;
}

function envelopeFacts({
  envelope,
}: Structure & { readonly object: "envelope" | "sealed-file" }): ExposedField[] {
  const { policy, slots, sender } = envelope;
  const keyIds = slots.flatMap(({ keyId }) => keyId ?? []);
  const slotTypes = [
    ...new Set(
      slots.map(({ type, typeName }) => (typeName === "unknown" ? `0x${type.toString(16)}` : typeName)),
    ),
  ];
  return [
    fact("kind", envelope.kind, "what the envelope is for"),
    fact("recordingId", envelope.recordingId, "which objects belong together"),
    fact("createdAt", envelope.createdAt, "the hour of sealing"),
    ...(policy.expiresAt ? [fact("expiresAt", policy.expiresAt, "when it is to be deleted")] : []),
    ...(policy.region === undefined ? [] : [fact("region", policy.region, "where it may be stored")]),
    ...(policy.institution === undefined
      ? []
      : [fact("institution", policy.institution, "whose it is, as an opaque id")]),
    ...(sender === undefined ? [] : [fact("sender", sender, "the session's public key")]),
    ...(envelope.isPostQuantumOnly
      ? [fact("postQuantumOnly", true, "that only post-quantum keys may open it")]
      : []),
    fact("epoch", envelope.epoch, "how often its recipients were changed"),
    fact("recipients", slots.length, "how many keys open it"),
    ...(keyIds.length > 0 ? [fact("keyIds", keyIds, "which keys open it, not whose they are")] : []),
    fact("slotTypes", slotTypes, "kinds of those keys"),
    fact(
      "metadataLength",
      envelope.sealedMetadataLength,
      "length of the sealed metadata, in steps of 512 bytes",
    ),
  ];
}

function contentFacts(segment: {
  plaintextLength: number;
  isPadded: boolean;
  isCut: boolean;
}): ExposedField[] {
  const { plaintextLength, isPadded, isCut } = segment;
  const meaning = isPadded ? "bytes of the content with its padding" : "bytes of the content, exactly";
  return [
    fact("contentLength", plaintextLength, meaning),
    ...(isPadded ? [fact("padded", true, "that the content's exact length is hidden")] : []),
    ...(isCut ? [fact("cut", true, "that its end is missing")] : []),
  ];
}

function grantFacts(grant: (Structure & { readonly object: "grant" })["grant"]): ExposedField[] {
  return [
    fact("kind", grant.kind, "what it hands over"),
    fact("grant", grant.grantId, "its id"),
    fact("institution", grant.institution, "whose it is, as an opaque id"),
    fact("subject", grant.subject, "the hash of what it opens"),
    fact("staff", grant.staff, "the key it is for, not whose it is"),
    fact("issuer", grant.issuer, "the key that signed it"),
    fact("issued", grant.issued, "when it was made"),
    fact("notAfter", grant.notAfter, "when it ends"),
    fact("slotTypes", [grant.kem], "the kind of key it is for"),
  ];
}

function keysetFacts(keyset: KeysetShape): ExposedField[] {
  const { root, institution, sequence, issued, expires, keys } = keyset;
  return [
    fact("root", root, "the root key's thumbprint"),
    fact("institution", institution, "whose it is, as an opaque id"),
    fact("sequence", sequence, "how many keysets came before it"),
    fact("issued", new Date(issued * 1000), "when it was made"),
    fact("expiresAt", new Date(expires * 1000), "when it ends"),
    fact(
      "keys",
      keys.map(({ role, kid }) => `${role} ${kid}`),
      "the public keys: all of it is public, and signed",
    ),
  ];
}

/**
 * Words as names have them: small letters with a capital in front or none, digits, space, `.`, `_`, `-`; or all of it in
 * capitals. There are fewer than 52.8^n such texts of n bytes (40 of one byte, 676 of two), so sixteen random bytes are
 * one of them less than twice in 10^11.
 */
const NAME = /^(?:(?:[A-Z]?[a-z]|[0-9 ._-])+|[A-Z0-9 ._-]+)$/;

/** What a public field says that it should not. */
export interface PublicFault {
  readonly field: ExposedName;
  readonly reason: string;
}

/** Identifiers that spell something, private keys in a keyset. */
export function publicFaults(structure: Structure): PublicFault[] {
  const faults: PublicFault[] = [];
  for (const { field, value } of exposedFields(structure)) {
    if (typeof value !== "string" || !/^([0-9a-f]{32}|[0-9a-f]{64})$/.test(value)) continue;
    const text = textOf(value);
    if (text === undefined) continue;
    faults.push({ field, reason: `${field} spells ${JSON.stringify(text)}; it is to be an opaque id` });
  }
  if (structure.object === "keyset") {
    const member = structure.keyset.keys.map(privateMember).find((name) => name !== undefined);
    if (member !== undefined)
      faults.push({ field: "keys", reason: `a key has the private member "${member}"` });
  }
  return faults;
}

/** The text that an id in hex spells, zeros at its end left out. */
function textOf(hex: string): string | undefined {
  const digits = hex.replace(/(00)+$/, "");
  if (digits.length < 8) return undefined;
  const text = digits.replace(/../g, (octet) => String.fromCharCode(Number.parseInt(octet, 16)));
  return NAME.test(text) ? text : undefined;
}

function privateMember(value: JsonValue): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    if (PRIVATE_MEMBERS.some((member) => member === name)) return name;
    const found = privateMember(inner as JsonValue);
    if (found !== undefined) return found;
  }
  return undefined;
}
