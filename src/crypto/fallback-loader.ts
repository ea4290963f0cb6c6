import { BlindreelError } from "../errors.js";
import { nobleTools } from "./noble-tools.js";
import type { CompleteProvider } from "./provider.js";

let registered: CompleteProvider | undefined;
let loaded: CompleteProvider | undefined;

/** Called by `blindreel/fallback`, which holds the implementation already. */
export function setFallback(provider: CompleteProvider): void {
  registered = provider;
}

export function hasFallback(): boolean {
  return registered !== undefined;
}

/**
 * The implementation in JavaScript, for an operation the platform does not have: the registered one, else loaded now.
 *
 * @throws BlindreelError `unsupported-runtime` where it cannot be loaded, as in service workers, where `import()`
 *   throws. `cause` is what `import()` said. The next call tries again: it may have been the network.
 */
export async function loadFallback(operation: string): Promise<CompleteProvider> {
  if (registered) return registered;
  try {
    const { makeNobleProvider } = await import("./noble-backend.js");
    loaded ??= makeNobleProvider(nobleTools);
    return loaded;
  } catch (cause) {
    const message =
      `this runtime has no ${operation}, and the implementation in JavaScript could not be loaded by import(); ` +
      'import it statically: import { registerFallback } from "blindreel/fallback"';
    throw new BlindreelError("unsupported-runtime", message, { operation }, { cause });
  }
}
