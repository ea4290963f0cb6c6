import { BlindreelError } from "../errors.js";
import { nobleTools } from "./noble-tools.js";
import type { CompleteProvider } from "./provider.js";

let registered: CompleteProvider | undefined;
let loaded: CompleteProvider | undefined;

/** For `blindreel/fallback`, which imports the implementation statically. */
export function setFallback(provider: CompleteProvider): void {
  registered = provider;
}

export function hasFallback(): boolean {
  return registered !== undefined;
}

/**
 * The JavaScript implementation for an operation that the platform lacks: registered, else by `import()`.
 *
 * @throws BlindreelError `unsupported-runtime` where loading fails, as in service workers, where `import()`
 *   throws; `cause` is the error of `import()`. Not cached: the next call loads again.
 */
export async function loadFallback(operation: string): Promise<CompleteProvider> {
  if (registered) return registered;
  try {
    const { makeNobleProvider } = await import("./noble-backend.js");
    loaded ??= makeNobleProvider(nobleTools);
    return loaded;
  } catch (cause) {
    const message =
      `this runtime has no ${operation}, and its fallback did not load: ` +
      'call registerFallback() of "blindreel/fallback"';
    throw new BlindreelError("unsupported-runtime", message, { operation }, { cause });
  }
}
