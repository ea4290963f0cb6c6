import { wrongType } from "../errors.js";
import type { Check } from "../formats/options.js";
import type { CryptoProvider } from "./provider.js";

const NEEDED = ["getRandomBytes", "digest", "hmac", "importAesGcmKey"] as const;

/** A provider that a caller brings along; `globalThis.crypto` is none. */
export const providerArgument: Check<CryptoProvider> = (name, value) => {
  const provider = value as Partial<CryptoProvider> | null;
  if (NEEDED.some((operation) => typeof provider?.[operation] !== "function")) {
    throw wrongType(name, "a CryptoProvider", value);
  }
  return value as CryptoProvider;
};
