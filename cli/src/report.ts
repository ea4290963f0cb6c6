import type { CliError } from "./cli-error.js";
import { createStdout } from "./stdout.js";
import { jsonLine, printable } from "./text.js";

/** What a command tells at its end, for people and for machines. */
export interface Report {
  /** Escaped for terminals when they are written, and nowhere else. */
  readonly lines: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

export interface ReportOptions {
  readonly json?: boolean | undefined;
}

/**
 * Standard output, unless the content itself went there; then standard error.
 *
 * @throws CliError `disk-full`, `output-unwritable`: a result that did not arrive is a failure.
 */
export async function writeReport(
  report: Report,
  { json }: ReportOptions,
  { stdoutIsTaken = false } = {},
): Promise<void> {
  const text = json ? jsonLine(report.json) : report.lines.map((line) => `${printable(line)}\n`).join("");
  if (stdoutIsTaken) process.stderr.write(text);
  else await createStdout().write(new TextEncoder().encode(text));
}

/** One sentence, or one line of JSON, on standard error. */
export function writeFailure(error: CliError, { json }: ReportOptions): void {
  const { code, message } = error;
  process.stderr.write(json ? jsonLine({ error: { code, message } }) : `blindreel: ${printable(message)}\n`);
}
