import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Case } from "./cases.js";
import { forge, isP256, type KeyPair, NOW } from "./forge.js";
import { isXWing } from "./x-wing-forge.js";

/**
 * A vector on disk: a header of `key: value` lines, an empty line, the file's bytes. Text first, so that `head` on a
 * vector shows what it is about.
 */

export const FOLDER = fileURLToPath(new URL("./files/", import.meta.url));
export const X_WING = fileURLToPath(new URL("./x-wing/", import.meta.url));
export const RECORDINGS = fileURLToPath(new URL("./recordings/", import.meta.url));
const SUFFIX = ".vector";

export interface Vector {
  readonly name: string;
  readonly why: string;
  /** `ok`, or the codes of which any is right. */
  readonly expect: readonly string[];
  /** Bytes of content that may be released, all of them where it opens. */
  readonly released: number;
  readonly releasedSha256: string;
  /** Private keys: 32 bytes of X25519, or PKCS#8 of P-256. */
  readonly identities: readonly Uint8Array<ArrayBuffer>[];
  /** Seeds of X-Wing keys, 32 bytes. */
  readonly seeds: readonly Uint8Array<ArrayBuffer>[];
  /** Seconds since 1970. */
  readonly now: number;
  readonly ignoreExpiry: boolean;
  readonly minEpoch: number;
  readonly file: Uint8Array<ArrayBuffer>;
}

export const sha256Hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** PKCS#8 of a P-256 scalar alone, as Java writes it (RFC 5958, RFC 5915). */
const P256_PKCS8 = Buffer.from(
  "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  "hex",
);

const SEED = "x-wing:";

function identityText(pair: KeyPair): string {
  if (isXWing(pair)) return SEED + hex(pair.secret);
  return hex(isP256(pair) ? Buffer.concat([P256_PKCS8, pair.secret]) : pair.secret);
}

export function fileName({ name }: Pick<Case, "name">): string {
  return `${name}${SUFFIX}`;
}

export function encodeVector(each: Case): Buffer {
  const header = [
    `why: ${each.why}`,
    `expect: ${each.expect === "ok" ? "ok" : each.expect.join(" ")}`,
    `released: ${each.released}`,
    `released-sha256: ${sha256Hex(each.content.subarray(0, each.released))}`,
    `identities: ${each.identities.map(identityText).join(" ")}`,
    `now: ${each.options.now ?? NOW}`,
  ];
  if (each.options.ignoreExpiry) header.push("ignore-expiry: yes");
  if (each.options.minEpoch !== undefined) header.push(`min-epoch: ${each.options.minEpoch}`);
  return Buffer.concat([
    Buffer.from(`${header.join("\n")}\n\n`),
    forge(each.name, each.content, each.forgery, each.recipients),
  ]);
}

export function decodeVector(name: string, bytes: Buffer): Vector {
  const end = bytes.indexOf("\n\n");
  const lines = bytes.subarray(0, end).toString().split("\n");
  const header = new Map(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const need = (key: string): string => {
    const value = header.get(key);
    if (value === undefined) throw new Error(`${name} has no "${key}"`);
    return value;
  };
  const secrets = need("identities").split(" ");
  const fromHex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
  const isSeed = (text: string) => text.startsWith(SEED);
  return {
    name,
    why: need("why"),
    expect: need("expect").split(" "),
    released: Number(need("released")),
    releasedSha256: need("released-sha256"),
    identities: secrets.filter((text) => !isSeed(text)).map(fromHex),
    seeds: secrets.filter(isSeed).map((text) => fromHex(text.slice(SEED.length))),
    now: Number(need("now")),
    ignoreExpiry: header.has("ignore-expiry"),
    minEpoch: Number(header.get("min-epoch") ?? 0),
    file: new Uint8Array(bytes.subarray(end + 2)),
  };
}

export function readVectors(folder = FOLDER): Vector[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  return names.sort().map((name) => decodeVector(name.slice(0, -SUFFIX.length), readFileSync(folder + name)));
}
