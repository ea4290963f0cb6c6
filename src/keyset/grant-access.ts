import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { hashCore } from "../envelope/key-schedule.js";
import { toSeconds } from "../envelope/policy.js";
import { sealObject } from "../envelope/seal.js";
import { UNLOCK, type UnlockArguments, type UnlockOptions, unlock } from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { limitExceeded, outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, concatBytes, wipe } from "../formats/bytes.js";
import { CLASSICAL_SLOT_TYPES, CoreFlag, HASH_LENGTH, LIMITS } from "../formats/constants.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import {
  type Checks,
  dateArgument,
  functionArgument,
  iterableArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import { importRecipient } from "../keywrap/import.js";
import type { Recipient } from "../keywrap/types.js";
import {
  type AccessContext,
  checkDirectory,
  checkHolders,
  type ImportRecipient,
  memberOf,
  refuse,
} from "./access.js";
import { directoryArgument, type VerifiedDirectory } from "./directory.js";
import {
  encodeGrantBody,
  encodeKeys,
  GRANT_ID_LENGTH,
  type GrantedKey,
  grantMessage,
  MOST_RECORDINGS,
} from "./grant-format.js";
import { statementBytes } from "./jws.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import { type ReadRequest, readApproval, readRequest } from "./request.js";
import { type Signer, signerArgument, signingThumbprint, signWith } from "./signing-key.js";

/** Envelopes of recordings, one after the other: only their keys are kept. */
export type Envelopes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Options of {@link grantAccess}. */
export interface GrantAccessOptions extends Omit<UnlockOptions, "minEpoch"> {
  /** The recordings' envelopes: of a request for an exam, those that are of it. Read once, not kept. */
  readonly envelopes: Envelopes;
  /** A grantor's signing key: another person's than the requester's. */
  readonly issuer: Signer;
  /** Of `approveRequest`, by a third person, where the keyset asks for two. */
  readonly approval?: string | Uint8Array;
  readonly keyset: VerifiedKeyset;
  readonly directory: VerifiedDirectory;
  /** An earlier end than the request's. */
  readonly notAfter?: Date;
  /** `importXWingRecipient`, for a request with a hybrid key. */
  readonly importKey?: ImportRecipient;
  readonly signal?: AbortSignal;
}

interface GrantAccessArguments
  extends Omit<GrantAccessOptions, "identities" | "limits" | "approval">,
    Omit<UnlockArguments, "minEpoch"> {
  readonly approval?: string;
}

const GRANT = (): Checks<GrantAccessArguments> => ({
  identities: UNLOCK.identities,
  ignoreExpiry: UNLOCK.ignoreExpiry,
  holds: UNLOCK.holds,
  limits: UNLOCK.limits,
  now: UNLOCK.now,
  crypto: UNLOCK.crypto,
  envelopes: iterableArgument,
  issuer: signerArgument,
  approval: textArgument,
  keyset: keysetArgument,
  directory: directoryArgument,
  notAfter: dateArgument,
  importKey: functionArgument,
  signal: signalArgument,
});

/**
 * Answers a request: the read keys of its recordings, sealed to its key, signed (format-v1, "Grant"). Whoever has it reads, and
 * cannot give others access by rewrapping. `identities` are bucket keys, which are never granted themselves.
 *
 * @returns the grant, for the requester alone; a server may store it.
 * @throws BlindreelError `grant-refused` with a reason; as `open` for an envelope; `limit-exceeded` above 65,536 recordings;
 *   `provider-fault`; TypeError; `signal.reason`.
 */
export async function grantAccess(request: string | Uint8Array, given: GrantAccessOptions): Promise<Bytes> {
  const required = ["envelopes", "identities", "issuer", "keyset", "directory"] as const;
  const options = readOptions<GrantAccessArguments>("options", given, GRANT(), required);
  const { crypto = defaultProvider(), now = new Date(), directory, keyset, issuer, approval } = options;
  const context: AccessContext = { crypto, now, directory };
  const asked = await readRequest(request, context);
  checkDirectory(keyset.institution, directory, now);
  const issuerThumbprint = await signingThumbprint(crypto, issuer.publicKey);
  const member = memberOf(directory, issuerThumbprint, "issuer");
  const approved = approval === undefined ? undefined : await readApproval(approval, asked, context);
  checkHolders(asked.requester, member, approved?.approver);
  if (keyset.approvals > 1 && !approved)
    throw refuse("not-approved", "the institution asks for a second person's approval");

  const recipient = await keyOf(asked, options.importKey, crypto);
  const bodyBytes = encodeGrantBody({
    grantId: randomBytes(crypto, GRANT_ID_LENGTH),
    institution: decodeHex(asked.claims.institution),
    requestHash: asked.hash,
    staff: asked.kid,
    issuer: issuerThumbprint,
    approver: approved?.statement.kid ?? new Uint8Array(HASH_LENGTH),
    issued: toSeconds(now),
    notAfter: endOf(asked, options.notAfter, now),
  });
  const keys = await readKeys(asked, recipient, { ...options, crypto, now });
  const plaintext = await encodeKeys(crypto, bodyBytes, keys).finally(() => wipeKeys(keys));
  try {
    const metadata = approved && { metadata: { approval: approval! } };
    const file = await sealObject("grant", plaintext, { to: recipient, now, crypto, ...metadata });
    const signature = await signWith(crypto, issuer, await grantMessage(crypto, bodyBytes, file));
    return concatBytes(bodyBytes, signature, file);
  } finally {
    wipe(plaintext);
  }
}

/** The text that is verified is the one that is sealed, whatever becomes of its bytes. */
function textArgument(name: string, value: unknown): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(statementBytes(name, value as string));
}

function wipeKeys(keys: Iterable<GrantedKey>): void {
  for (const { readKey } of keys) wipe(readKey);
}

async function keyOf(
  { key }: ReadRequest,
  importKey: ImportRecipient | undefined,
  crypto: CryptoProvider,
): Promise<Recipient> {
  if (key.kty !== "AKP") return importRecipient(key as never, { crypto });
  if (!importKey)
    throw wrongType(
      "options.importKey",
      "importXWingRecipient, of blindreel/x-wing: the request's key is hybrid",
    );
  return importKey(key as never, { crypto });
}

function endOf({ notAfter }: ReadRequest, given: Date | undefined, now: Date): number {
  if (!given) return notAfter;
  const end = toSeconds(given);
  if (end > toSeconds(now) && end <= notAfter) return end;
  throw outOfRange("options.notAfter", "after now, and not after the request's", given.toISOString());
}

/** Read keys of the envelopes, each of a recording that was asked for, once. The caller wipes them. */
async function readKeys(
  { claims }: ReadRequest,
  recipient: Recipient,
  options: GrantAccessArguments & AccessContext,
): Promise<readonly GrantedKey[]> {
  const { crypto, signal, limits = LIMITS } = options;
  const isClassical = CLASSICAL_SLOT_TYPES.includes(recipient.slotType);
  const wanted = claims.recordings && new Set(claims.recordings);
  const keys = new Map<string, GrantedKey>();
  try {
    for await (const bytes of options.envelopes) {
      signal?.throwIfAborted();
      const envelope = decodeEnvelope(bytesArgument("every envelope", bytes).slice(), limits);
      const coreHash = await hashCore(crypto, envelope.coreParts);
      const id = encodeHex(coreHash);
      if (wanted?.has(id) === false) throw refuse("other-recording", `nobody asked for the recording ${id}`);
      if (isClassical && (envelope.core.flags & CoreFlag.postQuantumOnly) !== 0)
        throw refuse(
          "classical-key",
          `the recording ${id} is post-quantum only, and the request's key is not`,
        );
      const { info, fileKey, contentKey, readKey } = await unlock(envelope, ["recording"], options);
      wipe(fileKey, contentKey, keys.get(id)?.readKey);
      keys.set(id, { coreHash, readKey });
      const { institution = claims.institution } = info.policy;
      if (institution !== claims.institution)
        throw refuse("other-institution", `the recording ${id} is of institution ${institution}`);
      if (keys.size > MOST_RECORDINGS)
        throw limitExceeded("the number of recordings", MOST_RECORDINGS, keys.size);
    }
    if (keys.size === 0) throw wrongType("options.envelopes", "of at least one recording");
    return [...keys.values()];
  } catch (error) {
    wipeKeys(keys.values());
    throw error;
  }
}
