import { makeNobleProvider } from "./noble-backend.js";
import { nobleTools } from "./noble-tools.js";
import type { CryptoProvider } from "./provider.js";

/** The implementation in JavaScript, for whoever imports it statically. */
export const nobleProvider: CryptoProvider = /* @__PURE__ */ makeNobleProvider(nobleTools);
