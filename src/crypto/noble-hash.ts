import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../formats/bytes.js";
import type { HashName } from "./provider.js";

/** Synchronous, constant-time hashes of short inputs, for which a WebCrypto call costs more than the hash. */

const HASHES = { "SHA-256": sha256, "SHA-512": sha512 } as const;

export function nobleDigest(hash: HashName, message: Bytes): Bytes {
  return HASHES[hash](message) as Bytes;
}

export function nobleHmac(hash: HashName, key: Bytes, message: Bytes): Bytes {
  return hmac(HASHES[hash], key, message) as Bytes;
}
