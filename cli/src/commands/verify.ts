import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { openInput } from "../input.js";
import { loadIdentities } from "../keys.js";
import { type GrantedOptions, loadGrants } from "../office/granted.js";
import type { PassphraseOptions } from "../passphrase.js";
import { startProgress } from "../progress.js";
import { isRecording } from "../recording-place.js";
import { reviewRecording } from "../recording-store.js";
import { type ReportOptions, writeReport } from "../report.js";
import { checkComplete, verdictJson, verdictLines } from "../verdict-text.js";
import { verifyProof } from "./verify-proof.js";

export interface VerifyOptions extends ReportOptions, PassphraseOptions, GrantedOptions {
  readonly identity?: readonly string[];
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
}

/** A recording's verdict; or whether an excerpt or a receipt is what its recorder signed. */
export async function verify(what: string, options: VerifyOptions): Promise<void> {
  if (isRecording(what)) return verifyRecording(what, options);
  const input = await openInput(what);
  try {
    await verifyProof(input, options);
  } finally {
    await input.close();
  }
}

/** Compares everything that is stored of a recording with everything that was signed. */
async function verifyRecording(where: string, options: VerifyOptions): Promise<void> {
  const { json, expected, ignoreExpiry, identity = [] } = options;
  if (identity.length === 0) throw usageError("required option '-i, --identity <key>' not specified");
  const identities = await loadIdentities(identity, options);
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
