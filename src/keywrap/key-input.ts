import { invalidKey } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { KEY_LENGTH, P256_POINT_LENGTH } from "../formats/constants.js";
import { decodeSpki } from "../formats/der.js";
import { parseJson } from "../formats/json.js";
import {
  decodePrivateJwk,
  decodePublicJwk,
  type EcJwk,
  type EcPrivateJwk,
  type OkpJwk,
  type OkpPrivateJwk,
  type RawPrivateKey,
  type RawPublicKey,
} from "../formats/jwk.js";
import { decodePem, findPem, isPem } from "../formats/pem.js";
import { decodePrivateDer } from "../formats/pkix.js";
import type * as ForeignKey from "./foreign-key.js";

/** Keys in every form that this package reads. What it does not read, `foreign-key.ts` names. */

/** A `CryptoKey`, described by its members: the types of Node have no global of that name, those of the DOM have. */
export interface PlatformKey {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/**
 * A public key: a JWK (object or JSON text), PEM or DER (SPKI), a platform key, or raw bytes: 32 of X25519, 65 of an
 * uncompressed P-256 point. The text of a key file may also come as its bytes.
 */
export type RecipientInput = Uint8Array | OkpJwk | EcJwk | string | PlatformKey;

/** A platform key: a pair, or for X25519 the private half alone, extractable or not. */
export type PlatformIdentityInput =
  | PlatformKey
  | { readonly privateKey: PlatformKey; readonly publicKey?: PlatformKey };

/**
 * A private key: a JWK (object or JSON text), PEM or DER (PKCS#8, SEC 1), a platform key, or 32 raw bytes of X25519. The
 * text of a key file may also come as its bytes.
 */
export type IdentityInput = Uint8Array | OkpPrivateJwk | EcPrivateJwk | string | PlatformIdentityInput;

/** Longest key file that is read, in characters or bytes. */
const LONGEST = 64 * 1024;

/** The text or the bytes of a key file, before anything is done with them. @throws BlindreelError `invalid-key`. */
export function withinKeyFile<T extends { readonly length: number }>(file: T): T {
  if (file.length <= LONGEST) return file;
  throw invalidKey("a key file is at most 64 KiB long; this is longer");
}

/** How one half of a key is read. */
interface KeyReader<Key> {
  readonly half: ForeignKey.Half;
  readonly labels: readonly string[];
  decodeJwk(jwk: object): Key;
  /** Undefined for a file of another kind. */
  decodeDer(bytes: Bytes): Key | undefined;
  decodeRaw(bytes: Bytes): Key;
}

const publicKeys: KeyReader<RawPublicKey> = {
  half: "public",
  labels: ["PUBLIC KEY"],
  decodeJwk: decodePublicJwk,
  decodeDer: decodeSpki,
  decodeRaw: (bytes) => ({ curve: isPoint(bytes) ? "P-256" : "X25519", publicKey: bytes }),
};

const privateKeys: KeyReader<RawPrivateKey> = {
  half: "private",
  labels: ["PRIVATE KEY", "EC PRIVATE KEY"],
  decodeJwk: decodePrivateJwk,
  decodeDer: decodePrivateDer,
  decodeRaw: (bytes) => ({ curve: "X25519", privateKey: bytes, publicKey: undefined }),
};

/**
 * A public key in any form but a platform's. Bytes are copied before the call returns.
 *
 * @throws BlindreelError `invalid-key`, `invalid-json`.
 */
export function readPublicKey(input: unknown): Promise<RawPublicKey> {
  return readKey(input, publicKeys);
}

/** The same for a private key. */
export function readPrivateKey(input: unknown): Promise<RawPrivateKey> {
  return readKey(input, privateKeys);
}

async function readKey<Key>(input: unknown, reader: KeyReader<Key>): Promise<Key> {
  if (typeof input === "string") return readText(input, reader);
  if (isUint8Array(input)) return readBytes(withinKeyFile(bytesArgument("a key", input)).slice(), reader);
  if (isRecord(input) && typeof input.kty === "string") return reader.decodeJwk(input);
  throw await foreign(({ foreignObject }) => foreignObject(input, reader.half));
}

async function readText<Key>(input: string, reader: KeyReader<Key>): Promise<Key> {
  const text = withinKeyFile(input)
    .replace(/^\ufeff/, "")
    .trim();
  if (text.startsWith("{")) return readKey(parseJson(text, "the key's JWK"), reader);
  if (!isPem(text)) throw await foreign(({ foreignText }) => foreignText(text));
  const block = findPem(text);
  if (reader.labels.includes(block.label)) return readDer(decodePem(block), reader);
  throw await foreign(({ foreignPem }) => foreignPem(block.label, reader.half));
}

async function readDer<Key>(bytes: Bytes, reader: KeyReader<Key>): Promise<Key> {
  const key = reader.decodeDer(bytes);
  if (key) return key;
  throw await foreign(({ foreignDer }) => foreignDer(bytes, reader.half));
}

/** Raw bytes have one of two lengths; DER begins with a sequence; what is longer is the text of a key file. */
async function readBytes<Key>(bytes: Bytes, reader: KeyReader<Key>): Promise<Key> {
  if (bytes.length > KEY_LENGTH + 1 && bytes[0] === SEQUENCE) return readDer(bytes, reader);
  const text = bytes.length > P256_POINT_LENGTH ? decodeText(bytes) : undefined;
  return text === undefined ? reader.decodeRaw(bytes) : readText(text, reader);
}

/** X.690 §8.9: every DER file of a key is one. */
const SEQUENCE = 0x30;

/** The text of a key file. */
export function decodeText(bytes: Bytes): string | undefined {
  // Windows PowerShell writes UTF-16.
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    return new TextDecoder(isUtf16 ? "utf-16le" : "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isPoint(bytes: Bytes): boolean {
  const isCompressed = bytes.length === KEY_LENGTH + 1 && (bytes[0] === 0x02 || bytes[0] === 0x03);
  return isCompressed || bytes.length === P256_POINT_LENGTH;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The sentences are loaded when something is wrong; where `import()` fails, as in service workers, one stands for all. */
async function foreign(explain: (sentences: typeof ForeignKey) => string): Promise<Error> {
  const sentences = await import("./foreign-key.js").catch(() => undefined);
  return invalidKey(sentences ? explain(sentences) : "a JWK, PEM or DER for X25519 or P-256 is needed");
}
