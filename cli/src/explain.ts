import { type ErrorCode, isBlindreelError } from "blindreel";
import { CliError, unexpected } from "./cli-error.js";

/** What to do about it, where the SDK's own sentence does not say so. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  "not-an-envelope": "Check that this is the sealed file and not the original or a download page.",
  truncated: "Part of it is missing: copy or download it again and compare its size with the original.",
  "unsupported-version": "Update blindreel.",
  "unsupported-algorithm": "Update blindreel.",
  "no-matching-key": "Give the private key with one of these ids by -i, or have the file rewrapped to yours.",
  "authentication-failed": "Compare it with the copy that was sealed, or fetch it again.",
  malformed: "It was altered or damaged: fetch it again.",
  "wrong-kind": "Give a sealed file (.reel), or the folder of a recording.",
  "unexpected-recording": "Another recording was put in its place, or --expected is another's.",
  expired: "If you are allowed to read it nevertheless, pass --ignore-expiry.",
};

/**
 * Turns whatever failed while `name` was being handled into the one error that is reported. Errors that already
 * say what they are about pass through.
 */
export function explain(error: unknown, name: string): CliError {
  if (error instanceof CliError) return error;
  if (isBlindreelError(error)) {
    const advice = ADVICE[error.code];
    const message = `${name}: ${error.message}${advice === undefined ? "" : `. ${advice}`}`;
    return new CliError(error.code, message, { cause: error });
  }
  // The SDK's complaints about an argument: everything it gets as one comes from the command line.
  const code = (error as { code?: unknown } | undefined)?.code;
  if (error instanceof Error && (code === "out-of-range" || code === "wrong-type")) {
    return new CliError("usage", error.message, { cause: error });
  }
  return unexpected(error);
}
