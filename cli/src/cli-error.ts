import type { FailureCode } from "./exit-codes.js";

/** A failure with the sentence that the user is to read. Everything thrown on purpose is one. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A bug or something the system did that nothing above foresaw. */
export function unexpected(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CliError("internal", `unexpected failure: ${message}`, { cause: error });
}

/** The command line itself is wrong. */
export function usageError(message: string): CliError {
  return new CliError("usage", message);
}

/** A file named on the command line could not be read. */
export function inputUnreadable(name: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  return new CliError("input-unreadable", `cannot read ${name}: ${systemReason(error)}`, { cause: error });
}

/** Something could not be written; a full disk and an existing file have codes of their own. */
export function outputFault(name: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  const errno = errnoOf(error);
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    const message = `cannot write ${name}: ${systemReason(error)}. Make room or choose another place with -o.`;
    return new CliError("disk-full", message, { cause: error });
  }
  if (errno === "EEXIST") return outputExists(name);
  if (errno === "EPIPE") return new CliError("reader-gone", `the reader of ${name} stopped before the end`);
  return new CliError("output-unwritable", `cannot write ${name}: ${systemReason(error)}`, { cause: error });
}

export function outputExists(name: string): CliError {
  return new CliError("output-exists", `${name} exists already and was left as it is`);
}

export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would become larger than this file system or its limit allows",
  EIO: "the device reported an input/output error",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
};

function systemReason(error: unknown): string {
  const errno = errnoOf(error);
  const known = errno === undefined ? undefined : REASONS[errno];
  if (known !== undefined) return `${known} (${errno})`;
  return error instanceof Error ? error.message : String(error);
}
