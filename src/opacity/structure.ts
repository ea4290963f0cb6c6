import type { Inspection } from "../envelope/inspect.js";
import type { KeysetShape } from "../formats/keyset-shape.js";
import type { KeyId } from "../keywrap/types.js";

/** What a server may be handed. */
export type ObjectName =
  | "envelope"
  | "sealed-file"
  | "segment"
  | "manifest"
  | "page"
  | "excerpt"
  | "grant"
  | "keyset";

export const OBJECT_NAMES: readonly ObjectName[] = [
  "envelope",
  "sealed-file",
  "segment",
  "manifest",
  "page",
  "excerpt",
  "grant",
  "keyset",
];

/**
 * What the bytes of a field are: `public`, written to be read by servers; `sealed`, without a key not to be told from
 * uniformly random bytes (ciphertext, tags, MACs, commitments, salts); `point`, as unreadable, but not uniform
 * (encapsulated keys and signatures are encodings of group elements and the like).
 */
export type FieldNature = "public" | "sealed" | "point";

/** A run of bytes of one nature. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  /** In bytes; `Infinity` while the object is still arriving and this is its last field. */
  readonly length: number;
  readonly nature: FieldNature;
}

/** What is known of every object. */
export interface StructureCommon {
  /** In bytes. */
  readonly length: number;
  /** Every byte of the object, in order and without gaps. */
  readonly fields: readonly Field[];
}

/** One of the format's objects, as far as its lengths and public fields tell. Nothing in it is authenticated. */
export type Structure =
  | (StructureCommon & { readonly object: "envelope"; readonly envelope: Inspection })
  | (StructureCommon & {
      readonly object: "sealed-file";
      readonly envelope: Inspection;
      readonly segment: SegmentStructure;
    })
  | (StructureCommon & { readonly object: "segment"; readonly segment: SegmentStructure })
  | (StructureCommon & { readonly object: "manifest"; readonly manifest: ManifestStructure })
  | (StructureCommon & { readonly object: "page"; readonly page: PageStructure })
  | (StructureCommon & { readonly object: "excerpt"; readonly excerpt: ExcerptStructure })
  | (StructureCommon & { readonly object: "grant"; readonly grant: GrantStructure })
  | (StructureCommon & { readonly object: "keyset"; readonly keyset: KeysetShape });

/** What a segment shows without keys. */
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

/** What a manifest shows without keys. */
export interface ManifestStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  readonly sequence: number;
  /** Of the sealed statement, in bytes. */
  readonly plaintextLength: number;
}

/** What a page of the log shows without keys. */
export interface PageStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Its number: it holds the entries from 64 times that on. */
  readonly page: number;
  /** Of the sealed entries, in bytes. */
  readonly plaintextLength: number;
}

/** What an excerpt shows without keys. */
export interface ExcerptStructure {
  /** 32 hex digits. */
  readonly recordingId: string;
}

/** What a grant shows without keys. */
export interface GrantStructure {
  readonly kind: "read-key" | "bucket";
  readonly kem: "x25519" | "x-wing";
  /** Identifiers and full thumbprints as lowercase hex. */
  readonly grantId: string;
  readonly institution: string;
  readonly subject: string;
  readonly staff: string;
  /** The part of `staff` that slots carry. */
  readonly staffKeyId: KeyId;
  readonly issuer: string;
  readonly issued: Date;
  readonly notAfter: Date;
}
