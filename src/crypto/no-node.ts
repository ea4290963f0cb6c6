import type { CompleteProvider } from "./provider.js";

/** Stands for `node.ts` in bundles for browsers (package.json, "browser"): they need not carry Node's backend. */

export function isNode(): boolean {
  return false;
}

export function nodeProvider(): CompleteProvider | undefined {
  return undefined;
}

export function nodeSha256(): undefined {
  return undefined;
}
