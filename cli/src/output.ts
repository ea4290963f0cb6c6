import { CliError, usageError } from "./cli-error.js";
import type { Input } from "./input.js";
import { checkOutput, createOutputFile, isSameFile, type OutputFileOptions } from "./output-file.js";
import type { Sink } from "./sink.js";
import { createStdout } from "./stdout.js";

/** Sealed files are no secret: ordinary permissions. */
export const PUBLIC_MODE = 0o666;
/** Opened recordings and private keys are for their owner. */
export const PRIVATE_MODE = 0o600;

/** @param target a path, or "-" for standard output. */
export async function createOutput(target: string, options: OutputFileOptions): Promise<Sink> {
  return target === "-" ? createStdout() : createOutputFile(target, options);
}

/**
 * What can be refused before any work: an output that exists, and an output that is the input, which would be gone
 * if it were replaced.
 */
export async function checkTarget(
  target: string,
  input: Input,
  options: { readonly force: boolean },
): Promise<void> {
  if (target === "-") return;
  if (input.path !== undefined && (await isSameFile(target, input.path))) {
    throw usageError(`the output ${target} is the input itself; choose another name with -o`);
  }
  await checkOutput(target, options).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.code !== "output-exists") throw error;
    throw new CliError(error.code, `${error.message}; pass --force to replace it`);
  });
}
