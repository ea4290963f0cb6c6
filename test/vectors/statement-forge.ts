import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { Seeded, u16 } from "./forge.js";

/** A second writer of signed statements, from docs/format-v1.md and independent of `src`. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Members = Record<string, Json>;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** RFC 8785, for the values of statements. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = value as Members;
  const names = Object.keys(members).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(members[name]!)}`).join(",")}}`;
}

/** RFC 7638, for JWKs of required members alone. */
export const thumbprint = (jwk: Json): Uint8Array => sha256(utf8ToBytes(canonical(jwk)));

export interface SignerPair {
  readonly seed: Uint8Array;
  readonly jwk: Members;
  readonly kid: string;
  /** Of the thumbprint. */
  readonly pin: string;
}

export function signer(name: string): SignerPair {
  const seed = new Seeded(name).bytes(32);
  const jwk = { kty: "OKP", crv: "Ed25519", x: base64Url(ed25519.getPublicKey(seed)) };
  return { seed, jwk, kid: base64Url(thumbprint(jwk)), pin: hex(thumbprint(jwk)) };
}

export interface PublicKey {
  readonly jwk: Members;
  readonly kid: string;
}

export function x25519Key(name: string): PublicKey {
  const jwk = { kty: "OKP", crv: "X25519", x: base64Url(x25519.getPublicKey(new Seeded(name).bytes(32))) };
  return { jwk, kid: base64Url(thumbprint(jwk)) };
}

export function p256Key(name: string): PublicKey {
  const point = p256.getPublicKey(new Seeded(name).bytes(32), false);
  const [x, y] = [base64Url(point.slice(1, 33)), base64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", x, y };
  return { jwk, kid: base64Url(thumbprint(jwk)) };
}

/** MLKEM768-X25519: the halves' public keys, one after the other. */
export function xWingKey(name: string): PublicKey {
  const seeded = new Seeded(name);
  const { publicKey } = ml_kem768.keygen(seeded.bytes(64));
  return akp(concatBytes(publicKey, x25519.getPublicKey(seeded.bytes(32))));
}

export function akp(pub: Uint8Array): PublicKey {
  const label = utf8ToBytes("blindreel/v1 key\0");
  const jwk = { kty: "AKP", alg: "MLKEM768-X25519", pub: base64Url(pub) };
  return { jwk, kid: base64Url(sha256(concatBytes(label, u16(0x647a), pub))) };
}

export interface StatementFault {
  /** In place of the canonical payload. */
  readonly payload?: string;
  readonly header?: string;
  /** Signs; the header still names the other. */
  readonly by?: SignerPair;
  /** Of the text, after signing. */
  readonly edit?: (text: string) => string;
}

export function sign(typ: string, payload: Json, by: SignerPair, fault: StatementFault = {}): string {
  const header = fault.header ?? `{"alg":"Ed25519","kid":"${by.kid}","typ":"${typ}"}`;
  const parts = [header, fault.payload ?? canonical(payload)].map((text) => base64Url(utf8ToBytes(text)));
  const input = parts.join(".");
  const text = `${input}.${base64Url(ed25519.sign(utf8ToBytes(input), (fault.by ?? by).seed))}`;
  return fault.edit?.(text) ?? text;
}
