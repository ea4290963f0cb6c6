import { makeNobleProvider } from "./noble-backend.js";
import { nobleTools } from "./noble-tools.js";
import type { CompleteProvider } from "./provider.js";

/** The implementation in JavaScript, for whoever imports it statically. */
export const nobleProvider: CompleteProvider = /* @__PURE__ */ makeNobleProvider(nobleTools);
