import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { startProgress } from "../progress.js";
import { reviewRecording } from "../recording-store.js";
import { type ReportOptions, writeReport } from "../report.js";
import { checkComplete, verdictJson, verdictLines } from "../verdict-text.js";

export interface VerifyOptions extends ReportOptions {
  readonly identity: readonly string[];
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
}

/** Compares everything that is stored of a recording with everything that was signed. */
export async function verify(where: string, options: VerifyOptions): Promise<void> {
  const { json, expected, ignoreExpiry } = options;
  const identities = await loadIdentities(options.identity);
  const review = await reviewRecording(where, { identities, expected, ignoreExpiry });
  const progress = startProgress({ verb: "verifying", total: undefined, json });
  try {
    const verdict = await review.verify({ onProgress: progress.reach }).finally(progress.stop);
    const lines = verdictLines(where, review, verdict);
    await writeReport({ json: verdictJson(where, review, verdict), lines }, { json });
    checkComplete(where, verdict);
  } catch (error) {
    throw explain(error, where);
  } finally {
    await review.close();
  }
}
