import { inject, test } from "vitest";
import { firstRound, secondRound } from "../suite/cases.js";
import { othersSealed } from "../suite/exchange.js";
import type { Host } from "../suite/kit.js";

declare module "vitest" {
  interface ProvidedContext {
    host: Host;
    /** Names of all runtimes whose files are to be opened. */
    others: readonly string[];
  }
}

/** Milliseconds. The browsers run at the same time, and the slowest is waited for. */
const PATIENCE = 240_000;

/** Both rounds in one session: starting a browser takes longer than the second. */
for (const { name, run } of firstRound) test(name, () => run(inject("host")));
test(
  "every other runtime has sealed",
  () => othersSealed(inject("host"), inject("others"), PATIENCE),
  PATIENCE + 5000,
);
for (const { name, run } of secondRound) test(name, () => run(inject("host")));
