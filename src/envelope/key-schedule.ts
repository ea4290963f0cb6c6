import { hkdfExpand } from "../crypto/hkdf.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { closedError } from "../errors.js";
import { type Bytes, concatBytes, isAllZero } from "../formats/bytes.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { label } from "../formats/label.js";
import type { CoreParts } from "./core.js";

/** Format-v1, "Key schedule": the only derivations from file key and read key. */

/** `H(n, x) = SHA-256(L(n) || x)`. */
export async function taggedHash(crypto: CryptoProvider, name: string, message: Bytes): Promise<Bytes> {
  return crypto.digest("SHA-256", concatBytes(label(name), message));
}

/**
 * `Expand(key, info)` = HKDF-Expand-SHA-256 to 32 bytes, the key as PRK.
 *
 * @throws BlindreelError `closed` for an all-zero key: a wiped one, whose outputs are public.
 */
async function expand(crypto: CryptoProvider, key: Bytes, ...info: Bytes[]): Promise<Bytes> {
  if (isAllZero(key)) throw closedError("the key");
  return hkdfExpand(crypto, "SHA-256", key, concatBytes(...info), HASH_LENGTH);
}

export function deriveReadKey(crypto: CryptoProvider, fileKey: Bytes): Promise<Bytes> {
  return expand(crypto, fileKey, label("read"));
}

export async function deriveMetadataKey(
  crypto: CryptoProvider,
  readKey: Bytes,
  coreHead: Bytes,
): Promise<Bytes> {
  return expand(crypto, readKey, label("metadata"), await taggedHash(crypto, "head", coreHead));
}

export async function deriveCommitment(crypto: CryptoProvider, readKey: Bytes, core0: Bytes): Promise<Bytes> {
  return expand(crypto, readKey, await commitmentInfo(crypto, core0));
}

/** `info` of the commitment. */
export async function commitmentInfo(crypto: CryptoProvider, core0: Bytes): Promise<Bytes> {
  return concatBytes(label("commitment"), await taggedHash(crypto, "core0", core0));
}

/** coreHash, to which slots, content and manifests are bound. */
export function hashCore(crypto: CryptoProvider, core: CoreParts): Promise<Bytes> {
  return taggedHash(crypto, "core", core.bytes);
}

export function deriveContentKey(crypto: CryptoProvider, readKey: Bytes, coreHash: Bytes): Promise<Bytes> {
  return expand(crypto, readKey, contentKeyInfo(coreHash));
}

export function deriveManifestKey(crypto: CryptoProvider, readKey: Bytes, coreHash: Bytes): Promise<Bytes> {
  return expand(crypto, readKey, manifestKeyInfo(coreHash));
}

/** `info` of contentKey. For journals too, whose readKey is a platform key. */
export function contentKeyInfo(coreHash: Bytes): Bytes {
  return concatBytes(label("content"), coreHash);
}

/** `info` of manifestKey. */
export function manifestKeyInfo(coreHash: Bytes): Bytes {
  return concatBytes(label("manifest"), coreHash);
}

/** The envelope's MAC (HMAC-SHA-256 under slotsKey) over every byte before it. */
export async function envelopeMac(
  crypto: CryptoProvider,
  fileKey: Bytes,
  coreHash: Bytes,
  precedingBytes: Bytes,
): Promise<Bytes> {
  const slotsKey = await expand(crypto, fileKey, label("slots"), coreHash);
  const mac = await crypto.hmac("SHA-256", slotsKey, precedingBytes);
  slotsKey.fill(0);
  return mac;
}

/** The key of one segment, which can be disclosed without others. Does not wipe `contentKey`. */
export function deriveSegmentKey(
  crypto: CryptoProvider,
  contentKey: Bytes,
  segmentHeader: Bytes,
): Promise<Bytes> {
  return expand(crypto, contentKey, label("segment key"), segmentHeader);
}

/** A segment's stream context: `L("segment") || segmentHeader` (format-v1, "Segment"). */
export function segmentContext(segmentHeader: Bytes): Bytes {
  return concatBytes(label("segment"), segmentHeader);
}

/** The sealed metadata's stream context. */
export const metadataContext = (): Bytes => label("metadata");
