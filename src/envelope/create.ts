import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { type Bytes, concatBytes, EMPTY, wipe } from "../formats/bytes.js";
import {
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
import { asGiven, type Checks, dateArgument, signalArgument } from "../formats/options.js";
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
import { recipientList, wrapToAll } from "./recipients.js";
import { encodeWithoutMac, envelopeLengthFor } from "./wire.js";

/** Who a new envelope is for, and what it says. */
export interface EnvelopeOptions {
  /** One recipient or several; each can open alone. */
  readonly to: Recipient | readonly Recipient[];
  /** Public and unalterable; see {@link Policy}. */
  readonly policy?: Policy;
  /** Sealed: only recipients read it. Strict JSON, at most about 63 KiB. */
  readonly metadata?: JsonObject;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
  readonly signal?: AbortSignal;
}

export const ENVELOPE: Checks<EnvelopeOptions> = {
  to: asGiven,
  policy: asGiven,
  metadata: asGiven,
  now: dateArgument,
  crypto: providerArgument,
  signal: signalArgument,
};

/** Everything about a new envelope that needs no cryptography: taken from the caller at once, checked and measured. */
export interface EnvelopePlan {
  readonly crypto: CryptoProvider;
  readonly recipients: readonly Recipient[];
  readonly head: Omit<CoreHead, "recordingId">;
  readonly metadata: Bytes;
  /** Length in bytes of the envelope to be. */
  readonly length: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks the caller's options, which have been read ({@link ENVELOPE}), and copies what they hold, synchronously.
 *
 * @throws BlindreelError `invalid-recipients`, `limit-exceeded`, `invalid-json`; RangeError for a policy that the
 *   format cannot hold.
 */
export function planEnvelope(
  kind: KindName,
  options: EnvelopeOptions & {
    /** The recording's Ed25519 public key, which its manifests are signed by. */
    readonly sender?: Bytes;
  },
): EnvelopePlan {
  const { now = new Date() } = options;
  const exactTime = toSeconds(now);
  const recipients = recipientList(options.to);
  const head = {
    suite: SUITE,
    kind: Kind[kind],
    flags: 0,
    createdAt: exactTime - (exactTime % CREATED_AT_STEP),
    ...encodePolicy(options.policy, now),
    senderType: options.sender ? SenderType.ed25519 : SenderType.none,
    sender: options.sender?.slice() ?? EMPTY,
  };
  const metadata = encodeMetadata({ createdAt: exactTime, metadata: options.metadata });
  const blank = encodeCore({
    ...head,
    recordingId: new Uint8Array(RECORDING_ID_LENGTH),
    ...room(metadata),
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

/** The fields behind the head, blank and in their final sizes. */
function room(metadata: Bytes) {
  return {
    sealedMetadata: new Uint8Array(sealedLength(metadata.length)),
    commitment: new Uint8Array(HASH_LENGTH),
  };
}

/** A new envelope with the keys of its content. The caller wipes them. */
export interface CreatedEnvelope {
  readonly bytes: Bytes;
  readonly recordingId: Bytes;
  readonly coreHash: Bytes;
  readonly readKey: Bytes;
  readonly contentKey: Bytes;
}

/**
 * Makes a file key, wraps it to every recipient and binds it all together (format-v1, "Envelope"). Wipes the plan's
 * metadata.
 *
 * @throws BlindreelError `bad-random`; whatever a recipient's `wrap` throws.
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
    // The commitment covers all before it, so the core is written with room for it and then completed.
    const coreBytes = encodeCore({ ...head, ...room(plan.metadata), sealedMetadata });
    const parts = coreParts(coreBytes, sealedMetadata.length);
    coreBytes.set(await deriveCommitment(crypto, readKey, parts.core0), parts.core0.length);
    const coreHash = await hashCore(crypto, parts);
    const slots = await wrapToAll(crypto, fileKey, coreHash, plan.recipients, plan.signal);
    const bytes = await assemble(crypto, fileKey, coreHash, { coreBytes, epoch: 0, slots });
    const contentKey = await deriveContentKey(crypto, readKey, coreHash);
    return { bytes, recordingId, coreHash, readKey, contentKey };
  } catch (error) {
    wipe(readKey);
    throw error;
  } finally {
    wipe(fileKey, plan.metadata);
  }
}

/** The same for a recording, whose keys live as long as it does. */
export interface CreatedRecording extends CreatedEnvelope {
  readonly manifestKey: Bytes;
}

/** {@link createEnvelope} for a recording: also the key of its manifests. */
export async function createRecordingEnvelope(plan: EnvelopePlan): Promise<CreatedRecording> {
  const envelope = await createEnvelope(plan);
  const manifestKey = await deriveManifestKey(plan.crypto, envelope.readKey, envelope.coreHash);
  return { ...envelope, manifestKey };
}

/** What an envelope consists of, but for its MAC. */
export interface EnvelopeBody {
  readonly coreBytes: Bytes;
  readonly epoch: number;
  readonly slots: readonly Slot[];
}

/** Encodes an envelope and puts its MAC behind it. */
export async function assemble(
  crypto: CryptoProvider,
  fileKey: Bytes,
  coreHash: Bytes,
  { coreBytes, epoch, slots }: EnvelopeBody,
): Promise<Bytes> {
  const withoutMac = encodeWithoutMac(coreBytes, epoch, slots);
  return concatBytes(withoutMac, await envelopeMac(crypto, fileKey, coreHash, withoutMac));
}
