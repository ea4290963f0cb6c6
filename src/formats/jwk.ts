import { invalidKey } from "../errors.js";
import { type Bytes, concatBytes } from "./bytes.js";
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

/** A public P-256 key as JWK (RFC 7518 §6.2.1). */
export interface EcJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
}

/** A private P-256 key as JWK (RFC 7518 §6.2.2). */
export interface EcPrivateJwk extends EcJwk {
  readonly d: string;
}

/** Curves of keys that this package makes and reads. */
export type CurveName = "X25519" | "P-256";

/** The public half of a key: 32 bytes for X25519, an uncompressed point of 65 for P-256. */
export interface RawPublicKey {
  readonly curve: CurveName;
  readonly publicKey: Bytes;
}

export interface RawPrivateKey {
  readonly curve: CurveName;
  /** 32 bytes. */
  readonly privateKey: Bytes;
  /** As stated beside it: whether they belong together is for the importer to check. */
  readonly publicKey: Bytes | undefined;
}

/** A JWK before it is checked. */
type Members = Readonly<Record<string, unknown>>;

/** Members that only private or symmetric keys have (RFC 7518 §6, RFC 8037 §2; `priv` of AKP). */
export const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;

export function x25519Jwk(publicKey: Uint8Array): OkpJwk {
  return { kty: "OKP", crv: "X25519", x: encodeBase64Url(publicKey) };
}

export function p256Jwk(publicKey: Uint8Array): EcJwk;
export function p256Jwk(publicKey: Uint8Array, privateKey: Uint8Array | undefined): EcJwk | EcPrivateJwk;
export function p256Jwk(publicKey: Uint8Array, privateKey?: Uint8Array): EcJwk | EcPrivateJwk {
  const x = encodeBase64Url(publicKey.subarray(1, 1 + KEY_LENGTH));
  const y = encodeBase64Url(publicKey.subarray(1 + KEY_LENGTH));
  const jwk = { kty: "EC", crv: "P-256", x, y } as const;
  return privateKey ? { ...jwk, d: encodeBase64Url(privateKey) } : jwk;
}

/**
 * @throws BlindreelError `invalid-key` naming what is wrong: another curve, a wrong length, or a private key, which
 *   must never be distributed as a recipient.
 */
export function decodePublicJwk(jwk: object): RawPublicKey {
  const members = membersOf(jwk as Members);
  const leaked = PRIVATE_MEMBERS.find((name) => members[name] !== undefined);
  if (leaked !== undefined) {
    throw invalidKey(`this JWK is a private key (it has "${leaked}"); a recipient must be a public key`);
  }
  return publicHalf(members);
}

export function decodePrivateJwk(jwk: object): RawPrivateKey {
  const members = membersOf(jwk as Members);
  if (members.d === undefined)
    throw invalidKey('this JWK is a public key (it has no "d"); a private key is needed');
  return { ...publicHalf(members), privateKey: keyMember(members, "d") };
}

function publicHalf(members: Members): RawPublicKey {
  const x = keyMember(members, "x");
  if (members.kty === "OKP") return { curve: "X25519", publicKey: x };
  return { curve: "P-256", publicKey: concatBytes(Uint8Array.of(0x04), x, keyMember(members, "y")) };
}

function membersOf(members: Members): Members {
  const { kty, crv, use, alg } = members;
  if ((kty === "OKP" && crv === "X25519") || (kty === "EC" && crv === "P-256")) {
    // RFC 7517 §4.2, §4.4. One P-256 key for signatures and agreement has no proof of security.
    if (use !== "sig" && alg !== "ES256") return members;
    throw invalidKey("this JWK is a key for signatures; one for encryption is needed");
  }
  const given = `kty ${shown(kty)}${crv === undefined ? "" : `, crv ${shown(crv)}`}`;
  const purpose = crv === "Ed25519" || crv === "Ed448" ? ", which signs and does not encrypt" : "";
  throw invalidKey(`a JWK for X25519 or P-256 is needed, got ${given}${purpose}`);
}

function keyMember(members: Members, name: "x" | "y" | "d"): Bytes {
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

/** Registered names are short and plain; anything else may be a key in the wrong place. */
function shown(value: unknown): string {
  if (typeof value === "string" && /^[\w-]{1,16}$/.test(value)) return `"${value}"`;
  return value === undefined ? "missing" : `of type ${typeof value}`;
}
