import { type Identity, type Inspection, openFrom } from "blindreel";
import { CliError } from "./cli-error.js";
import { explain } from "./explain.js";
import { readDetails } from "./file-details.js";
import { type Head, inspectHead, readHead } from "./head.js";
import type { Input } from "./input.js";

interface Unlocking {
  readonly identities: readonly Identity[];
  readonly ignoreExpiry: boolean;
}

/** @throws CliError `truncated` for a length that no whole file has; BlindreelError as `inspect`. */
export function checkWhole(name: string, head: Head, size: number): Inspection {
  const inspection = inspectHead(head, size);
  if (isCut(inspection)) {
    throw new CliError("truncated", `${name} is cut off: no whole file has ${size} bytes. ${FETCH_AGAIN}`);
  }
  return inspection;
}

/** Whether the length of the file is one that no whole file has. */
export function isCut({ content }: Inspection): boolean {
  return content !== undefined && content.plaintextLength === undefined;
}

/**
 * The error to report for an input that could not be opened. To the SDK a file whose end is missing and one whose
 * bytes were changed are mostly alike: the last chunk does not authenticate. Where the sealed metadata states the
 * size, the two can be told apart, and the user is told which it is.
 */
export async function whatWentWrong(error: unknown, input: Input, unlocking: Unlocking): Promise<CliError> {
  const explained = explain(error, input.name);
  if (explained.code !== "authentication-failed" || input.size === undefined) return explained;
  try {
    const head = await readHead(input);
    await head.rest.return();
    const { content } = checkWhole(input.name, head, input.size);
    const sealedSize = await sealedSizeOf(input, unlocking);
    const present = content?.plaintextLength;
    if (sealedSize === undefined || present === undefined || present >= sealedSize) return explained;
    const message = `${input.name} is cut off: it holds ${present} of the ${sealedSize} bytes that were sealed. ${FETCH_AGAIN}`;
    return new CliError("truncated", message, { cause: error });
  } catch (other) {
    return other instanceof CliError && other.code === "truncated" ? other : explained;
  }
}

const FETCH_AGAIN = "Copy or download it again and compare its size with the original.";

/** How long the content was when it was sealed: authentic, where the sealer said so. */
async function sealedSizeOf(input: Input, unlocking: Unlocking): Promise<number | undefined> {
  const stream = openFrom(input.pieces(), unlocking);
  const { metadata } = await stream.info;
  await stream.cancel();
  return readDetails(metadata).size;
}
