import { makeNobleProvider } from "./noble-backend.js";
import { nobleTools } from "./noble-tools.js";
import type { CompleteProvider } from "./provider.js";

/** The JavaScript implementation, for static import. */
export const nobleProvider: CompleteProvider = /* @__PURE__ */ makeNobleProvider(nobleTools);
