import { type Bytes, concatBytes } from "../formats/bytes.js";
import { encode, fixed, struct, u8, u32 } from "../formats/codec.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { label } from "../formats/label.js";

/** Whether a manifest closes its recording, or is a checkpoint of one that goes on. */
export const ManifestState = { open: 1, final: 2 } as const;
export type ManifestState = (typeof ManifestState)[keyof typeof ManifestState];

/** What a manifest's signature is about, as it can be shown without showing entries or details. */
export interface Statement {
  /** The manifest's first 25 bytes. */
  readonly header: Bytes;
  readonly state: ManifestState;
  /** Entries in the log. */
  readonly size: number;
  readonly logRoot: Bytes;
  /** `H("details", details)`. */
  readonly detailsHash: Bytes;
}

interface Tail extends Omit<Statement, "header"> {}

const hash = fixed(HASH_LENGTH);
export const statementFields = { state: u8, size: u32, logRoot: hash, detailsHash: hash };
const tail = /* @__PURE__ */ struct<Tail>(statementFields as never);

/** `coreHash || manifestHeader || state || size || logRoot || H("details", details)`. */
function statementBytes(coreHash: Bytes, { header, ...rest }: Statement): Bytes {
  return concatBytes(coreHash, header, encode(tail, rest));
}

/** What the session key signs of a manifest. */
export function manifestMessage(coreHash: Bytes, statement: Statement): Bytes {
  return concatBytes(label("manifest signature"), statementBytes(coreHash, statement));
}

/** What the session key signs of a page. */
export function pageMessage(coreHash: Bytes, header: Bytes, root: Bytes): Bytes {
  return concatBytes(label("page signature"), coreHash, header, root);
}

/** What a witness signs of a manifest that it saw. @param time milliseconds since 1970, in 8 bytes. */
export function witnessMessage(coreHash: Bytes, statement: Statement, time: Bytes): Bytes {
  return concatBytes(label("witness"), statementBytes(coreHash, statement), time);
}
