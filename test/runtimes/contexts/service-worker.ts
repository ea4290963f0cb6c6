import { registerFallback } from "blindreel/fallback";
import { runAndReport, type Task } from "./run-cases.js";

/** A service worker: no `import()`, so fallbacks are registered beforehand, as the documentation says. */
interface Scope {
  onmessage: (event: MessageEvent<Task> & { waitUntil(work: Promise<void>): void }) => void;
  oninstall: () => void;
  onactivate: (event: { waitUntil(work: Promise<void>): void }) => void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
}
const scope = globalThis as unknown as Scope;

registerFallback();
scope.oninstall = () => void scope.skipWaiting();
scope.onactivate = (event) => event.waitUntil(scope.clients.claim());
scope.onmessage = (event) => event.waitUntil(runAndReport(event.data));
