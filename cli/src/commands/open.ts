import { identifyObject } from "blindreel/server";
import { usageError } from "../cli-error.js";
import { peek } from "../head.js";
import { openInput } from "../input.js";
import type { GrantedOptions } from "../office/granted.js";
import type { ByteRange } from "../options.js";
import type { PassphraseOptions } from "../passphrase.js";
import { isRecording } from "../recording-place.js";
import type { ReportOptions } from "../report.js";
import { openSealedFile } from "./open-file.js";

export interface OpenCommandOptions extends ReportOptions, PassphraseOptions, GrantedOptions {
  readonly identity?: readonly string[];
  readonly output?: string;
  readonly range?: ByteRange;
  readonly track?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
}

/** Options that only some of what can be opened takes. */
const SPECIAL = {
  range: "--range",
  track: "--track",
  from: "--from",
  to: "--to",
  force: "--force",
  threads: "--threads",
} as const;

/** Opens a sealed file, a recording, or an excerpt. */
export async function open(what: string, options: OpenCommandOptions): Promise<void> {
  const { identity = [], track: tracks, ...rest } = options;
  if (isRecording(what)) {
    checkOptions("a recording", options, ["range", "force", "threads"]);
    checkIdentity(identity);
    const { openRecordingTakes } = await import("./recordings.js");
    return openRecordingTakes(what, { ...rest, tracks, identity });
  }
  checkOptions("a file", options, ["track", "from", "to"]);
  const opened = await openInput(what);
  try {
    const { magic, input } = await peek(opened);
    if (identifyObject(magic) === "excerpt") {
      checkOptions("an excerpt", options, ["range", "threads"]);
      const { openExcerptFile } = await import("./recordings.js");
      await openExcerptFile(input, options);
    } else {
      checkIdentity(identity);
      await openSealedFile(input, { ...options, identity });
    }
  } finally {
    await opened.close();
  }
}

function checkOptions(
  what: string,
  options: OpenCommandOptions,
  refused: readonly (keyof typeof SPECIAL)[],
): void {
  const given = refused.find((name) => options[name] !== undefined);
  if (given) throw usageError(`${SPECIAL[given]} is not for ${what}`);
}

/** An excerpt alone opens without. */
function checkIdentity(identity: readonly string[]): void {
  if (identity.length === 0) throw usageError("required option '-i, --identity <key>' not specified");
}
