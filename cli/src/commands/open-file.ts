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
import { inspectHead, readHead, wholeOf } from "../head.js";
import type { Input } from "../input.js";
import { loadIdentities } from "../keys.js";
import type { ByteRange } from "../options.js";
import {
  checkTarget,
  createOutput,
  foreignTarget,
  isIrrevocable,
  PRIVATE_MODE,
  type Target,
  typedTarget,
} from "../output.js";
import { PaddedPipe } from "../padded-pipe.js";
import type { PassphraseOptions } from "../passphrase.js";
import { counted, type ProgressDisplay, startProgress } from "../progress.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling, pump, type Sink } from "../sink.js";
import { byteCount, columns, grouped, isoDate, jsonLine } from "../text.js";
import { threadsFor } from "../threads.js";

export interface OpenFileOptions extends ReportOptions, PassphraseOptions {
  readonly identity: readonly string[];
  readonly output?: string | undefined;
  readonly range?: ByteRange | undefined;
  /** The coreHash that the file has to have. */
  readonly expected?: string | undefined;
  readonly ignoreExpiry?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Content on its way out, with what its envelope says. */
interface Opened {
  readonly info: EnvelopeInfo;
  fill(sink: Sink): Promise<void>;
  cancel(): Promise<void>;
  /** What of the content this is; undefined for all. */
  readonly range?: Range;
  /** Where more than the content may come out before an error. */
  readonly pipe?: PaddedPipe;
}

/** Opens a sealed file, or a range of it, with private keys. */
export async function openSealedFile(input: Input, options: OpenFileOptions): Promise<void> {
  const { output, range, json, force = false, ignoreExpiry = false } = options;
  const identities = await loadIdentities(options.identity, options);
  const unlocking = { identities, ignoreExpiry };
  const typed = output === undefined ? undefined : typedTarget(output, force);
  let content: Opened | undefined;
  let sink: Sink | undefined;
  try {
    if (typed) checkTarget(typed);
    const progress = startProgress({ verb: "opening", total: input.size, json });
    if (range) content = await openRange(input, unlocking, range);
    else if (typed && isIrrevocable(typed)) content = await openForPipe(input, unlocking, progress.add);
    else content = await openWhole(input, unlocking, threadsFor(input, options.threads), progress);
    checkExpected(content.info, options.expected);
    const target = typed ?? foreignTarget(defaultName(content, input));
    checkTarget(target);
    sink = await createOutput(target, { mode: PRIVATE_MODE });
    await filling(sink, content.fill).finally(progress.stop);
    await writeReport(reportOf(content, target, sink), { json }, { stdoutIsTaken: sink.isStdout });
  } catch (error) {
    await content?.cancel().catch(() => {});
    const failure = await whatWentWrong(error, input, unlocking);
    throw await withPrefixNote(
      failure,
      sink,
      async () => content?.pipe && { length: await content.pipe.contentLength(unlocking) },
    );
  }
}

interface Unlocking {
  readonly identities: readonly Identity[];
  readonly ignoreExpiry: boolean;
}

/** To a regular file. */
async function openWhole(
  input: Input,
  unlocking: Unlocking,
  threads: number,
  progress: ProgressDisplay,
): Promise<Opened> {
  if (threads === 1) return openPieces(input.pieces(), unlocking, progress.add);
  const { openDirect } = await import("../direct.js");
  return openDirect(input, threads, { ...unlocking, onProgress: progress.reach });
}

function streamed(info: EnvelopeInfo, stream: ReadableStream<Uint8Array>): Opened {
  return { info, fill: (sink) => pump(stream, sink), cancel: () => stream.cancel() };
}

async function openPieces(
  pieces: AsyncIterable<Uint8Array>,
  unlocking: Unlocking,
  onBytes: (bytes: number) => void,
): Promise<Opened> {
  const stream = openFrom(counted(pieces, onBytes), unlocking);
  return streamed(await stream.info, stream);
}

/** What comes out is to be content, whatever the sealer did: the length of what is padded is read first, where it can be. */
async function openForPipe(
  input: Input,
  unlocking: Unlocking,
  onBytes: (bytes: number) => void,
): Promise<Opened> {
  const head = await readHead(input);
  const isPadded = inspectHead(head, head.bytes.length).content?.isPadded;
  if (isPadded && input.handle) {
    await head.rest.return();
    return openRange(input, unlocking);
  }
  if (!isPadded) return openPieces(wholeOf(head), unlocking, onBytes);
  const pipe = new PaddedPipe(head);
  return { ...(await openPieces(pipe.pieces(), unlocking, onBytes)), pipe };
}

/** Only the head, the last chunk and the range itself are read. @param wanted undefined for all. */
async function openRange(input: Input, unlocking: Unlocking, wanted?: ByteRange): Promise<Opened> {
  const { handle } = input;
  if (!handle) throw usageError(`--range needs a file that can be read at any place, ${input.name} cannot`);
  const source = await openSource(fileHandleSource(handle), unlocking);
  const range = within(wanted ?? { start: 0, end: undefined }, source);
  const stream = source.stream(range.start, range.end);
  return { ...streamed(source, stream), ...(wanted && { range }) };
}

function checkExpected({ coreHash }: EnvelopeInfo, expected: string | undefined): void {
  if (expected === undefined || coreHash === expected) return;
  throw new CliError("unexpected-recording", `this is not what was expected: its coreHash is ${coreHash}`);
}

function within({ start, end }: ByteRange, { size }: OpenedSource): Range {
  if (start > size || (end ?? size) > size) {
    throw usageError(`the range ${start}-${end ?? ""} is not inside the content, which has ${size} bytes`);
  }
  return { start, end: end ?? size };
}

/** The sealed name, in the current folder. A part of a file gets a name of its own. */
function defaultName({ info, range }: Opened, { path }: Input): string {
  const { name } = readDetails(info.metadata);
  const candidates = [name, path?.endsWith(".reel") ? path.slice(0, -".reel".length) : undefined];
  const safe = candidates.flatMap((candidate) => (candidate && safeFileName(candidate)) || [])[0];
  const whole = safe ?? `${info.recordingId}.opened`;
  return range ? `${whole}.${range.start}-${range.end}` : whole;
}

function reportOf({ info, range }: Opened, { path }: Target, sink: Sink) {
  const { recordingId, coreHash, createdAt, policy, epoch, keyIds, metadata } = info;
  return {
    json: {
      output: path,
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
        ...(metadata ? [["metadata", jsonLine(metadata).trimEnd()] as const] : []),
      ]),
    ],
  };
}

/**
 * What went into a pipe cannot be taken back; it is true as far as it goes, and that is said.
 *
 * @param padded finds out how much of it is content, where that is a question.
 */
async function withPrefixNote(
  error: CliError,
  sink: Sink | undefined,
  padded: () => Promise<{ readonly length: number | undefined } | undefined>,
): Promise<CliError> {
  if (!sink?.isIrrevocable || sink.bytesWritten === 0 || error.code === "reader-gone") return error;
  const written = sink.bytesWritten;
  const where = sink.isStdout ? "on standard output" : `in ${sink.name}`;
  // The change was noticed at the end of the input.
  const isWhole = error.code === "input-changed";
  const content = await padded();
  const length = content ? content.length : written;
  const note =
    length === undefined
      ? `The ${byteCount(written)} ${where} authenticate, but how many of them are content, and how many padding, is not known.`
      : length < written
        ? `Of the ${byteCount(written)} ${where} only the first ${grouped(length)} are an authenticated beginning of the content.`
        : `The ${byteCount(written)} ${where} are an authenticated beginning of the content${isWhole ? "" : ", not all of it"}.`;
  return new CliError(error.code, `${error.message} ${note}`, { cause: error });
}
