import type { CryptoProvider } from "../crypto/provider.js";
import { isRegion } from "../envelope/core.js";
import { type KeysetFault, refused } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { encodeJson, type JsonObject, type JsonValue } from "../formats/json.js";
import { type Check, functionArgument, readOptions } from "../formats/options.js";
import { xWingThumbprint } from "../keywrap/thumbprint.js";
import type { Recipient } from "../keywrap/types.js";
import { PublishedX25519, x25519Fault } from "../keywrap/x25519.js";
import {
  bytesOf,
  type Claims,
  count,
  hashClaim,
  objectClaim,
  oneOfClaim,
  readClaims,
  setOf,
} from "./claims.js";

/** The keys of a keyset, and the rules between them (format-v1, "Keyset"). */

/** Makes a recipient of a key's JWK. */
export type ImportKey = (
  jwk: never,
  options?: { readonly crypto?: CryptoProvider },
) => Promise<Recipient & { readonly thumbprint: string }>;

/** What imports keys other than X25519, by the JWK's `kty`. They come from outside: most pages need none of them. */
export interface KeyImporters {
  /** `importRecipient`, for P-256. */
  readonly EC?: ImportKey;
  /** `importXWingRecipient` of `blindreel/x-wing`, for hybrid keys. */
  readonly AKP?: ImportKey;
}

export const importersArgument: Check<KeyImporters> = (name, value) =>
  readOptions<KeyImporters>(name, value, { EC: functionArgument, AKP: functionArgument });

interface CommonClaims {
  readonly role: "bucket" | "recovery";
  /** Thumbprint, 64 hex digits. */
  readonly kid: string;
  readonly jwk: JsonObject;
  /** Seconds since 1970, as all times here; both ends count. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly destroyAfter: number;
}

interface BucketClaims extends CommonClaims {
  readonly role: "bucket";
  readonly expiresFrom: number;
  readonly regions?: readonly string[];
  readonly recovery: string;
}

interface RecoveryClaims extends CommonClaims {
  readonly role: "recovery";
}

/** Undefined for a key that needs an importer which is not there. */
interface Imported {
  readonly recipient: Recipient | undefined;
}

export type CheckedBucket = BucketClaims & Imported;
export type CheckedKey = CheckedBucket | (RecoveryClaims & Imported);

export interface KeyCheckOptions {
  readonly crypto: CryptoProvider;
  readonly importers?: KeyImporters;
}

export const keysetFault = (reason: KeysetFault, facts: string) => refused("keyset-refused", reason, facts);

/** Of a member by which the others were chosen. */
const known = (value: JsonValue) => value as never;

const COMMON: Claims<CommonClaims> = {
  role: known,
  kid: hashClaim,
  jwk: objectClaim,
  notBefore: count,
  notAfter: count,
  destroyAfter: count,
};
/** Maps: a member that is no text is no key of theirs, and neither is a name of `Object.prototype`. */
const ROLES = /* @__PURE__ */ new Map<JsonValue | undefined, object>([
  [
    "bucket",
    {
      ...COMMON,
      expiresFrom: count,
      regions: setOf((value) => (typeof value === "string" && value && isRegion(value) ? value : undefined)),
      recovery: hashClaim,
    },
  ],
  ["recovery", COMMON],
]);

/** @throws BlindreelError `keyset-refused`, `malformed`; `invalid-key` of an importer. */
export async function checkKeys(
  values: readonly JsonObject[],
  options: KeyCheckOptions,
): Promise<readonly CheckedKey[]> {
  const keys: CheckedKey[] = [];
  const roles = new Map<string, string>();
  for (const value of values) {
    const claims = keyClaims(value);
    const { kid, role, notBefore, notAfter, destroyAfter } = claims;
    const { point, recipient } = await importPublished(claims, options);
    if (
      notBefore > notAfter ||
      notAfter > destroyAfter ||
      (claims as BucketClaims).expiresFrom > destroyAfter
    )
      throw keysetFault("wrong-dates", kid);
    const other = roles.get(point);
    if (other === role) throw keysetFault("duplicate-key", kid);
    if (other) throw keysetFault("key-in-two-roles", `${kid} is ${other} and ${role}`);
    roles.set(point, role);
    keys.push(Object.freeze({ ...claims, recipient }));
  }
  for (const bucket of keys) if (bucket.role === "bucket") checkBucket(bucket, keys);
  return keys;
}

function keyClaims(value: JsonObject): BucketClaims | RecoveryClaims {
  const claims = ROLES.get(value.role) as Claims<BucketClaims>;
  if (!claims) throw keysetFault("unknown-role", JSON.stringify(value.role));
  return readClaims<BucketClaims>("a key", value, claims, ["regions"]);
}

/** A bucket's recovery key fits, and between it and the others something decides. */
function checkBucket(bucket: CheckedBucket, keys: readonly CheckedKey[]): void {
  const { kid, destroyAfter, notBefore, regions } = bucket;
  const isHybrid = ({ jwk }: CommonClaims) => jwk.kty === "AKP";
  const fits = (key: CheckedKey) =>
    key.role === "recovery" &&
    key.kid === bucket.recovery &&
    key.destroyAfter === destroyAfter &&
    isHybrid(key) === isHybrid(bucket);
  if (!keys.some(fits)) throw keysetFault("unfit-recovery", `of ${kid}: none, weaker, or of another end`);
  const ties = (key: CheckedKey) =>
    key.role === "bucket" &&
    key !== bucket &&
    key.destroyAfter === destroyAfter &&
    key.notBefore === notBefore &&
    (!regions || !key.regions || regions.some((region) => key.regions!.includes(region)));
  if (keys.some(ties)) throw keysetFault("ambiguous-buckets", kid);
}

const X_WING_LENGTH = 1216;

/** Members of the JWKs, all of them required by RFC 7638: so JWK and thumbprint have one form. */
const KEY_FORMS = /* @__PURE__ */ new Map<JsonValue | undefined, object>([
  ["OKP", { crv: oneOfClaim("X25519"), kty: known, x: hashClaim }],
  ["EC", { crv: oneOfClaim("P-256"), kty: known, x: hashClaim, y: hashClaim }],
  ["AKP", { alg: oneOfClaim("MLKEM768-X25519"), kty: known, pub: bytesOf(X_WING_LENGTH) }],
]);

/** The key's members but `kty`, in hex. @throws BlindreelError `malformed`. */
export function readPublicJwk(jwk: JsonObject): { readonly x?: string; readonly pub?: string } {
  return readClaims("a key", jwk, KEY_FORMS.get(jwk.kty) as never);
}

/** @returns the recipient, and the key's curve point in hex, of P-256 x alone: it finds the key again under another name. */
async function importPublished({ kid, jwk }: CommonClaims, { crypto, importers }: KeyCheckOptions) {
  const { x = "", pub } = readPublicJwk(jwk);
  const kty = jwk.kty as "OKP" | "EC" | "AKP";
  const publicKey = decodeHex(pub ?? x);
  const point = publicKey.slice(-KEY_LENGTH);
  const thumbprint: Bytes =
    kty === "AKP"
      ? await xWingThumbprint(crypto, publicKey)
      : await crypto.digest("SHA-256", encodeJson(jwk));
  const check = (actual: string): void => {
    if (kid !== actual) throw keysetFault("wrong-kid", `${kid} is ${actual}`);
  };
  check(encodeHex(thumbprint));
  const fault = kty === "EC" ? undefined : x25519Fault(point);
  if (fault) throw keysetFault("weak-key", `${kid} ${fault}`);
  if (kty === "OKP") return { point: x, recipient: new PublishedX25519(point, thumbprint) };
  const recipient = await importers?.[kty]?.(jwk as never, { crypto });
  if (recipient) check(recipient.thumbprint);
  return { point: encodeHex(point), recipient };
}
