import { invalidKey } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { DerReader, Tag } from "./der-reader.js";

/** EncryptedPrivateKeyInfo (RFC 5958 §3) under PBES2 (RFC 8018 §6.2), as `openssl pkcs8 -topk8` writes it. */

export interface Pbkdf2Parameters {
  readonly name: "PBKDF2";
  readonly salt: Bytes;
  readonly iterations: number;
  readonly hash: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
}

/** RFC 7914 §7.1. */
export interface ScryptParameters {
  readonly name: "scrypt";
  readonly salt: Bytes;
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

export interface EncryptedKey {
  readonly kdf: Pbkdf2Parameters | ScryptParameters;
  /** Of AES in CBC mode: 16 or 32 bytes. */
  readonly keyLength: number;
  readonly iv: Bytes;
  readonly ciphertext: Bytes;
}

const PBES2 = "2a864886f70d01050d";
const PBKDF2 = "2a864886f70d01050c";
const SCRYPT = "2b06010401da47040b";

/** RFC 8018 §B.1.2; RFC 3565 §4.1. */
const HASHES: Readonly<Record<string, Pbkdf2Parameters["hash"]>> = {
  "2a864886f70d0207": "SHA-1",
  "2a864886f70d0209": "SHA-256",
  "2a864886f70d020a": "SHA-384",
  "2a864886f70d020b": "SHA-512",
};
const AES_CBC: Readonly<Record<string, number>> = { "60864801650304012a": 32, "608648016503040102": 16 };
const BLOCK = 16;

/** @throws BlindreelError `invalid-key` where it is damaged, or encrypted in another way. */
export function decodeEncryptedKey(der: Bytes): EncryptedKey {
  const file = new DerReader(der);
  const info = file.open(Tag.sequence);
  file.end();
  const scheme = info.open(Tag.sequence);
  if (scheme.oid() !== PBES2) throw otherWay("without PBES2");
  const parameters = scheme.open(Tag.sequence);
  scheme.end();
  const kdf = readKdf(parameters.open(Tag.sequence));
  const cipher = parameters.open(Tag.sequence);
  parameters.end();
  const keyLength = AES_CBC[cipher.oid()];
  if (keyLength === undefined) throw otherWay("by another cipher than AES-256-CBC");
  const iv = cipher.read(Tag.octetString).slice();
  cipher.end();
  const ciphertext = info.read(Tag.octetString).slice();
  info.end();
  const isWhole = iv.length === BLOCK && ciphertext.length > 0 && ciphertext.length % BLOCK === 0;
  if (!isWhole) throw invalidKey("the encrypted key is damaged: it is not made of whole blocks");
  if (kdf.keyLength !== undefined && kdf.keyLength !== keyLength)
    throw invalidKey("the encrypted key is damaged: the key's length is not the cipher's");
  return { kdf: kdf.parameters, keyLength, iv, ciphertext };
}

interface Kdf {
  readonly parameters: EncryptedKey["kdf"];
  readonly keyLength: number | undefined;
}

function readKdf(reader: DerReader): Kdf {
  const id = reader.oid();
  if (id !== PBKDF2 && id !== SCRYPT) throw otherWay("by another function than PBKDF2 and scrypt");
  const parameters = reader.open(Tag.sequence);
  reader.end();
  // A salt "otherSource" has never been defined (RFC 8018 §A.2).
  const salt = parameters.read(Tag.octetString).slice();
  const kdf = id === PBKDF2 ? readPbkdf2(parameters, salt) : readScrypt(parameters, salt);
  parameters.end();
  return kdf;
}

function readPbkdf2(reader: DerReader, salt: Bytes): Kdf {
  const iterations = reader.integer();
  const keyLength = optionalInteger(reader);
  // The default is HMAC-SHA-1.
  const hash = reader.isAtEnd ? "SHA-1" : readHash(reader.open(Tag.sequence));
  return { parameters: { name: "PBKDF2", salt, iterations, hash }, keyLength };
}

function readHash(reader: DerReader): Pbkdf2Parameters["hash"] {
  const hash = HASHES[reader.oid()];
  if (!hash) throw otherWay("by PBKDF2 with another hash than SHA-2");
  if (!reader.isAtEnd) reader.read(Tag.null);
  reader.end();
  return hash;
}

function readScrypt(reader: DerReader, salt: Bytes): Kdf {
  const [N, r, p] = [reader.integer(), reader.integer(), reader.integer()];
  return { parameters: { name: "scrypt", salt, N, r, p }, keyLength: optionalInteger(reader) };
}

function optionalInteger(reader: DerReader): number | undefined {
  return reader.tag === Tag.integer ? reader.integer() : undefined;
}

const otherWay = (how: string) =>
  invalidKey(`this key is encrypted ${how}; convert it: openssl pkcs8 -in FILE | openssl pkcs8 -topk8`);
