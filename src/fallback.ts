/**
 * `blindreel/fallback`: the JavaScript implementations (noble), imported statically, for service workers and
 * content security policies without `import()`. Elsewhere the SDK loads them by `import()` where the runtime
 * lacks an operation.
 *
 * @module blindreel/fallback
 * @category Recorder
 */
import { setFallback } from "./crypto/fallback-loader.js";
import { nobleProvider } from "./crypto/noble.js";

/**
 * Registers noble's AES-256-GCM, X25519, Ed25519 and hashes as the fallback. For service workers and other
 * places where `import()` throws; called once, before any other function of the SDK. Operations of the
 * platform keep precedence. Adds about 20 KiB, compressed, to a bundle.
 */
export function registerFallback(): void {
  setFallback(nobleProvider);
}
