import { defaultProvider } from "../../src/crypto/default.js";
import { nobleProvider } from "../../src/crypto/noble.js";
import { nodeProvider } from "../../src/crypto/node.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { webCryptoProvider } from "../../src/crypto/webcrypto.js";

/** Every backend this runtime has. Node has all three; a test run without one of them is an error. */
export const backends: readonly CryptoProvider[] = [nodeProvider()!, webCryptoProvider, nobleProvider];

if (backends.some((backend) => backend === undefined))
  throw new Error("a backend is missing in this runtime");

export { defaultProvider, nobleProvider, webCryptoProvider };
