import { authenticationFailed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
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
  /** 32 checked random bytes of the provider's source. */
  randomKey(crypto: CryptoProvider): Bytes;
}

export const nobleTools: NobleTools = {
  authenticationFailed,
  checkAeadKey,
  checkNonce,
  getRandomBytes: platformRandomBytes,
  randomKey: (crypto) => randomBytes(crypto, KEY_LENGTH),
};
