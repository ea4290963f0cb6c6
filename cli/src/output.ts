import { CliError, usageError } from "./cli-error.js";
import { checkTarget as checkFile, createOutputFile, type OutputFileOptions } from "./output-file.js";
import { statIfPresent } from "./protected.js";
import type { Sink } from "./sink.js";
import { createStdout } from "./stdout.js";

/** Sealed files are no secret: ordinary permissions. */
export const PUBLIC_MODE = 0o666;
/** Opened recordings, excerpts and private keys are for their owner. */
export const PRIVATE_MODE = 0o600;

/** Where an output goes, and by whose choice. */
export interface Target {
  /** A path, or "-" for standard output. */
  readonly path: string;
  /** Replace what is there. Counts for a name that the user typed. */
  readonly force: boolean;
  /** The name comes from a file. */
  readonly isForeign?: boolean;
}

/** Other names of standard output; opened, they would be written without regard to what is there. */
const STDOUT_NAMES = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** What the user typed after -o. */
export function typedTarget(path: string, force = false): Target {
  return { path: STDOUT_NAMES.includes(path) ? "-" : path, force };
}

/** A name out of a file, or made of the input's: it never replaces anything, and `--force` does not count. */
export function foreignTarget(path: string): Target {
  return { path, force: false, isForeign: true };
}

/**
 * Opens an output. None is a terminal: what is opened may hold anything, and so may what is only copied, control sequences
 * included.
 *
 * @throws CliError as {@link checkTarget}; `usage` for a terminal.
 */
export async function createOutput(
  { path, ...target }: Target,
  options: Pick<OutputFileOptions, "mode" | "replaces">,
): Promise<Sink> {
  const sink = path === "-" ? createStdout() : await createOutputFile(path, { ...target, ...options });
  if (!sink.isTerminal) return sink;
  await sink.discard();
  throw usageError("the output is not for a terminal: give a file name with -o, or pipe it on");
}

/**
 * What can be refused before any work.
 *
 * @throws CliError `output-exists`; `usage` for an output that is a file which is read; `output-unwritable`.
 */
export function checkTarget({ path, force, isForeign = false }: Target): void {
  if (path === "-") return;
  try {
    checkFile(path, { force, isForeign });
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== "output-exists") throw error;
    const advice = isForeign ? "give another name with -o" : "pass --force to replace it";
    throw new CliError(error.code, `${error.message}; ${advice}`);
  }
}

/** Whether what is written there cannot be taken back. Known before it is opened. */
export function isIrrevocable({ path }: Target): boolean {
  return path === "-" || statIfPresent(path)?.isFile() === false;
}
