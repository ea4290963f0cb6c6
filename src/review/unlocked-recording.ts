import type { CryptoProvider } from "../crypto/provider.js";
import { deriveManifestKey, deriveSegmentKey } from "../envelope/key-schedule.js";
import { type EnvelopeInfo, type ReadKeySource, type UnlockArguments, unlock } from "../envelope/unlock.js";
import type { DecodedEnvelope } from "../envelope/wire.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { type Limits, SenderType } from "../formats/constants.js";
import { KeyHolder } from "../log/keys.js";
import { segmentName } from "../log/names.js";
import type { SignedBinding } from "../log/sealed-object.js";
import type { ReadOptions } from "../source/byte-source.js";
import type { SegmentBinding } from "./segment.js";
import type { Store } from "./store.js";

/** A recording with its keys and its stored objects. */
export interface UnlockedRecording extends SegmentBinding {
  /** In 32 hex digits, as in names. */
  readonly id: string;
  readonly coreBytes: Bytes;
  readonly coreHash: Bytes;
  /** The session's public key; undefined where the core names none. */
  readonly sender: Bytes | undefined;
  readonly keys: KeyHolder<{ readonly contentKey: Bytes; readonly manifestKey: Bytes }>;
  readonly store: Store;
  readonly limits: Limits;
  /** Opened by a grant alone: slots and epoch are not authenticated. */
  readonly isReadOnly: boolean;
}

/** @throws BlindreelError as `unlock`. */
export async function unlockRecording(
  envelope: DecodedEnvelope,
  store: Store,
  options: UnlockArguments & {
    readonly crypto: CryptoProvider;
    readonly limits: Limits;
    readonly grants?: readonly ReadKeySource[];
  },
): Promise<{ readonly recording: UnlockedRecording; readonly info: EnvelopeInfo }> {
  const { crypto, limits, grants } = options;
  const unlocked = await unlock(envelope, ["recording"], options, grants);
  const { info, coreHash, contentKey, readKey, fileKey } = unlocked;
  wipe(fileKey);
  const manifestKey = await deriveManifestKey(crypto, readKey, coreHash);
  wipe(readKey);
  const { recordingId, sender, senderType } = envelope.core;
  const recording = {
    crypto,
    recordingId,
    id: info.recordingId,
    coreBytes: envelope.coreParts.bytes,
    coreHash,
    sender: senderType === SenderType.ed25519 ? sender : undefined,
    keys: new KeyHolder({ contentKey, manifestKey }, "the recording"),
    store,
    limits,
    isReadOnly: fileKey === undefined,
  };
  return { recording, info };
}

/** Runs `action` until the caller's signal or the recording's end; the keys outlive it. */
export async function runWithKeys<T>(
  { keys }: UnlockedRecording,
  { signal }: ReadOptions,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = signal ? AbortSignal.any([signal, keys.signal]) : keys.signal;
  return keys.use(async () => {
    const result = await action(either);
    either.throwIfAborted();
    return result;
  });
}

/** Lends the binding of pages and manifests. @param recording of a core that names a sender. */
export function useBinding<T>(
  { recordingId, coreHash, sender, keys }: UnlockedRecording,
  action: (binding: SignedBinding) => Promise<T>,
): Promise<T> {
  return keys.use(({ manifestKey }) => action({ recordingId, coreHash, manifestKey, sender: sender! }));
}

/** @returns the key of the segment with this header, to be wiped by the caller. */
export function segmentKeyOf({ crypto, keys }: UnlockedRecording, header: Bytes): Promise<Bytes> {
  return keys.use(({ contentKey }) => deriveSegmentKey(crypto, contentKey, header));
}

/** A segment's index in its track. */
export interface SegmentPlace {
  readonly track: number;
  readonly index: number;
}

export function objectOf({ id }: UnlockedRecording, { track, index }: SegmentPlace): string {
  return segmentName(id, track, index);
}
