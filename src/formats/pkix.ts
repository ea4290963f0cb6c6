import { invalidKey } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { KEY_LENGTH, P256_POINT_LENGTH } from "./constants.js";
import { DerReader, Tag } from "./der-reader.js";
import type { CurveName, RawPrivateKey } from "./jwk.js";

/**
 * Private key files of PKIX as others write them: PKCS#8 (RFC 5958) and ECPrivateKey (RFC 5915). Apart from what this package
 * writes, so that a page that only seals does not carry it.
 */

const ID_X25519 = "2b656e";
const ID_ED25519 = "2b6570";
const ID_EC_PUBLIC_KEY = "2a8648ce3d0201";
const SECP256R1 = "2a8648ce3d030107";

/** AlgorithmIdentifier; undefined for another algorithm or curve. */
function readAlgorithm(reader: DerReader): CurveName | undefined {
  const algorithm = reader.open(Tag.sequence);
  const id = algorithm.oid();
  if (id === ID_X25519) {
    algorithm.end();
    return "X25519";
  }
  return id === ID_EC_PUBLIC_KEY && isNamedCurve(algorithm) ? "P-256" : undefined;
}

function isNamedCurve(reader: DerReader): boolean {
  if (reader.tag !== Tag.oid || reader.oid() !== SECP256R1) return false;
  reader.end();
  return true;
}

/** PKCS#8 or SEC 1; undefined for another form, algorithm or curve. @throws BlindreelError `invalid-key` where it is damaged. */
export function decodePrivateDer(bytes: Bytes): RawPrivateKey | undefined {
  const reader = openOnly(bytes);
  const { tag: first } = reader;
  if (first !== Tag.integer) return undefined;
  const version = reader.integer();
  const { tag: second } = reader;
  if (second === Tag.sequence && version <= 1) return readPkcs8(reader);
  if (second !== Tag.octetString) return undefined;
  const key = readEcPrivateKey(bytes);
  return key?.namesCurve ? key : undefined;
}

/** A private Ed25519 key and the public half that its file states. */
export interface RawSigningKey {
  readonly seed: Bytes;
  readonly publicKey: Bytes | undefined;
}

/** PKCS#8 of Ed25519 (RFC 8410 §7); undefined for another form or algorithm. @throws BlindreelError `invalid-key` where it is damaged. */
export function decodeEd25519Der(bytes: Bytes): RawSigningKey | undefined {
  const reader = openOnly(bytes);
  const { tag: first } = reader;
  if (first !== Tag.integer || reader.integer() > 1) return undefined;
  const { tag: second } = reader;
  if (second !== Tag.sequence) return undefined;
  const algorithm = reader.open(Tag.sequence);
  if (algorithm.oid() !== ID_ED25519) return undefined;
  algorithm.end();
  const { content, publicKey } = readContent(reader, KEY_LENGTH);
  return { seed: readKeyBytes(content), publicKey };
}

/** The rest of PKCS#8: the private key, attributes, which are skipped, and a public key, which is read (RFC 5958 §2). */
function readContent(reader: DerReader, publicLength: number) {
  const content = reader.read(Tag.octetString);
  if (reader.tag === Tag.explicit0) reader.read(Tag.explicit0);
  const publicKey =
    reader.tag === Tag.implicit1 ? readBits(reader.read(Tag.implicit1), publicLength) : undefined;
  reader.end();
  return { content, publicKey };
}

/** CurvePrivateKey (RFC 8410 §7): an octet string in the octet string. */
function readKeyBytes(content: Bytes): Bytes {
  const inner = new DerReader(content);
  const key = keyBytes(inner.read(Tag.octetString));
  inner.end();
  return key;
}

/** Behind the version, 1 or 2. */
function readPkcs8(reader: DerReader): RawPrivateKey | undefined {
  const curve = readAlgorithm(reader);
  if (!curve) return undefined;
  const { content, publicKey: stated } = readContent(
    reader,
    curve === "P-256" ? P256_POINT_LENGTH : KEY_LENGTH,
  );
  if (curve === "P-256") {
    const key = readEcPrivateKey(content);
    return key && { ...key, publicKey: key.publicKey ?? stated };
  }
  return { curve, privateKey: readKeyBytes(content), publicKey: stated };
}

/** RFC 5915 §3: a file of its own has to name its curve, in PKCS#8 the algorithm does. */
function readEcPrivateKey(bytes: Bytes): (RawPrivateKey & { readonly namesCurve: boolean }) | undefined {
  const reader = openOnly(bytes);
  if (reader.integer() !== 1) throw invalidKey("an EC private key of this version is not known");
  const privateKey = reader.read(Tag.octetString);
  const namesCurve = reader.tag === Tag.explicit0;
  if (namesCurve) {
    if (!isNamedCurve(reader.open(Tag.explicit0))) return undefined;
  }
  let publicKey: Bytes | undefined;
  if (reader.tag === Tag.explicit1) {
    const stated = reader.open(Tag.explicit1);
    publicKey = readBits(stated.read(Tag.bitString), P256_POINT_LENGTH);
    stated.end();
  }
  reader.end();
  return { curve: "P-256", privateKey: keyBytes(privateKey), publicKey, namesCurve };
}

/** One sequence and nothing behind it. */
function openOnly(bytes: Bytes): DerReader {
  const outer = new DerReader(bytes);
  const reader = outer.open(Tag.sequence);
  outer.end();
  return reader;
}

/** A bit string of whole bytes. */
function readBits(content: Bytes, expected: number): Bytes {
  if (content[0] === 0 && content.length === 1 + expected) return content.slice(1);
  throw invalidKey(`its public key has ${expected} bytes${expected === KEY_LENGTH ? "" : ", uncompressed"}`);
}

function keyBytes(content: Bytes): Bytes {
  if (content.length === KEY_LENGTH) return content.slice();
  throw invalidKey(`a private key has ${KEY_LENGTH} bytes, got ${content.length}`);
}
