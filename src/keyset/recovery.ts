/**
 * `blindreel/recovery`: the private half of a recovery identity, split among custodians by Shamir's scheme. Apart, since
 * ceremonies alone use it.
 *
 * @module blindreel/recovery
 * @category Institution
 */
import { combine, split } from "shamir-secret-sharing";
import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { openObject } from "../envelope/open.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import { recipientList } from "../envelope/recipients.js";
import { sealObject } from "../envelope/seal.js";
import { UNLOCK } from "../envelope/unlock.js";
import {
  BlindreelError,
  invalidRecipients,
  outOfRange,
  providerFault,
  type ShareFault,
  wrongType,
} from "../errors.js";
import { type Bytes, bytesArgument, concatBytes, equalBytes, wipe } from "../formats/bytes.js";
import {
  CLASSICAL_SLOT_TYPES,
  HASH_LENGTH,
  INSTITUTION_LENGTH,
  KEY_LENGTH,
  LIMITS,
} from "../formats/constants.js";
import { decodeBase64Url, decodeHex, encodeHex, isHex } from "../formats/encoding.js";
import {
  asGiven,
  type Check,
  type Checks,
  countArgument,
  dateArgument,
  functionArgument,
  readOptions,
} from "../formats/options.js";
import type { Identity, Recipient } from "../keywrap/types.js";
import { exportableArgument, type ProtectableIdentity, refuseItself } from "./identity-file.js";
import { checkPair, kemOf, privateKeyOf, recoveryIdentityOf } from "./recovery-key.js";
import {
  decodeShare,
  encodeShare,
  LARGEST_SET,
  readShares,
  SET_ID_LENGTH,
  type Share,
  ShareKem,
  type SharesStatement,
  signShares,
} from "./share-format.js";
import { type Signer, signerArgument } from "./signing-key.js";

export type { ShareFault } from "../errors.js";

const fail = (reason: ShareFault, sentence: string, index?: number): BlindreelError<"share-refused"> =>
  new BlindreelError("share-refused", `the share is refused: ${sentence}`, { reason, index });

const hexArgument =
  (length: number): Check<string> =>
  (name, value) => {
    if (typeof value === "string" && isHex(value, length)) return value;
    throw wrongType(name, `${2 * length} lowercase hex digits`, value);
  };

/** Options of {@link splitRecovery}. */
export interface SplitRecoveryOptions {
  /** m: how many custodians recover the key together; 2 or more. */
  readonly threshold: number;
  /** n: one share for each, 2 to 255. */
  readonly custodians: readonly Recipient[];
  /** The institution's root key, which signs what the shares are. */
  readonly root: Signer;
  /** 32 hex digits. */
  readonly institution: string;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const SPLIT: Checks<SplitRecoveryOptions> = {
  threshold: countArgument,
  custodians: (_name, value) => recipientList(value as Recipient[]),
  root: signerArgument,
  institution: hexArgument(INSTITUTION_LENGTH),
  now: dateArgument,
  crypto: providerArgument,
};

/** A recovery key, split: its shares and the statement of their set. */
export interface SplitRecovery {
  /** 32 hex digits. */
  readonly setId: string;
  /** Sealed to the custodians, in their order. Each goes to its custodian, none to a server. */
  readonly shares: readonly Bytes[];
  /** A compact JWS of the shares' hashes. Not secret: keep it with the keyset. */
  readonly statement: string;
}

/**
 * Splits a recovery identity, whose private half the caller then erases. Before anything is returned, the private half was found
 * to be that of the thumbprint, and every m neighbouring shares have been recombined to it.
 *
 * @throws RangeError unless 2 ≤ m ≤ n ≤ 255; TypeError for an identity that cannot be exported; BlindreelError
 *   `invalid-recipients`, also for a hybrid key and classical custodians, and a custodian whose key it is; `invalid-key` for halves of two keys; `bad-random`,
 *   `provider-fault`.
 */
export async function splitRecovery(
  identity: ProtectableIdentity,
  given: SplitRecoveryOptions,
): Promise<SplitRecovery> {
  const required = ["threshold", "custodians", "root", "institution"] as const;
  const options = readOptions<SplitRecoveryOptions>("options", given, SPLIT, required);
  const { threshold, custodians, root, institution } = options;
  const { crypto = defaultProvider(), now = new Date() } = options;
  const total = custodians.length;
  if (total < 2 || total > LARGEST_SET) throw outOfRange("options.custodians", "2 to 255", total);
  if (threshold < 2 || threshold > total) throw outOfRange("options.threshold", `2 to ${total}`, threshold);
  const kem = kemOf(identity);
  if (kem === ShareKem.xWing && custodians.some(({ slotType }) => CLASSICAL_SLOT_TYPES.includes(slotType)))
    throw invalidRecipients(
      "a hybrid key's share sealed to a classical key would be no better than that one",
    );
  exportableArgument("identity", identity);
  refuseItself(identity, custodians);
  const { thumbprint: named } = identity;
  const privateKey = privateKeyOf(identity, kem);
  const points: Uint8Array[] = [];
  try {
    await checkPair(privateKey, kem, named, crypto);
    points.push(...(await split(privateKey, total, threshold)));
    checkRandomness(points, privateKey);
    await checkWindows(points, threshold, privateKey);
    const setId = randomBytes(crypto, SET_ID_LENGTH);
    const thumbprint = decodeHex(named);
    const plaintexts = points.map((point) => {
      const value = point.subarray(0, KEY_LENGTH) as Bytes;
      return encodeShare({ setId, threshold, total, x: point[KEY_LENGTH]!, kem, thumbprint, value });
    });
    const hashes: string[] = [];
    const shares: Bytes[] = [];
    for (const [i, plaintext] of plaintexts.entries()) {
      hashes.push(encodeHex(await taggedHash(crypto, "share", plaintext)));
      shares.push(await sealObject("share", plaintext, { to: custodians[i]!, now, crypto }));
      wipe(plaintext);
    }
    const set = encodeHex(setId);
    const issued = toSeconds(now);
    const signed = {
      institution,
      set,
      threshold,
      shares: hashes,
      kem,
      thumbprint: named,
      issued,
    };
    return { setId: set, shares, statement: await signShares(crypto, signed, root) };
  } finally {
    wipe(privateKey, ...points);
  }
}

/** @throws BlindreelError `provider-fault`. */
async function checkWindows(points: Uint8Array[], threshold: number, privateKey: Bytes): Promise<void> {
  for (let first = 0; first + threshold <= points.length; first++) {
    const recombined = await combine(points.slice(first, first + threshold));
    const isRight = equalBytes(recombined, privateKey);
    wipe(recombined);
    if (!isRight) throw providerFault("the shares do not recombine to the key that was split");
  }
}

/** The scheme has a random source of its own: of zeros, it makes every share the key itself. @throws BlindreelError `bad-random`. */
function checkRandomness(points: readonly Uint8Array[], privateKey: Bytes): void {
  if (points.some((point) => equalBytes(point.subarray(0, KEY_LENGTH), privateKey)))
    throw new BlindreelError("bad-random", "a share is the key itself: its random source failed", undefined);
}

interface ShareOptions {
  /** Keys of the custodians who are present. */
  readonly identities: Identity | readonly Identity[];
  /** Of {@link splitRecovery}. */
  readonly statement: string | Uint8Array;
  /** The pin: the root's full thumbprint, 64 hex digits or base64url. */
  readonly root: string;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** Options of {@link checkShare}. */
export interface CheckShareOptions extends ShareOptions {}

/** Options of {@link recoverIdentity}. */
export interface RecoverIdentityOptions extends ShareOptions {
  /** `importXWingIdentity`, for a hybrid key. */
  readonly importKey?: (seed: Uint8Array<ArrayBuffer>) => Promise<ProtectableIdentity>;
}

interface ShareArguments extends ShareOptions {
  readonly identities: readonly Identity[];
}

interface RecoverArguments extends ShareArguments, Pick<RecoverIdentityOptions, "importKey"> {}

const SHARE: Checks<ShareArguments> = {
  identities: UNLOCK.identities,
  statement: asGiven,
  root(name, value) {
    const isText = typeof value === "string" && /^[\w-]{43}$/.test(value);
    return hexArgument(HASH_LENGTH)(name, isText ? encodeHex(decodeBase64Url(value)) : value);
  },
  crypto: providerArgument,
};

/** What a share is of. */
export interface CheckedShare {
  /** 32 hex digits. */
  readonly setId: string;
  /** The custodian's place in the set, from 0. */
  readonly custodian: number;
  readonly threshold: number;
  readonly total: number;
  /** Thumbprint of the recovery key, 64 hex digits. */
  readonly thumbprint: string;
  readonly issued: Date;
}

const REQUIRED = ["identities", "statement", "root"] as const;

/**
 * A drill, at each custodian: opens the share, and compares its hash with the one that the root signed. Nothing is recombined.
 *
 * @throws BlindreelError `share-refused` with a reason; as `open` where it does not open; `malformed`, `invalid-json`.
 */
export async function checkShare(share: Uint8Array, given: CheckShareOptions): Promise<CheckedShare> {
  const options = readOptions<ShareArguments>("options", given, SHARE, REQUIRED);
  const { crypto = defaultProvider() } = options;
  const own = bytesArgument("the share", share).slice();
  const signed = await readShares(crypto, options.statement, options.root, fail);
  const opened = await openShare(own, signed, { ...options, crypto });
  wipe(opened.share.value);
  return {
    setId: signed.set,
    custodian: opened.custodian,
    threshold: signed.threshold,
    total: signed.shares.length,
    thumbprint: signed.thumbprint,
    issued: toDate(signed.issued),
  };
}

/**
 * Recombines a recovery identity from the shares of m custodians or more, and compares it with the thumbprint that the root
 * signed.
 *
 * @param shares as they were sealed; `details.index` of an error is a place in this list.
 * @throws BlindreelError `share-refused`: `wrong-signer`, `bad-signature`, `mixed`, `wrong`, `duplicate`, `too-few`,
 *   `wrong-key`; as `open` for a share that does not open.
 */
export async function recoverIdentity(
  shares: readonly Uint8Array[],
  given: RecoverIdentityOptions,
): Promise<ProtectableIdentity> {
  const checks: Checks<RecoverArguments> = { ...SHARE, importKey: functionArgument };
  const options = readOptions<RecoverArguments>("options", given, checks, REQUIRED);
  const { crypto = defaultProvider(), importKey } = options;
  const own = sharesArgument(shares);
  const signed = await readShares(crypto, options.statement, options.root, fail);
  if (signed.kem === ShareKem.xWing && !importKey)
    throw wrongType("options.importKey", "importXWingIdentity, of blindreel/x-wing: the key is hybrid");
  const points: Bytes[] = [];
  try {
    const found = new Map<number, number>();
    for (const [index, share] of own.entries()) {
      const { x, value } = (await openShare(share, signed, { ...options, crypto }, index)).share;
      points.push(concatBytes(value, Uint8Array.of(x)));
      wipe(value);
      const first = found.get(x);
      if (first !== undefined) throw fail("duplicate", `share ${index} is share ${first} again`, index);
      found.set(x, index);
    }
    const { threshold } = signed;
    if (points.length < threshold)
      throw fail("too-few", `the set needs ${threshold} shares, and there are ${points.length}`);
    const privateKey = (await combine(points.slice(0, threshold))) as Bytes;
    const identity = await recoveryIdentityOf(privateKey, signed.kem, crypto, importKey)
      .catch((error) => {
        if ((error as { code?: unknown }).code !== "invalid-key") throw error;
      })
      .finally(() => wipe(privateKey));
    if (identity?.thumbprint === signed.thumbprint) return identity;
    throw fail("wrong-key", "the shares recombine to another key than the root signed");
  } finally {
    wipe(...points);
  }
}

/** Opens a share, and finds it among those that the root signed. The caller wipes its value. */
async function openShare(
  file: Bytes,
  signed: SharesStatement,
  { identities, crypto }: ShareArguments & { readonly crypto: CryptoProvider },
  index?: number,
): Promise<{ readonly share: Share; readonly custodian: number }> {
  const { data } = await openObject("share", file, { identities, crypto, limits: LIMITS });
  try {
    const share = decodeShare(data);
    if (encodeHex(share.setId) !== signed.set)
      throw fail("mixed", `it is of the set ${encodeHex(share.setId)}, not of ${signed.set}`, index);
    const custodian = signed.shares.indexOf(encodeHex(await taggedHash(crypto, "share", data)));
    const { threshold, kem, thumbprint, shares } = signed;
    const isOfSet =
      share.threshold === threshold &&
      share.total === shares.length &&
      share.kem === kem &&
      encodeHex(share.thumbprint) === thumbprint;
    if (custodian < 0 || !isOfSet) throw fail("wrong", "it is none of those that the root signed", index);
    return { share, custodian };
  } catch (error) {
    wipe(data);
    throw error;
  }
}

/** Copied at the call: what their caller does with them afterwards has no effect. @throws TypeError. */
function sharesArgument(shares: unknown): readonly Bytes[] {
  if (!Array.isArray(shares)) throw wrongType("shares", "a list of shares", shares);
  return shares.map((share: unknown, i) => bytesArgument(`shares[${i}]`, share).slice());
}
