import { invalidKey } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { decodeBase64, encodeBase64 } from "./encoding.js";

/** PEM (RFC 7468), strict in the block and lax around it (§5.2, "explanatory text"). */

export const PemLabel = {
  publicKey: "PUBLIC KEY",
  privateKey: "PRIVATE KEY",
} as const;

export interface PemBlock {
  readonly label: string;
  readonly content: Bytes;
}

/** A block as it stands in the text, its base64 not decoded. */
export interface PemText {
  readonly label: string;
  readonly body: string;
}

const LINE = 64;
const BEGIN = "-----BEGIN ";
const DASHES = "-----";

export function encodePem({ label, content }: PemBlock): string {
  const lines = encodeBase64(content).replace(new RegExp(`.{1,${LINE}}`, "g"), "$&\n");
  return `${BEGIN}${label}${DASHES}\n${lines}-----END ${label}${DASHES}\n`;
}

export function isPem(text: string): boolean {
  return text.includes(BEGIN);
}

/**
 * The key block of a text, whatever stands around it. `EC PARAMETERS`, which OpenSSL writes before a key, are skipped.
 * The text is gone through once.
 *
 * @throws BlindreelError `invalid-key` where there is none or more than one.
 */
export function findPem(text: string): PemText {
  const blocks: PemText[] = [];
  let from = text.indexOf(BEGIN);
  while (from >= 0) {
    const labelFrom = from + BEGIN.length;
    const labelEnd = text.indexOf(DASHES, labelFrom);
    const label = text.slice(labelFrom, labelEnd);
    const end = `-----END ${label}${DASHES}`;
    const bodyEnd = /^[A-Z0-9 ]{1,40}$/.test(label) ? text.indexOf(end, labelEnd) : -1;
    if (labelEnd < 0 || bodyEnd < 0)
      throw invalidKey("a PEM block in this text has no end that fits its beginning");
    if (label !== "EC PARAMETERS")
      blocks.push({ label, body: text.slice(labelEnd + DASHES.length, bodyEnd) });
    from = text.indexOf(BEGIN, bodyEnd + end.length);
  }
  const [block] = blocks;
  if (block && blocks.length === 1) return block;
  const labels = blocks.slice(0, 4).map(({ label }) => label);
  const found = block ? `${blocks.length} PEM blocks (${labels.join(", ")})` : "no PEM block with a key";
  throw invalidKey(`there is ${found} in this text; give one that holds one key`);
}

/** @throws BlindreelError `invalid-key`. */
export function decodePem({ body }: PemText): Bytes {
  if (/^[A-Za-z-]{1,40}: /m.test(body)) {
    throw invalidKey(
      "this PEM has headers: OpenSSL's old way to encrypt a key, or a comment; convert it with openssl pkcs8 -topk8 -nocrypt",
    );
  }
  try {
    return decodeBase64(body.replace(/\s/g, ""));
  } catch {
    throw invalidKey("the PEM block is not canonical base64");
  }
}
