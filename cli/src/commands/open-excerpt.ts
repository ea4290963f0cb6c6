import { LIMITS } from "blindreel";
import { type OpenedExcerpt, openExcerpt } from "blindreel/review";
import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { extensionOf, safeFileName } from "../file-details.js";
import { type Input, readSmall } from "../input.js";
import { checkTarget, createOutput, foreignTarget, PRIVATE_MODE, typedTarget } from "../output.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling, type Sink } from "../sink.js";
import { byteCount, columns } from "../text.js";

export interface OpenExcerptFileOptions extends ReportOptions {
  readonly output?: string;
  readonly expected?: string;
  readonly force?: boolean;
}

/** Opens an excerpt, for which no key is needed: its segments, one behind the other. */
export async function openExcerptFile(input: Input, options: OpenExcerptFileOptions): Promise<void> {
  const { output, expected, force, json } = options;
  try {
    const bytes = await readSmall(input, LIMITS.excerpt, (name) =>
      usageError(`${name} is longer than an excerpt can be`),
    );
    const shown = await openExcerpt(
      bytes,
      expected === undefined ? {} : { expected: { coreHash: expected } },
    );
    try {
      const target = output === undefined ? foreignTarget(nameOf(shown)) : typedTarget(output, force);
      checkTarget(target);
      const sink = await createOutput(target, { mode: PRIVATE_MODE });
      await filling(sink, async () => {
        for (const segment of shown.segments) await sink.write(await segment.read());
      });
      await writeReport(reportOf(shown, target.path, sink), { json }, { stdoutIsTaken: sink.isStdout });
    } finally {
      await shown.close();
    }
  } catch (error) {
    throw explain(error, input.name);
  }
}

function nameOf({ track, take, recordingId }: OpenedExcerpt): string {
  return `${safeFileName(track) ?? recordingId}-${take.number}.excerpt${extensionOf(take.type)}`;
}

function reportOf(shown: OpenedExcerpt, output: string, sink: Sink) {
  return {
    json: { output, ...excerptFields(shown), outputBytes: sink.bytesWritten },
    lines: [
      `opened to ${sink.name}`,
      ...columns([...excerptRows(shown), ["content", byteCount(sink.bytesWritten)]]),
    ],
  };
}

/** What an excerpt says, for JSON. */
export function excerptFields(shown: OpenedExcerpt) {
  const { recordingId, coreHash, origin, state, sequence, track, take, segments, gaps, witnesses } = shown;
  return {
    recordingId,
    coreHash,
    origin,
    state,
    sequence,
    track,
    take: { ...take, startedAt: take.startedAt.toISOString() },
    segments: segments.map(({ index, time, end, size }) => ({ index, time: time.toISOString(), end, size })),
    gaps,
    witnesses: witnesses.map(({ publicKey, time }) => ({ publicKey, time: time.toISOString() })),
  };
}

export function excerptRows(shown: OpenedExcerpt): (readonly [string, string])[] {
  const { recordingId, coreHash, origin, state, track, take, segments, gaps } = shown;
  const left = gaps.map(({ first, count }) => `segments ${first} to ${first + count - 1}`).join(", ");
  return [
    ["recording id", recordingId],
    ["core hash", `${coreHash} (${origin})`],
    ["recording", state === "final" ? "closed when this was signed" : "still open when this was signed"],
    ["track", `${track}, take ${take.number}, ${take.type || "no media type"}`],
    ["segments", segments.map(({ index, time }) => `${index} (${time.toISOString()})`).join(", ")],
    ["not in it", left || "nothing between these"],
  ];
}
