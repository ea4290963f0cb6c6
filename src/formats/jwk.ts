import { invalidKey } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { KEY_LENGTH } from "./constants.js";
import { decodeBase64Url, encodeBase64Url } from "./encoding.js";

/** A public X25519 key as JWK (RFC 8037 §2). Other members (`kid`, `use`, …) are allowed and ignored. */
export interface OkpJwk {
  readonly kty: "OKP";
  readonly crv: "X25519";
  readonly x: string;
}

/** A private X25519 key as JWK. */
export interface OkpPrivateJwk extends OkpJwk {
  readonly d: string;
}

/** Members of private and symmetric keys only (RFC 7518 §6, RFC 8037 §2). */
export const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

export function encodePublicJwk(publicKey: Uint8Array): OkpJwk {
  return { kty: "OKP", crv: "X25519", x: encodeBase64Url(publicKey) };
}

export function encodePrivateJwk(publicKey: Uint8Array, privateKey: Uint8Array): OkpPrivateJwk {
  return { ...encodePublicJwk(publicKey), d: encodeBase64Url(privateKey) };
}

/**
 * Decodes a public X25519 JWK.
 *
 * @returns the 32 raw bytes of the public key.
 * @throws BlindreelError `invalid-key` with the reason: another curve, a wrong length, or a private key,
 *   which must not serve as a recipient.
 */
export function decodePublicJwk(jwk: unknown): Bytes {
  const members = okpMembers(jwk);
  const leaked = PRIVATE_MEMBERS.find((name) => name in members);
  if (leaked !== undefined) {
    throw invalidKey(`this JWK is a private key (it has "${leaked}"); a recipient must be a public key`);
  }
  return keyMember(members, "x");
}

/**
 * Decodes a private X25519 JWK.
 *
 * @returns both halves as stated, 32 bytes each. `importIdentity` checks that they belong together.
 * @throws BlindreelError `invalid-key`.
 */
export function decodePrivateJwk(jwk: unknown): { publicKey: Bytes; privateKey: Bytes } {
  const members = okpMembers(jwk);
  if (!("d" in members))
    throw invalidKey('this JWK is a public key (it has no "d"); a private key is needed');
  return { publicKey: keyMember(members, "x"), privateKey: keyMember(members, "d") };
}

function okpMembers(jwk: unknown): Record<string, unknown> {
  if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) {
    throw invalidKey("a JWK must be an object");
  }
  const members = jwk as Record<string, unknown>;
  if (members.kty !== "OKP")
    throw invalidKey(`a JWK of kty "OKP" is needed, got ${describeMember(members.kty)}`);
  if (members.crv !== "X25519")
    throw invalidKey(`a JWK of crv "X25519" is needed, got ${describeMember(members.crv)}`);
  return members;
}

function keyMember(members: Record<string, unknown>, name: "x" | "d"): Bytes {
  const value = members[name];
  if (typeof value !== "string") throw invalidKey(`the JWK's "${name}" must be a string`);
  let key: Bytes;
  try {
    key = decodeBase64Url(value);
  } catch {
    throw invalidKey(`the JWK's "${name}" is not canonical base64url`);
  }
  if (key.length !== KEY_LENGTH) {
    throw invalidKey(`the JWK's "${name}" must be ${KEY_LENGTH} bytes, got ${key.length}`);
  }
  return key;
}

/** A public member's text, at most 32 characters; the type of other values. */
function describeMember(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 32)) : typeof value;
}
