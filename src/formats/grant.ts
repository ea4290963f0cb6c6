import { unsupportedAlgorithm } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { type Codec, checked, fixed, struct, u8, u64 } from "./codec.js";
import { HASH_LENGTH, INSTITUTION_LENGTH, Magic, SIGNATURE_LENGTH, WRAPPED_KEY_LENGTH } from "./constants.js";
import { type ObjectStart, objectStart } from "./magic.js";

/** Content of a grant: 1 the read key of one recording, 2 the private key of a bucket. */
export const GrantKind = { readKey: 0x01, bucket: 0x02 } as const;
export type GrantKind = (typeof GrantKind)[keyof typeof GrantKind];

/** A grant's public part, in wire order. Times are seconds since 1970. */
interface GrantBody {
  readonly kind: GrantKind;
  readonly grantId: Bytes;
  readonly institution: Bytes;
  /** The recording's coreHash, or the hash of the bucket's public key. */
  readonly subject: Bytes;
  /** Full thumbprint of the recipient's key. */
  readonly staff: Bytes;
  /** Full thumbprint of the signing key. */
  readonly issuer: Bytes;
  readonly issued: number;
  readonly notAfter: number;
}

export { SIGNATURE_LENGTH };

const GRANT_ID_LENGTH = 16;

/** Bytes behind the body, by KEM (X25519, X-Wing): encapsulation, wrapped key, signature. */
export const GRANT_TAIL_LENGTHS: readonly number[] = [32, 1120].map(
  (encapsulation) => encapsulation + WRAPPED_KEY_LENGTH + SIGNATURE_LENGTH,
);

interface WireBody extends GrantBody, ObjectStart {}

const grantKind = checked(u8 as Codec<GrantKind>, (kind) => {
  if (Object.values(GrantKind).includes(kind)) return;
  throw unsupportedAlgorithm("this grant has kind", kind);
});

/**
 * `"BLRG" 0x01 kind:u8 grantId[16] institution[16] subject[32] staff[32] issuer[32]`
 * `issued:u64 notAfter:u64`.
 */
export const grantBodyCodec: Codec<WireBody> = struct<WireBody>({
  ...objectStart(Magic.grant, "the grant"),
  kind: grantKind,
  grantId: fixed(GRANT_ID_LENGTH),
  institution: fixed(INSTITUTION_LENGTH),
  subject: fixed(HASH_LENGTH),
  staff: fixed(HASH_LENGTH),
  issuer: fixed(HASH_LENGTH),
  issued: u64,
  notAfter: u64,
});
