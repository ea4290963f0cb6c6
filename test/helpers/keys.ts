import { type Bytes, bytesArgument, EMPTY } from "../../src/formats/bytes.js";
import { encodePkcs8, encodeSpki } from "../../src/formats/der.js";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import { type OkpPrivateJwk, x25519Jwk } from "../../src/formats/jwk.js";
import { encodePem, PemLabel } from "../../src/formats/pem.js";

/** Key files of X25519, written from raw bytes. */

export { x25519Jwk as publicJwk };

export function privateJwk(publicKey: Uint8Array, privateKey: Uint8Array): OkpPrivateJwk {
  return { ...x25519Jwk(publicKey), d: encodeBase64Url(privateKey) };
}

export function publicPem(publicKey: Uint8Array): string {
  const content = encodeSpki({ curve: "X25519", publicKey: own(publicKey) });
  return encodePem({ label: PemLabel.publicKey, content });
}

export function privatePem(privateKey: Uint8Array): string {
  const content = encodePkcs8({ curve: "X25519", privateKey: own(privateKey), publicKey: EMPTY });
  return encodePem({ label: PemLabel.privateKey, content });
}

const own = (bytes: Uint8Array): Bytes => bytesArgument("a key", bytes);
