import { gcm } from "@noble/ciphers/aes.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { isXWing, xWingEncap } from "./x-wing-forge.js";

/**
 * A second writer of the format, from docs/format-v1.md and independent of `src`, that can break any rule on
 * purpose. Deterministic: all randomness comes from a seed.
 */

export const CHUNK = 16384;
export const SEALED_CHUNK = CHUNK + 16;

type Bytes = Uint8Array;

/** SHA-512 in counter mode over a seed: reproducible bytes, for vectors only. */
export class Seeded {
  readonly #seed: Bytes;
  #counter = 0;

  constructor(seed: string) {
    this.#seed = utf8ToBytes(`blindreel vectors ${seed}`);
  }

  bytes(length: number): Bytes {
    const blocks: Bytes[] = [];
    for (let left = length; left > 0; left -= 64)
      blocks.push(sha512(concatBytes(this.#seed, u32(this.#counter++))));
    return concatBytes(...blocks).slice(0, length);
  }
}

export const u8 = (value: number): Bytes => Uint8Array.of(value);
export const u16 = (value: number): Bytes => Uint8Array.of(value >> 8, value);
export const u32 = (value: number): Bytes => Uint8Array.of(value / 2 ** 24, value >> 16, value >> 8, value);
export const u64 = (value: number | bigint): Bytes => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
};
export const label = (name: string): Bytes => concatBytes(utf8ToBytes(`blindreel/v1 ${name}`), u8(0));
const hash = (name: string, message: Bytes): Bytes => sha256(concatBytes(label(name), message));
export const expand32 = (key: Bytes, ...info: Bytes[]): Bytes =>
  expand(sha256, key, concatBytes(...info), 32);

export const segmentKey = (contentKey: Bytes, segmentHeader: Bytes): Bytes =>
  expand32(contentKey, label("segment key"), segmentHeader);

const extract = (ikm: Bytes, salt: Bytes): Bytes => hmac(sha256, salt, ikm);

/** HKDF-Expand (RFC 5869 §2.3). */
function expand(hashFunction: typeof sha256 | typeof sha512, prk: Bytes, info: Bytes, length: number): Bytes {
  const blocks: Bytes[] = [];
  for (let left = length; left > 0; left -= hashFunction.outputLen) {
    blocks.push(
      hmac(hashFunction, prk, concatBytes(blocks.at(-1) ?? new Uint8Array(0), info, u8(blocks.length + 1))),
    );
  }
  return concatBytes(...blocks).slice(0, length);
}

export interface KeyPair {
  readonly secret: Bytes;
  readonly publicKey: Bytes;
}

export function keyPair(secret: Bytes): KeyPair {
  return { secret, publicKey: x25519.getPublicKey(secret) };
}

/** A pair of slot type 6: the public key is an uncompressed point. */
export function p256Pair(secret: Bytes): KeyPair {
  return { secret, publicKey: p256.getPublicKey(secret, false) };
}

export const isP256 = ({ publicKey }: Pick<KeyPair, "publicKey">): boolean => publicKey.length === 65;

export function keyIdOf(pair: KeyPair): Bytes {
  const text = (bytes: Bytes) => Buffer.from(bytes).toString("base64url");
  const { publicKey } = pair;
  if (isXWing(pair)) return hash("key", concatBytes(u16(0x647a), publicKey)).slice(0, 16);
  const jwk = isP256(pair)
    ? `{"crv":"P-256","kty":"EC","x":"${text(publicKey.slice(1, 33))}","y":"${text(publicKey.slice(33))}"}`
    : `{"crv":"X25519","kty":"OKP","x":"${text(publicKey)}"}`;
  return sha256(utf8ToBytes(jwk)).slice(0, 16);
}

/** RFC 9180, base mode, this format's suite. @param fault replaces what a sender would have computed. */
export function hpkeSeal(
  publicKey: Bytes,
  ephemeral: KeyPair,
  info: Bytes,
  aad: Bytes,
  plaintext: Bytes,
  fault: { readonly dh?: Bytes; readonly enc?: Bytes } = {},
): Bytes {
  const isHybrid = isXWing({ publicKey });
  const kemId = isHybrid ? 0x647a : isP256({ publicKey }) ? 0x0010 : 0x0020;
  const kem = concatBytes(utf8ToBytes("KEM"), u16(kemId));
  const suite = concatBytes(utf8ToBytes("HPKE"), u16(kemId), u16(0x0001), u16(0x0002));
  const version = utf8ToBytes("HPKE-v1");
  const labeledExtract = (id: Bytes, salt: Bytes, name: string, ikm: Bytes) =>
    extract(concatBytes(version, id, utf8ToBytes(name), ikm), salt);
  const labeledExpand = (id: Bytes, prk: Bytes, name: string, context: Bytes, length: number) =>
    expand(sha256, prk, concatBytes(u16(length), version, id, utf8ToBytes(name), context), length);
  const none = new Uint8Array(0);

  const agreed = () =>
    isP256({ publicKey })
      ? p256.getSharedSecret(ephemeral.secret, publicKey).slice(1, 33)
      : x25519.getSharedSecret(ephemeral.secret, publicKey);
  const dhKem = () => {
    const enc = fault.enc ?? ephemeral.publicKey;
    const eaePrk = labeledExtract(kem, none, "eae_prk", fault.dh ?? agreed());
    const sharedSecret = labeledExpand(kem, eaePrk, "shared_secret", concatBytes(enc, publicKey), 32);
    return { enc, sharedSecret };
  };
  const { enc, sharedSecret } = isHybrid ? xWingEncap(publicKey, ephemeral.secret, fault) : dhKem();
  const context = concatBytes(
    u8(0),
    labeledExtract(suite, none, "psk_id_hash", none),
    labeledExtract(suite, none, "info_hash", info),
  );
  const secret = labeledExtract(suite, sharedSecret, "secret", none);
  const key = labeledExpand(suite, secret, "key", context, 32);
  const nonce = labeledExpand(suite, secret, "base_nonce", context, 12);
  return concatBytes(enc, gcm(key, nonce, aad).encrypt(plaintext));
}

/** Cobblestone-256. `chunks` may put anything in place of the chunks it is given. */
export function cobblestone(
  key: Bytes,
  context: Bytes,
  plaintext: Bytes,
  salt: Bytes,
  faults: {
    /** Length of a whole chunk; other than 16384 breaks the format. */
    readonly chunk?: number;
    readonly commitment?: (commitment: Bytes) => Bytes;
    readonly chunks?: (chunks: Bytes[], seal: (index: number, plaintext: Bytes) => Bytes) => Bytes[];
    /** Leave out the short last chunk. */
    readonly isOpen?: boolean;
  } = {},
): Bytes {
  const info = concatBytes(
    utf8ToBytes("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"),
    u8(0),
    salt,
    context,
  );
  const okm = expand(sha512, key, info, 76);
  const seal = (index: number, chunk: Bytes): Bytes => {
    const nonce = okm.slice(32, 44);
    u32(index).forEach((byte, i) => {
      nonce[8 + i]! ^= byte;
    });
    return gcm(okm.slice(0, 32), nonce).encrypt(chunk);
  };
  const size = faults.chunk ?? CHUNK;
  const chunks: Bytes[] = [];
  for (let from = 0; from <= plaintext.length; from += size) {
    chunks.push(seal(chunks.length, plaintext.slice(from, from + size)));
  }
  if (faults.isOpen) chunks.pop();
  const commitment = okm.slice(44);
  return concatBytes(
    salt,
    faults.commitment?.(commitment) ?? commitment,
    ...(faults.chunks?.(chunks, seal) ?? chunks),
  );
}

export interface ForgedSlot {
  readonly type: number;
  readonly keyId: Bytes;
  readonly body: Bytes;
  /** Stated length, where it is not the body's. */
  readonly bodyLength?: number;
}

export interface Secrets {
  readonly fileKey: Bytes;
  readonly readKey: Bytes;
  readonly contentKey: Bytes;
  readonly coreHash: Bytes;
}

/** Everything about a file; each member replaces what the format prescribes. */
export interface Forgery {
  readonly magic?: Bytes;
  readonly version?: number;
  readonly suite?: number;
  readonly kind?: number;
  readonly flags?: number;
  readonly fileKey?: Bytes;
  readonly recordingId?: Bytes;
  readonly createdAt?: number | bigint;
  readonly expiresAt?: number | bigint;
  readonly region?: Bytes;
  readonly institution?: Bytes;
  readonly senderType?: number;
  readonly sender?: Bytes;
  readonly metadata?: Bytes;
  readonly metadataText?: string;
  readonly sealedMetadata?: (sealed: Bytes) => Bytes;
  readonly commitment?: (commitment: Bytes) => Bytes;
  /** The core's own bytes, after everything in them was computed. */
  readonly core?: (core: Bytes) => Bytes;
  readonly epoch?: number;
  readonly recipients?: readonly KeyPair[];
  /** Replaces all slots. */
  readonly slots?: (honest: ForgedSlot[], wrap: Wrap, secrets: Secrets) => ForgedSlot[];
  readonly isUnsorted?: boolean;
  readonly count?: number;
  readonly mac?: (mac: Bytes) => Bytes;
  /** The MAC's key, where an attacker uses one of their own. */
  readonly macFileKey?: Bytes;
  /** Stated lengths. */
  readonly length?: (length: number) => number;
  readonly coreLength?: (length: number) => number;
  readonly afterMac?: Bytes;
  readonly segment?: SegmentForgery;
  /** Leave the segment out. */
  readonly isEnvelopeOnly?: boolean;
  /** The whole file, at the end. */
  readonly file?: (file: Bytes, parts: FileParts) => Bytes;
}

export type Wrap = (recipient: KeyPair, overrides?: WrapOverrides) => ForgedSlot;

export interface WrapOverrides {
  readonly fileKey?: Bytes;
  readonly keyId?: Bytes;
  readonly infoKeyId?: Bytes;
  readonly coreHash?: Bytes;
  readonly type?: number;
  readonly infoType?: number;
  readonly label?: string;
  readonly dh?: Bytes;
  readonly enc?: Bytes;
}

export interface SegmentForgery {
  readonly magic?: Bytes;
  readonly version?: number;
  readonly flags?: number;
  readonly recordingId?: Bytes;
  readonly track?: number;
  readonly take?: number;
  readonly index?: number;
  /** Written instead of the header that the key is bound to. */
  readonly writtenHeader?: (header: Bytes) => Bytes;
  readonly key?: (secrets: Secrets, header: Bytes) => Bytes;
  readonly context?: (header: Bytes) => Bytes;
  readonly stream?: Parameters<typeof cobblestone>[4];
  /** Padded plaintext is made by the caller. */
  readonly plaintext?: Bytes;
}

export interface FileParts {
  readonly envelope: Bytes;
  readonly segmentHeader: Bytes;
  readonly stream: Bytes;
}

export const NOW = 1_790_000_000;
export const THIS_HOUR = NOW - (NOW % 3600);

/** Writes a file, honest where `forgery` says nothing. */
export function forge(
  seed: string,
  plaintext: Bytes,
  forgery: Forgery,
  recipients: readonly KeyPair[],
): Bytes {
  const random = new Seeded(seed);
  const randomKey = random.bytes(32);
  const fileKey = forgery.fileKey ?? randomKey;
  const readKey = expand32(fileKey, label("read"));
  const recordingId = forgery.recordingId ?? random.bytes(16);
  const str = (length: Bytes, bytes: Bytes) => concatBytes(length, bytes);
  const region = forgery.region ?? new Uint8Array(0);
  const sender = forgery.sender ?? new Uint8Array(0);
  const head = concatBytes(
    u16(forgery.suite ?? 1),
    u8(forgery.kind ?? 2),
    u16(forgery.flags ?? 0),
    recordingId,
    u64(forgery.createdAt ?? THIS_HOUR),
    u64(forgery.expiresAt ?? 0),
    str(u8(region.length), region),
    forgery.institution ?? new Uint8Array(16),
    u8(forgery.senderType ?? 0),
    str(u16(sender.length), sender),
  );
  const metadataKey = expand32(readKey, label("metadata"), hash("head", head));
  const metadataPlaintext = forgery.metadata ?? padMetadata(forgery.metadataText ?? `{"createdAt":${NOW}}`);
  const sealed = cobblestone(metadataKey, label("metadata"), metadataPlaintext, random.bytes(24));
  const sealedMetadata = forgery.sealedMetadata?.(sealed) ?? sealed;
  const core0 = concatBytes(head, str(u32(sealedMetadata.length), sealedMetadata));
  const commitment = expand32(readKey, label("commitment"), hash("core0", core0));
  const honestCore = concatBytes(core0, forgery.commitment?.(commitment) ?? commitment);
  const core = forgery.core?.(honestCore) ?? honestCore;
  const coreHash = hash("core", core);
  const contentKey = expand32(readKey, label("content"), coreHash);
  const secrets = { fileKey, readKey, contentKey, coreHash };

  const wrap: Wrap = (recipient, overrides = {}) => {
    const natural = isXWing(recipient) ? 2 : isP256(recipient) ? 6 : 1;
    const type = overrides.type ?? natural;
    const keyId = overrides.keyId ?? keyIdOf(recipient);
    const infoType = u16(overrides.infoType ?? natural);
    const info = concatBytes(label(overrides.label ?? "slot"), infoType, overrides.infoKeyId ?? keyId);
    const ephemeral = isXWing(recipient)
      ? { secret: random.bytes(64), publicKey: recipient.publicKey }
      : (isP256(recipient) ? p256Pair : keyPair)(random.bytes(32));
    const aad = overrides.coreHash ?? coreHash;
    const body = hpkeSeal(recipient.publicKey, ephemeral, info, aad, overrides.fileKey ?? fileKey, overrides);
    return { type, keyId, body };
  };
  const honestSlots = (forgery.recipients ?? recipients).map((recipient) => wrap(recipient));
  const slots = forgery.slots?.(honestSlots, wrap, secrets) ?? honestSlots;
  const encoded = slots.map(({ type, keyId, body, bodyLength }) => ({
    key: Buffer.concat([u16(type), keyId, body]),
    bytes: concatBytes(u16(type), keyId, u16(bodyLength ?? body.length), body),
  }));
  if (!forgery.isUnsorted) encoded.sort((left, right) => Buffer.compare(left.key, right.key));

  const body = concatBytes(
    u32(forgery.coreLength?.(core.length) ?? core.length),
    core,
    u32(forgery.epoch ?? 0),
    u16(forgery.count ?? slots.length),
    ...encoded.map(({ bytes }) => bytes),
  );
  const afterMac = forgery.afterMac ?? new Uint8Array(0);
  const honestLength = body.length + 32 + afterMac.length;
  const preceding = concatBytes(
    forgery.magic ?? utf8ToBytes("BLINDREEL"),
    u8(forgery.version ?? 1),
    u32(forgery.length?.(honestLength) ?? honestLength),
    body,
  );
  const slotsKey = expand32(forgery.macFileKey ?? fileKey, label("slots"), coreHash);
  const mac = hmac(sha256, slotsKey, preceding);
  const envelope = concatBytes(preceding, forgery.mac?.(mac) ?? mac, afterMac);

  const segment = forgery.segment ?? {};
  const segmentHeader = concatBytes(
    segment.magic ?? utf8ToBytes("BLRS"),
    u8(segment.version ?? 1),
    u8(segment.flags ?? 0),
    segment.recordingId ?? recordingId,
    u16(segment.track ?? 0),
    u16(segment.take ?? 0),
    u32(segment.index ?? 0),
  );
  const context = segment.context?.(segmentHeader) ?? concatBytes(label("segment"), segmentHeader);
  const stream = cobblestone(
    segment.key?.(secrets, segmentHeader) ?? segmentKey(contentKey, segmentHeader),
    context,
    segment.plaintext ?? plaintext,
    random.bytes(24),
    segment.stream,
  );
  const writtenHeader = segment.writtenHeader?.(segmentHeader) ?? segmentHeader;
  const file = forgery.isEnvelopeOnly ? envelope : concatBytes(envelope, writtenHeader, stream);
  return forgery.file?.(file, { envelope, segmentHeader, stream }) ?? file;
}

/** `length:u32 || text || zeros` to a multiple of 512 bytes. */
export function padMetadata(text: string): Bytes {
  const json = utf8ToBytes(text);
  const padded = new Uint8Array(Math.ceil((4 + json.length) / 512) * 512);
  padded.set(u32(json.length));
  padded.set(json, 4);
  return padded;
}

/** `data || zeros || length:u64` of `total` bytes. */
export function pad(data: Bytes, total: number, statedLength: number | bigint = data.length): Bytes {
  const padded = new Uint8Array(total);
  padded.set(data);
  padded.set(u64(statedLength), total - 8);
  return padded;
}
