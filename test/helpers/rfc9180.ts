import type { Bytes } from "../../src/formats/bytes.js";

/** One set of the vectors of RFC 9180: all values in hex. */
export interface Rfc9180Vector {
  readonly mode: number;
  readonly kem_id: number;
  readonly kdf_id: number;
  readonly aead_id: number;
  readonly info: string;
  readonly skRm: string;
  readonly skEm: string;
  readonly pkRm: string;
  readonly pkEm: string;
  readonly enc: string;
  readonly shared_secret: string;
  readonly key: string;
  readonly base_nonce: string;
  readonly encryptions: readonly Readonly<Record<"aad" | "ct" | "nonce" | "pt", string>>[];
}

/** RFC 9180 §5.2, ComputeNonce: the SDK seals once per context, so only the tests count. */
export function computeNonce(baseNonce: Bytes, sequence: number): Bytes {
  const nonce = baseNonce.slice();
  const view = new DataView(nonce.buffer);
  view.setUint32(8, view.getUint32(8) ^ sequence);
  return nonce;
}
