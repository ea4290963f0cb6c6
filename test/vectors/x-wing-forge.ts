import { x25519 } from "@noble/curves/ed25519.js";
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import type { KeyPair } from "./forge.js";

/** Slot type 2 of docs/format-v1.md, by noble's ML-KEM and nothing of `src`. */

type Bytes = Uint8Array;

export const ML_KEM_CIPHERTEXT = 1088;
const ML_KEM_PUBLIC_KEY = 1184;

export const isXWing = ({ publicKey }: Pick<KeyPair, "publicKey">): boolean =>
  publicKey.length === ML_KEM_PUBLIC_KEY + 32;

/** @param secret the seed, 32 bytes. */
export function xWingPair(secret: Bytes): KeyPair {
  const expanded = shake256(secret, { dkLen: 96 });
  const { publicKey } = ml_kem768.keygen(expanded.slice(0, 64));
  return { secret, publicKey: concatBytes(publicKey, x25519.getPublicKey(expanded.slice(64))) };
}

/** @param randomness ML-KEM's m, then the ephemeral X25519 key. */
export function xWingEncap(
  publicKey: Bytes,
  randomness: Bytes,
  fault: { readonly dh?: Bytes; readonly enc?: Bytes },
): { readonly enc: Bytes; readonly sharedSecret: Bytes } {
  const pkM = publicKey.slice(0, ML_KEM_PUBLIC_KEY);
  const pkX = publicKey.slice(ML_KEM_PUBLIC_KEY);
  const { cipherText, sharedSecret: ssM } = ml_kem768.encapsulate(pkM, randomness.slice(0, 32));
  const ephemeral = randomness.slice(32);
  const enc = concatBytes(cipherText, fault.enc ?? x25519.getPublicKey(ephemeral));
  const ssX = fault.dh ?? x25519.getSharedSecret(ephemeral, pkX);
  const ctX = enc.slice(ML_KEM_CIPHERTEXT);
  return { enc, sharedSecret: sha3_256(concatBytes(ssM, ssX, ctX, pkX, utf8ToBytes("\\.//^\\"))) };
}
