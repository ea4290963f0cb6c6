import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { type GrantedOptions, loadGrants } from "../office/granted.js";
import type { PassphraseOptions } from "../passphrase.js";
import { startProgress } from "../progress.js";
import { reviewRecording } from "../recording-store.js";
import { type ReportOptions, writeReport } from "../report.js";
import { checkComplete, verdictJson, verdictLines } from "../verdict-text.js";

export interface VerifyOptions extends ReportOptions, PassphraseOptions, GrantedOptions {
  readonly identity: readonly string[];
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
}

/** Compares everything that is stored of a recording with everything that was signed. */
export async function verify(where: string, options: VerifyOptions): Promise<void> {
  const { json, expected, ignoreExpiry } = options;
  const identities = await loadIdentities(options.identity, options);
  const grants = await loadGrants(options, identities);
  const review = await reviewRecording(where, { identities, grants, expected, ignoreExpiry });
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
