import type { CryptoProvider } from "../crypto/provider.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { limitExceeded, malformed, truncated } from "../errors.js";
import { type Bytes, compareBytes, concatBytes, isAllZero, joinBytes, wipe } from "../formats/bytes.js";
import { decode, encode, fixed, struct, u64 } from "../formats/codec.js";
import {
  HASH_LENGTH,
  INSTITUTION_LENGTH,
  KEY_LENGTH,
  Magic,
  SIGNATURE_LENGTH,
} from "../formats/constants.js";
import { label } from "../formats/label.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";

/** `grant = body || signature[64] || file` (format-v1, "Grant"). */

export const GRANT_ID_LENGTH = 16;

/** A grant's public part, in wire order. */
export interface GrantBody {
  readonly grantId: Bytes;
  readonly institution: Bytes;
  /** SHA-256 of the request that it answers. */
  readonly requestHash: Bytes;
  /** Full thumbprint of the requester's signing key. */
  readonly staff: Bytes;
  readonly issuer: Bytes;
  /** Zeros where nobody approved. */
  readonly approver: Bytes;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly notAfter: number;
}

const bodyCodec = struct<ObjectStart & GrantBody>({
  ...objectStart(Magic.grant, "the grant"),
  grantId: fixed(GRANT_ID_LENGTH),
  institution: fixed(INSTITUTION_LENGTH),
  requestHash: fixed(HASH_LENGTH),
  staff: fixed(HASH_LENGTH),
  issuer: fixed(HASH_LENGTH),
  approver: fixed(HASH_LENGTH),
  issued: u64,
  notAfter: u64,
});

const BODY_LENGTH = Magic.grant.length + 1 + GRANT_ID_LENGTH + INSTITUTION_LENGTH + 4 * HASH_LENGTH + 8 + 8;
const ENTRY_LENGTH = HASH_LENGTH + KEY_LENGTH;

/** Most recordings of one grant. */
export const MOST_RECORDINGS = 2 ** 16;
/** Longest grant in bytes: the keys of so many recordings, in a sealed file with its envelope and tags. */
const LONGEST = 8 * 2 ** 20;

/** A grant in its parts. Neither authenticated nor opened. */
export interface DecodedGrant {
  readonly body: GrantBody;
  readonly bodyBytes: Bytes;
  readonly signature: Bytes;
  /** The sealed file. */
  readonly file: Bytes;
}

export function encodeGrantBody(body: GrantBody): Bytes {
  return encode(bodyCodec, { magic: undefined, version: undefined, ...body });
}

/** @throws BlindreelError `malformed`, `unsupported-version`, `truncated`, `limit-exceeded`. */
export function decodeGrant(bytes: Bytes): DecodedGrant {
  if (bytes.length > LONGEST) throw limitExceeded("the grant's length", LONGEST, bytes.length);
  const bodyBytes = bytes.subarray(0, BODY_LENGTH);
  const body = decode(bodyCodec, bodyBytes, "the grant");
  const fileOffset = BODY_LENGTH + SIGNATURE_LENGTH;
  if (bytes.length <= fileOffset) throw truncated("the grant", bytes.length);
  return {
    body,
    bodyBytes,
    signature: bytes.subarray(BODY_LENGTH, fileOffset),
    file: bytes.subarray(fileOffset),
  };
}

/** The signed message: `L("grant signature") || body || H("grant file", file)`. */
export async function grantMessage(crypto: CryptoProvider, bodyBytes: Bytes, file: Bytes): Promise<Bytes> {
  return concatBytes(label("grant signature"), bodyBytes, await taggedHash(crypto, "grant file", file));
}

/** A recording's coreHash and read key, 32 bytes each. */
export interface GrantedKey {
  readonly coreHash: Bytes;
  readonly readKey: Bytes;
}

/** The file's plaintext: `H("grant", body) || (coreHash readKey)*`, by coreHash. The caller wipes it. */
export async function encodeKeys(
  crypto: CryptoProvider,
  bodyBytes: Bytes,
  keys: readonly GrantedKey[],
): Promise<Bytes> {
  const sorted = [...keys].sort((left, right) => compareBytes(left.coreHash, right.coreHash));
  const hash = await taggedHash(crypto, "grant", bodyBytes);
  return joinBytes([hash, ...sorted.flatMap(({ coreHash, readKey }) => [coreHash, readKey])]);
}

/** Reads {@link encodeKeys}, and wipes it. @returns copies; undefined for the file of another grant. */
export async function decodeKeys(
  crypto: CryptoProvider,
  bodyBytes: Bytes,
  plaintext: Bytes,
): Promise<readonly GrantedKey[] | undefined> {
  try {
    const entries = plaintext.subarray(HASH_LENGTH);
    const isWhole = entries.length > 0 && entries.length % ENTRY_LENGTH === 0;
    if (!isWhole) throw malformed("the grant's file is not a list of recordings and keys", 0);
    const hash = await taggedHash(crypto, "grant", bodyBytes);
    if (compareBytes(hash, plaintext.subarray(0, HASH_LENGTH)) !== 0) return undefined;
    const keys: GrantedKey[] = [];
    for (let at = 0; at < entries.length; at += ENTRY_LENGTH) {
      const entry = entries.slice(at, at + ENTRY_LENGTH);
      const coreHash = entry.subarray(0, HASH_LENGTH);
      const readKey = entry.subarray(HASH_LENGTH);
      if (isAllZero(readKey)) throw malformed("the grant's file holds a key of zeros", at);
      const previous = keys.at(-1)?.coreHash;
      if (previous && compareBytes(previous, coreHash) >= 0)
        throw malformed("the grant's recordings are out of order or repeated", at);
      keys.push({ coreHash, readKey });
    }
    return keys;
  } finally {
    wipe(plaintext);
  }
}
