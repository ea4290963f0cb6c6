import {
  type EnvelopeInfo,
  fileHandleSource,
  type Identity,
  type OpenedSource,
  openFrom,
  openSource,
} from "blindreel";
import { CliError, usageError } from "../cli-error.js";
import { whatWentWrong } from "../cut-off.js";
import { readDetails, safeFileName } from "../file-details.js";
import { type Input, openInput } from "../input.js";
import { loadIdentities } from "../keys.js";
import type { ByteRange } from "../options.js";
import { checkTarget, createOutput, PRIVATE_MODE } from "../output.js";
import { counted, startProgress } from "../progress.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling, pump, type Sink } from "../sink.js";
import { byteCount, columns, isoDate, jsonLine, printable } from "../text.js";

export interface OpenCommandOptions extends ReportOptions {
  readonly identity: readonly string[];
  readonly output?: string;
  readonly range?: ByteRange;
  readonly ignoreExpiry?: boolean;
  readonly force?: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Content on its way out, with what its envelope says. */
interface Opened {
  readonly info: EnvelopeInfo;
  readonly stream: ReadableStream<Uint8Array>;
  /** What of the content this is; undefined for all. */
  readonly range: Range | undefined;
}

/** Opens a sealed file, or a range of it, with private keys. */
export async function open(path: string, options: OpenCommandOptions): Promise<void> {
  const { output, range, json, force = false, ignoreExpiry = false } = options;
  const identities = await loadIdentities(options.identity);
  const input = await openInput(path);
  const unlocking = { identities, ignoreExpiry };
  let content: Opened | undefined;
  let sink: Sink | undefined;
  try {
    if (output !== undefined) await checkTarget(output, input, { force });
    const progress = startProgress({ verb: "opening", total: input.size, json });
    content = range
      ? await openRange(input, unlocking, range)
      : await openWhole(input, unlocking, progress.add);
    const target = output ?? defaultTarget(content, input);
    await checkTarget(target, input, { force });
    sink = await createOutput(target, { force, mode: PRIVATE_MODE });
    const { stream } = content;
    await filling(sink, (to) => pump(stream, to)).finally(progress.stop);
    await writeReport(reportOf(content, target, sink), { json }, { stdoutIsTaken: sink.isStdout });
  } catch (error) {
    await content?.stream.cancel().catch(() => {});
    throw withPrefixNote(await whatWentWrong(error, input, unlocking), sink);
  } finally {
    await input.close();
  }
}

interface Unlocking {
  readonly identities: readonly Identity[];
  readonly ignoreExpiry: boolean;
}

async function openWhole(
  input: Input,
  unlocking: Unlocking,
  onBytes: (bytes: number) => void,
): Promise<Opened> {
  const stream = openFrom(counted(input.pieces(), onBytes), unlocking);
  return { info: await stream.info, stream, range: undefined };
}

/** Only the head, the last chunk and the range itself are read. */
async function openRange(input: Input, unlocking: Unlocking, wanted: ByteRange): Promise<Opened> {
  const { handle } = input;
  if (!handle) throw usageError(`--range needs a file that can be read at any place, ${input.name} cannot`);
  const source = await openSource(fileHandleSource(handle), unlocking);
  const range = within(wanted, source);
  const stream = source.stream(range.start, range.end);
  return { info: source, stream, range };
}

function within({ start, end }: ByteRange, { size }: OpenedSource): Range {
  if (start > size || (end ?? size) > size) {
    throw usageError(`the range ${start}-${end ?? ""} is not inside the content, which has ${size} bytes`);
  }
  return { start, end: end ?? size };
}

/** The sealed name, in the current folder. A part of a file gets a name of its own. */
function defaultTarget({ info, range }: Opened, { path }: Input): string {
  const { name } = readDetails(info.metadata);
  const candidates = [name, path?.endsWith(".reel") ? path.slice(0, -".reel".length) : undefined];
  const safe = candidates.flatMap((candidate) => (candidate && safeFileName(candidate)) || [])[0];
  const whole = safe ?? `${info.recordingId}.opened`;
  return range ? `${whole}.${range.start}-${range.end}` : whole;
}

function reportOf({ info, range }: Opened, target: string, sink: Sink) {
  const { recordingId, coreHash, createdAt, policy, epoch, keyIds, metadata } = info;
  return {
    json: {
      output: target,
      recordingId,
      coreHash,
      createdAt: isoDate(createdAt),
      expiresAt: isoDate(policy.expiresAt),
      region: policy.region ?? null,
      institution: policy.institution ?? null,
      epoch,
      keyIds,
      metadata: metadata ?? null,
      range: range ?? null,
      outputBytes: sink.bytesWritten,
    },
    lines: [
      range ? `opened bytes ${range.start}-${range.end} to ${sink.name}` : `opened to ${sink.name}`,
      ...columns([
        ["recording id", recordingId],
        ["core hash", coreHash],
        ["sealed at", createdAt.toISOString()],
        ...(policy.expiresAt ? [["expires", policy.expiresAt.toISOString()] as const] : []),
        ["content", byteCount(sink.bytesWritten)],
        ...(metadata ? [["metadata", printable(jsonLine(metadata).trimEnd())] as const] : []),
      ]),
    ],
  };
}

/** What left by standard output cannot be taken back; it is true as far as it goes, and that is said. */
function withPrefixNote(error: CliError, sink: Sink | undefined): CliError {
  if (!sink?.isStdout || sink.bytesWritten === 0) return error;
  const note = `The ${byteCount(sink.bytesWritten)} on standard output are an authenticated beginning of the content, not all of it.`;
  return new CliError(error.code, `${error.message} ${note}`, { cause: error });
}
