import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, BlindreelError, refused, wrongType } from "../errors.js";
import { isPromise, isUint8Array } from "../formats/brand.js";
import { type Bytes, constantTimeEqual, isAllZero, wipe } from "../formats/bytes.js";
import { KEY_LENGTH, Kind, type KindName, type Limits, nameOf } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { type Checks, countArgument, dateArgument, flagArgument } from "../formats/options.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import type { Identity, KeyId, Slot } from "../keywrap/types.js";
import {
  deriveCommitment,
  deriveContentKey,
  deriveMetadataKey,
  deriveReadKey,
  envelopeMac,
  hashCore,
} from "./key-schedule.js";
import { openMetadata } from "./metadata.js";
import { checkExpiry, decodePolicy, type Policy, toDate, toSeconds } from "./policy.js";
import type { KeysetReference } from "./provenance.js";
import { type DecodedEnvelope, limitsArgument } from "./wire.js";

/** Options common to all openers. */
export interface UnlockOptions {
  /** The caller's keys. All are tried; one must match. */
  readonly identities: Identity | readonly Identity[];
  /** Opens after the policy's expiry too. */
  readonly ignoreExpiry?: boolean;
  /** Legal holds: `verifyHold` of `blindreel/keyset` makes them. A recording that one names opens until the hold ends. */
  readonly holds?: readonly ExpiryHold[];
  /** Lowest accepted epoch; an older recipient list fails with `stale-epoch`. */
  readonly minEpoch?: number;
  /** Lowers the format's ceilings for untrusted input. */
  readonly limits?: Partial<Limits>;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** A later expiry of named recordings. */
export interface ExpiryHold {
  /** Their coreHash, 64 hex digits each. */
  readonly recordings: readonly string[];
  readonly until: Date;
}

/** {@link UnlockOptions}, read and checked. */
export interface UnlockArguments extends UnlockOptions {
  readonly identities: readonly Identity[];
  readonly limits?: Limits;
}

/** A holder of read keys instead of file keys: a grant. */
export interface ReadKeySource {
  /**
   * @param coreHash 64 hex digits.
   * @returns the recording's read key, 32 bytes, which is copied and not wiped; undefined for another recording.
   * @throws BlindreelError `grant-refused` for one that is over at `now`.
   */
  readKeyOf(coreHash: string, now: Date): Bytes | undefined;
}

/** For `readOptions`, with `identities` required. */
export const UNLOCK: Checks<UnlockArguments> = {
  identities: identitiesArgument,
  ignoreExpiry: flagArgument,
  holds: holdsArgument,
  minEpoch: countArgument,
  limits: limitsArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/** Authenticated facts of an envelope. */
export interface EnvelopeInfo {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Hash of the core, 64 hex digits: the recording's unique identifier. */
  readonly coreHash: string;
  /** Time of sealing, to the second, by the sealer's clock. */
  readonly createdAt: Date;
  readonly policy: Policy;
  /** The sealer's metadata; undefined for none. */
  readonly metadata: JsonObject | undefined;
  /** The institution's keyset that named the recipients; undefined where the sealer's own code did. */
  readonly keyset: KeysetReference | undefined;
  /** Number of rewraps; 0 in a new envelope. */
  readonly epoch: number;
  /** Key ids of the recipients, anonymous ones omitted. */
  readonly keyIds: readonly KeyId[];
}

interface UnlockedEnvelope {
  readonly info: EnvelopeInfo;
  readonly coreHash: Bytes;
  readonly contentKey: Bytes;
  readonly readKey: Bytes;
  /** Undefined where a grant opened it: then the MAC was not checked, and neither epoch nor slots are authenticated. */
  readonly fileKey: Bytes | undefined;
}

/**
 * Derives an envelope's keys from identities (format-v1, "Opening", steps 10 to 17): kind and epoch → slots →
 * commitment → MAC → sealed metadata → expiry.
 *
 * @param kinds the accepted kinds.
 * @param grants read keys for envelopes that no identity opens; then the MAC is not checked.
 * @returns `info` and the keys, which the caller wipes.
 * @throws BlindreelError `wrong-kind`, `stale-epoch`, `no-matching-key`, `authentication-failed`, `expired`,
 *   `grant-refused`, `malformed`, `invalid-json`.
 */
export async function unlock(
  envelope: DecodedEnvelope,
  kinds: readonly KindName[],
  options: UnlockArguments,
  grants: readonly ReadKeySource[] = [],
): Promise<UnlockedEnvelope> {
  const crypto = options.crypto ?? defaultProvider();
  const { identities, now = new Date() } = options;
  checkKind(envelope, kinds);
  if (grants.length === 0) checkEpoch(envelope.epoch, options.minEpoch);

  const coreHash = await hashCore(crypto, envelope.coreParts);
  const { fileKey, readKey } = await findFileKey(crypto, envelope, coreHash, identities).catch(
    async (error): Promise<CommittedKeys> => {
      if (grants.length === 0) throw error;
      return grantedKey(crypto, envelope, encodeHex(coreHash), grants, now);
    },
  );
  try {
    if (fileKey) {
      checkEpoch(envelope.epoch, options.minEpoch);
      const mac = await envelopeMac(crypto, fileKey, coreHash, envelope.macInput);
      if (!constantTimeEqual(mac, envelope.mac)) throw authenticationFailed();
    }
    const metadataKey = await deriveMetadataKey(crypto, readKey, envelope.coreParts.head);
    const { core } = envelope;
    const sealed = await openMetadata(crypto, metadataKey, core.sealedMetadata, core.createdAt);
    const coreHashText = encodeHex(coreHash);
    if (!options.ignoreExpiry) checkExpiry(core, now, heldUntil(coreHashText, options.holds));
    const info: EnvelopeInfo = {
      recordingId: encodeHex(core.recordingId),
      coreHash: coreHashText,
      createdAt: toDate(sealed.createdAt),
      policy: decodePolicy(core),
      metadata: sealed.metadata,
      keyset: sealed.keyset,
      epoch: envelope.epoch,
      keyIds: keyIdsOf(envelope.slots),
    };
    const contentKey = await deriveContentKey(crypto, readKey, coreHash);
    return { info, coreHash, contentKey, readKey, fileKey };
  } catch (error) {
    wipe(fileKey, readKey);
    throw error;
  }
}

/** Key ids of the slots, anonymous ones omitted. */
function keyIdsOf(slots: readonly Slot[]): KeyId[] {
  return slots.filter((slot) => !isAllZero(slot.keyId)).map((slot) => encodeKeyId(slot.keyId));
}

/**
 * Tries every identity on every slot, without an early exit, so that timing does not reveal the match. Only
 * the key that the core commits to counts (format-v1, "Opening", steps 12 and 13).
 */
async function findFileKey(
  crypto: CryptoProvider,
  envelope: DecodedEnvelope,
  coreHash: Bytes,
  identities: readonly Identity[],
): Promise<CommittedKeys> {
  let failure: unknown;
  let found: CommittedKeys | undefined;
  for (const identity of identities) {
    for (const slot of envelope.slots) {
      try {
        const unwrapped = identity.unwrap(slot, { coreHash, crypto, slots: envelope.slots });
        const candidate = isPromise(unwrapped) ? await unwrapped : unwrapped;
        if (candidate === null) continue;
        const keys = await committedKeys(crypto, envelope, candidate);
        if (!keys) failure ??= authenticationFailed();
        else found ??= keys;
      } catch (error) {
        failure ??= error;
      }
    }
  }
  if (found) return found;
  throw failure ?? noMatchingKey(identities, envelope.slots);
}

interface CommittedKeys {
  readonly fileKey: Bytes | undefined;
  readonly readKey: Bytes;
}

/** The read key of the first grant of this recording (format-v1, "Opening", step 13 alone). */
async function grantedKey(
  crypto: CryptoProvider,
  envelope: DecodedEnvelope,
  coreHash: string,
  grants: readonly ReadKeySource[],
  now: Date,
): Promise<CommittedKeys> {
  for (const grant of grants) {
    const granted = grant.readKeyOf(coreHash, now);
    if (!granted) continue;
    const readKey = granted.slice();
    if (await isCommitted(crypto, envelope, readKey)) return { fileKey: undefined, readKey };
    wipe(readKey);
    throw authenticationFailed();
  }
  throw refused("grant-refused", "other-recording", `it is not of the recording ${coreHash}`);
}

/**
 * The only check of the envelope's commitment.
 *
 * @param readKey 32 bytes, not of zeros.
 */
async function isCommitted(
  crypto: CryptoProvider,
  envelope: DecodedEnvelope,
  readKey: Bytes,
): Promise<boolean> {
  const commitment = await deriveCommitment(crypto, readKey, envelope.coreParts.core0);
  return constantTimeEqual(commitment, envelope.core.commitment);
}

/**
 * @param candidate an identity's result, copied and not wiped: it may be the identity's own buffer.
 * @returns undefined for another key.
 */
async function committedKeys(
  crypto: CryptoProvider,
  envelope: DecodedEnvelope,
  candidate: Uint8Array,
): Promise<CommittedKeys | undefined> {
  if (!isUint8Array(candidate) || candidate.length !== KEY_LENGTH) return undefined;
  const fileKey = new Uint8Array(candidate);
  if (fileKey.length !== KEY_LENGTH || isAllZero(fileKey)) return undefined;
  const readKey = await deriveReadKey(crypto, fileKey);
  if (await isCommitted(crypto, envelope, readKey)) return { fileKey, readKey };
  wipe(fileKey, readKey);
  return undefined;
}

/** Key ids in an error message; further ones are counted. */
const NAMED_KEYS = 8;

function noMatchingKey(
  identities: readonly Identity[],
  slots: readonly Slot[],
): BlindreelError<"no-matching-key"> {
  const sealedTo = keyIdsOf(slots);
  const anonymous = slots.length - sealedTo.length;
  const names: string[] = sealedTo.slice(0, NAMED_KEYS);
  if (sealedTo.length > names.length) names.push(`${sealedTo.length - names.length} more`);
  if (anonymous > 0) names.push(`${anonymous} anonymous`);
  const own = identities.flatMap(({ keyId }) => keyId ?? []);
  const message =
    `none of your ${plural(identities.length, "key")}${own.length > 0 ? ` (${own.join(", ")})` : ""} opens this; ` +
    `it was sealed to ${plural(slots.length, "key")}: ${names.join(", ")}`;
  return new BlindreelError("no-matching-key", message, { sealedTo });
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function identitiesArgument(_name: string, identities: unknown): readonly Identity[] {
  const list: readonly Identity[] = Array.isArray(identities) ? [...identities] : [identities as Identity];
  for (const identity of list) {
    if (typeof identity?.unwrap !== "function")
      throw wrongType("every identity", "an object with unwrap", identity);
  }
  return list;
}

function holdsArgument(name: string, holds: unknown): readonly ExpiryHold[] {
  if (!Array.isArray(holds)) throw wrongType(name, "a list of holds", holds);
  return holds.map((hold: ExpiryHold) => {
    if (!Array.isArray(hold?.recordings)) throw wrongType(name, "holds made by verifyHold", hold);
    return { recordings: hold.recordings, until: dateArgument(`${name}.until`, hold.until) };
  });
}

/** The latest end of the holds on a recording, in seconds since 1970; 0 for none. */
export function heldUntil(coreHash: string, holds: readonly ExpiryHold[] = []): number {
  let end = 0;
  for (const { recordings, until } of holds) {
    if (recordings.includes(coreHash)) end = Math.max(end, toSeconds(until));
  }
  return end;
}

/** One grant or several. @throws TypeError. */
export function grantsArgument(name: string, grants: unknown): readonly ReadKeySource[] {
  const list: readonly ReadKeySource[] = Array.isArray(grants) ? [...grants] : [grants as ReadKeySource];
  for (const grant of list) {
    if (typeof grant?.readKeyOf !== "function") throw wrongType(name, "made by verifyGrant", grant);
  }
  return list;
}

function checkKind({ core }: DecodedEnvelope, kinds: readonly KindName[]): void {
  const actual = nameOf(Kind, core.kind)!;
  if (kinds.includes(actual)) return;
  const message = `this is an envelope of kind "${actual}"; expected was ${kinds.map((kind) => `"${kind}"`).join(" or ")}`;
  throw new BlindreelError("wrong-kind", message, undefined);
}

function checkEpoch(epoch: number, minEpoch = 0): void {
  if (epoch >= minEpoch) return;
  const message = `this envelope has epoch ${epoch}, older than the ${minEpoch} that was asked for`;
  throw new BlindreelError("stale-epoch", message, { epoch, minEpoch });
}
