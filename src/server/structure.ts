import type { Inspection } from "../envelope/inspect.js";

/** The objects that a server stores. A sealed file is an envelope with a segment behind it (`.reel`). */
export type ObjectName = "envelope" | "sealed-file" | "segment" | "manifest" | "page" | "excerpt" | "receipt";

export const OBJECT_NAMES: readonly ObjectName[] = [
  "envelope",
  "sealed-file",
  "segment",
  "manifest",
  "page",
  "excerpt",
  "receipt",
];

/**
 * What the bytes of a field are. `public`: written to be read. `random`: drawn anew each time (salts). `sealed`: ciphertext,
 * tags, MACs, commitments, hashes, not to be told from random bytes without a key. `public-key` and `signature`: as
 * unreadable, but encodings of group elements, so not uniform.
 */
export type FieldRole = "public" | "random" | "sealed" | "public-key" | "signature";

/** Identifies a field of an object, whatever it is called in a message. */
export type FieldId =
  /** Everything public in front of the sealed metadata, up to and with its length. */
  | "head"
  | "metadata-salt"
  | "metadata-commitment"
  | "metadata"
  | "commitment"
  | "epoch"
  | "slot-head"
  | "slot-parameters"
  | "slot-salt"
  | "slot-key"
  | "wrapped-key"
  /** Of a slot type that this version does not know. */
  | "slot-body"
  | "mac"
  /** Of a segment, page or manifest. */
  | "header"
  | "salt"
  | "stream-commitment"
  | "chunks"
  | "statement"
  | "log-root"
  | "signature"
  | "parts"
  | "witnesses";

/** A run of bytes of one role. */
export interface Field {
  readonly id: FieldId;
  readonly role: FieldRole;
  /** Which slot, from 0, where it belongs to one. */
  readonly slot?: number;
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** What is known of every object. */
export interface StructureCommon {
  /** In bytes. */
  readonly length: number;
  /** Every byte of the object, in order and without gaps. */
  readonly fields: readonly Field[];
}

/** One of the format's objects, as far as its lengths and public fields tell. Nothing in it is authenticated. */
export type Structure = StructureCommon & ObjectStructure;

/** The public facts of each kind of object. */
export type ObjectStructure =
  | { readonly object: "envelope"; readonly envelope: Inspection }
  | { readonly object: "sealed-file"; readonly envelope: Inspection; readonly segment: SegmentStructure }
  | { readonly object: "segment"; readonly segment: SegmentStructure }
  | { readonly object: "manifest"; readonly manifest: ManifestStructure }
  | { readonly object: "page"; readonly page: PageStructure }
  | { readonly object: "excerpt"; readonly excerpt: ExcerptStructure }
  | { readonly object: "receipt"; readonly receipt: ReceiptStructure };

/** The public facts of a segment (format-v1, "Segment"). */
export interface SegmentStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  readonly track: number;
  readonly take: number;
  readonly index: number;
  readonly isPadded: boolean;
  /** Where it starts in the object, and how long it is with its header, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** With the short last one, where there is one. */
  readonly chunks: number;
  /** Whole chunks and no end, as a crash leaves a recording's segment. */
  readonly isCut: boolean;
  /** Of the plaintext, padding included, in bytes. Of a cut segment: what its whole chunks hold. */
  readonly plaintextLength: number;
}

/** The public facts of a manifest (format-v1, "Manifest"). */
export interface ManifestStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  readonly sequence: number;
  /** Of the sealed statement, in bytes. */
  readonly plaintextLength: number;
}

/** The public facts of a page (format-v1, "Pages"). */
export interface PageStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Its number: it holds the entries from 64 times that on. */
  readonly page: number;
  /** Of the sealed entries, in bytes. */
  readonly plaintextLength: number;
}

/** Of an excerpt, which shows what it holds to everybody, only the head is looked at. */
export interface ExcerptStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Entries of the log that it shows. */
  readonly parts: number;
}

/** The public facts of a receipt (format-v1, "Receipt"). */
export interface ReceiptStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Of the final manifest. */
  readonly sequence: number;
  /** Entries in the recording's log. */
  readonly size: number;
  /** Signatures beside the recording's own. */
  readonly witnesses: number;
}
