import type { CompleteProvider } from "./provider.js";

/** Replaces `node.ts` in browser bundles (package.json, "browser"), which carry no Node backend. */

export function isNode(): boolean {
  return false;
}

export function nodeProvider(): CompleteProvider | undefined {
  return undefined;
}

export function nodeSha256(): undefined {
  return undefined;
}
