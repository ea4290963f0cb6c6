import { malformed } from "../errors.js";
import { type Bytes, utf8 } from "./bytes.js";
import { HASH_LENGTH, INSTITUTION_LENGTH, SIGNATURE_LENGTH } from "./constants.js";
import { decodeBase64Url, encodeBase64Url, isHex } from "./encoding.js";
import { decodeJson, isJsonObject, type JsonObject, type JsonValue } from "./json.js";

/**
 * The form of a signed keyset: a compact JWS (RFC 7515 §7.1) with a constant header and a canonical JSON
 * payload. The signature is not verified here.
 */

const HEADER_START = '{"alg":"Ed25519","kid":"';
const HEADER_END = '","typ":"blindreel-keyset+jws"}';

/** First characters of every keyset: the whole base64url groups of the header's constant start. */
export const KEYSET_START: Bytes = /* @__PURE__ */ utf8(
  encodeBase64Url(utf8(HEADER_START)).slice(0, 4 * Math.floor(HEADER_START.length / 3)),
);

const MAX_VALIDITY_DAYS = 90;

const KEYSET_ROLES = ["recipient", "staff", "grantor", "recovery"] as const;

/** A well-formed keyset, not authenticated. */
export interface KeysetShape {
  /** Full thumbprint of the root key that the header names, base64url. */
  readonly root: string;
  readonly institution: string;
  readonly sequence: number;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly expires: number;
  readonly keys: readonly JsonObject[];
}

/** @throws BlindreelError `malformed`, `invalid-json`. */
export function decodeKeysetShape(text: string): KeysetShape {
  const [header = "", payload = "", signature = "", ...more] = text.split(".");
  if (signature === "" || more.length > 0) throw malformed("a keyset has three parts with dots between", 0);
  const root = decodeRoot(header);
  if (decodeBase64Url(signature).length !== SIGNATURE_LENGTH) {
    throw malformed(
      `the keyset's signature is not ${SIGNATURE_LENGTH} bytes`,
      header.length + payload.length + 2,
    );
  }
  const value = decodeJson(decodeBase64Url(payload), "the keyset");
  const fail = (reason: string): Error => malformed(`the keyset ${reason}`, header.length + 1);
  if (!isJsonObject(value)) throw fail("is no JSON object");
  const { institution, sequence, issued, expires, keys } = value;
  if (typeof institution !== "string" || !isHex(institution, INSTITUTION_LENGTH))
    throw fail("names no institution");
  if (!isCount(sequence) || !isCount(issued) || !isCount(expires)) {
    throw fail("lacks its sequence, or the times at which it was issued and expires");
  }
  if (expires <= issued || expires - issued > MAX_VALIDITY_DAYS * 86_400) {
    throw fail(`is not valid for some time up to ${MAX_VALIDITY_DAYS} days`);
  }
  if (!Array.isArray(keys) || !keys.every(isKey)) throw fail("has a key without a known role and a kid");
  return { root, institution, sequence, issued, expires, keys };
}

/** The root key's thumbprint, the only variable part of the header. */
function decodeRoot(header: string): string {
  const json = new TextDecoder().decode(decodeBase64Url(header));
  const root = json.slice(HEADER_START.length, -HEADER_END.length);
  if (json !== HEADER_START + root + HEADER_END || decodeBase64Url(root).length !== HASH_LENGTH) {
    throw malformed("the keyset's header is not exactly the one of a keyset", 0);
  }
  return root;
}

function isKey(value: JsonValue): value is JsonObject {
  return (
    isJsonObject(value) && KEYSET_ROLES.some((role) => role === value.role) && typeof value.kid === "string"
  );
}

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
