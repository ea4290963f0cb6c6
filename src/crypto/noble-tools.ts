import { authenticationFailed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import type { CryptoProvider } from "./provider.js";
import { randomBytes } from "./random.js";
import { platformRandomBytes } from "./webcrypto.js";

/** Checks common to all backends, injected into `noble-backend.ts`, which imports no value of the SDK. */
export interface NobleTools {
  authenticationFailed(): Error;
  checkAeadKey(key: Uint8Array): void;
  checkNonce(nonce: Uint8Array): void;
  getRandomBytes(length: number): Bytes;
  /** Of the provider's source, checked. */
  randomBytes(crypto: CryptoProvider, length: number): Bytes;
}

export const nobleTools: NobleTools = {
  authenticationFailed,
  checkAeadKey,
  checkNonce,
  getRandomBytes: platformRandomBytes,
  randomBytes,
};
