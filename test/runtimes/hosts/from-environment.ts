import { firstRound, secondRound } from "../suite/cases.js";
import type { Case, Host } from "../suite/kit.js";

/** How the command-line runtimes learn where they are; browsers are told by vitest. */

function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the suite is started by test/runtimes/run.ts`);
  return value;
}

export const host: Host = { name: need("BLINDREEL_RUNTIME"), origin: need("BLINDREEL_DATA") };

export const cases: readonly Case[] = need("BLINDREEL_ROUND") === "1" ? firstRound : secondRound;
