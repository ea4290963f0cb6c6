import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, invalidRecipients, limitExceeded } from "../errors.js";
import { type Bytes, bytesArgument, constantTimeEqual, equalBytes, wipe } from "../formats/bytes.js";
import { CLASSICAL_SLOT_TYPES, CoreFlag, type KindName, LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { asGiven, type Checks, readOptions, signalArgument } from "../formats/options.js";
import type { Recipient } from "../keywrap/types.js";
import { encodeEnvelope } from "./create.js";
import { envelopeMac, hashCore } from "./key-schedule.js";
import { toDate } from "./policy.js";
import { type Recipients, resolveRecipients } from "./provenance.js";
import { wrapToAll } from "./recipients.js";
import { heldUntil, UNLOCK, type UnlockArguments, type UnlockOptions, unlock } from "./unlock.js";
import { type DecodedEnvelope, decodeEnvelope } from "./wire.js";

/** Options of {@link rewrap}: who opens it, and for whom. */
export interface RewrapOptions extends UnlockOptions {
  /** The complete new list, or a verified keyset; other recipients lose access to the new envelope. */
  readonly to: Recipients;
  readonly signal?: AbortSignal;
}

/** {@link RewrapOptions}, read and checked. */
export interface RewrapArguments extends UnlockArguments {
  readonly to: Recipients;
  readonly signal?: AbortSignal;
}

/** For `readOptions`, with `identities` and `to` required. */
export const REWRAP = (): Checks<RewrapArguments> => ({
  ...UNLOCK,
  to: asGiven,
  signal: signalArgument,
});

const LAST_EPOCH = 2 ** 32 - 1;

/**
 * Replaces the recipients of an envelope: the file key is wrapped anew to all, the epoch rises by one, core
 * and content stay (format-v1, "Rewrap"). No revocation: former recipients keep what they read or stored.
 *
 * @param envelope an envelope alone; of a `.reel`, its bytes before the segment.
 * @returns the new envelope.
 * @throws BlindreelError as `open`, and `invalid-recipients`, `keyset-refused`; `signal.reason` when aborted.
 * @category Institution
 */
export async function rewrap(envelope: Uint8Array, given: RewrapOptions): Promise<Bytes> {
  const options = readOptions<RewrapArguments>("options", given, REWRAP(), ["to", "identities"]);
  return rewrapBytes(bytesArgument("envelope", envelope).slice(), options, async () => {});
}

/**
 * {@link rewrap} of a stored envelope, for `rewrapAll`: the result is decoded, an identity that it is sealed to opens it, and
 * where there is none its MAC is verified, before it takes another's place.
 *
 * @param envelope not to be changed meanwhile. @param options have been read.
 */
export async function rewrapVerified(envelope: Bytes, options: RewrapArguments): Promise<Bytes> {
  return rewrapBytes(envelope, options, async (bytes, { crypto, fileKey, coreHash }) => {
    const renewed = decodeEnvelope(bytes, options.limits ?? LIMITS);
    const mac = await envelopeMac(crypto, fileKey, coreHash, renewed.macInput);
    if (!constantTimeEqual(mac, renewed.mac)) throw authenticationFailed();
    try {
      const keys = await unlock(renewed, REWRAPPABLE, options);
      wipe(keys.fileKey, keys.readKey, keys.contentKey);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "no-matching-key") throw error;
    }
  });
}

/** Those whom `to` means for an envelope: a keyset chooses by its region, its expiry and its holds. */
export async function recipientsFor(
  { core, coreParts }: DecodedEnvelope,
  { to, holds, now = new Date(), crypto = defaultProvider() }: RewrapArguments,
): Promise<readonly Recipient[]> {
  const held = holds?.length ? heldUntil(encodeHex(await hashCore(crypto, coreParts)), holds) : 0;
  return resolveRecipients(to, core, now, held > 0 ? toDate(held) : undefined).recipients;
}

const REWRAPPABLE: readonly KindName[] = ["recording", "file"];

interface FileKey {
  readonly crypto: CryptoProvider;
  readonly fileKey: Bytes;
  readonly coreHash: Bytes;
}

async function rewrapBytes(
  envelope: Bytes,
  options: RewrapArguments,
  check: (bytes: Bytes, key: FileKey) => Promise<void>,
): Promise<Bytes> {
  const { crypto = defaultProvider(), limits = LIMITS } = options;
  const decoded = decodeEnvelope(envelope, limits);
  const to = await recipientsFor(decoded, options);
  const isPostQuantumOnly = (decoded.core.flags & CoreFlag.postQuantumOnly) !== 0;
  if (isPostQuantumOnly && to.some(({ slotType }) => CLASSICAL_SLOT_TYPES.includes(slotType))) {
    throw invalidRecipients("this envelope is post-quantum only; a classical recipient would weaken it");
  }
  if (decoded.epoch === LAST_EPOCH) throw limitExceeded("the epoch", LAST_EPOCH, LAST_EPOCH + 1);
  const { coreHash, readKey, contentKey, ...keys } = await unlock(decoded, REWRAPPABLE, options);
  const fileKey = keys.fileKey!;
  try {
    const slots = await wrapToAll(crypto, fileKey, coreHash, to, options.signal);
    const { coreBytes, epoch } = decoded;
    const bytes = await encodeEnvelope(crypto, fileKey, coreHash, { coreBytes, epoch: epoch + 1, slots });
    await check(bytes, { crypto, fileKey, coreHash });
    return bytes;
  } finally {
    wipe(fileKey, readKey, contentKey);
  }
}

/** The result of {@link canReplace}. */
export type Replacement =
  | { readonly allowed: true; readonly reason: "newer" | "identical" }
  | { readonly allowed: false; readonly reason: "other-recording" | "older" | "conflict" };

/**
 * Whether a server may store `replacement` in place of `current`, without keys (format-v1, "Rewrap"): for the
 * same core and a higher epoch, or identical bytes. The same epoch with other bytes is a `conflict` of two rewraps.
 *
 * A server cannot check the MAC, so `newer` is a claim: anyone with write access can make an envelope of a higher epoch that opens
 * for nobody. Authorise rewraps, and keep earlier epochs until the new one was opened by a recipient.
 *
 * @throws BlindreelError as `inspect`, for either.
 * @category Server
 */
export function canReplace(current: Uint8Array, replacement: Uint8Array): Replacement {
  const stored = decodeEnvelope(bytesArgument("current", current).slice(), LIMITS);
  const offered = decodeEnvelope(bytesArgument("replacement", replacement).slice(), LIMITS);
  if (!equalBytes(stored.coreBytes, offered.coreBytes)) {
    return { allowed: false, reason: "other-recording" };
  }
  if (offered.epoch > stored.epoch) return { allowed: true, reason: "newer" };
  if (offered.epoch < stored.epoch) return { allowed: false, reason: "older" };
  const isIdentical = equalBytes(stored.macInput, offered.macInput) && equalBytes(stored.mac, offered.mac);
  return isIdentical ? { allowed: true, reason: "identical" } : { allowed: false, reason: "conflict" };
}
