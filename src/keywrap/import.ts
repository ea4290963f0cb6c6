import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { webCryptoHandle, webCryptoProvider } from "../crypto/webcrypto.js";
import { invalidKey } from "../errors.js";
import { isCryptoKey, isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument, equalBytes, isAllZero } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { parseJson } from "../formats/json.js";
import {
  decodePrivateJwk,
  decodePublicJwk,
  encodePrivateJwk,
  type OkpJwk,
  type OkpPrivateJwk,
} from "../formats/jwk.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import { decodePrivatePem, decodePublicPem, encodePrivatePem } from "../formats/pem.js";
import { checkPublicKey, checkSharedSecret } from "./point.js";
import { thumbprint } from "./thumbprint.js";
import { type X25519Agreement, X25519Identity, X25519Recipient } from "./x25519.js";

/** u = 9, the base point (RFC 7748 §4.1): agreement with it derives the public half, on any backend. */
const BASE_POINT: Bytes = /* @__PURE__ */ new Uint8Array(KEY_LENGTH).fill(9, 0, 1);

/** Options of the functions that make keys. */
export interface KeyOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

const KEY: Checks<KeyOptions> = { crypto: providerArgument };

function providerOf(given: KeyOptions | undefined): CryptoProvider {
  return readOptions<KeyOptions>("options", given, KEY).crypto ?? defaultProvider();
}

/** A `CryptoKey`, structurally: Node's types, unlike the DOM's, have no global of that name. */
export interface PlatformKey {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/** A public key in any form: raw bytes, a JWK (object or JSON text), PEM (SPKI), or a platform key. */
export type RecipientInput = Uint8Array | OkpJwk | string | PlatformKey;

/** A platform key: a pair, or the private half alone, extractable or not. */
export type PlatformIdentityInput =
  | PlatformKey
  | { readonly privateKey: PlatformKey; readonly publicKey?: PlatformKey };

/** A private key in any form: raw bytes, a JWK (object or JSON text), PEM (PKCS#8), or a platform key. */
export type IdentityInput = Uint8Array | OkpPrivateJwk | string | PlatformIdentityInput;

/**
 * Imports a public X25519 key, for `to` of `seal`, `rewrap` and `startRecording` (format-v1, "Slot type 1").
 *
 * @throws BlindreelError `invalid-key` with the reason: a private key, another curve or length, a
 *   non-canonical encoding, a point of low order; `invalid-json` for text that is neither PEM nor strict
 *   JSON.
 * @category Recorder
 */
export async function importRecipient(input: RecipientInput, options?: KeyOptions): Promise<X25519Recipient> {
  const crypto = providerOf(options);
  return makeRecipient(await publicKeyBytes(input), crypto);
}

async function makeRecipient(publicKey: Bytes, crypto: CryptoProvider): Promise<X25519Recipient> {
  checkPublicKey(publicKey);
  return new X25519Recipient(publicKey, await thumbprint(crypto, publicKey));
}

async function publicKeyBytes(input: RecipientInput): Promise<Bytes> {
  if (typeof input === "string") {
    return isPem(input) ? decodePublicPem(input) : decodePublicJwk(parseJson(input, "the recipient's key"));
  }
  if (isUint8Array(input)) return bytesArgument("a recipient's key", input).slice();
  if (isCryptoKey(input)) return exportPublicKey(input);
  return decodePublicJwk(input);
}

async function exportPublicKey(key: CryptoKey): Promise<Bytes> {
  if (key.type !== "public")
    throw invalidKey(`a recipient must be a public key, this CryptoKey is ${key.type}`);
  if (key.algorithm.name !== "X25519")
    throw invalidKey(`a CryptoKey for X25519 is needed, got ${key.algorithm.name}`);
  try {
    return new Uint8Array(await globalThis.crypto.subtle.exportKey("raw", key));
  } catch (cause) {
    throw invalidKey("this CryptoKey is not extractable; a public key must be", { cause });
  }
}

/**
 * A new X25519 identity, to be stored with `toJwk` or `toPem`.
 *
 * @throws BlindreelError `bad-random`.
 *
 * @category Institution
 */
export async function generateIdentity(options?: KeyOptions): Promise<ExportableIdentity> {
  const crypto = providerOf(options);
  return makeExportableIdentity(randomBytes(crypto, KEY_LENGTH), crypto);
}

/** An identity with its private key as bytes in this process. */
export interface ExportableIdentity extends X25519Identity {
  /** The private key as JWK (RFC 8037 §2), a secret. */
  toJwk(): OkpPrivateJwk;
  /** The private key as PEM (PKCS#8, RFC 8410 §7), a secret. */
  toPem(): string;
}

/**
 * Imports a private X25519 key, for `identities` of `open` and `openRecording` (format-v1, "Keys in files").
 * The identity of a platform key, extractable or not, has no export. A public half in the input (JWK, key
 * pair) must belong to the private one.
 *
 * @throws BlindreelError `invalid-key` with the reason; `invalid-json` for text that is neither PEM nor
 *   strict JSON.
 * @category Reviewer
 */
export function importIdentity(input: PlatformIdentityInput, options?: KeyOptions): Promise<X25519Identity>;
export function importIdentity(
  input: Uint8Array | OkpPrivateJwk | string,
  options?: KeyOptions,
): Promise<ExportableIdentity>;
export function importIdentity(input: IdentityInput, options?: KeyOptions): Promise<X25519Identity>;
export async function importIdentity(input: IdentityInput, options?: KeyOptions): Promise<X25519Identity> {
  const crypto = providerOf(options);
  if (typeof input === "string") {
    return isPem(input)
      ? makeExportableIdentity(decodePrivatePem(input), crypto)
      : importJwk(parseJson(input, "the identity's key"), crypto);
  }
  if (isUint8Array(input)) {
    return makeExportableIdentity(bytesArgument("an identity's key", input).slice(), crypto);
  }
  if (isCryptoKey(input)) return importPlatformKey(input, undefined, crypto);
  const pair = keyPairOf(input);
  if (pair) return importPlatformKey(pair.privateKey, pair.publicKey, crypto);
  return importJwk(input as OkpPrivateJwk, crypto);
}

async function importJwk(jwk: unknown, crypto: CryptoProvider): Promise<ExportableIdentity> {
  const { publicKey, privateKey } = decodePrivateJwk(jwk);
  const identity = await makeExportableIdentity(privateKey, crypto);
  checkPair(publicKey, identity.recipient.publicKey);
  return identity;
}

function checkPair(stated: Bytes, derived: Bytes): void {
  if (!equalBytes(stated, derived)) {
    throw invalidKey(
      "the public key does not belong to the private key: the key file was altered or mixed up",
    );
  }
}

class RawIdentity extends X25519Identity implements ExportableIdentity {
  readonly #privateKey: Bytes;

  constructor(recipient: X25519Recipient, agreement: X25519Agreement, privateKey: Bytes) {
    super(recipient, agreement);
    this.#privateKey = privateKey;
  }

  toJwk(): OkpPrivateJwk {
    return encodePrivateJwk(this.recipient.publicKey, this.#privateKey);
  }

  toPem(): string {
    return encodePrivatePem(this.#privateKey);
  }
}

async function makeExportableIdentity(
  privateKey: Bytes,
  crypto: CryptoProvider,
): Promise<ExportableIdentity> {
  if (privateKey.length !== KEY_LENGTH) {
    throw invalidKey(`an X25519 private key must be ${KEY_LENGTH} bytes, got ${privateKey.length}`);
  }
  if (isAllZero(privateKey)) throw invalidKey("an X25519 private key of zeros is no secret");
  const handles = new WeakMap<CryptoProvider, PrivateKeyHandle>();
  const agreement: X25519Agreement = {
    async agree(publicKey, provider) {
      let handle = handles.get(provider);
      if (!handle) {
        handle = await provider.importX25519(privateKey);
        handles.set(provider, handle);
      }
      return provider.agreeX25519(handle, await provider.importX25519PublicKey(publicKey));
    },
  };
  const publicKey = await agreement.agree(BASE_POINT, crypto);
  return new RawIdentity(await makeRecipient(publicKey, crypto), agreement, privateKey);
}

async function importPlatformKey(
  privateKey: CryptoKey,
  publicKey: CryptoKey | undefined,
  crypto: CryptoProvider,
): Promise<X25519Identity> {
  if (privateKey.type !== "private" || privateKey.algorithm.name !== "X25519") {
    throw invalidKey(
      `a private CryptoKey for X25519 is needed, got ${privateKey.type} ${privateKey.algorithm.name}`,
    );
  }
  if (!privateKey.usages.includes("deriveBits"))
    throw invalidKey('the CryptoKey lacks the usage "deriveBits"');
  const handle = webCryptoHandle(privateKey);
  const agreement: X25519Agreement = {
    async agree(publicKey) {
      const peer = await webCryptoProvider.importX25519PublicKey(publicKey);
      return webCryptoProvider.agreeX25519(handle, peer);
    },
  };
  const derived = await agreement.agree(BASE_POINT, crypto);
  if (publicKey) checkPair(await exportPublicKey(publicKey), derived);
  return new X25519Identity(await makeRecipient(derived, crypto), agreement);
}

/**
 * An identity over raw X25519 of an HSM, a smart card or a KMS.
 *
 * @param publicKey the public half.
 * @param agree returns X25519(private key, `publicKey`), 32 bytes. Called once here, with the base point, to
 *   check that both halves belong together.
 * @throws BlindreelError `invalid-key` where they do not; TypeError for other than a function.
 * @category Institution
 */
export async function identityFromAgreement(
  publicKey: RecipientInput,
  agree: (publicKey: Bytes) => Promise<Bytes>,
  options?: KeyOptions,
): Promise<X25519Identity> {
  functionArgument("agree", agree);
  const recipient = await importRecipient(publicKey, options);
  const agreement: X25519Agreement = {
    // Copies both ways: the SDK wipes its secrets after use, but never a caller's buffer.
    agree: async (peer) => bytesArgument("the agreed secret", await agree(peer.slice())).slice(),
  };
  checkPair(recipient.publicKey, checkSharedSecret(await agreement.agree(BASE_POINT, defaultProvider())));
  return new X25519Identity(recipient, agreement);
}

function isPem(text: string): boolean {
  return /^\s*-----BEGIN /.test(text);
}

/** A pair of platform keys, each member read once; undefined for other values. */
function keyPairOf(value: unknown): { privateKey: CryptoKey; publicKey: CryptoKey | undefined } | undefined {
  const { privateKey, publicKey } = (value ?? {}) as Record<"privateKey" | "publicKey", unknown>;
  if (!isCryptoKey(privateKey)) return undefined;
  if (publicKey !== undefined && !isCryptoKey(publicKey)) {
    throw invalidKey("the pair's public key is no CryptoKey");
  }
  return { privateKey, publicKey };
}
