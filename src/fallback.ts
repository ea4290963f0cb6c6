/**
 * `blindreel/fallback`: the implementations in JavaScript (noble), imported statically.
 *
 * Where a runtime lacks an operation, the SDK loads them by itself, by `import()`. Service workers do not allow
 * `import()`, and some pages' policies neither; there, import this.
 *
 * @packageDocumentation
 */
import { setFallback } from "./crypto/fallback-loader.js";
import { nobleProvider } from "./crypto/noble.js";

/**
 * Makes noble's AES-256-GCM, X25519, Ed25519 and hashes available without `import()`. Call it once, before anything
 * else of the SDK, in a service worker or wherever `import()` throws. What the platform has is still the platform's
 * to do: this changes nothing but where a fallback comes from. It adds about 20 KiB, compressed, to a bundle.
 */
export function registerFallback(): void {
  setFallback(nobleProvider);
}
