import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import { type Codec, checked, encode, fixed, struct, u8, u32, u64 } from "../formats/codec.js";
import { nameOf } from "../formats/constants.js";
import { label } from "../formats/label.js";
import { hash } from "./fields.js";
import { SEALED_HEADER_LENGTH } from "./sealed-object.js";

/** Whether a manifest closes its recording, or is a checkpoint of an open one. */
export const ManifestState = { open: 1, final: 2 } as const;
export type ManifestState = (typeof ManifestState)[keyof typeof ManifestState];

export const manifestState = /* @__PURE__ */ checked(u8 as Codec<ManifestState>, (value, fail) => {
  if (!nameOf(ManifestState, value)) throw fail(`a manifest's state ${value}`);
});

/** The signed part of a manifest, without entries and details: what receipts and excerpts show. */
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

/** `manifestHeader || state || size || logRoot || H("details", details)`. */
export const statementCodec = /* @__PURE__ */ struct<Statement>({
  header: /* @__PURE__ */ fixed(SEALED_HEADER_LENGTH),
  state: manifestState,
  size: u32,
  logRoot: hash,
  detailsHash: hash,
});

/** The session key's message for a manifest (format-v1, "Signatures"). */
export function manifestMessage(coreHash: Bytes, statement: Statement): Bytes {
  return concatBytes(label("manifest signature"), coreHash, encode(statementCodec, statement));
}

/** The session key's message for a page. */
export function pageMessage(coreHash: Bytes, header: Bytes, root: Bytes): Bytes {
  return concatBytes(label("page signature"), coreHash, header, root);
}

/** A witness's message for a manifest's statement. @param time milliseconds since 1970. */
export function witnessMessage(coreHash: Bytes, statement: Statement, time: number): Bytes {
  return concatBytes(label("witness"), coreHash, encode(statementCodec, statement), encode(u64, time));
}

/** @throws BlindreelError `authentication-failed`. */
export async function checkSignature(
  crypto: CryptoProvider,
  publicKey: Bytes,
  message: Bytes,
  signed: Bytes,
): Promise<void> {
  if (!(await verifyEd25519(crypto, publicKey, message, signed))) throw authenticationFailed();
}
