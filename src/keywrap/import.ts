import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { BlindreelError, invalidKey, wrongType } from "../errors.js";
import { isCryptoKey } from "../formats/brand.js";
import { type Bytes, bytesArgument, compareBytes } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { encodePkcs8 } from "../formats/der.js";
import type {
  CurveName,
  EcJwk,
  EcPrivateJwk,
  OkpJwk,
  OkpPrivateJwk,
  RawPrivateKey,
  RawPublicKey,
} from "../formats/jwk.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import { encodePem, PemLabel } from "../formats/pem.js";
import { recipientOf } from "./curves.js";
import { checkedDh, type RecipientPrivateKey } from "./dhkem.js";
import {
  type IdentityInput,
  type PlatformIdentityInput,
  type RecipientInput,
  readPrivateKey,
  readPublicKey,
} from "./key-input.js";
import type { P256Identity, P256Recipient } from "./p256.js";
import { PRIVATE_CURVES, X25519_BASE_POINT } from "./private-curves.js";
import type { X25519Identity, X25519Recipient } from "./x25519.js";

/** Options of functions that read keys. */
export interface KeyOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

/** Options of {@link generateIdentity}. */
export interface GenerateOptions extends KeyOptions {
  /** `"X25519"` unless stated; `"P-256"` where keys have to move to a KMS, an HSM or a PIV card. */
  readonly curve?: CurveName;
}

const KEY: Checks<KeyOptions> = { crypto: providerArgument };
const GENERATE: Checks<GenerateOptions> = {
  ...KEY,
  curve(name, value) {
    if (value !== "X25519" && value !== "P-256") throw wrongType(name, '"X25519" or "P-256"', value);
    return value;
  },
};

function providerOf(given: KeyOptions | undefined): CryptoProvider {
  return readOptions<KeyOptions>("options", given, KEY).crypto ?? defaultProvider();
}

/** What {@link importRecipient} makes. */
export type KeyRecipient = X25519Recipient | P256Recipient;

/** What {@link importIdentity} makes. */
export type KeyIdentity = X25519Identity | P256Identity;

/** An identity whose private key this process holds as bytes, and can therefore export. */
export type ExportableIdentity<I extends KeyIdentity = X25519Identity> = I & {
  /** The private key as JWK (RFC 8037 §2, RFC 7518 §6.2.2). It opens everything sealed to this identity. */
  toJwk(): I extends X25519Identity ? OkpPrivateJwk : EcPrivateJwk;
  /** The private key as PEM (PKCS#8, RFC 5958; RFC 8410 §7). */
  toPem(): string;
};

/**
 * Reads a public key of X25519 or P-256.
 *
 * @throws BlindreelError `invalid-key` saying what was given: a private key, another curve or length, a non-canonical
 *   encoding, a point of low order or off the curve; `invalid-json` for text that is neither PEM nor strict JSON.
 * @category Recorder
 */
export function importRecipient(input: OkpJwk, options?: KeyOptions): Promise<X25519Recipient>;
export function importRecipient(input: EcJwk, options?: KeyOptions): Promise<P256Recipient>;
export function importRecipient(input: RecipientInput, options?: KeyOptions): Promise<KeyRecipient>;
export async function importRecipient(input: RecipientInput, options?: KeyOptions): Promise<KeyRecipient> {
  const crypto = providerOf(options);
  return recipientOf(isCryptoKey(input) ? await publicCryptoKey(input) : await readPublicKey(input), crypto);
}

async function publicCryptoKey(key: CryptoKey): Promise<RawPublicKey> {
  if (key.type !== "public")
    throw invalidKey(`a recipient must be a public key, this CryptoKey is ${key.type}`);
  const curve = curveOf(key);
  try {
    return { curve, publicKey: new Uint8Array(await globalThis.crypto.subtle.exportKey("raw", key)) };
  } catch (cause) {
    throw invalidKey("this CryptoKey cannot be exported, which a public key has to be", { cause });
  }
}

function curveOf({ algorithm }: CryptoKey): CurveName {
  const { name, namedCurve } = algorithm as { readonly name: string; readonly namedCurve?: string };
  if (name === "X25519") return "X25519";
  if (name === "ECDH" && namedCurve === "P-256") return "P-256";
  const given = namedCurve === undefined ? name : `${name} on ${namedCurve}`;
  throw invalidKey(`a CryptoKey for X25519, or ECDH on P-256, is needed, got ${given}`);
}

/** Of a random source that works, eight give no scalar once in 2^256. */
const MOST_ATTEMPTS = 8;

/**
 * Makes a new identity. Keep it with `toJwk`, `toPem`, or sealed (`protectIdentity`).
 *
 * @throws BlindreelError `bad-random`.
 * @category Institution
 */
export function generateIdentity(
  options?: GenerateOptions & { readonly curve?: "X25519" },
): Promise<ExportableIdentity>;
export function generateIdentity(
  options: GenerateOptions & { readonly curve: "P-256" },
): Promise<ExportableIdentity<P256Identity>>;
export function generateIdentity(options?: GenerateOptions): Promise<ExportableIdentity<KeyIdentity>>;
export async function generateIdentity(given?: GenerateOptions): Promise<ExportableIdentity<KeyIdentity>> {
  const options = readOptions<GenerateOptions>("options", given, GENERATE);
  const { crypto = defaultProvider(), curve = "X25519" } = options;
  const { privateKeyFault } = PRIVATE_CURVES[curve];
  // P-256: once in 2^32, the bytes are no scalar (FIPS 186-5 §A.2.2).
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const privateKey = randomBytes(crypto, KEY_LENGTH);
    if (!privateKeyFault(privateKey))
      return exportableIdentity({ curve, privateKey, publicKey: undefined }, crypto);
  }
  throw new BlindreelError("bad-random", "the random source returned no scalar in eight attempts", undefined);
}

/**
 * Reads a private key of X25519 or P-256. A platform key may be non-extractable; its identity cannot be exported. Where the
 * input states a public half (JWK, key pair, PKCS#8), it must belong to the private one.
 *
 * @throws BlindreelError `invalid-key` saying what was given; `invalid-json` for text that is neither PEM nor strict JSON.
 * @category Reviewer
 */
export function importIdentity(input: PlatformIdentityInput, options?: KeyOptions): Promise<KeyIdentity>;
export function importIdentity(
  input: OkpPrivateJwk | Uint8Array,
  options?: KeyOptions,
): Promise<ExportableIdentity>;
export function importIdentity(
  input: EcPrivateJwk,
  options?: KeyOptions,
): Promise<ExportableIdentity<P256Identity>>;
export function importIdentity(input: string, options?: KeyOptions): Promise<ExportableIdentity<KeyIdentity>>;
export function importIdentity(input: IdentityInput, options?: KeyOptions): Promise<KeyIdentity>;
export async function importIdentity(input: IdentityInput, options?: KeyOptions): Promise<KeyIdentity> {
  const crypto = providerOf(options);
  if (isCryptoKey(input)) return importPlatformKey(input, undefined, crypto);
  const pair = keyPairOf(input);
  if (pair) return importPlatformKey(pair.privateKey, pair.publicKey, crypto);
  return exportableIdentity(await readPrivateKey(input), crypto);
}

async function exportableIdentity(
  { curve: name, privateKey, publicKey: stated }: RawPrivateKey,
  crypto: CryptoProvider,
): Promise<ExportableIdentity<KeyIdentity>> {
  const curve = PRIVATE_CURVES[name];
  const fault = curve.privateKeyFault(privateKey);
  if (fault) throw invalidKey(`the ${name} private key ${fault}`);
  const publicKey = await curve.derivePublicKey(crypto, privateKey);
  if (stated && compareBytes(stated, publicKey) !== 0) throw mixedUp();
  const handles = new WeakMap<CryptoProvider, PrivateKeyHandle>();
  const agree: RecipientPrivateKey["agree"] = async (peer, provider) => {
    const handle = handles.get(provider) ?? (await curve.importPrivate(provider, privateKey, publicKey));
    handles.set(provider, handle);
    return curve.group.dh(provider, handle, await curve.group.importPublicKey(provider, peer));
  };
  const recipient = await recipientOf({ curve: name, publicKey }, crypto);
  // Methods that close over the key: no property shows it to `console.log` or JSON.
  return Object.assign(curve.identity(recipient, agree), {
    toJwk: () => curve.privateJwk(publicKey, privateKey),
    toPem: () =>
      encodePem({
        label: PemLabel.privateKey,
        content: encodePkcs8({ curve: name, publicKey, privateKey }),
      }),
  }) as ExportableIdentity<KeyIdentity>;
}

const mixedUp = () =>
  invalidKey("the public key does not belong to the private key: the key file was altered or mixed up");

async function importPlatformKey(
  privateKey: CryptoKey,
  publicKey: CryptoKey | undefined,
  crypto: CryptoProvider,
): Promise<KeyIdentity> {
  const name = curveOf(privateKey);
  if (privateKey.type !== "private")
    throw invalidKey(`a private CryptoKey is needed, this one is ${privateKey.type}`);
  if (!privateKey.usages.includes("deriveBits"))
    throw invalidKey('the CryptoKey lacks the usage "deriveBits"');
  const curve = PRIVATE_CURVES[name];
  const agree = (peer: Bytes) => curve.agreeOnPlatform(privateKey, peer);
  if (publicKey) return agreementIdentity(await publicCryptoKey(publicKey), agree, crypto);
  // Agreement with the base point gives X25519's public key, and of P-256's only one coordinate.
  if (name === "P-256")
    throw invalidKey("a P-256 CryptoKey needs its public half: import { privateKey, publicKey }");
  const derived = await agree(X25519_BASE_POINT);
  return curve.identity(await recipientOf({ curve: name, publicKey: derived }, crypto), agree);
}

/**
 * An identity whose private key lives elsewhere (an HSM, a smart card, a KMS) and can do raw X25519, or ECDH on P-256.
 *
 * @param publicKey its public half. @param agree returns X25519(private key, `publicKey`), or the x coordinate of the
 *   shared point, 32 bytes. It is called once here, with a random key, to check that both halves belong together.
 * @throws BlindreelError `invalid-key` where they do not.
 * @category Institution
 */
export async function identityFromAgreement(
  publicKey: RecipientInput,
  agree: (publicKey: Bytes) => Promise<Bytes>,
  options?: KeyOptions,
): Promise<KeyIdentity> {
  functionArgument("agree", agree);
  const crypto = providerOf(options);
  const key = isCryptoKey(publicKey) ? await publicCryptoKey(publicKey) : await readPublicKey(publicKey);
  // Copies both ways: secrets are wiped after use, and the seam's buffers belong to it.
  const ownAgree = async (peer: Bytes) =>
    bytesArgument("the agreed secret", await agree(peer.slice())).slice();
  return agreementIdentity(key, ownAgree, crypto);
}

/** Checks that both halves belong together, by an agreement with a random pair. */
async function agreementIdentity(
  key: RawPublicKey,
  agree: (peer: Bytes) => Promise<Bytes>,
  crypto: CryptoProvider,
): Promise<KeyIdentity> {
  const { group, identity } = PRIVATE_CURVES[key.curve];
  const recipient = await recipientOf(key, crypto);
  const probe = await group.generate(crypto);
  const handle = await group.importPublicKey(crypto, key.publicKey);
  const expected = await checkedDh(crypto, group, probe.privateKey, handle);
  if (compareBytes(await agree(probe.publicKey), expected) !== 0) throw mixedUp();
  return identity(recipient, agree);
}

/** A pair of platform keys, each of its members read once; undefined for anything else. */
function keyPairOf(value: unknown): { privateKey: CryptoKey; publicKey: CryptoKey | undefined } | undefined {
  const { privateKey, publicKey } = (value ?? {}) as Record<"privateKey" | "publicKey", unknown>;
  if (!isCryptoKey(privateKey)) return undefined;
  if (publicKey !== undefined && !isCryptoKey(publicKey)) {
    throw invalidKey("the pair's public key is no CryptoKey");
  }
  return { privateKey, publicKey };
}
