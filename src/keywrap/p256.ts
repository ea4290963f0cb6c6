import { p256Of } from "../crypto/p256.js";
import { type Bytes, compareBytes, isAllZero } from "../formats/bytes.js";
import { KEY_LENGTH, P256_POINT_LENGTH, SlotType } from "../formats/constants.js";
import { encodeSpki } from "../formats/der.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { type EcJwk, p256Jwk } from "../formats/jwk.js";
import { encodePem, PemLabel } from "../formats/pem.js";
import { type DhGroup, dhDecap, dhKem, type RecipientPrivateKey } from "./dhkem.js";
import { HpkeIdentity, HpkeRecipient, HpkeSlots } from "./hpke-slot.js";

/** P-256 (SP 800-186 §3.2.1.3): y^2 = x^3 - 3x + b modulo p, a group of prime order n. */
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const n: Bytes = /* @__PURE__ */ decodeHex(
  "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
);

/** Of a public value: arithmetic of big integers takes a time that depends on them. */
function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`);
}

/**
 * Why a point may not be used, or undefined: partial public-key validation (SP 800-56A §5.6.2.3.4), done here for all
 * backends. The cofactor is 1, so a point on the curve is in the group.
 */
export function p256Fault(point: Bytes): string | undefined {
  if (point.length === 0 || point[0] === 0x00) return "is the point at infinity";
  if (point[0] === 0x02 || point[0] === 0x03) return "is a compressed point; an uncompressed one is needed";
  if (point.length !== P256_POINT_LENGTH || point[0] !== 0x04)
    return `must be an uncompressed point of ${P256_POINT_LENGTH} bytes, got ${point.length}`;
  const x = toInteger(point.subarray(1, 1 + KEY_LENGTH));
  const y = toInteger(point.subarray(1 + KEY_LENGTH));
  if (x >= p || y >= p) return "is not canonically encoded";
  if ((y * y - x * x * x + 3n * x - b) % p !== 0n) return "is not on the curve P-256";
  return undefined;
}

/** Why 32 bytes are no private key, or undefined: they are an integer from 1 to n - 1 (SP 800-56A §5.6.1.2). */
export function p256ScalarFault(scalar: Bytes): string | undefined {
  if (scalar.length !== KEY_LENGTH) return `must be ${KEY_LENGTH} bytes, got ${scalar.length}`;
  return isAllZero(scalar) || compareBytes(scalar, n) >= 0
    ? "is not between 1 and the order of the group"
    : undefined;
}

export const p256Group: DhGroup = {
  kemId: 0x0010,
  Npk: P256_POINT_LENGTH,
  generate: (crypto) => p256Of(crypto).generate(),
  importPublicKey: (crypto, publicKey) => p256Of(crypto).importPublic(publicKey),
  dh: (crypto, privateKey, publicKey) => p256Of(crypto).agree(privateKey, publicKey),
  publicKeyFault: p256Fault,
  // A group of prime order gives no point at infinity, and x = 0 is a point like others.
  sharedSecretFault: (dh) =>
    dh.length === KEY_LENGTH ? undefined : `must give ${KEY_LENGTH} bytes, gave ${dh.length}`,
};

export const p256Kem = /* @__PURE__ */ dhKem(p256Group);
const slots = /* @__PURE__ */ new HpkeSlots(SlotType.p256, p256Kem);

/** The public half of a P-256 key (KMS, HSM, PIV). Made by `importRecipient`. */
export class P256Recipient extends HpkeRecipient {
  readonly #thumbprint: Bytes;

  /** @internal Use `importRecipient`, which checks the key. */
  constructor(publicKey: Bytes, thumbprint: Bytes, { isAnonymous = false } = {}) {
    super(slots, publicKey, thumbprint, isAnonymous);
    this.#thumbprint = thumbprint;
  }

  /** The same key without a name on the wire: the server cannot tell for whom, the opener tries every slot. */
  anonymous(): P256Recipient {
    return new P256Recipient(this.publicKey, this.#thumbprint, { isAnonymous: true });
  }

  toJwk(): EcJwk {
    return p256Jwk(this.publicKey);
  }

  toPem(): string {
    const content = encodeSpki({ curve: "P-256", publicKey: this.publicKey });
    return encodePem({ label: PemLabel.publicKey, content });
  }
}

/** The private half. Made by `generateIdentity`, `importIdentity` or `identityFromAgreement`. */
export class P256Identity extends HpkeIdentity<P256Recipient> {
  /** @internal */
  constructor(recipient: P256Recipient, agree: RecipientPrivateKey["agree"]) {
    super(slots, recipient, dhDecap(p256Kem, p256Group, { publicKey: recipient.publicKey, agree }));
  }
}
