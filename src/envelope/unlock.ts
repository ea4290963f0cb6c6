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

/** Options common to all openers. */
export interface UnlockOptions {
  /** The caller's keys. All are tried; one must match. */
  readonly identities: Identity | readonly Identity[];
  /** Opens after the policy's expiry too, for a legal hold. */
  readonly ignoreExpiry?: boolean;
  /** Lowest accepted epoch; an older recipient list fails with `stale-epoch`. */
  readonly minEpoch?: number;
  /** Lowers the format's ceilings for untrusted input. */
  readonly limits?: Partial<Limits>;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** {@link UnlockOptions}, read and checked. */
export interface UnlockArguments extends UnlockOptions {
  readonly identities: readonly Identity[];
  readonly limits?: Limits;
}

/** For `readOptions`, with `identities` required. */
export const UNLOCK: Checks<UnlockArguments> = {
  identities: identitiesArgument,
  ignoreExpiry: flagArgument,
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
  readonly fileKey: Bytes;
}

/**
 * Derives an envelope's keys from identities (format-v1, "Opening", steps 10 to 17): kind and epoch → slots →
 * commitment → MAC → sealed metadata → expiry.
 *
 * @param kinds the accepted kinds.
 * @returns `info` and the keys, which the caller wipes.
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
  const commitment = await deriveCommitment(crypto, readKey, envelope.coreParts.core0);
  if (constantTimeEqual(commitment, envelope.core.commitment)) return { fileKey, readKey };
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
