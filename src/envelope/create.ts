import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { type Bytes, concatBytes, EMPTY, wipe } from "../formats/bytes.js";
import {
  CoreFlag,
  CREATED_AT_STEP,
  HASH_LENGTH,
  KEY_LENGTH,
  Kind,
  type KindName,
  RECORDING_ID_LENGTH,
  SenderType,
  SLOT_BODY_LENGTH,
  SUITE,
} from "../formats/constants.js";
import type { JsonObject } from "../formats/json.js";
import { asGiven, type Checks, dateArgument, flagArgument, signalArgument } from "../formats/options.js";
import type { Recipient, Slot } from "../keywrap/types.js";
import { sealedLength } from "../stream/geometry.js";
import { type CoreHead, coreParts, encodeCore, encodeCoreHead } from "./core.js";
import {
  deriveCommitment,
  deriveContentKey,
  deriveManifestKey,
  deriveMetadataKey,
  deriveReadKey,
  envelopeMac,
  hashCore,
} from "./key-schedule.js";
import { encodeMetadata, sealMetadata } from "./metadata.js";
import { encodePolicy, type Policy, toSeconds } from "./policy.js";
import { type Recipients, resolveRecipients, withInstitution } from "./provenance.js";
import { isPostQuantumOnly, wrapToAll } from "./recipients.js";
import { encodeWithoutMac, envelopeLengthFor } from "./wire.js";

/** Recipients, policy and metadata of a new envelope. */
export interface EnvelopeOptions {
  /** One recipient or several, each of which opens alone; or a verified keyset, which chooses them by the policy's expiry. */
  readonly to: Recipients;
  /**
   * Allow recipients of X25519 and P-256 beside hybrid ones. Whoever keeps the file until the classical key can be broken
   * reads it, so it is refused by default; an envelope for hybrid recipients alone says so, and stays so when rewrapped.
   */
  readonly allowClassical?: boolean;
  /** Public and immutable; see {@link Policy}. */
  readonly policy?: Policy;
  /** Sealed, for recipients only. Strict JSON, at most about 63 KiB. */
  readonly metadata?: JsonObject;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
  readonly signal?: AbortSignal;
}

export const ENVELOPE: Checks<EnvelopeOptions> = {
  to: asGiven,
  allowClassical: flagArgument,
  policy: asGiven,
  metadata: asGiven,
  now: dateArgument,
  crypto: providerArgument,
  signal: signalArgument,
};

/** The part of a new envelope without cryptography: the caller's options, copied, checked and measured. */
export interface EnvelopePlan {
  readonly crypto: CryptoProvider;
  readonly recipients: readonly Recipient[];
  readonly head: Omit<CoreHead, "recordingId">;
  /** Plaintext of the sealed metadata. */
  readonly metadata: Bytes;
  /** The envelope's length in bytes. */
  readonly length: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Plans an envelope, synchronously, so that later changes by the caller have no effect. For `seal` and
 * `startRecording`, whose options were read with {@link ENVELOPE}.
 *
 * @throws BlindreelError `invalid-recipients`, `keyset-refused`, `limit-exceeded`, `invalid-json`; RangeError for a
 *   policy outside the format's ranges.
 */
export function planEnvelope(
  kind: KindName,
  options: EnvelopeOptions & {
    /** The recording's Ed25519 public key, which verifies its manifests. 32 bytes. */
    readonly sender?: Bytes;
  },
): EnvelopePlan {
  const { now = new Date() } = options;
  const exactTime = toSeconds(now);
  const policy = encodePolicy(options.policy, now);
  const { recipients, provenance } = resolveRecipients(options.to, policy, now);
  const head = {
    suite: SUITE,
    kind: Kind[kind],
    flags: isPostQuantumOnly(recipients, options.allowClassical) ? CoreFlag.postQuantumOnly : 0,
    createdAt: exactTime - (exactTime % CREATED_AT_STEP),
    ...withInstitution(policy, provenance),
    senderType: options.sender ? SenderType.ed25519 : SenderType.none,
    sender: options.sender?.slice() ?? EMPTY,
  };
  const metadata = encodeMetadata({
    createdAt: exactTime,
    metadata: options.metadata,
    keyset: provenance?.keyset,
  });
  const blank = encodeCore({
    ...head,
    recordingId: new Uint8Array(RECORDING_ID_LENGTH),
    sealedMetadata: new Uint8Array(sealedLength(metadata.length)),
    commitment: new Uint8Array(HASH_LENGTH),
  });
  return {
    crypto: options.crypto ?? defaultProvider(),
    recipients,
    head,
    metadata,
    length: envelopeLengthFor(
      blank.length,
      recipients.map(({ slotType }) => SLOT_BODY_LENGTH[slotType]!),
    ),
    signal: options.signal,
  };
}

/** A new envelope with its keys, which the caller wipes. */
interface CreatedEnvelope {
  readonly bytes: Bytes;
  readonly recordingId: Bytes;
  readonly coreHash: Bytes;
  readonly readKey: Bytes;
  readonly contentKey: Bytes;
}

/**
 * Makes a file key and the envelope of a plan: sealed metadata → core → commitment → coreHash → slots → MAC
 * (format-v1, "Sealing"). Wipes the file key and the plan's metadata.
 *
 * @throws BlindreelError `bad-random`, `invalid-recipients`; errors of a recipient's `wrap`; `signal.reason`.
 */
export async function createEnvelope(plan: EnvelopePlan): Promise<CreatedEnvelope> {
  const { crypto } = plan;
  const recordingId = randomBytes(crypto, RECORDING_ID_LENGTH);
  const fileKey = randomBytes(crypto, KEY_LENGTH);
  const readKey = await deriveReadKey(crypto, fileKey);
  try {
    const head = { ...plan.head, recordingId };
    const metadataKey = await deriveMetadataKey(crypto, readKey, encodeCoreHead(head));
    const sealedMetadata = await sealMetadata(crypto, metadataKey, plan.metadata);
    // The commitment covers core0, the bytes before it: encoded blank, then filled in.
    const coreBytes = encodeCore({ ...head, sealedMetadata, commitment: new Uint8Array(HASH_LENGTH) });
    const parts = coreParts(coreBytes, sealedMetadata.length);
    coreBytes.set(await deriveCommitment(crypto, readKey, parts.core0), parts.core0.length);
    const coreHash = await hashCore(crypto, parts);
    const slots = await wrapToAll(crypto, fileKey, coreHash, plan.recipients, plan.signal);
    const bytes = await encodeEnvelope(crypto, fileKey, coreHash, { coreBytes, epoch: 0, slots });
    const contentKey = await deriveContentKey(crypto, readKey, coreHash);
    return { bytes, recordingId, coreHash, readKey, contentKey };
  } catch (error) {
    wipe(readKey);
    throw error;
  } finally {
    wipe(fileKey, plan.metadata);
  }
}

/** A new recording's envelope and keys, which live as long as its writer. */
interface CreatedRecording extends CreatedEnvelope {
  readonly manifestKey: Bytes;
}

/** {@link createEnvelope} for a recording, with manifestKey. */
export async function createRecordingEnvelope(plan: EnvelopePlan): Promise<CreatedRecording> {
  const envelope = await createEnvelope(plan);
  const manifestKey = await deriveManifestKey(plan.crypto, envelope.readKey, envelope.coreHash);
  return { ...envelope, manifestKey };
}

/** An envelope without its MAC. */
interface EnvelopeBody {
  readonly coreBytes: Bytes;
  readonly epoch: number;
  readonly slots: readonly Slot[];
}

/** Encodes an envelope with its MAC (format-v1, "Envelope"). */
export async function encodeEnvelope(
  crypto: CryptoProvider,
  fileKey: Bytes,
  coreHash: Bytes,
  { coreBytes, epoch, slots }: EnvelopeBody,
): Promise<Bytes> {
  const withoutMac = encodeWithoutMac(coreBytes, epoch, slots);
  return concatBytes(withoutMac, await envelopeMac(crypto, fileKey, coreHash, withoutMac));
}
