import { join } from "node:path";
import type { RecordingReview, Verdict } from "blindreel/review";
import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { type GrantedOptions, loadGrants } from "../office/granted.js";
import { OutputFolder } from "../output-set.js";
import type { PassphraseOptions } from "../passphrase.js";
import { startProgress } from "../progress.js";
import { reviewRecording } from "../recording-store.js";
import { type ReportOptions, writeReport } from "../report.js";
import { pump, type Sink } from "../sink.js";
import { planTakes, type Selection, type TakeFile } from "../take-plan.js";
import { byteCount } from "../text.js";
import { checkComplete, verdictJson, verdictLines } from "../verdict-text.js";

export interface OpenTakesOptions extends ReportOptions, PassphraseOptions, GrantedOptions, Selection {
  readonly identity: readonly string[];
  /** The folder. */
  readonly output?: string | undefined;
  readonly expected?: string | undefined;
  readonly ignoreExpiry?: boolean | undefined;
}

/** Verifies a recording, and writes what is authentic of its takes. The exit code is the verdict's. */
export async function openRecordingTakes(where: string, options: OpenTakesOptions): Promise<void> {
  const { output, json, expected, ignoreExpiry } = options;
  if (output === undefined || output === "-") {
    throw usageError("a recording is opened to a folder, with a file for each take: name one with -o");
  }
  const identities = await loadIdentities(options.identity, options);
  const grants = await loadGrants(options, identities);
  const review = await reviewRecording(where, { identities, grants, expected, ignoreExpiry });
  let folder: OutputFolder | undefined;
  try {
    const verifying = startProgress({ verb: "verifying", total: undefined, json });
    const verdict = await review.verify({ onProgress: verifying.reach }).finally(verifying.stop);
    const plan = planTakes(review, verdict, options);
    folder = new OutputFolder(
      output,
      plan.map(({ name }) => name),
    );
    const progress = startProgress({
      verb: "opening",
      total: plan.reduce((sum, file) => sum + sizeOf(file), 0),
      json,
    });
    try {
      for (const file of plan) await folder.write(file.name, (sink) => writeTake(file, sink, progress.add));
    } finally {
      progress.stop();
    }
    await folder.commit();
    await writeReport(reportOf(where, output, plan, { review, verdict }), { json });
    checkComplete(where, verdict);
  } catch (error) {
    await folder?.discard();
    throw explain(error, where);
  } finally {
    await review.close();
  }
}

async function writeTake(
  { take, ranges }: TakeFile,
  sink: Sink,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const source = take.source();
  try {
    for (const { start, end } of ranges) {
      await pump(source.stream(start, end), sink, onBytes);
    }
  } finally {
    await source.close();
  }
}

function sizeOf({ ranges }: Pick<TakeFile, "ranges">): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

function reportOf(
  where: string,
  output: string,
  plan: readonly TakeFile[],
  { review, verdict }: { readonly review: RecordingReview; readonly verdict: Verdict },
) {
  const partial = plan.filter(({ isPartial }) => isPartial).length;
  return {
    json: {
      ...verdictJson(where, review, verdict),
      output,
      files: plan.map(({ name, track, take, ranges, isPartial }) => ({
        file: join(output, name),
        track,
        take: take.number,
        type: take.type,
        startedAt: take.startedAt.toISOString(),
        ranges,
        isPartial,
      })),
    },
    lines: [
      ...verdictLines(where, review, verdict),
      `opened to ${output}${partial > 0 ? `, of which ${partial} files are parts of takes` : ""}:`,
      ...plan.map((file) => `  ${file.name}  ${byteCount(sizeOf(file))}`),
    ],
  };
}
