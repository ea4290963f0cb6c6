import { malformed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { decodeBase64Url, decodeHex, encodeBase64Url, encodeHex, isHex } from "../formats/encoding.js";
import { isJsonObject, type JsonObject, type JsonValue } from "../formats/json.js";

/** Members of a statement's payload: each once, of its type, and no other (format-v1, "Statements"). */

/** @returns undefined for a value that is refused. */
export type Claim<T> = (value: JsonValue) => T | undefined;
export type Claims<T extends object> = { readonly [K in keyof T]-?: Claim<Exclude<T[K], undefined>> };

/**
 * @param what names the object in errors.
 * @param claims undefined for an object of no known kind.
 * @param optional members that may be missing.
 * @throws BlindreelError `malformed`.
 */
export function readClaims<T extends object>(
  what: string,
  value: JsonValue,
  claims: Claims<T> | undefined,
  optional: readonly (keyof T & string)[] = [],
): T {
  if (!isJsonObject(value) || !claims) throw malformed(`${what} is wrong`, 0);
  const read: Partial<Record<string, unknown>> = Object.create(null);
  for (const name of new Set([...Object.keys(claims), ...Object.keys(value)])) {
    const isGiven = Object.hasOwn(value, name);
    if (!isGiven && (optional as readonly string[]).includes(name)) continue;
    const isKnown = isGiven && Object.hasOwn(claims, name);
    read[name] = isKnown ? claims[name as keyof T](value[name]!) : undefined;
    if (read[name] === undefined) throw malformed(`${what} is wrong in "${name}"`, 0);
  }
  return read as T;
}

/** An integer from 0 to 2^53 - 1: sequences, and times in seconds since 1970. */
export const count: Claim<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

export const objectClaim: Claim<JsonObject> = (value) => (isJsonObject(value) ? value : undefined);

export const hexOf =
  (length: number): Claim<string> =>
  (value) =>
    typeof value === "string" && isHex(value, length) ? value : undefined;

export const oneOfClaim =
  <T extends JsonValue>(...known: readonly T[]): Claim<T> =>
  (value) =>
    known.find((each) => each === value);

/** So many bytes in base64url, as hex digits. */
export const bytesOf =
  (length: number): Claim<string> =>
  (value) => {
    const bytes = typeof value === "string" ? decodeBase64Url(value) : undefined;
    return bytes?.length === length ? encodeHex(bytes) : undefined;
  };

/** A hash or a thumbprint: 64 hex digits. */
export const hashClaim: Claim<string> = /* @__PURE__ */ bytesOf(HASH_LENGTH);

export const hashText = (hash: string): string => encodeBase64Url(decodeHex(hash));

/** A public Ed25519 key: exactly the JWK's required members. 32 bytes, not yet checked. */
export const signingKeyClaim: Claim<Bytes> = (value) => {
  const { x } = readClaims<{ crv: string; kty: string; x: string }>("a signing key", value, {
    crv: oneOfClaim("Ed25519"),
    kty: oneOfClaim("OKP"),
    x: hashClaim,
  });
  return decodeHex(x);
};

export const listOf =
  <T>(claim: Claim<T>): Claim<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value)) return undefined;
    const items = value.map(claim);
    return items.includes(undefined) ? undefined : (items as T[]);
  };

/** A list that is not empty, in strictly ascending order: a set has one encoding. */
export const setOf =
  (claim: Claim<string>): Claim<readonly string[]> =>
  (value) => {
    const items = listOf(claim)(value);
    const texts = value as readonly string[];
    return items?.length && texts.every((text, i) => i === 0 || texts[i - 1]! < text) ? items : undefined;
  };

/** A set of hashes, in the order of their text. */
export const setOfHashes: Claim<readonly string[]> = /* @__PURE__ */ setOf(hashClaim);
