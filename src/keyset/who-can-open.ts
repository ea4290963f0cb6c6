import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { hashCore } from "../envelope/key-schedule.js";
import { decodePolicy, toDate } from "../envelope/policy.js";
import { type ExpiryHold, heldUntil, UNLOCK, unlock } from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { type GrantFault, isBlindreelError } from "../errors.js";
import { bytesArgument, isAllZero, wipe } from "../formats/bytes.js";
import { LIMITS, nameOf, SlotType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { asGiven, type Checks, dateArgument, readOptions } from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import type { Identity, Slot } from "../keywrap/types.js";
import type { AccessContext } from "./access.js";
import { directoryArgument, type VerifiedDirectory } from "./directory.js";
import { checkGrant, inspectGrant } from "./grant.js";
import { decodeGrant } from "./grant-format.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import { type PublishedKey, publishedKeys } from "./published.js";
import { requestClaims } from "./request.js";

/** A grant with the request that it answers, as the institution files them. */
export interface GrantRecord {
  readonly grant: Uint8Array;
  readonly request: string | Uint8Array;
}

/** Options of {@link whoCanOpen}. */
export interface WhoCanOpenOptions {
  readonly keyset: VerifiedKeyset;
  readonly directory: VerifiedDirectory;
  /** Ended and withdrawn ones are told as such. */
  readonly grants?: readonly GrantRecord[];
  /** Of `verifyHold`: the recording may be opened as long, although it expires before. */
  readonly holds?: readonly ExpiryHold[];
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

const WHO: Checks<WhoCanOpenArguments> = {
  keyset: keysetArgument,
  directory: directoryArgument,
  grants: asGiven,
  holds: UNLOCK.holds,
  exam: wellFormedText,
  identities: UNLOCK.identities,
  now: dateArgument,
  crypto: providerArgument,
};

/** One who can open, or could. */
export interface Access {
  /** `unknown`: nobody that the keyset names; `anonymous`: a slot that names no key. */
  readonly kind: "bucket" | "recovery" | "grant" | "passphrase" | "passkey" | "anonymous" | "unknown";
  /** A key id, or a holder's pseudonym; of a grant to a key that the directory does not name, that key's thumbprint. */
  readonly who: string;
  /** A sentence without a full stop. */
  readonly why: string;
  /** The end of it, by policy: of the grant, of the bucket's keys, or of the recording with its holds, whichever is first. */
  readonly until: Date | undefined;
  /** Why honest software does not open by it now; undefined where it does. */
  readonly refused: GrantFault | undefined;
}

/**
 * Who can open a recording, and why: its slots, each by the keyset's name for it, and the grants on file, those that are withdrawn
 * or over with the reason. A slot for a key that nobody published is named as `unknown` (an injected recipient); so is every slot
 * of a type of its own. What a refused grant says of itself is not verified.
 *
 * @param envelope the recording's, as stored.
 * @throws BlindreelError as `inspect`; with `identities` as `open`; `malformed` for a record that is no grant.
 */
export async function whoCanOpen(envelope: Uint8Array, given: WhoCanOpenOptions): Promise<readonly Access[]> {
  const options = readOptions<WhoCanOpenArguments>("options", given, WHO, ["keyset", "directory"]);
  const { crypto = defaultProvider(), now = new Date(), keyset, directory, identities, exam } = options;
  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), LIMITS);
  if (identities) {
    const unlocking = { identities, crypto, now, ignoreExpiry: true };
    const keys = await unlock(decoded, ["recording", "file"], unlocking);
    wipe(keys.fileKey, keys.readKey, keys.contentKey);
  }
  const coreHash = encodeHex(await hashCore(crypto, decoded.coreParts));
  const { expiresAt } = decodePolicy(decoded.core);
  const heldTo = toDate(heldUntil(coreHash, options.holds));
  const end = expiresAt && new Date(Math.max(expiresAt.getTime(), heldTo.getTime()));
  const published = publishedKeys(keyset);
  const recording: GrantedRecording = { coreHash, exam, keyset, context: { crypto, now, directory } };
  const byGrants = await Promise.all(
    (options.grants ?? []).map((record) => grantedAccess(record, recording)),
  );
  const bySlots = decoded.slots.map((slot) => ({ ...accessOf(slot, published), refused: undefined }));
  return [...bySlots, ...byGrants.flat()].map(({ refused, ...access }) => {
    const until = earliest(access.until, end);
    const isOver = until !== undefined && until.getTime() <= now.getTime();
    return { ...access, until, refused: refused ?? (isOver ? "expired" : undefined) };
  });
}

function earliest(left: Date | undefined, right: Date | undefined): Date | undefined {
  if (!left || !right) return left ?? right;
  return left.getTime() < right.getTime() ? left : right;
}

function accessOf({ type, keyId }: Slot, keys: readonly PublishedKey[]): Omit<Access, "refused"> {
  const who = encodeHex(keyId);
  const slotType = nameOf(SlotType, type);
  if (slotType === "passphrase")
    return { kind: slotType, who, why: "whoever knows its passphrase", until: undefined };
  if (slotType === "passkey")
    return { kind: slotType, who, why: "whoever has this passkey", until: undefined };
  if (isAllZero(keyId)) return { kind: "anonymous", who, why: "the slot names no key", until: undefined };
  const key = keys.find((each) => each.keyId === who && SLOT_TYPE[String(each.jwk.kty)] === type);
  if (!key) {
    const why = `a slot of type ${type} for a key that the keyset does not name: somebody with the file key added it`;
    return { kind: "unknown", who, why, until: undefined };
  }
  const why =
    key.role === "bucket" ? "holders of the bucket's key" : "custodians of the recovery key, together";
  return { kind: key.role, who, why, until: key.destroyAfter };
}

const SLOT_TYPE: Readonly<Record<string, number>> = {
  OKP: SlotType.x25519,
  EC: SlotType.p256,
  AKP: SlotType.xWing,
};

interface GrantedRecording {
  readonly coreHash: string;
  readonly exam: string | undefined;
  readonly keyset: VerifiedKeyset;
  readonly context: AccessContext;
}

/** Nothing for a grant of other recordings. */
async function grantedAccess(
  record: GrantRecord,
  { coreHash, exam: examOf, keyset, context }: GrantedRecording,
): Promise<readonly Access[]> {
  const bytes = bytesArgument("every grant", record.grant).slice();
  const { staff, issuer, notAfter } = inspectGrant(bytes);
  const { recordings, exam, reason } = await requestClaims(record.request, context.crypto);
  if (recordings && !recordings.includes(coreHash)) return [];
  if (exam !== undefined && examOf !== undefined && exam !== examOf) return [];
  const isAssumed = exam !== undefined && examOf === undefined;
  const access = {
    kind: "grant" as const,
    who: context.directory.holderOf(staff) ?? staff,
    why: `granted by ${issuer}${isAssumed ? `, if it is of the exam ${exam}` : ""}: ${reason}`,
    until: notAfter,
  };
  try {
    await checkGrant(decodeGrant(bytes), record.request, keyset, context);
    return [{ ...access, refused: undefined }];
  } catch (error) {
    if (!isBlindreelError(error) || error.code !== "grant-refused") throw error;
    const { reason: refused } = error.details;
    return [{ ...access, why: `${access.why} (${error.message})`, refused }];
  }
}
