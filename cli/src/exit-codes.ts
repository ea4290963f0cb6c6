import type { ErrorCode } from "blindreel";
import type { RecordingState } from "blindreel/review";

/**
 * The one table of exit codes: `--help` prints it, `README.md` repeats it (a test compares them), and nothing else
 * in the command line chooses a number. Numbers never change their meaning between versions.
 */
export const EXIT_MEANINGS = {
  0: "done",
  1: "unexpected failure of this program or of the runtime",
  2: "the command line is wrong: an option, a value, or the metadata file it names",
  3: "the input is not a Blindreel file",
  4: "the input is cut off",
  5: "the input was written by a newer version",
  6: "the input is sealed to other keys than the ones given",
  7: "authentication failed: the input was altered or damaged",
  8: "the input breaks the rules of the format or exceeds its ceilings",
  9: "the input is another kind of envelope than this command handles",
  10: "the recording has expired",
  11: "a key file is not a usable key",
  12: "an input file cannot be read, or changed while it was read",
  13: "the output exists already",
  14: "the output cannot be written, or another process changes the office",
  15: "the disk is full",
  16: "the audit found bytes that are not opaque",
  17: "the recording is not the one that was expected, or an older state of it",
  18: "a signed statement is refused: a keyset, directory, grant, hold, share, or another",
  20: "the recording is interrupted: its recorder says that something was lost",
  21: "the recording is unfinished: nothing says that it was closed",
  22: "the recording is truncated: something that was stored is missing",
  23: "the recording is altered: something stored is not what was signed",
  129: "the terminal was closed (SIGHUP)",
  130: "interrupted (SIGINT)",
  141: "the reader of the output stopped before the end",
  143: "terminated (SIGTERM)",
} as const;

export type ExitCode = keyof typeof EXIT_MEANINGS;

/** One for every state of a recording but `complete`. */
export type VerdictCode = `verdict-${Exclude<RecordingState, "complete">}`;

/** Failures that are the command line's own and not the SDK's. */
export type CliCode =
  | "internal"
  | "usage"
  | "bad-key-file"
  | "input-unreadable"
  | "input-changed"
  | "output-exists"
  | "output-unwritable"
  | "office-in-use"
  | "disk-full"
  | "reader-gone"
  | VerdictCode
  | "hangup"
  | "interrupted"
  | "terminated";

/** What `--json` prints as `error.code`: the SDK's own stable codes, and the command line's. */
export type FailureCode = ErrorCode | CliCode;

/**
 * Total over the SDK's codes: a new one does not compile until it has its exit code. No command makes recordings, so the
 * codes of recorders are unexpected here.
 */
const EXIT_CODES: Record<FailureCode, ExitCode> = {
  internal: 1,
  closed: 1,
  "bad-random": 1,
  "unsupported-runtime": 1,
  "provider-fault": 1,
  "queue-full": 1,
  "upload-refused": 1,
  "storage-full": 1,
  "storage-failed": 1,
  "journal-lost": 1,
  "journal-damaged": 1,
  "journal-in-use": 1,
  "passkey-failed": 1,
  usage: 2,
  "invalid-recipients": 2,
  "unknown-track": 2,
  unplayable: 8,
  "not-an-envelope": 3,
  truncated: 4,
  "unsupported-version": 5,
  "unsupported-algorithm": 5,
  "no-matching-key": 6,
  "authentication-failed": 7,
  malformed: 8,
  "limit-exceeded": 8,
  "invalid-json": 8,
  "wrong-kind": 9,
  expired: 10,
  "bad-key-file": 11,
  "invalid-key": 11,
  "unexpected-identity": 11,
  "input-unreadable": 12,
  "input-changed": 12,
  "source-failed": 12,
  "source-changed": 12,
  "output-exists": 13,
  "output-unwritable": 14,
  "office-in-use": 14,
  "disk-full": 15,
  "not-opaque": 16,
  "stale-epoch": 17,
  "wrong-recording": 17,
  "unexpected-recording": 17,
  "stale-manifest": 17,
  "keyset-refused": 18,
  "directory-refused": 18,
  "rotation-refused": 18,
  "hold-refused": 18,
  "destruction-refused": 18,
  "grant-refused": 18,
  "share-refused": 18,
  "verdict-interrupted": 20,
  "verdict-unfinished": 21,
  "verdict-truncated": 22,
  "verdict-altered": 23,
  hangup: 129,
  interrupted: 130,
  "reader-gone": 141,
  terminated: 143,
};

/** A code that a later SDK adds is an unexpected failure until this table knows it. */
export function exitCodeOf(code: FailureCode): ExitCode {
  return EXIT_CODES[code] ?? 1;
}

export function meaningOf(code: FailureCode): string {
  return EXIT_MEANINGS[exitCodeOf(code)];
}

/** The table as text, two columns, for `--help`. */
export function exitCodeTable(): string {
  return Object.entries(EXIT_MEANINGS)
    .map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`)
    .join("\n");
}
