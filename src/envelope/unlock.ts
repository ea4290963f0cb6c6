import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, BlindreelError, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
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
import { checkExpiry, decodePolicy, type Policy, toDate } from "./policy.js";
import { type DecodedEnvelope, limitsArgument } from "./wire.js";

/** What every opener accepts. */
export interface UnlockOptions {
  /** The caller's keys. All are tried; one has to fit. */
  readonly identities: Identity | readonly Identity[];
  /** Open although the policy's expiry has passed (a legal hold, say). */
  readonly ignoreExpiry?: boolean;
  /** Refuse an older recipient list than this one (`stale-epoch`). */
  readonly minEpoch?: number;
  /** Lowers the format's ceilings for untrusted input. */
  readonly limits?: Partial<Limits>;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** The same as they are at the call, and checked. */
export interface UnlockArguments extends UnlockOptions {
  readonly identities: readonly Identity[];
  readonly limits?: Limits;
}

/** For {@link readOptions}; `identities` are required. */
export const UNLOCK: Checks<UnlockArguments> = {
  identities: identityList,
  ignoreExpiry: flagArgument,
  minEpoch: countArgument,
  limits: limitsArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/** What an opener learns from an envelope. All of it is authenticated. */
export interface EnvelopeInfo {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** SHA-256 of the core, 64 hex digits: names this recording and no other. */
  readonly coreHash: string;
  /** Exact time of sealing, to the second, by the sealer's clock. */
  readonly createdAt: Date;
  readonly policy: Policy;
  /** What the sealer put in; undefined where there was nothing. */
  readonly metadata: JsonObject | undefined;
  /** Counts rewraps; 0 in a new envelope. */
  readonly epoch: number;
  /** Keys the envelope is sealed to, anonymous ones left out. */
  readonly keyIds: readonly KeyId[];
}

export interface UnlockedEnvelope {
  readonly info: EnvelopeInfo;
  readonly coreHash: Bytes;
  readonly contentKey: Bytes;
  /** Opens everything. The caller wipes it. */
  readonly readKey: Bytes;
  /** Allows rewrapping. The caller wipes it. */
  readonly fileKey: Bytes;
}

/**
 * From identities to keys, in the order of format-v1, "Opening": slots, commitment, MAC, metadata, expiry.
 *
 * @throws BlindreelError `wrong-kind`, `stale-epoch`, `no-matching-key`, `authentication-failed`, `expired`,
 *   `malformed`, `invalid-json`.
 */
export async function unlock(
  envelope: DecodedEnvelope,
  kinds: readonly KindName[],
  options: UnlockArguments,
): Promise<UnlockedEnvelope> {
  const crypto = options.crypto ?? defaultProvider();
  const { identities } = options;
  checkKind(envelope, kinds);
  checkEpoch(envelope.epoch, options.minEpoch);

  const coreHash = await hashCore(crypto, envelope.coreParts);
  const { fileKey, readKey } = await findFileKey(crypto, envelope, coreHash, identities);
  try {
    const mac = await envelopeMac(crypto, fileKey, coreHash, envelope.macInput);
    if (!constantTimeEqual(mac, envelope.mac)) throw authenticationFailed();
    const metadataKey = await deriveMetadataKey(crypto, readKey, envelope.coreParts.head);
    const { core } = envelope;
    const sealed = await openMetadata(crypto, metadataKey, core.sealedMetadata, core.createdAt);
    if (!options.ignoreExpiry) checkExpiry(core, options.now ?? new Date());
    const info: EnvelopeInfo = {
      recordingId: encodeHex(core.recordingId),
      coreHash: encodeHex(coreHash),
      createdAt: toDate(sealed.createdAt),
      policy: decodePolicy(core),
      metadata: sealed.metadata,
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

/** Key ids of the slots that have one. */
export function keyIdsOf(slots: readonly Slot[]): KeyId[] {
  return slots.filter((slot) => !isAllZero(slot.keyId)).map((slot) => encodeKeyId(slot.keyId));
}

/**
 * Tries every identity on every slot, without stopping at the first that fits, so that time does not tell which.
 * Of the keys that come out, only the one that the core commits to counts.
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
        const candidate = await identity.unwrap(slot, { coreHash, crypto });
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
  readonly fileKey: Bytes;
  readonly readKey: Bytes;
}

/**
 * The only check of the envelope's commitment.
 *
 * @param candidate what an identity returned. It may be the identity's to keep, so it is copied and not wiped.
 * @returns undefined where it does not fit.
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
  const commitment = await deriveCommitment(crypto, readKey, envelope.coreParts.core0);
  if (constantTimeEqual(commitment, envelope.core.commitment)) return { fileKey, readKey };
  wipe(fileKey, readKey);
  return undefined;
}

/** How many key ids an error names before it only counts. */
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
    `none of your ${count(identities.length, "key")}${own.length > 0 ? ` (${own.join(", ")})` : ""} opens this; ` +
    `it was sealed to ${count(slots.length, "key")}: ${names.join(", ")}`;
  return new BlindreelError("no-matching-key", message, { sealedTo });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function identityList(_name: string, identities: unknown): readonly Identity[] {
  const list: readonly Identity[] = Array.isArray(identities) ? [...identities] : [identities as Identity];
  for (const identity of list) {
    if (typeof identity?.unwrap !== "function")
      throw wrongType("every identity", "an object with unwrap", identity);
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
