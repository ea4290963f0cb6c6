import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { isStrictPoint, signEd25519, verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { signaturesOf } from "../crypto/signatures.js";
import { BlindreelError, invalidKey, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument, compareBytes, concatBytes, isAllZero } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { ED25519_PKCS8 } from "../formats/der.js";
import { Tag } from "../formats/der-reader.js";
import { decodeBase64Url, encodeBase64Url, encodeHex } from "../formats/encoding.js";
import { encodeJson, parseJson } from "../formats/json.js";
import { type Checks, readOptions } from "../formats/options.js";
import { decodePem, encodePem, findPem, isPem, PemLabel } from "../formats/pem.js";
import { decodeEd25519Der, type RawSigningKey } from "../formats/pkix.js";
import { decodeText, withinKeyFile } from "../keywrap/key-input.js";

/** Ed25519 keys that sign statements: roots, registrars, staff, witnesses. */

/** An Ed25519 key wherever it is kept (a token, a KMS, a ceremony of several people): `sign` returns 64 bytes. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** A public Ed25519 key as JWK (RFC 8037 §2). */
export interface SigningJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
}

/** A private Ed25519 key as JWK (RFC 8037 §2). */
export interface SigningPrivateJwk extends SigningJwk {
  /** The seed (RFC 8032 §5.1.5). */
  readonly d: string;
}

/** A signing key that this process holds as bytes, and can therefore export. */
export interface SigningKey extends Signer {
  /** RFC 7638 thumbprint, SHA-256, as 64 hex digits: what people compare and pin. */
  readonly thumbprint: string;
  toJwk(): SigningPrivateJwk;
  publicJwk(): SigningJwk;
  /** PKCS#8 (RFC 8410 §7). */
  toPem(): string;
}

/** Options of {@link importSigningKey}. */
export interface SigningKeyOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

const OPTIONS: Checks<SigningKeyOptions> = { crypto: providerArgument };

const providerOf = (given: SigningKeyOptions | undefined): CryptoProvider =>
  readOptions<SigningKeyOptions>("options", given, OPTIONS).crypto ?? defaultProvider();

/** Makes a new signing key. Keep it with `toJwk`, `toPem`, or in a token of which only {@link Signer} is known. */
export async function generateSigningKey(options?: SigningKeyOptions): Promise<SigningKey> {
  const crypto = providerOf(options);
  return signingKeyOf(randomBytes(crypto, KEY_LENGTH), undefined, crypto);
}

/**
 * Reads a private Ed25519 key: the seed, a JWK (object or JSON text), or PEM or DER (PKCS#8). The text of a key file may also come
 * as its bytes.
 *
 * @throws BlindreelError `invalid-key`, also where a stated public half does not belong to it; `invalid-json`.
 */
export async function importSigningKey(
  input: Uint8Array | SigningPrivateJwk | string,
  options?: SigningKeyOptions,
): Promise<SigningKey> {
  const crypto = providerOf(options);
  const { seed, publicKey } = readSigningKey(input);
  return signingKeyOf(seed, publicKey, crypto);
}

function readSigningKey(input: unknown): RawSigningKey {
  if (isUint8Array(input))
    return readSigningBytes(withinKeyFile(bytesArgument("the signing key", input)).slice());
  return typeof input === "string" ? readSigningText(withinKeyFile(input)) : readSigningJwk(input);
}

function readSigningJwk(value: unknown): RawSigningKey {
  const jwk = signingJwk(value);
  if (jwk.d === undefined)
    throw invalidKey('this JWK is a public key (it has no "d"); a private key is needed');
  return { seed: member(jwk.d, "d"), publicKey: member(jwk.x, "x") };
}

/** The seed, DER, which begins with a sequence, or the text of a key file. */
function readSigningBytes(bytes: Bytes): RawSigningKey {
  if (bytes.length <= KEY_LENGTH) return { seed: bytes, publicKey: undefined };
  if (bytes[0] === Tag.sequence) return readSigningDer(bytes);
  const text = decodeText(bytes);
  if (text !== undefined) return readSigningText(text);
  throw invalidKey(`an Ed25519 seed must be ${KEY_LENGTH} bytes, got ${bytes.length}`);
}

function readSigningText(text: string): RawSigningKey {
  if (!isPem(text)) return readSigningJwk(parseJson(text.replace(/^\ufeff/, ""), "the signing key"));
  const block = findPem(text);
  const { label } = block;
  if (label === PemLabel.privateKey) return readSigningDer(decodePem(block));
  const advice =
    label === "ENCRYPTED PRIVATE KEY" ? ", which is encrypted: decrypt it first (openssl pkey -in FILE)" : "";
  throw invalidKey(`a PEM of "${PemLabel.privateKey}" is needed, got "${label}"${advice}`);
}

function readSigningDer(bytes: Bytes): RawSigningKey {
  const key = decodeEd25519Der(bytes);
  if (key) return key;
  throw invalidKey(
    "this is no private Ed25519 key (PKCS#8, RFC 8410): another algorithm, encrypted, or a public key",
  );
}

/** The 32 bytes of a public Ed25519 JWK. @throws BlindreelError `invalid-key`, also for a private one. */
export function decodeSigningJwk(value: unknown): Bytes {
  const jwk = signingJwk(value);
  if (jwk.d !== undefined) throw invalidKey("this JWK is a private key; a public one is needed");
  return checkedPoint(member(jwk.x, "x"));
}

export function encodeSigningJwk(publicKey: Uint8Array): SigningJwk {
  return { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(publicKey) };
}

/** RFC 7638, RFC 8037 §2: over `{"crv":"Ed25519","kty":"OKP","x":…}`. 32 bytes. */
export async function signingThumbprint(crypto: CryptoProvider, publicKey: Uint8Array): Promise<Bytes> {
  return crypto.digest("SHA-256", encodeJson({ ...encodeSigningJwk(publicKey) }));
}

/** A caller's signer. @throws TypeError, BlindreelError `invalid-key`. */
export function signerArgument(name: string, value: unknown): Signer {
  const signer = value as Partial<Signer> | null | undefined;
  if (typeof signer?.sign !== "function") throw wrongType(name, "an object with publicKey and sign", value);
  const publicKey = checkedPoint(bytesArgument(`${name}.publicKey`, signer.publicKey).slice());
  return { publicKey, sign: (message) => signer.sign!(message) };
}

/**
 * Asks a signer, and checks what it answers: a token with another key is found here and not by the readers.
 *
 * @throws BlindreelError `provider-fault`.
 */
export async function signWith(crypto: CryptoProvider, signer: Signer, message: Bytes): Promise<Bytes> {
  const signature = bytesArgument("the signature", await signer.sign(message.slice())).slice();
  if (await verifyEd25519(crypto, signer.publicKey as Bytes, message, signature)) return signature;
  throw new BlindreelError("provider-fault", "the signer's signature is not of its public key", undefined);
}

async function signingKeyOf(
  seed: Bytes,
  stated: Bytes | undefined,
  crypto: CryptoProvider,
): Promise<SigningKey> {
  if (seed.length !== KEY_LENGTH)
    throw invalidKey(`an Ed25519 seed must be ${KEY_LENGTH} bytes, got ${seed.length}`);
  if (isAllZero(seed)) throw invalidKey("an Ed25519 seed of zeros is no secret");
  const publicKey = await signaturesOf(crypto).deriveEd25519PublicKey(seed);
  if (stated && compareBytes(stated, publicKey) !== 0)
    throw invalidKey(
      "the public key does not belong to the private key: the key file was altered or mixed up",
    );
  const handle: PrivateKeyHandle = await signaturesOf(crypto).importEd25519(seed);
  return {
    publicKey,
    thumbprint: encodeHex(await signingThumbprint(crypto, publicKey)),
    sign: (message) => signEd25519(crypto, handle, bytesArgument("message", message)),
    toJwk: () => ({ ...encodeSigningJwk(publicKey), d: encodeBase64Url(seed) }),
    publicJwk: () => encodeSigningJwk(publicKey),
    toPem: () => encodePem({ label: PemLabel.privateKey, content: concatBytes(ED25519_PKCS8, seed) }),
  };
}

function signingJwk(value: unknown): Partial<Record<"x" | "d", unknown>> {
  const jwk = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (jwk.use === "enc") throw invalidKey("this JWK is a key for encryption; one that signs is needed");
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") return jwk;
  throw invalidKey('a JWK of kty "OKP" and crv "Ed25519" is needed: a key that signs');
}

function member(value: unknown, name: string): Bytes {
  try {
    const bytes = decodeBase64Url(value as string);
    if (bytes.length === KEY_LENGTH) return bytes;
  } catch {
    // Said below, without the text.
  }
  throw invalidKey(`the JWK's "${name}" is not ${KEY_LENGTH} bytes of canonical base64url`);
}

/** RFC 8032 §5.1.3, and no point of small order: with such a key every signature would hold. */
function checkedPoint(publicKey: Bytes): Bytes {
  if (isStrictPoint(publicKey)) return publicKey;
  throw invalidKey("the Ed25519 public key is not canonical, or of small order");
}
