import { malformed } from "../errors.js";
import { type Bytes, equalBytes, utf8 } from "./bytes.js";
import { SIGNATURE_LENGTH } from "./constants.js";
import { decodeBase64Url } from "./encoding.js";
import { decodeJson, isJsonObject, type JsonObject } from "./json.js";

/**
 * The form of signed statements (format-v1, "Statements"): compact JWS (RFC 7515 §7.1), a header that is exactly
 * `{"alg":"Ed25519","kid":…,"typ":…}` (RFC 9864), and a canonical JSON payload (RFC 8785).
 */

/** A compact JWS in its parts. The signature is not verified. */
export interface DecodedJws {
  /** Full thumbprint of the key that the header names, 32 bytes. */
  readonly kid: Bytes;
  readonly payload: JsonObject;
  readonly signingInput: Bytes;
  /** 64 bytes. */
  readonly signature: Bytes;
}

const HEADER_START = '{"alg":"Ed25519","kid":"';
/** Base64url of 32 bytes. */
const KID_LENGTH = 43;

/** @param kid base64url. */
export const jwsHeader = (typ: string, kid: string): Bytes => utf8(`${HEADER_START}${kid}","typ":"${typ}"}`);

/**
 * @param what names the text in errors.
 * @throws BlindreelError `malformed` for another form or another type; `invalid-json` for a payload that is not canonical.
 */
export function decodeJws(text: string, typ: string, what: string): DecodedJws {
  const fail = (fault: string) => malformed(`${what} has ${fault}`, 0);
  const parts = text.split(".");
  if (parts.length !== 3) throw fail("not three parts");
  const [header, payload, signature] = parts.map(decodeBase64Url) as [Bytes, Bytes, Bytes];
  const kid = new TextDecoder().decode(header).slice(HEADER_START.length, HEADER_START.length + KID_LENGTH);
  // The header's bytes are the canonical ones of its kid, or refused: nothing else of it is ever read.
  if (!equalBytes(jwsHeader(typ, kid), header)) throw fail("another header");
  const value = decodeJson(payload, what);
  if (!isJsonObject(value) || signature.length !== SIGNATURE_LENGTH) throw fail("another form");
  const signingInput = utf8(text.slice(0, text.lastIndexOf(".")));
  return { kid: decodeBase64Url(kid), payload: value, signingInput, signature };
}
