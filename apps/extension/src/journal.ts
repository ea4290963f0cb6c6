import { workerJournal } from "blindreel/storage";
import address from "./journal-worker.ts?worker&url";

/** The policy of pages lets this one script be a worker's. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("journal-worker", {
  createScriptURL: (_given: string) => address,
});

interface TrustedTypes {
  createPolicy<P extends { createScriptURL(given: string): string }>(name: string, rules: P): P;
}

/** Where recordings are kept until the server has them. */
export const journal = workerJournal(new Worker(policy?.createScriptURL("") ?? address, { type: "module" }));
