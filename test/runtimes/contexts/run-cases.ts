import { contextRound, fallbackRound, secondRound } from "../suite/cases.js";
import type { Report } from "../suite/data.js";
import { report } from "../suite/data.js";
import type { Host } from "../suite/kit.js";

/** What a context is told, in its address or in a message. */
export interface Task {
  /** Names the context among the others: `chromium service worker`. */
  readonly name: string;
  /** The data server's. */
  readonly origin: string;
  readonly round: "context" | "fallback" | "second";
}

const ROUNDS = { context: contextRound, fallback: fallbackRound, second: secondRound } as const;

/** Runs a round where it is called, and reports to the data server: nothing has to reach into the context. */
export async function runAndReport({ name, origin, round }: Task): Promise<void> {
  const host: Host = { name, origin };
  const failures: string[] = [];
  for (const each of ROUNDS[round]) {
    try {
      await each.run(host);
    } catch (error) {
      const { stack, cause } = error as Error;
      // WebKit's stacks do not begin with the error.
      failures.push(`${each.name}: ${error}\n${stack}${cause === undefined ? "" : `; ${cause}`}`);
    }
  }
  const { isSecureContext } = globalThis as { isSecureContext?: boolean };
  const seen: Report = {
    cases: ROUNDS[round].length,
    failures,
    hasSubtle: globalThis.crypto.subtle !== undefined,
    isSecureContext: isSecureContext === true,
    scope: globalThis.constructor.name,
  };
  await report(host, `${name}, ${round}`, seen);
}

/** A task in the query of an address. */
export function taskOf(search: string): Task & { readonly where: string } {
  return Object.fromEntries(new URLSearchParams(search)) as never;
}
