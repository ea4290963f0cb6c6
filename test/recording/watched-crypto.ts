import { createHash } from "node:crypto";
import { nodeProvider } from "../../src/crypto/node.js";
import type {
  AeadKey,
  CryptoProvider,
  PrivateKeyHandle,
  SignatureProvider,
} from "../../src/crypto/provider.js";
import { type Bytes, isAllZero } from "../../src/formats/bytes.js";
import { label } from "../../src/formats/label.js";

const node = nodeProvider()!;
const SEGMENT_KEY = Buffer.from(label("segment key"));
const SEGMENT_HEADER = 30;
/** HPKE extracts under an empty salt; we derive under none. */
const OURS = Buffer.from("blindreel/v1 ");

interface WatchedKey extends PrivateKeyHandle {
  readonly publicKey: Bytes;
}

/**
 * Node's cryptography, watched: what is sealed twice under one key and nonce, under a key of zeros, or as two segments of
 * one index is told. Signatures are stand-ins, of the right form and a hundred times as fast: nothing here is about them.
 */
export function watchedCrypto(random: () => number, onFault: (fault: string) => void): CryptoProvider {
  const sealed = new Set<string>();
  /** Segment headers by the keys that were derived from them. */
  const headers = new Map<string, string>();
  const sealedHeaders = new Map<string, object>();
  const text = (bytes: Uint8Array): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");

  const getRandomBytes = (length: number): Bytes => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = random() * 256;
    return bytes;
  };

  const sign = (publicKey: Bytes, message: Bytes): Bytes => {
    const hash = createHash("sha512").update(publicKey).update(message).digest();
    const signature = new Uint8Array(hash);
    signature[31]! &= 0x3f;
    signature[63]! &= 0x0f;
    return signature;
  };
  const keyOf = (seed: Bytes): WatchedKey => {
    const publicKey = new Uint8Array(createHash("sha256").update(seed).digest());
    publicKey[31]! &= 0x3f;
    return { backend: "node", publicKey };
  };
  const signatures: SignatureProvider = {
    name: "node",
    importEd25519: (seed) => keyOf(seed),
    generateEd25519: () => {
      const privateKey = keyOf(getRandomBytes(32));
      return { publicKey: privateKey.publicKey.slice(), privateKey };
    },
    deriveEd25519PublicKey: (seed) => keyOf(seed).publicKey,
    signEd25519: (key, message) => sign((key as WatchedKey).publicKey, message),
    verifyEd25519: (publicKey, message, signature) => text(sign(publicKey, message)) === text(signature),
  };

  const seals = (key: string, header: string | undefined, owner: object, nonce: Bytes): void => {
    const spent = key + text(nonce);
    if (sealed.has(spent)) onFault("a key and nonce are spent twice");
    sealed.add(spent);
    if (header === undefined) return;
    const other = sealedHeaders.get(header);
    if (other && other !== owner)
      onFault(`a segment's index is spent twice: ${Buffer.from(header, "latin1").toString("hex")}`);
    sealedHeaders.set(header, owner);
  };

  return {
    ...node,
    signatures,
    getRandomBytes,
    hmac(hash, key, message) {
      if (isAllZero(key) && OURS.equals(message.subarray(0, OURS.length)))
        onFault("something is derived from a key of zeros");
      const result = node.hmac(hash, key, message) as Bytes;
      if (
        hash === "SHA-256" &&
        message.length > SEGMENT_HEADER &&
        SEGMENT_KEY.equals(message.subarray(0, SEGMENT_KEY.length))
      )
        headers.set(
          text(result),
          text(message.subarray(SEGMENT_KEY.length, SEGMENT_KEY.length + SEGMENT_HEADER)),
        );
      const header = hash === "SHA-512" ? headers.get(text(key)) : undefined;
      if (header !== undefined) headers.set(text(result.subarray(0, 32)), header);
      return result;
    },
    importAesGcmKey(rawKey) {
      if (isAllZero(rawKey)) onFault("something is sealed or opened under a key of zeros");
      const key = text(rawKey);
      const header = headers.get(key);
      const inner = node.importAesGcmKey(rawKey) as AeadKey;
      const owner: AeadKey = {
        ...inner,
        seal(nonce, plaintext, additionalData) {
          seals(key, header, owner, nonce);
          return inner.seal(nonce, plaintext, additionalData);
        },
        sealInto(nonce, plaintext, output, offset) {
          seals(key, header, owner, nonce);
          inner.sealInto!(nonce, plaintext, output, offset);
        },
      };
      return owner;
    },
  };
}
