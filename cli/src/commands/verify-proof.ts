import { LIMITS } from "blindreel";
import { type OpenedExcerpt, type OpenedReceipt, openExcerpt, openReceipt } from "blindreel/review";
import { identifyObject } from "blindreel/server";
import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { peek } from "../head.js";
import { type Input, readSmall } from "../input.js";
import { type ReportOptions, writeReport } from "../report.js";
import { columns } from "../text.js";
import { excerptFields, excerptRows } from "./open-excerpt.js";

export interface VerifyProofOptions extends ReportOptions {
  readonly identity?: readonly string[];
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
}

/** Checks an excerpt, with the content of its segments, or a receipt. Both are one format; a receipt shows no segment. */
export async function verifyProof(opened: Input, options: VerifyProofOptions): Promise<void> {
  const { magic, input } = await peek(opened);
  if (identifyObject(magic) !== "excerpt")
    throw usageError(
      `${input.name} is no recording; give its folder or address, or the file of an excerpt or a receipt`,
    );
  if (options.identity?.length) throw usageError("--identity is not for an excerpt or a receipt");
  if (options.ignoreExpiry) throw usageError("--ignore-expiry is not for an excerpt or a receipt");
  try {
    const bytes = await readSmall(input, LIMITS.excerpt, (name) =>
      usageError(`${name} is longer than an excerpt can be`),
    );
    const { expected, json } = options;
    const expectation = expected === undefined ? {} : { expected: { coreHash: expected } };
    const receipt = await openReceipt(bytes, expectation).catch((error: { code?: unknown }) => {
      if (error.code === "malformed") return undefined;
      throw error;
    });
    if (receipt) return await writeReport(receiptReport(input.name, receipt), { json });
    const shown = await openExcerpt(bytes, expectation);
    try {
      await writeReport(excerptReport(input.name, shown), { json });
    } finally {
      await shown.close();
    }
  } catch (error) {
    throw explain(error, input.name);
  }
}

const UNPINNED =
  "It is consistent in itself; whether it is of the one that was announced shows only with --expected.";

function excerptReport(name: string, shown: OpenedExcerpt) {
  const withheld = shown.segments.filter(({ isIncluded }) => !isIncluded).length;
  return {
    json: { file: name, object: "excerpt", ...excerptFields(shown), withheld },
    lines: [
      `${name}: an excerpt, as its recorder signed it`,
      ...(shown.origin === "unpinned" ? [UNPINNED] : []),
      ...(withheld > 0 ? [`The content of ${withheld} segments is not in it, and was not checked.`] : []),
      ...columns([...excerptRows(shown), ...witnessRows(shown)]),
    ],
  };
}

function receiptReport(name: string, receipt: OpenedReceipt) {
  const { recordingId, coreHash, origin, sequence, size, logRoot } = receipt;
  const witnesses = receipt.witnesses.map(({ publicKey, time }) => ({ publicKey, time: time.toISOString() }));
  return {
    json: {
      file: name,
      object: "receipt",
      recordingId,
      coreHash,
      origin,
      sequence,
      size,
      logRoot,
      witnesses,
    },
    lines: [
      `${name}: a receipt, as its recorder signed it`,
      ...(origin === "unpinned" ? [UNPINNED] : []),
      ...columns([
        ["recording id", recordingId],
        ["core hash", `${coreHash} (${origin})`],
        ["manifest", String(sequence)],
        ["entries in its log", String(size)],
        ["log root", logRoot],
        ...witnessRows(receipt),
      ]),
    ],
  };
}

/** Which of them to believe is the reader's decision. */
function witnessRows({ witnesses }: Pick<OpenedReceipt, "witnesses">): (readonly [string, string])[] {
  if (witnesses.length === 0) return [["witnesses", "none"]];
  return witnesses.map(({ publicKey, time }) => ["witness", `${publicKey}, ${time.toISOString()}`] as const);
}
