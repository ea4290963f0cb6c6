import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { limitExceeded } from "../errors.js";
import { type Bytes, bytesArgument, equalBytes, utf8 } from "../formats/bytes.js";
import { encodeBase64Url } from "../formats/encoding.js";
import { encodeJson, type JsonObject } from "../formats/json.js";
import { type DecodedJws, decodeJws, jwsHeader } from "../formats/jws.js";
import { type Signer, signingThumbprint, signWith } from "./signing-key.js";

/** Signing and reading of statements (format-v1, "Statements"). */

/** Each kind of statement has its own, so that none passes for another. */
export const StatementType = {
  keyset: "blindreel-keyset+jws",
  directory: "blindreel-staff+jws",
  rootRotation: "blindreel-root+jws",
  request: "blindreel-request+jws",
  approval: "blindreel-approval+jws",
  withdrawal: "blindreel-withdrawal+jws",
  hold: "blindreel-hold+jws",
  destruction: "blindreel-destruction+jws",
  recovery: "blindreel-recovery+jws",
} as const;
export type StatementType = (typeof StatementType)[keyof typeof StatementType];

/** A statement in its parts. Its signature is not verified. */
export interface UnverifiedStatement extends DecodedJws {
  /** SHA-256 of the whole text: what clients store of it, and what other statements refer to. */
  readonly hash: Bytes;
}

/** Longest statement in bytes (format-v1, "Limits"). */
const LONGEST = 2 ** 20;

/** @throws BlindreelError `provider-fault`; `limit-exceeded` for one that no reader would read. */
export async function signStatement(
  crypto: CryptoProvider,
  typ: StatementType,
  payload: JsonObject,
  signer: Signer,
): Promise<string> {
  const kid = encodeBase64Url(await signingThumbprint(crypto, signer.publicKey));
  const signingInput = `${encodeBase64Url(jwsHeader(typ, kid))}.${encodeBase64Url(encodeJson(payload))}`;
  const signature = await signWith(crypto, signer, utf8(signingInput));
  const text = `${signingInput}.${encodeBase64Url(signature)}`;
  if (text.length > LONGEST) throw limitExceeded(`the ${typ}`, LONGEST, text.length);
  return text;
}

/** A copy. @throws TypeError; BlindreelError `limit-exceeded`, before anything is copied. */
export function statementBytes(what: string, text: string | Uint8Array): Bytes {
  const within = <T extends { readonly length: number }>(sized: T): T => {
    if (sized.length > LONGEST) throw limitExceeded(what, LONGEST, sized.length);
    return sized;
  };
  return typeof text === "string" ? within(utf8(within(text))) : within(bytesArgument(what, text)).slice();
}

/**
 * @param text as text or as its bytes, without white space.
 * @throws TypeError; BlindreelError `limit-exceeded`; `malformed` for another form or another type; `invalid-json` for a
 *   payload that is not canonical.
 */
export async function readStatement(
  crypto: CryptoProvider,
  text: string | Uint8Array,
  typ: StatementType,
): Promise<UnverifiedStatement> {
  const what = `the ${typ}`;
  const bytes = statementBytes(what, text);
  const decoded = decodeJws(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), typ, what);
  return { ...decoded, hash: await crypto.digest("SHA-256", bytes) };
}

/** Whether the key that the header names made it. @param publicKey 32 bytes, of which the caller knows why to believe it. */
export async function isSignedBy(
  crypto: CryptoProvider,
  statement: UnverifiedStatement,
  publicKey: Bytes,
): Promise<boolean> {
  const { kid, signingInput, signature } = statement;
  const thumbprint = await signingThumbprint(crypto, publicKey);
  if (!equalBytes(thumbprint, kid)) return false;
  return verifyEd25519(crypto, publicKey, signingInput, signature);
}
