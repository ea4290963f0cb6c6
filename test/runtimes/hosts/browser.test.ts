import { inject, test } from "vitest";
import { firstRound, secondRound } from "../suite/cases.js";
import type { Host } from "../suite/kit.js";

declare module "vitest" {
  interface ProvidedContext {
    host: Host;
    round: string;
  }
}

const cases = inject("round") === "1" ? firstRound : secondRound;

for (const { name, run } of cases) test(name, () => run(inject("host")));
