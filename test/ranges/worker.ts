/** A service worker as an application has it, and one that tells how often it was started. */
import { onFetch } from "example:worker";
import type { RangeFetchEvent } from "../../src/ranges/index.js";

interface Scope {
  addEventListener(
    type: "install" | "activate",
    listener: (event: { waitUntil(work: unknown): void }) => void,
  ): void;
  addEventListener(type: "fetch", listener: (event: RangeFetchEvent) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}
const scope = globalThis as unknown as Scope;
const life = crypto.randomUUID();

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  if (event.request.url.endsWith("/life")) event.respondWith(Promise.resolve(new Response(life)));
  else onFetch(event);
});
