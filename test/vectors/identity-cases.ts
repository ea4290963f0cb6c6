import { argon2i } from "@noble/hashes/argon2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { ErrorCode } from "../../src/errors.js";
import { alice, bob, mallory } from "./cases.js";
import { type Forgery, forge, type KeyPair } from "./forge.js";
import {
  type Authenticator,
  laptop,
  noise,
  PASSPHRASE,
  type PasskeyForgery,
  type PassphraseForgery,
  passkeySlot,
  passphraseSlot,
  token,
} from "./identity-forge.js";

/** Identity files: attacks D10, F7 and G. */

/** A vector before it is written. */
export interface IdentityCase {
  readonly name: string;
  readonly why: string;
  readonly expect: "ok" | ErrorCode;
  readonly seal: (name: string) => Uint8Array;
  readonly reader: IdentityReader;
}

/** What the reader has. */
export interface IdentityReader {
  /** Thumbprint of the key that has to be inside, in hex. */
  readonly expected: string;
  readonly passphrase?: string;
  /** Credential id and the secret of an authenticator, and the domain: see README.md. */
  readonly passkey?: Authenticator;
  readonly identity?: KeyPair;
}

const AUTH = "authentication-failed";

const key = (pair: KeyPair, change: Record<string, unknown> = {}) => {
  const [d, x] = [pair.secret, pair.publicKey].map((bytes) => Buffer.from(bytes!).toString("base64url"));
  return JSON.stringify({ crv: "X25519", d, kty: "OKP", x, ...change });
};
const thumbprintOf = ({ publicKey }: KeyPair): string => {
  const x = Buffer.from(publicKey).toString("base64url");
  return Buffer.from(sha256(utf8ToBytes(`{"crv":"X25519","kty":"OKP","x":"${x}"}`))).toString("hex");
};
const expected = thumbprintOf(alice);

const sealed =
  (forgery: Forgery, content = key(alice)) =>
  (name: string): Uint8Array =>
    forge(name, utf8ToBytes(content), { kind: 3, ...forgery }, [bob]);
const withPassphrase = (...slots: PassphraseForgery[]): Forgery => ({
  slots: (_honest, _wrap, secrets) => slots.map((slot) => passphraseSlot(slot, secrets)),
});
const withPasskeys = (...slots: PasskeyForgery[]): Forgery => ({
  slots: (_honest, _wrap, secrets) => slots.map((slot) => passkeySlot(slot, secrets)),
});

const typed: IdentityReader = { expected, passphrase: PASSPHRASE };
const touched: IdentityReader = { expected, passkey: laptop };
const held: IdentityReader = { expected, identity: bob };

const passphrase = (
  name: string,
  why: string,
  expect: IdentityCase["expect"],
  forgery: PassphraseForgery | readonly PassphraseForgery[],
  reader: IdentityReader = typed,
): IdentityCase => ({ name, why, expect, seal: sealed(withPassphrase(...[forgery].flat())), reader });

const passkey = (
  name: string,
  why: string,
  expect: IdentityCase["expect"],
  forgery: PasskeyForgery | readonly PasskeyForgery[],
  reader: IdentityReader = touched,
): IdentityCase => ({ name, why, expect, seal: sealed(withPasskeys(...[forgery].flat())), reader });

const content = (name: string, why: string, expect: IdentityCase["expect"], text: string): IdentityCase => ({
  name,
  why,
  expect,
  seal: sealed({}, text),
  reader: held,
});

const NFD = "Za\u0308hler";
const saying = (text: string): IdentityReader => ({ expected, passphrase: text });

export const identityCases: readonly IdentityCase[] = [
  passphrase("ok-passphrase", "A passphrase opens at the lowest cost.", "ok", {}),
  passphrase("ok-passphrase-cost", "Memory, passes and lanes are the slot's.", "ok", {
    cost: { m: 20_000, t: 3, p: 4 },
  }),
  passphrase(
    "ok-passphrase-nul",
    "NUL counts as any character.",
    "ok",
    { passphrase: "a\0b" },
    saying("a\0b"),
  ),
  passphrase(
    "ok-passphrase-nfd",
    "Composed and decomposed text are one passphrase.",
    "ok",
    { passphrase: NFD },
    saying(NFD),
  ),
  passphrase("ok-passphrase-name", "The name of a passphrase's slot means nothing.", "ok", {
    keyId: noise("another name", 16),
  }),
  passkey("ok-passkey", "A passkey opens.", "ok", {}),
  passkey("ok-two-passkeys", "Either of two passkeys opens.", "ok", [{ of: token }, {}]),
  passkey("ok-other-domain", "Passkeys of other domains are passed over.", "ok", [
    { of: { ...token, rpId: "other.example.edu" } },
    {},
  ]),
  {
    name: "ok-passkey-and-identity",
    why: "Passkeys and identities stand beside each other.",
    expect: "ok",
    seal: sealed({ slots: (honest, _wrap, secrets) => [...honest, passkeySlot({}, secrets)] }),
    reader: touched,
  },
  content("ok-identity", "Another identity opens.", "ok", key(alice)),
  content("ok-member", "Other members of a JWK are passed over.", "ok", key(alice, { z: 1 })),

  passphrase("G1-memory", "Memory above the ceiling is refused before work.", "limit-exceeded", {
    stated: { m: 262_145 },
  }),
  passphrase("G1-memory-most", "So is the most that fits into the field.", "limit-exceeded", {
    stated: { m: 2 ** 32 - 1 },
  }),
  passphrase("G1-passes", "Passes above the ceiling are refused.", "limit-exceeded", { stated: { t: 17 } }),
  passphrase("G1-lanes", "Lanes above the ceiling are refused.", "limit-exceeded", { stated: { p: 5 } }),
  passphrase(
    "G2-memory",
    "Memory below the floor is refused, even where the work was done so.",
    "malformed",
    {
      cost: { m: 19_455, t: 2, p: 1 },
    },
  ),
  passphrase("G2-passes", "One pass is refused.", "malformed", { cost: { m: 19_456, t: 1, p: 1 } }),
  passphrase("G2-lanes", "No lane is refused.", "malformed", { stated: { p: 0 } }),
  passphrase("G3-salt", "The salt is the one of the work.", AUTH, { body: flipAt(0) }),
  passphrase("G3-memory", "The memory is the one of the work.", AUTH, { stated: { m: 19_457 } }),
  passphrase("G3-passes", "The passes are those of the work.", AUTH, { stated: { t: 3 } }),
  passphrase("G3-lanes", "The lanes are those of the work.", AUTH, { stated: { p: 2 } }),
  passphrase("G3-wrapped", "The wrapped key is authenticated.", AUTH, { body: flipAt(25) }),
  passphrase("G3-tag", "The tag is checked.", AUTH, { body: flipAt(72) }),
  passphrase("G3-key-id", "The wrapping is bound to its keyId.", AUTH, { bound: { keyId: noise("x", 16) } }),
  passphrase("G3-type", "The wrapping is bound to its type.", AUTH, { bound: { type: 4 } }),
  passphrase("G3-core", "The wrapping is bound to its core.", AUTH, {
    bound: { coreHash: noise("another core", 32) },
  }),
  passphrase("G3-label", "The wrapping has a label of its own.", AUTH, { label: "slot" }),
  passphrase("G3-nonce", "The nonce is zero.", AUTH, { nonce: noise("nonce", 12) }),
  passphrase("G3-argon2i", "The function is Argon2id.", AUTH, { work: argon2i }),
  passphrase("G3-other-file-key", "Only the committed file key counts.", AUTH, { fileKey: noise("key", 32) }),
  passphrase("G3-other-passphrase", "Another passphrase does not open.", AUTH, {}, saying("Correct horse")),
  passphrase("G4-two-passphrases", "A passphrase stands alone.", "malformed", [
    {},
    { keyId: noise("second", 16), passphrase: "x" },
  ]),
  passphrase("G4-anonymous", "A passphrase's slot has a name.", "malformed", { keyId: new Uint8Array(16) }),
  {
    name: "G4-beside-identity",
    why: "A passphrase stands alone, also beside a key that the reader has.",
    expect: "malformed",
    seal: sealed({ slots: (honest, _wrap, secrets) => [...honest, passphraseSlot({}, secrets)] }),
    reader: { ...typed, ...held },
  },
  passphrase(
    "G4-no-passphrase",
    "A key of another type opens no passphrase's slot.",
    "no-matching-key",
    {},
    held,
  ),
  passphrase(
    "G5-decomposed",
    "A writer that did not normalise made another passphrase.",
    AUTH,
    { passphrase: utf8ToBytes(NFD) },
    saying(NFD),
  ),
  passphrase(
    "G5-latin-1",
    "A passphrase is UTF-8.",
    AUTH,
    { passphrase: Buffer.from("Zähler", "latin1") },
    saying("Zähler"),
  ),
  passphrase("G5-nul", "Nothing ends at NUL.", AUTH, { passphrase: "a" }, saying("a\0b")),
  passphrase("G5-space", "Nothing is trimmed.", AUTH, { passphrase: "a" }, saying("a ")),
  passphrase("G5-case", "Case counts.", AUTH, { passphrase: "a" }, saying("A")),
  passphrase("G5-compatible", "Look-alikes are other characters.", AUTH, { passphrase: "ﬁ" }, saying("fi")),

  passkey("G3-passkey-salt", "The salt is the one that was evaluated.", AUTH, {
    evaluatedAt: noise("another salt", 32),
  }),
  passkey("G3-passkey-prefix", "The browser hashes the salt with a prefix.", AUTH, {
    secret: hmac(sha256, laptop.credRandom, noise("prf salt", 32)),
  }),
  passkey("G3-passkey-domain", "A passkey belongs to its domain.", AUTH, { rpId: "evil.example" }),
  passkey("G3-passkey-wrapped", "The wrapped key is authenticated.", AUTH, { body: flipAt(64) }),
  passkey("G3-passkey-key-id", "The wrapping is bound to its keyId.", AUTH, {
    bound: { keyId: noise("x", 16) },
  }),
  passkey("G3-passkey-core", "The wrapping is bound to its core.", AUTH, {
    bound: { coreHash: noise("another core", 32) },
  }),
  passkey("G3-passkey-other", "Another's passkey is not the reader's.", "no-matching-key", { of: token }),
  passkey("G4-passkey-two-salts", "All passkeys of an envelope have one salt.", "malformed", [
    {},
    { of: token, salt: noise("second salt", 32) },
  ]),
  passkey("G4-passkey-anonymous", "A passkey's slot has a name.", "malformed", { keyId: new Uint8Array(16) }),
  passkey("G4-passkey-twice", "One passkey has one slot.", "malformed", [{}, { fileKey: noise("key", 32) }]),

  ...[1, 2, 4, 5].map(
    (kind): IdentityCase => ({
      name: `D10-kind-${kind}`,
      why: "An object of another kind is no identity file.",
      expect: "wrong-kind",
      seal: sealed({ kind }),
      reader: held,
    }),
  ),
  content("F7-other-pair", "A pair of somebody else is refused.", "unexpected-identity", key(mallory)),
  content(
    "F7-private-half",
    "The private half of another pair is refused.",
    "invalid-key",
    keyWith("d", mallory),
  ),
  content(
    "F7-public-half",
    "The public half of another pair is refused.",
    "invalid-key",
    keyWith("x", mallory),
  ),
  content("F7-public-key", "A public key is no private one.", "invalid-key", withoutPrivate()),
  content("F7-short", "Every member has its length.", "invalid-key", key(alice, { d: "AAAA" })),
  content("F7-curve", "Another curve is refused.", "invalid-key", key(alice, { crv: "X448" })),
  content(
    "F7-order",
    "The JSON is canonical: members in order.",
    "invalid-json",
    `{"kty":"OKP",${key(alice).slice(1, -1).replace(',"kty":"OKP"', "")}}`,
  ),
  content("F7-space", "The JSON is canonical: no spaces.", "invalid-json", key(alice).replace(":", ": ")),
  content("F7-twice", "No member stands twice.", "invalid-json", key(alice).replace("{", '{"crv":"X25519",')),
  content("F7-number", "A number is no key.", "invalid-key", "5"),
  content("F7-nothing", "Nothing is no key.", "invalid-json", ""),
];

function flipAt(offset: number): (body: Uint8Array) => Uint8Array {
  return (body) => body.map((byte, i) => (i === offset ? byte ^ 1 : byte));
}

function keyWith(member: "d" | "x", other: KeyPair): string {
  return key(alice, { [member]: (JSON.parse(key(other)) as Record<string, unknown>)[member] });
}

function withoutPrivate(): string {
  const { d: _, ...rest } = JSON.parse(key(alice)) as Record<string, unknown>;
  return JSON.stringify(rest);
}
