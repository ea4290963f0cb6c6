import { toDate } from "../envelope/policy.js";
import type { JsonObject } from "../formats/json.js";
import type { KeyId } from "../keywrap/types.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";

/** What people look at in a verified keyset. Apart, since pages that seal do not. */

/** A key of a keyset. */
export interface PublishedKey {
  readonly role: "bucket" | "recovery";
  /** Full thumbprint, 64 hex digits. */
  readonly thumbprint: string;
  /** As slots name it. */
  readonly keyId: KeyId;
  readonly jwk: JsonObject;
  /** When it may be sealed to, both ends included. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When its private half, and every copy, is destroyed. */
  readonly destroyAfter: Date;
  /** Earliest `expiresAt` of the recordings in the bucket; their latest is `destroyAfter`. Undefined for recovery keys. */
  readonly expiresFrom: Date | undefined;
  /** Regions that the bucket is for; undefined for all, and for recovery keys. */
  readonly regions: readonly string[] | undefined;
  /** Thumbprint of the bucket's recovery key; undefined for recovery keys. */
  readonly recovery: string | undefined;
}

/** All keys of a keyset, in its order. @throws TypeError. */
export function publishedKeys(keyset: VerifiedKeyset): PublishedKey[] {
  return keysetArgument("keyset", keyset).checked.keys.map((key) => {
    const bucket = key.role === "bucket" ? key : undefined;
    return {
      role: key.role,
      thumbprint: key.kid,
      keyId: key.kid.slice(0, 32) as KeyId,
      jwk: { ...key.jwk },
      notBefore: toDate(key.notBefore),
      notAfter: toDate(key.notAfter),
      destroyAfter: toDate(key.destroyAfter),
      expiresFrom: bucket && toDate(bucket.expiresFrom),
      regions: bucket?.regions && [...bucket.regions],
      recovery: bucket?.recovery,
    };
  });
}

/** RFC 4648 §6: no digit that looks like a letter. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * Two clients that were shown different keysets find out by comparing this: 25 characters in five groups, the first 125 bits of
 * the hash (format-v1, "Keyset").
 */
export function keysetFingerprint({ hash }: Pick<VerifiedKeyset, "hash">): string {
  const bits = (BigInt(`0x${hash}`) >> 131n).toString(32).padStart(25, "0");
  const characters = Array.from(bits, (digit) => BASE32[Number.parseInt(digit, 32)]).join("");
  return characters.replace(/.{5}(?!$)/g, "$&-");
}
