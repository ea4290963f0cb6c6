import { CommanderError } from "commander";
import { installExitHandlers, isExitDelayed } from "./at-exit.js";
import { CliError, unexpected } from "./cli-error.js";
import { exitCodeOf } from "./exit-codes.js";
import { createProgram } from "./program.js";
import { writeFailure } from "./report.js";

/** Looked for by hand: it counts for errors that come before the options are understood, too. */
const json = process.argv.includes("--json");

installExitHandlers((code, signal) => {
  const error = new CliError(code, `${signal}: stopped before the end; no unfinished output was left behind`);
  writeFailure(error, { json });
  // To a shell both are the same exit code.
  if (isExitDelayed()) process.kill(process.pid, signal);
  process.exit(exitCodeOf(code));
});
// A closed terminal is no reason to fail in the middle of reporting a failure.
process.stderr.on("error", () => {});
process.on("uncaughtException", (error) => {
  writeFailure(unexpected(error), { json });
  process.exit(exitCodeOf("internal"));
});

try {
  await createProgram().parseAsync();
} catch (error) {
  const failure = toFailure(error);
  if (failure) {
    // `… | head` is no failure to tell a person about.
    if (failure.code !== "reader-gone" || json) writeFailure(failure, { json });
    process.exitCode = exitCodeOf(failure.code);
  }
}

/** Commander throws for help and version as well, which are no failures. */
function toFailure(error: unknown): CliError | undefined {
  if (!(error instanceof CommanderError)) return unexpected(error);
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") return new CliError("usage", "name a command; --help lists them");
  return new CliError("usage", error.message.replace(/^error: /, ""));
}
