import { signEd25519, verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { manifestContext } from "../envelope/key-schedule.js";
import { authenticationFailed, BlindreelError, limitExceeded, malformed } from "../errors.js";
import { type Bytes, compareBytes, concatBytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { label } from "../formats/label.js";
import { sealedLength } from "../stream/geometry.js";
import { openBytes } from "../stream/open.js";
import { sealBytes } from "../stream/seal.js";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest.js";
import { decodeManifestHeader, encodeManifestHeader, MANIFEST_HEADER_LENGTH } from "./manifest-header.js";

export const SIGNATURE_LENGTH = 64;

/** What the recording's key signs. */
export function signedMessage(coreHash: Bytes, header: Bytes, body: Bytes): Bytes {
  return concatBytes(label("manifest signature"), coreHash, header, body);
}

/** What ties a manifest to its recording. */
export interface ManifestBinding {
  readonly recordingId: Bytes;
  readonly coreHash: Bytes;
  /** Stays the caller's, who wipes it. */
  readonly manifestKey: Bytes;
}

/**
 * Signs a manifest and seals it under its recording's key.
 *
 * @throws BlindreelError `limit-exceeded` above 16 MiB, `malformed` for what the format does not allow.
 */
export async function sealManifest(
  crypto: CryptoProvider,
  binding: ManifestBinding,
  signingKey: PrivateKeyHandle,
  sequence: number,
  manifest: Manifest,
): Promise<Bytes> {
  const { recordingId, coreHash, manifestKey } = binding;
  const header = encodeManifestHeader({ recordingId, sequence });
  const body = encodeManifest(manifest);
  const length = header.length + sealedLength(body.length + SIGNATURE_LENGTH);
  if (length > LIMITS.manifest) throw limitExceeded("the manifest", LIMITS.manifest, length);
  const signature = await signEd25519(crypto, signingKey, signedMessage(coreHash, header, body));
  const streamKey = { key: manifestKey, context: manifestContext(header) };
  return concatBytes(header, await sealBytes(concatBytes(body, signature), streamKey, { crypto }));
}

/** A manifest whose seal and signature fit its recording. */
export interface OpenedManifest {
  readonly sequence: number;
  readonly manifest: Manifest;
  /** The signed parts, for proofs to others. */
  readonly header: Bytes;
  readonly body: Bytes;
  readonly signature: Bytes;
}

/**
 * Opens a manifest and checks who signed it: `sender` is the core's public key.
 *
 * @param bytes must not change until this is done. @param limit bytes a manifest may have.
 * @throws BlindreelError `limit-exceeded`, `truncated`, `unsupported-version`, `wrong-recording`,
 *   `authentication-failed`, `malformed`.
 */
export async function openManifest(
  crypto: CryptoProvider,
  binding: ManifestBinding & { readonly sender: Bytes },
  bytes: Bytes,
  limit: number = LIMITS.manifest,
): Promise<OpenedManifest> {
  if (bytes.length > limit) throw limitExceeded("the manifest", limit, bytes.length);
  const { recordingId, sequence } = decodeManifestHeader(bytes);
  if (compareBytes(recordingId, binding.recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", "this manifest belongs to another recording", undefined);
  }
  const header = bytes.slice(0, MANIFEST_HEADER_LENGTH);
  const streamKey = { key: binding.manifestKey, context: manifestContext(header) };
  const signed = await openBytes(bytes.subarray(header.length), streamKey, { crypto });
  if (signed.length < SIGNATURE_LENGTH)
    throw malformed("the manifest is shorter than a signature", signed.length);
  const body = signed.subarray(0, signed.length - SIGNATURE_LENGTH);
  const signature = signed.subarray(body.length);
  const message = signedMessage(binding.coreHash, header, body);
  if (!(await verifyEd25519(crypto, binding.sender, message, signature))) throw authenticationFailed();
  return { sequence, manifest: decodeManifest(body), header, body, signature };
}
