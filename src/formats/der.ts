import type { Bytes } from "./bytes.js";
import { decodeHex } from "./encoding.js";

/** RFC 8410 has one DER form for each key type: a constant prefix before the 32 bytes of the key. */

/** SubjectPublicKeyInfo, id-X25519 (RFC 8410 §4). */
export const X25519_SPKI: Bytes = /* @__PURE__ */ decodeHex("302a300506032b656e032100");
/** PKCS#8 OneAsymmetricKey v1, id-X25519, no attributes (RFC 8410 §7). */
export const X25519_PKCS8: Bytes = /* @__PURE__ */ decodeHex("302e020100300506032b656e04220420");
/** PKCS#8 OneAsymmetricKey v1, id-Ed25519, no attributes (RFC 8410 §7). */
export const ED25519_PKCS8: Bytes = /* @__PURE__ */ decodeHex("302e020100300506032b657004220420");
