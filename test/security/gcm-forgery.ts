/** Forging for AES-GCM, whose tags commit to nothing once the key is known, and derivations from docs/format-v1.md. */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";

/** GF(2^128) as GCM has it: the first bit of the first byte is the coefficient of x^0. */
const REDUCTION = 0xe1n << 120n;

function multiply(left: bigint, right: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((left >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ REDUCTION : shifted >> 1n;
  }
  return product;
}

const ONE = 1n << 127n;

function power(base: bigint, exponent: bigint): bigint {
  let result = ONE;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = multiply(square, square)) {
    if (rest & 1n) result = multiply(result, square);
  }
  return result;
}

/** Fermat: a^(2^128 - 2) = 1/a. */
const inverse = (value: bigint): bigint => power(value, 2n ** 128n - 2n);

const toField = (block: Uint8Array): bigint => BigInt(`0x${Buffer.from(block).toString("hex")}`);
const toBlock = (value: bigint): Bytes =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(32, "0"), "hex"));

export interface GcmKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

function aesBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  return createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(block);
}

/** H = E(0) and the mask of the tag, E(J0). */
function ghashParts({ key, nonce }: GcmKey): { h: bigint; mask: bigint } {
  const j0 = concatBytes(nonce, Uint8Array.of(0, 0, 0, 1));
  return { h: toField(aesBlock(key, new Uint8Array(16))), mask: toField(aesBlock(key, j0)) };
}

function ghash(h: bigint, blocks: readonly bigint[]): bigint {
  return blocks.reduce((sum, block) => multiply(sum ^ block, h), 0n);
}

/** Encryption alone, without a tag, at a block's offset. */
function ctr({ key, nonce }: GcmKey, data: Uint8Array, firstBlock: number): Uint8Array {
  const counter = concatBytes(nonce, new Uint8Array(4));
  new DataView(counter.buffer).setUint32(12, 2 + firstBlock);
  return createCipheriv("aes-256-ctr", key, counter).update(data);
}

/**
 * A ciphertext with its tag that opens under both keys: to `first…` under one, to `…second` in the same place under
 * the other. The last block makes the tags equal.
 */
export function salamander(one: GcmKey, two: GcmKey, first: Uint8Array, second: Uint8Array): Bytes {
  const body = concatBytes(ctr(one, first, 0), ctr(two, second, first.length / 16));
  const blocks: bigint[] = [];
  for (let at = 0; at < body.length; at += 16) blocks.push(toField(body.subarray(at, at + 16)));
  const lengths = BigInt((body.length + 16) * 8);
  const left = ghashParts(one);
  const right = ghashParts(two);
  // GHASH is linear: with the free block x in front of the lengths it adds x·H^2.
  const rest =
    ghash(left.h, [...blocks, 0n, lengths]) ^
    left.mask ^
    ghash(right.h, [...blocks, 0n, lengths]) ^
    right.mask;
  const free = multiply(rest, inverse(power(left.h, 2n) ^ power(right.h, 2n)));
  const tag = ghash(left.h, [...blocks, free, lengths]) ^ left.mask;
  return concatBytes(body, toBlock(free), toBlock(tag));
}

export function gcmOpen({ key, nonce }: GcmKey, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** HKDF-Expand, for a second derivation of everything, from docs/format-v1.md. */
export function expand(hash: "sha256" | "sha512", prk: Uint8Array, info: Uint8Array, length: number): Bytes {
  const blocks: Uint8Array[] = [];
  for (let i = 1; blocks.reduce((sum, block) => sum + block.length, 0) < length; i++) {
    const previous = blocks.at(-1) ?? new Uint8Array(0);
    blocks.push(createHmac(hash, prk).update(previous).update(info).update(Uint8Array.of(i)).digest());
  }
  return concatBytes(...blocks).slice(0, length);
}

export const label = (name: string) => new TextEncoder().encode(`blindreel/v1 ${name}\0`);

interface StreamCipher extends GcmKey {
  readonly commitment: Uint8Array;
}

/** The AES key, the first nonce and the commitment of a stream. */
export function streamCipher(contentKey: Uint8Array, salt: Uint8Array, context: Uint8Array): StreamCipher {
  const prefix = new TextEncoder().encode("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
  const okm = expand("sha512", contentKey, concatBytes(prefix, salt, context), 76);
  return { key: okm.slice(0, 32), nonce: okm.slice(32, 44), commitment: okm.slice(44) };
}

/**
 * Changes a sealed chunk of at least three blocks and keeps its tag: what `change` adds to the first block is made up
 * for in the second, as only who has the key can.
 */
export function alteredUnderTag(gcmKey: GcmKey, sealed: Uint8Array, change: Uint8Array): Bytes {
  const { h } = ghashParts(gcmKey);
  const altered = new Uint8Array(sealed);
  const [first, second] = [sealed.subarray(0, 16), sealed.subarray(16, 32)];
  altered.set(toBlock(toField(first) ^ toField(change)));
  // The first block counts once more with H than the second, so the second takes H times the change.
  altered.set(toBlock(toField(second) ^ multiply(toField(change), h)), 16);
  return altered;
}
