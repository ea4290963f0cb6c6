import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { type GrantedOptions, loadGrants } from "../office/granted.js";
import { checkTarget, createOutput, PRIVATE_MODE, typedTarget } from "../output.js";
import type { PassphraseOptions } from "../passphrase.js";
import { reviewRecording } from "../recording-store.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling } from "../sink.js";
import { byteCount, columns } from "../text.js";

export interface ExcerptCommandOptions extends ReportOptions, PassphraseOptions, GrantedOptions {
  readonly identity: readonly string[];
  readonly track: string;
  readonly from: Date;
  readonly to: Date;
  readonly output: string;
  readonly expected?: string;
  readonly ignoreExpiry?: boolean;
  readonly force?: boolean;
}

/** Makes an excerpt: whole segments of one take, with the keys for them and the proof that they are the recording's. */
export async function excerpt(where: string, options: ExcerptCommandOptions): Promise<void> {
  const { track, from, to, output, json, expected, ignoreExpiry, force } = options;
  if (to <= from) throw usageError("--to must be later than --from");
  const identities = await loadIdentities(options.identity, options);
  const grants = await loadGrants(options, identities);
  const target = typedTarget(output, force);
  checkTarget(target);
  const review = await reviewRecording(where, { identities, grants, expected, ignoreExpiry });
  try {
    const bytes = await review.excerpt(track, { from, to });
    const sink = await createOutput(target, { mode: PRIVATE_MODE });
    await filling(sink, () => sink.write(bytes));
    const { recordingId, coreHash, origin } = review;
    const report = {
      json: {
        output: target.path,
        recordingId,
        coreHash,
        origin,
        track,
        from: from.toISOString(),
        to: to.toISOString(),
        outputBytes: bytes.length,
      },
      lines: [
        `excerpt of ${track} to ${sink.name}`,
        ...columns([
          ["recording id", recordingId],
          ["core hash", `${coreHash} (${origin})`],
          ["file", byteCount(bytes.length)],
        ]),
        "It holds the keys of its segments: whoever has it can watch them.",
      ],
    };
    await writeReport(report, { json }, { stdoutIsTaken: sink.isStdout });
  } catch (error) {
    throw explain(error, where);
  } finally {
    await review.close();
  }
}
