import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { hashCore } from "../envelope/key-schedule.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import type { KeysetReference } from "../envelope/provenance.js";
import { UNLOCK, unlock } from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { type DestructionFault, isBlindreelError, refused } from "../errors.js";
import { bytesArgument, wipe } from "../formats/bytes.js";
import { INSTITUTION_LENGTH, LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import {
  type Checks,
  dateArgument,
  flagArgument,
  functionArgument,
  iterableArgument,
  readOptions,
} from "../formats/options.js";
import type { Identity } from "../keywrap/types.js";
import { type Claims, count, hashClaim, hashText, hexOf, readClaims, setOfHashes } from "./claims.js";
import {
  BY_KEYSET,
  encodeRecordings,
  signingRootOf,
  type VerifiedHold,
  type VerifyHoldOptions,
  verifiedHoldsArgument,
} from "./hold.js";
import { readStatement, StatementType, signStatement } from "./jws.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import { type PublishedKey, publishedKeys } from "./published.js";
import { type Signer, signerArgument, signingThumbprint } from "./signing-key.js";
import { checkExpires, checkInstitution, checkIssued, checkSigner, pinArgument } from "./validity.js";

/** The end of a bucket: its keys are destroyed, and the root says so (format-v1, "Hold and destruction"). */

const fail = (reason: DestructionFault, sentence: string) => refused("destruction-refused", reason, sentence);

/** Options of {@link destroyBucket}. */
export interface DestroyBucketOptions {
  /** Thumbprint of the bucket's key. */
  readonly bucket: string;
  /** A keyset that lists it. */
  readonly keyset: VerifiedKeyset;
  /** All holds of the institution. */
  readonly holds: readonly VerifiedHold[];
  /** The stored envelope of every held recording, whichever its bucket; others may be among them. */
  readonly recordings: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Keys of the buckets that held recordings were rewrapped to: each is opened, since a server may show what it likes. */
  readonly identities: Identity | readonly Identity[];
  /** Destroys the private keys, of the bucket and of its recovery, with every copy. Called once, after all checks. */
  readonly erase: () => Promise<void> | void;
  /** Permits it before `destroyAfter`: recordings that have not expired cannot be opened any more. */
  readonly early?: boolean;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

interface DestroyBucketArguments extends DestroyBucketOptions {
  readonly identities: readonly Identity[];
}

const DESTROY: Checks<DestroyBucketArguments> = {
  bucket: pinArgument,
  keyset: keysetArgument,
  holds: verifiedHoldsArgument,
  recordings: iterableArgument,
  identities: UNLOCK.identities,
  erase: functionArgument,
  early: flagArgument,
  now: dateArgument,
  crypto: UNLOCK.crypto,
};

/**
 * Destroys a bucket: checks that every held recording is kept by another bucket as long as its hold lasts, signs the statement
 * that the keys are erased, has them erased, and only then hands it out.
 *
 * @param signer the institution's root.
 * @returns a compact JWS.
 * @throws BlindreelError `destruction-refused`: `unknown-bucket`, `too-early`, `held` naming the recording, `wrong-signer`; `keyset-refused` where that has expired; as `open`
 *   for an envelope that its bucket does not open; errors of the signer, and then nothing is erased; of `erase`, and then there is no statement; TypeError.
 */
export async function destroyBucket(given: DestroyBucketOptions, signer: Signer): Promise<string> {
  const options = readOptions<DestroyBucketArguments>("options", given, DESTROY, [
    "bucket",
    "keyset",
    "holds",
    "recordings",
    "identities",
    "erase",
  ]);
  const { crypto = defaultProvider(), now = new Date(), keyset } = options;
  checkExpires(keyset.checked.expires, now, "keyset-refused");
  const root = signerArgument("signer", signer);
  const bucket = publishedKeys(keyset).find(
    ({ role, thumbprint }) => role === "bucket" && thumbprint === options.bucket,
  );
  if (encodeHex(await signingThumbprint(crypto, root.publicKey)) !== keyset.root)
    throw fail("wrong-signer", "only the root says so, and this signer is another");
  if (!bucket) throw fail("unknown-bucket", `the keyset has no bucket ${options.bucket}`);
  if (now < bucket.destroyAfter && !options.early)
    throw fail("too-early", `its recordings may be needed until ${bucket.destroyAfter.toISOString()}`);
  const held = await checkHeld(options, bucket, now, crypto);
  const payload: JsonObject = {
    institution: keyset.institution,
    keyset: { sequence: keyset.sequence, hash: hashText(keyset.hash) },
    bucket: hashText(bucket.thumbprint),
    recovery: hashText(bucket.recovery!),
    issued: toSeconds(now),
    ...(held.length > 0 && { held: encodeRecordings(held) }),
  };
  // Before the keys go: with a signer that fails afterwards nobody could ever say that they are gone.
  const statement = await signStatement(crypto, StatementType.destruction, payload, root);
  await options.erase();
  return statement;
}

/** @returns coreHashes of the held recordings, all of them kept by other buckets. @throws BlindreelError `held`. */
async function checkHeld(
  { holds, recordings, identities, keyset }: DestroyBucketArguments,
  bucket: PublishedKey,
  now: Date,
  crypto: CryptoProvider,
): Promise<readonly string[]> {
  const ends = new Map<string, Date>();
  for (const { recordings: held, until } of holds.filter(({ until: end }) => end > now)) {
    for (const coreHash of held) if (until > (ends.get(coreHash) ?? now)) ends.set(coreHash, until);
  }
  const missing = new Map(ends);
  for await (const bytes of recordings) {
    const envelope = decodeEnvelope(bytesArgument("recordings", bytes).slice(), LIMITS);
    const coreHash = encodeHex(await hashCore(crypto, envelope.coreParts));
    const until = missing.get(coreHash);
    if (!until) continue;
    const isKeeper = ({ role, thumbprint, destroyAfter }: PublishedKey) =>
      role === "bucket" && thumbprint !== bucket.thumbprint && destroyAfter >= until;
    const keepers = publishedKeys(keyset)
      .filter(isKeeper)
      .map(({ keyId }) => keyId);
    const keeping = identities.filter(({ keyId }) => keyId && keepers.includes(keyId));
    const options = { identities: keeping, crypto, ignoreExpiry: true };
    const keys = await unlock(envelope, ["recording", "file"], options).catch((error: unknown) => {
      if (!isBlindreelError(error) || error.code !== "no-matching-key") throw error;
    });
    if (!keys) continue;
    wipe(keys.fileKey, keys.readKey, keys.contentKey);
    missing.delete(coreHash);
  }
  for (const [coreHash, until] of missing)
    throw fail(
      "held",
      `the recording ${coreHash}, until ${until.toISOString()}; no key of a bucket that lives so long opened an envelope of it`,
    );
  return [...ends.keys()];
}

interface Payload {
  readonly institution: string;
  readonly keyset: KeysetReference;
  readonly bucket: string;
  readonly recovery: string;
  readonly issued: number;
  readonly held?: readonly string[];
}

const REFERENCE: Claims<KeysetReference> = { sequence: count, hash: hashClaim };
const PAYLOAD: Claims<Payload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  keyset: (value) => readClaims<KeysetReference>("the reference to a keyset", value, REFERENCE),
  bucket: hashClaim,
  recovery: hashClaim,
  issued: count,
  held: setOfHashes,
};

/** What the root says of a bucket's end. */
export interface VerifiedDestruction {
  readonly institution: string;
  /** The keyset that listed it. */
  readonly keyset: KeysetReference;
  /** Thumbprints of the destroyed keys. */
  readonly bucket: string;
  readonly recovery: string;
  readonly destroyed: Date;
  /** coreHashes of held recordings, which other buckets keep. */
  readonly held: readonly string[];
}

/**
 * Verifies the signed statement of a destroyed bucket.
 *
 * @param statement as {@link destroyBucket} returns it.
 * @throws BlindreelError `destruction-refused` with a reason, `malformed`, `invalid-json`, `limit-exceeded`; TypeError.
 */
export async function verifyDestruction(
  statement: string | Uint8Array,
  given: VerifyHoldOptions,
): Promise<VerifiedDestruction> {
  const options = readOptions<VerifyHoldOptions>("options", given, BY_KEYSET, ["keyset"]);
  const { crypto = defaultProvider(), now = new Date(), keyset } = options;
  const read = await readStatement(crypto, statement, StatementType.destruction);
  await checkSigner(crypto, read, signingRootOf(keyset), "destruction-refused");
  const {
    issued,
    held = [],
    ...payload
  } = readClaims<Payload>("the destruction", read.payload, PAYLOAD, ["held"]);
  checkInstitution(payload.institution, keyset.institution, "destruction-refused");
  checkIssued(issued, now, "destruction-refused");
  return { ...payload, held, destroyed: toDate(issued) };
}
