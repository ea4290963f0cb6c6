import { once, parseThreads } from "./options.js";

/** What command descriptions share. */

export const JSON_OPTION = "--json";

export const THREADS = [
  "--threads <count>",
  "worker threads from one regular file to another, 1 for none (default: as many as help)",
  once(parseThreads),
] as const;

export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

/** An action whose module is loaded when its command runs: help and refused command lines need none. */
export function later<A extends unknown[]>(
  load: () => Promise<(...args: A) => Promise<void>>,
): (...args: A) => Promise<void> {
  return async (...args) => (await load())(...args);
}

/** What the built program has in files of their own, loaded when a command needs it. */
export const fileCommands = () => import("./commands/files.js");
export const recordingCommands = () => import("./commands/recordings.js");
export const officeCommands = () => import("./commands/office.js");
