/** TypeScript knows none of the Trusted Types specification. */
interface TrustedTypes {
  createPolicy<P extends { createScriptURL(given: string): string }>(name: string, rules: P): P;
}

/**
 * Makes workers of one script, where the page's policy lets this script alone be one.
 *
 * @param policy a name that the page's `trusted-types` lists; it is taken at once, for the page's life.
 */
export function trustedWorker(policy: string, address: string, options?: WorkerOptions): () => Worker {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const rules = trustedTypes?.createPolicy(policy, { createScriptURL: (_given: string) => address });
  return () => new Worker(rules?.createScriptURL("") ?? address, options);
}
