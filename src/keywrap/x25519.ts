import { type Bytes, compareBytes, equalBytes, isAllZero } from "../formats/bytes.js";
import { KEY_LENGTH, SlotType } from "../formats/constants.js";
import { encodeSpki } from "../formats/der.js";
import { decodeHex } from "../formats/encoding.js";
import { type OkpJwk, x25519Jwk } from "../formats/jwk.js";
import { encodePem, PemLabel } from "../formats/pem.js";
import { type DhGroup, dhDecap, dhKem, type RecipientPrivateKey } from "./dhkem.js";
import { HpkeIdentity, HpkeRecipient, HpkeSlots } from "./hpke-slot.js";

/**
 * The checks of X25519 public keys that backends disagree on, done once for all of them, before any of them sees
 * the key: only canonical u coordinates, and none of low order (RFC 7748 §6.1, RFC 9180 §7.1.4).
 */

/** Canonical u of the points of order 1, 2, 4 and 8 on the curve and its twist, little-endian. */
const LOW_ORDER_U: readonly Bytes[] = /* @__PURE__ */ [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(decodeHex);

/** p = 2^255 - 19, big-endian. */
const P = /* @__PURE__ */ decodeHex("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");

/** Why `publicKey` may not be used, or undefined. */
export function x25519Fault(publicKey: Bytes): string | undefined {
  if (publicKey.length !== KEY_LENGTH) return `must be ${KEY_LENGTH} bytes, got ${publicKey.length}`;
  if (compareBytes(publicKey.slice().reverse(), P) >= 0) return "is not canonically encoded";
  return LOW_ORDER_U.some((low) => equalBytes(low, publicKey)) ? "is a point of low order" : undefined;
}

export const x25519Group: DhGroup = {
  kemId: 0x0020,
  Npk: KEY_LENGTH,
  generate: (crypto) => crypto.generateX25519(),
  importPublicKey: (crypto, publicKey) => crypto.importX25519PublicKey(publicKey),
  dh: (crypto, privateKey, publicKey) => crypto.agreeX25519(privateKey, publicKey),
  publicKeyFault: x25519Fault,
  // RFC 7748 §6.1.
  sharedSecretFault(dh) {
    if (dh.length !== KEY_LENGTH) return `must give ${KEY_LENGTH} bytes, gave ${dh.length}`;
    return isAllZero(dh) ? "gave an all-zero secret" : undefined;
  },
};

export const x25519Kem = /* @__PURE__ */ dhKem(x25519Group);
const slots = /* @__PURE__ */ new HpkeSlots(SlotType.x25519, x25519Kem);

/** The public half of an institution's or staff member's X25519 key. Made by `importRecipient`. */
export class X25519Recipient extends HpkeRecipient {
  readonly #thumbprint: Bytes;

  /** @internal Use `importRecipient`, which checks the key. */
  constructor(publicKey: Bytes, thumbprint: Bytes, { isAnonymous = false } = {}) {
    super(slots, publicKey, thumbprint, isAnonymous);
    this.#thumbprint = thumbprint;
  }

  /** The same key without a name on the wire: the server cannot tell for whom, the opener tries every slot. */
  anonymous(): X25519Recipient {
    return new X25519Recipient(this.publicKey, this.#thumbprint, { isAnonymous: true });
  }

  toJwk(): OkpJwk {
    return x25519Jwk(this.publicKey);
  }

  toPem(): string {
    const content = encodeSpki({ curve: "X25519", publicKey: this.publicKey });
    return encodePem({ label: PemLabel.publicKey, content });
  }
}

/** A published key, to which nothing is done but wrap. Apart, since it needs no other form of the key. */
export class PublishedX25519 extends HpkeRecipient {
  /** @param publicKey 32 bytes without an {@link x25519Fault}. */
  constructor(publicKey: Bytes, thumbprint: Bytes) {
    super(slots, publicKey, thumbprint, false);
  }
}

/** The private half. Made by `generateIdentity`, `importIdentity` or `identityFromAgreement`. */
export class X25519Identity extends HpkeIdentity<X25519Recipient> {
  /** @internal */
  constructor(recipient: X25519Recipient, agree: RecipientPrivateKey["agree"]) {
    super(slots, recipient, dhDecap(x25519Kem, x25519Group, { publicKey: recipient.publicKey, agree }));
  }
}
