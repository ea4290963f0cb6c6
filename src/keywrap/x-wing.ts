import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import {
  defaultMlKem,
  isMlKemPublicKey,
  MLKEM_CIPHERTEXT_LENGTH,
  MLKEM_PUBLIC_KEY_LENGTH,
  mlKemPublicKey,
} from "../crypto/mlkem.js";
import type { CryptoProvider, PublicKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { authenticationFailed, invalidKey } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import {
  ascii,
  type Bytes,
  bytesArgument,
  compareBytes,
  concatBytes,
  isAllZero,
  wipe,
} from "../formats/bytes.js";
import { KEY_LENGTH, SlotType } from "../formats/constants.js";
import { decodeBase64Url, encodeBase64Url } from "../formats/encoding.js";
import { parseJson } from "../formats/json.js";
import { PRIVATE_MEMBERS } from "../formats/jwk.js";
import { type Checks, readOptions } from "../formats/options.js";
import type { Decap, Kem } from "./hpke.js";
import { HpkeIdentity, HpkeRecipient, HpkeSlots } from "./hpke-slot.js";
import { withinKeyFile } from "./key-input.js";
import { X_WING_KEM_ID, xWingThumbprint } from "./thumbprint.js";
import { x25519Fault, x25519Group } from "./x25519.js";

/** draft-connolly-cfrg-xwing-kem §5. Names are the draft's. */
const Npk = MLKEM_PUBLIC_KEY_LENGTH + KEY_LENGTH;
const Nenc = MLKEM_CIPHERTEXT_LENGTH + KEY_LENGTH;
const Nseed = KEY_LENGTH;
/** §5.3: `\.//^\` in ASCII. */
const XWING_LABEL = /* @__PURE__ */ ascii("\\.//^\\");

interface XWingPublicKey {
  readonly pkM: Bytes;
  readonly pkX: Bytes;
  readonly handle: PublicKeyHandle;
}

/** §5.3: Combiner(ss_M, ss_X, ct_X, pk_X). Wipes both secrets. */
function combine(ssM: Bytes, ssX: Bytes, ctX: Bytes, pkX: Bytes): Bytes {
  const input = concatBytes(ssM, ssX, ctX, pkX, XWING_LABEL);
  const sharedSecret = sha3_256(input) as Bytes;
  wipe(input, ssM, ssX);
  return sharedSecret;
}

/** RFC 7748 §6.1; cannot happen with a checkedSecret key. */
function checkedSecret(ssX: Bytes): Bytes {
  const fault = x25519Group.sharedSecretFault(ssX);
  if (fault) throw invalidKey(`the X25519 agreement ${fault}`);
  return ssX;
}

const kem: Kem<XWingPublicKey> = {
  id: X_WING_KEM_ID,
  Nenc,
  async importPublicKey(crypto, pk) {
    const pkX = pk.slice(MLKEM_PUBLIC_KEY_LENGTH);
    return {
      pkM: pk.slice(0, MLKEM_PUBLIC_KEY_LENGTH),
      pkX,
      handle: await crypto.importX25519PublicKey(pkX),
    };
  },
  async encap(crypto, { pkM, pkX, handle }) {
    const mlKem = await (await defaultMlKem()).encapsulate(pkM);
    const ephemeral = await crypto.generateX25519();
    const ctX = ephemeral.publicKey;
    const ssX = checkedSecret(await crypto.agreeX25519(ephemeral.privateKey, handle));
    return {
      sharedSecret: combine(mlKem.sharedSecret, ssX, ctX, pkX),
      enc: concatBytes(mlKem.ciphertext, ctX),
    };
  },
};

const slots = /* @__PURE__ */ new HpkeSlots(SlotType.xWing, kem);

/** A public key as JWK (draft-ietf-cose-dilithium, "AKP"). */
export interface AkpJwk {
  readonly kty: "AKP";
  readonly alg: "MLKEM768-X25519";
  readonly pub: string;
}

/** A private key as JWK: `priv` is the 32-byte seed. */
export interface AkpPrivateJwk extends AkpJwk {
  readonly priv: string;
}

/** The public half of a hybrid key. Made by {@link importXWingRecipient}. */
export class XWingRecipient extends HpkeRecipient {
  readonly #thumbprint: Bytes;

  /** @internal */
  constructor(publicKey: Bytes, thumbprint: Bytes, { isAnonymous = false } = {}) {
    super(slots, publicKey, thumbprint, isAnonymous);
    this.#thumbprint = thumbprint;
  }

  /** The same key without a name on the wire: the server cannot tell for whom, the opener tries every slot. */
  anonymous(): XWingRecipient {
    return new XWingRecipient(this.publicKey, this.#thumbprint, { isAnonymous: true });
  }

  toJwk(): AkpJwk {
    return { kty: "AKP", alg: "MLKEM768-X25519", pub: encodeBase64Url(this.publicKey) };
  }
}

/** The private half. Made by {@link generateXWingIdentity} and {@link importXWingIdentity}. */
export class XWingIdentity extends HpkeIdentity<XWingRecipient> {
  readonly #seed: Bytes;

  /** @internal */
  constructor(recipient: XWingRecipient, seed: Bytes, decap: Decap) {
    super(slots, recipient, decap);
    this.#seed = seed;
  }

  /** The private key as JWK. It opens everything sealed to this identity. */
  toJwk(): AkpPrivateJwk {
    return { ...this.recipient.toJwk(), priv: encodeBase64Url(this.#seed) };
  }
}

/** Options of functions that make and read hybrid keys. */
export interface XWingOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

const XWING: Checks<XWingOptions> = { crypto: providerArgument };

const providerOf = (given: XWingOptions | undefined): CryptoProvider =>
  readOptions<XWingOptions>("options", given, XWING).crypto ?? defaultProvider();

/**
 * Reads a public key: 1,216 raw bytes, or a JWK (object or JSON text).
 *
 * @throws BlindreelError `invalid-key`: another length or algorithm, a private key, an unreduced ML-KEM half, an X25519
 *   half that is not canonical or of low order; `invalid-json`.
 */
export async function importXWingRecipient(
  input: Uint8Array | AkpJwk | string,
  options?: XWingOptions,
): Promise<XWingRecipient> {
  const crypto = providerOf(options);
  if (isUint8Array(input))
    return xWingRecipientOf(withinKeyFile(bytesArgument("the recipient's key", input)).slice(), crypto);
  const members = akpMembers(input);
  const leaked = PRIVATE_MEMBERS.find((name) => members[name] !== undefined);
  if (leaked !== undefined)
    throw invalidKey(`this JWK is a private key (it has "${leaked}"); a recipient must be a public key`);
  return xWingRecipientOf(member(members, "pub", Npk), crypto);
}

/** Makes a new identity. Keep it with `toJwk`, or sealed (`protectIdentity`). */
export async function generateXWingIdentity(options?: XWingOptions): Promise<XWingIdentity> {
  const crypto = providerOf(options);
  return identityOf(randomBytes(crypto, Nseed), undefined, crypto);
}

/** Reads a private key: the 32-byte seed, or a JWK. @throws BlindreelError `invalid-key`, `invalid-json`. */
export async function importXWingIdentity(
  input: Uint8Array | AkpPrivateJwk | string,
  options?: XWingOptions,
): Promise<XWingIdentity> {
  const crypto = providerOf(options);
  if (isUint8Array(input))
    return identityOf(withinKeyFile(bytesArgument("the identity's key", input)).slice(), undefined, crypto);
  const members = akpMembers(input);
  if (members.priv === undefined)
    throw invalidKey('this JWK is a public key (it has no "priv"); a private key is needed');
  return identityOf(member(members, "priv", Nseed), member(members, "pub", Npk), crypto);
}

async function identityOf(
  seed: Bytes,
  stated: Bytes | undefined,
  crypto: CryptoProvider,
): Promise<XWingIdentity> {
  if (seed.length !== Nseed) throw invalidKey(`an X-Wing seed must be ${Nseed} bytes, got ${seed.length}`);
  if (isAllZero(seed)) throw invalidKey("an X-Wing seed of zeros is no secret");
  const { publicKey, decap } = await expandDecapsulationKey(seed, crypto);
  if (stated && compareBytes(stated, publicKey) !== 0)
    throw invalidKey(
      "the public key does not belong to the private key: the key file was altered or mixed up",
    );
  return new XWingIdentity(await xWingRecipientOf(publicKey, crypto), seed, decap);
}

/** u = 9 (RFC 7748 §4.1). */
const BASE_POINT = /* @__PURE__ */ Uint8Array.of(9, ...new Uint8Array(KEY_LENGTH - 1));

/**
 * §5.2: SHAKE256(sk, 96) = d || z || sk_X; §5.4: Decapsulate.
 *
 * @internal
 */
export async function expandDecapsulationKey(
  seed: Bytes,
  crypto: CryptoProvider,
): Promise<{ readonly publicKey: Bytes; readonly decap: Decap }> {
  const expanded = shake256(seed, { dkLen: 96 }) as Bytes;
  const mlKemSeed = expanded.slice(0, 64);
  const skX = expanded.slice(64);
  wipe(expanded);
  const agree = async (provider: CryptoProvider, peer: Bytes): Promise<Bytes> =>
    provider.agreeX25519(await provider.importX25519(skX), await provider.importX25519PublicKey(peer));
  const pkX = await agree(crypto, BASE_POINT);
  const publicKey = concatBytes(mlKemPublicKey(mlKemSeed), pkX);
  const skM = await (await defaultMlKem()).importSeed(mlKemSeed);
  return {
    publicKey,
    async decap(provider, enc) {
      const ctX = enc.slice(MLKEM_CIPHERTEXT_LENGTH);
      if (enc.length !== Nenc || x25519Fault(ctX)) throw authenticationFailed();
      const ssM = await skM.decapsulate(enc.slice(0, MLKEM_CIPHERTEXT_LENGTH));
      const ssX = await agree(provider, ctX);
      if (x25519Group.sharedSecretFault(ssX)) throw authenticationFailed();
      return combine(ssM, ssX, ctX, pkX);
    },
  };
}

/** keyId and thumbprint are of `H("key", u16(kem_id) || publicKey)` (format-v1, "Slot type 2"). */
async function xWingRecipientOf(publicKey: Bytes, crypto: CryptoProvider): Promise<XWingRecipient> {
  if (publicKey.length !== Npk)
    throw invalidKey(`an X-Wing public key must be ${Npk} bytes, got ${publicKey.length}`);
  if (!isMlKemPublicKey(publicKey.slice(0, MLKEM_PUBLIC_KEY_LENGTH)))
    throw invalidKey("the ML-KEM half of the public key is not reduced");
  const fault = x25519Fault(publicKey.slice(MLKEM_PUBLIC_KEY_LENGTH));
  if (fault) throw invalidKey(`the X25519 half of the public key ${fault}`);
  return new XWingRecipient(publicKey, await xWingThumbprint(crypto, publicKey));
}

function akpMembers(input: unknown): Record<string, unknown> {
  const jwk = typeof input === "string" ? parseJson(withinKeyFile(input), "the key") : input;
  const members = (typeof jwk === "object" && jwk !== null ? jwk : {}) as Record<string, unknown>;
  if (members.kty !== "AKP" || members.alg !== "MLKEM768-X25519")
    throw invalidKey('a JWK of kty "AKP" and alg "MLKEM768-X25519" is needed');
  if (members.use === "sig")
    throw invalidKey("this JWK is a key for signatures; one for encryption is needed");
  return members;
}

function member(members: Record<string, unknown>, name: "pub" | "priv", length: number): Bytes {
  const value = members[name];
  let bytes: Bytes;
  try {
    bytes = decodeBase64Url(value as string);
  } catch {
    throw invalidKey(`the JWK's "${name}" is not canonical base64url`);
  }
  if (bytes.length !== length)
    throw invalidKey(`the JWK's "${name}" must be ${length} bytes, got ${bytes.length}`);
  return bytes;
}
