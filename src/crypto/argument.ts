import { wrongType } from "../errors.js";
import type { Check } from "../formats/options.js";
import type { CryptoProvider } from "./provider.js";

const REQUIRED_OPERATIONS = ["getRandomBytes", "digest", "hmac", "importAesGcmKey"] as const;

/** A caller's {@link CryptoProvider}. @throws TypeError, for `globalThis.crypto` too. */
export const providerArgument: Check<CryptoProvider> = (name, value) => {
  const provider = value as Partial<CryptoProvider> | null;
  if (REQUIRED_OPERATIONS.some((operation) => typeof provider?.[operation] !== "function")) {
    throw wrongType(name, "a CryptoProvider", value);
  }
  return value as CryptoProvider;
};
