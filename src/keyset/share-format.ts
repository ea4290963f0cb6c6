import type { CryptoProvider } from "../crypto/provider.js";
import { malformed, type ShareFault } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { decode, encode, fixed, struct, u8, u16 } from "../formats/codec.js";
import { HASH_LENGTH, INSTITUTION_LENGTH, KEY_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import {
  type Claims,
  count,
  hashClaim,
  hashText,
  hexOf,
  listOf,
  oneOfClaim,
  readClaims,
  signingKeyClaim,
} from "./claims.js";
import { isSignedBy, readStatement, StatementType, signStatement } from "./jws.js";
import { encodeSigningJwk, type Signer } from "./signing-key.js";

/** Shares of a recovery key, and the root's statement of them (format-v1, "Share"). */

export const SET_ID_LENGTH = 16;
/** x is a byte that is not 0. */
export const LARGEST_SET = 255;

/** HPKE KEM ids of the keys that are split (RFC 9180 §7.1; X-Wing). */
export const ShareKem = { p256: 0x0010, x25519: 0x0020, xWing: 0x647a } as const;
export type ShareKem = (typeof ShareKem)[keyof typeof ShareKem];

/** One custodian's share, in wire order. */
export interface Share {
  readonly setId: Bytes;
  /** How many shares recover the key, m, of how many, n. */
  readonly threshold: number;
  readonly total: number;
  readonly x: number;
  readonly kem: number;
  /** Full thumbprint of the recovery key. */
  readonly thumbprint: Bytes;
  readonly value: Bytes;
}

const shareCodec = struct<Share>(
  {
    setId: fixed(SET_ID_LENGTH),
    threshold: u8,
    total: u8,
    x: u8,
    kem: u16,
    thumbprint: fixed(HASH_LENGTH),
    value: fixed(KEY_LENGTH),
  },
  {
    total({ threshold, total }, fail) {
      if (threshold < 2 || total < threshold) throw fail("2 ≤ m ≤ n does not hold");
    },
    x({ x }, fail) {
      if (x === 0) throw fail("x is 0, where the key itself would be");
    },
    kem({ kem }, fail) {
      if (!Object.values<number>(ShareKem).includes(kem)) throw fail("the key is of an unknown KEM");
    },
  },
);

export const encodeShare = (share: Share): Bytes => encode(shareCodec, share);

/** @throws BlindreelError `malformed`. */
export const decodeShare = (bytes: Bytes): Share => decode(shareCodec, bytes, "the share");

/** What the root signs of a set of shares. */
export interface SharesStatement {
  readonly institution: string;
  /** 32 hex digits. */
  readonly set: string;
  readonly threshold: number;
  /** H("share", share) of each custodian, 64 hex digits, in their order. */
  readonly shares: readonly string[];
  readonly kem: ShareKem;
  /** Full thumbprint of the recovery key, 64 hex digits. */
  readonly thumbprint: string;
  /** Seconds since 1970. */
  readonly issued: number;
}

const STATEMENT: Claims<SharesStatement & { readonly root: Bytes }> = {
  institution: hexOf(INSTITUTION_LENGTH),
  set: hexOf(SET_ID_LENGTH),
  threshold: count,
  shares: listOf(hashClaim),
  kem: oneOfClaim<ShareKem>(...Object.values(ShareKem)),
  thumbprint: hashClaim,
  issued: count,
  root: signingKeyClaim,
};

export function signShares(
  crypto: CryptoProvider,
  { shares, thumbprint, ...statement }: SharesStatement,
  root: Signer,
): Promise<string> {
  const payload: JsonObject = {
    ...statement,
    shares: shares.map(hashText),
    thumbprint: hashText(thumbprint),
    root: { ...encodeSigningJwk(root.publicKey) },
  };
  return signStatement(crypto, StatementType.recovery, payload, root);
}

/**
 * @param pin the root's thumbprint, 64 hex digits.
 * @param fail for a statement that the root did not sign.
 * @throws BlindreelError `malformed`, `invalid-json`.
 */
export async function readShares(
  crypto: CryptoProvider,
  text: string | Uint8Array,
  pin: string,
  fail: (reason: ShareFault, sentence: string) => Error,
): Promise<SharesStatement> {
  const statement = await readStatement(crypto, text as Bytes, StatementType.recovery);
  const claims = readClaims("the statement of shares", statement.payload, STATEMENT);
  const { root, ...rest } = claims;
  const signer = encodeHex(statement.kid);
  if (signer !== pin) throw fail("wrong-signer", `its statement is signed by ${signer}, not by ${pin}`);
  if (!(await isSignedBy(crypto, statement, root)))
    throw fail("bad-signature", "the signature of its statement does not hold");
  const { threshold, shares } = rest;
  const isSet = threshold >= 2 && threshold <= shares.length && shares.length <= LARGEST_SET;
  if (!isSet || new Set(shares).size < shares.length)
    throw malformed("the statement of shares is of no set of 2 ≤ m ≤ n ≤ 255", 0);
  return rest;
}
