import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { hashCore } from "../envelope/key-schedule.js";
import { decodePolicy } from "../envelope/policy.js";
import { UNLOCK, unlock } from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, bytesArgument, isAllZero, wipe } from "../formats/bytes.js";
import { LIMITS, nameOf, SlotType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { asGiven, type Check, type Checks, dateArgument, readOptions } from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import type { Identity, Slot } from "../keywrap/types.js";
import { type AccessContext, directoryArgument, type GrantRules, type StaffDirectory } from "./access.js";
import { checkGrant } from "./grant.js";
import { decodeGrant } from "./grant-format.js";

/** The keyset's say in who can open. A verified keyset is one. */
export interface PublishedKeys extends GrantRules {
  readonly keys: readonly {
    readonly role: string;
    /** As slots name it, 32 hex digits. */
    readonly keyId: string;
    readonly destroyAfter: Date;
  }[];
}

/** A grant with the request that it answers, as the institution files them. */
export interface GrantRecord {
  readonly grant: Uint8Array;
  readonly request: string | Uint8Array;
}

/** Options of {@link whoCanOpen}. */
export interface WhoCanOpenOptions {
  readonly keyset: PublishedKeys;
  readonly directory: StaffDirectory;
  readonly grants?: readonly GrantRecord[];
  /** The exam that the recording is of, for grants of exams. */
  readonly exam?: string;
  /** Keys of the recording, so that the envelope's MAC is verified: a server alone cannot add a slot then. */
  readonly identities?: Identity | readonly Identity[];
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

interface WhoCanOpenArguments extends WhoCanOpenOptions {
  readonly identities?: readonly Identity[];
}

const keysArgument: Check<PublishedKeys> = (_name, value) => value as PublishedKeys;

const WHO: Checks<WhoCanOpenArguments> = {
  keyset: keysArgument,
  directory: directoryArgument,
  grants: asGiven,
  exam: wellFormedText,
  identities: UNLOCK.identities,
  now: dateArgument,
  crypto: providerArgument,
};

/** One who can open. */
export interface Access {
  /** `unknown`: nobody that the keyset or the directory names; `anonymous`: a slot that names no key. */
  readonly kind: "bucket" | "recovery" | "grant" | "passphrase" | "passkey" | "anonymous" | "unknown";
  /** A key id, or a holder's pseudonym. */
  readonly who: string;
  /** A sentence without a full stop. */
  readonly why: string;
  /** The end of it, by policy: of the grant, of the bucket's keys, or of the recording, whichever is first. */
  readonly until: Date | undefined;
}

/**
 * Who can open a recording now, and why: its slots, each by the keyset's name for it, and the grants that hold. A slot for a key
 * that nobody published is named as `unknown` (an injected recipient); so is every slot of a type of its own.
 *
 * @param envelope the recording's, as stored.
 * @throws BlindreelError as `inspect`; with `identities` as `open`; `malformed` for a record that is no grant.
 */
export async function whoCanOpen(envelope: Uint8Array, given: WhoCanOpenOptions): Promise<readonly Access[]> {
  const options = readOptions<WhoCanOpenArguments>("options", given, WHO, ["keyset", "directory"]);
  const { crypto = defaultProvider(), now = new Date(), keyset, directory, identities } = options;
  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), LIMITS);
  if (identities) {
    const unlocking = { identities, crypto, now, ignoreExpiry: true };
    const keys = await unlock(decoded, ["recording", "file"], unlocking);
    wipe(keys.fileKey, keys.readKey, keys.contentKey);
  }
  const { expiresAt } = decodePolicy(decoded.core);
  const bySlots = decoded.slots.map((slot) => accessOf(slot, keyset));
  const coreHash = encodeHex(await hashCore(crypto, decoded.coreParts));
  const byGrants = await Promise.all(
    (options.grants ?? []).map((record) =>
      grantedAccess(record, { coreHash, exam: options.exam, keyset, context: { crypto, now, directory } }),
    ),
  );
  return [...bySlots, ...byGrants.flat()].map((access) => ({
    ...access,
    until: earliest(access.until, expiresAt),
  }));
}

function earliest(left: Date | undefined, right: Date | undefined): Date | undefined {
  if (!left || !right) return left ?? right;
  return left.getTime() < right.getTime() ? left : right;
}

function accessOf({ type, keyId }: Slot, { keys }: PublishedKeys): Access {
  const who = encodeHex(keyId);
  const slotType = nameOf(SlotType, type);
  if (slotType === "passphrase")
    return { kind: slotType, who, why: "whoever knows its passphrase", until: undefined };
  if (slotType === "passkey")
    return { kind: slotType, who, why: "whoever has this passkey", until: undefined };
  if (isAllZero(keyId)) return { kind: "anonymous", who, why: "the slot names no key", until: undefined };
  const key = keys.find((each) => each.keyId === who);
  if (!slotType || !key || (key.role !== "bucket" && key.role !== "recovery")) {
    const why = `a slot of type ${type} for a key that the keyset does not name: somebody with the file key added it`;
    return { kind: "unknown", who, why, until: undefined };
  }
  const why =
    key.role === "bucket" ? "holders of the bucket's key" : "custodians of the recovery key, together";
  return { kind: key.role, who, why, until: key.destroyAfter };
}

/** Nothing for a grant of other recordings, and for one that honest software refuses. */
async function grantedAccess(
  record: GrantRecord,
  recording: {
    readonly coreHash: string;
    readonly exam: string | undefined;
    readonly keyset: GrantRules;
    readonly context: AccessContext;
  },
): Promise<readonly Access[]> {
  const decoded = decodeGrant(bytesArgument("every grant", record.grant).slice() as Bytes);
  try {
    const { facts, asked } = await checkGrant(decoded, record.request, recording.keyset, recording.context);
    const { recordings, exam, holder, reason } = asked.claims;
    if (recordings && !recordings.includes(recording.coreHash)) return [];
    if (exam !== undefined && recording.exam !== undefined && exam !== recording.exam) return [];
    const isAssumed = exam !== undefined && recording.exam === undefined;
    const why = `granted by ${facts.issuer}${isAssumed ? `, if it is of the exam ${exam}` : ""}: ${reason}`;
    return [{ kind: "grant", who: holder, why, until: facts.notAfter }];
  } catch (error) {
    if (isBlindreelError(error) && error.code === "grant-refused") return [];
    throw error;
  }
}
