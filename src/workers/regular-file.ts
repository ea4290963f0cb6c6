import type * as NodeFs from "node:fs";
import { defaultProvider } from "../crypto/default.js";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import { type EnvelopePlan, planEnvelope } from "../envelope/create.js";
import { type OpenOptions, openOptions, unlockFile } from "../envelope/open.js";
import { type SealedInfo, type SealFileOptions, sealOptions, startFile } from "../envelope/seal.js";
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import type { EnvelopeInfo } from "../envelope/unlock.js";
import { envelopeLength, PREAMBLE_LENGTH } from "../envelope/wire.js";
import { outOfRange, truncated, wrongType } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import { type Check, type Checks, functionArgument, readOptions } from "../formats/options.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { startOpening, startSealing } from "../stream/derive.js";
import {
  CHUNK,
  chunkCount,
  chunkOffset,
  claimedPlaintextLength,
  HEADER_LENGTH,
  plaintextLengthOf,
  SEALED_CHUNK,
  sealedLength,
} from "../stream/geometry.js";
import { paddedLength, readLengthField } from "../stream/padding.js";
import { type SpanStarter, type StreamWorkers, workersArgument } from "../stream/spans.js";

/** Descriptors are C's `int`. */
const MAX_DESCRIPTOR = 2 ** 31 - 1;

/** Regular files by descriptors of `node:fs`, which the caller opens, and closes when the call is over. */
export interface RegularFiles<Info> {
  /** Descriptor of the input, whose bytes from 0 to `size` count and do not change. */
  readonly input: number;
  /** In bytes. */
  readonly size: number;
  /** Descriptor of the output, an empty file, once the head is made or authenticated. Called once. */
  readonly output: (info: Info) => number | Promise<number>;
}

/**
 * Seals a regular file: the threads themselves read and write, at positions. After a failure what is in the output is to
 * be thrown away.
 *
 * @throws as `sealFrom`, for arguments before it returns; BlindreelError `source-failed` where the input is shorter than `size`; errors of `node:fs` with
 *   their `code` and `syscall`; what `output` throws.
 * @category Everyone
 */
export function sealRegularFile(
  files: RegularFiles<SealedInfo>,
  given: SealFileOptions & { readonly workers: StreamWorkers },
): Promise<SealedInfo> {
  const options = sealOptions(given);
  workersArgument("options.workers", options.workers);
  return sealPlanned(filesArgument(files), planEnvelope("file", options), options);
}

async function sealPlanned(
  { input, size: content, output: choose }: RegularFiles<SealedInfo>,
  plan: EnvelopePlan,
  options: SealFileOptions,
): Promise<SealedInfo> {
  const { crypto = defaultProvider(), padding, workers } = options;
  const total = padding ? paddedLength(padding, content) : content;
  // Refuses more chunks than a message has.
  sealedLength(total);
  let info: SealedInfo | undefined;
  const { prefix, streamKey } = await startFile(plan, options, (made) => (info = made));
  const { cipher, header } = await startSealing(crypto, streamKey, forFiles(workers!));
  await passing(cipher, async () => {
    const head = concatBytes(prefix, header);
    const output = outputArgument(await choose(info!));
    writeHead(output, head);
    const places = { input, inputAt: 0, output, outputAt: head.length, content, total };
    await cipher.spans!.addFiles(places, chunkCount(total), options);
  });
  return info!;
}

/**
 * Opens a regular file into another one, as {@link sealRegularFile}. What is written is authenticated, but comes in any
 * order: only the end of the call makes it the content.
 *
 * @throws as `open`, in the order of `openFrom`; else as {@link sealRegularFile}.
 * @category Everyone
 */
export async function openRegularFile(
  files: RegularFiles<EnvelopeInfo>,
  given: OpenOptions & { readonly workers: StreamWorkers },
): Promise<EnvelopeInfo> {
  const options = openOptions(given);
  const { crypto = defaultProvider() } = options;
  const workers = workersArgument("options.workers", options.workers);
  const { input, size, output: choose } = filesArgument(files);
  const length = envelopeLength(readBytes(input, 0, Math.min(PREAMBLE_LENGTH, size)), options.limits);
  if (size < length) throw truncated("the envelope", size);
  const origin = length + SEGMENT_HEADER_LENGTH;
  const head = readBytes(input, 0, Math.min(origin + HEADER_LENGTH, size));
  const { info, plan } = await unlockFile(head.subarray(0, origin), length, options);
  if (head.length < origin + HEADER_LENGTH) throw truncated("the sealed stream", size);
  const cipher = await startOpening(crypto, plan.streamKey, head.subarray(origin), forFiles(workers));
  await passing(cipher, async () => {
    const message = size - origin;
    const whole = Math.floor((message - HEADER_LENGTH) / SEALED_CHUNK);
    const isCut = plaintextLengthOf(message) === undefined;
    const total = isCut ? whole * CHUNK : claimedPlaintextLength(message, size);
    const last = chunkCount(total) - 1;
    const content =
      plan.isPadded && !isCut
        ? readLengthField(await cipher.open(last, readBytes(input, origin + chunkOffset(last), size)), total)
        : total;
    const output = outputArgument(await choose(info));
    const places = { input, inputAt: origin + HEADER_LENGTH, output, outputAt: 0, content, total };
    await cipher.spans!.addFiles(places, isCut ? whole : last + 1, options);
    // As a stream: whole chunks come before a wrong end.
    claimedPlaintextLength(message, size);
  });
  return info;
}

const descriptorArgument: Check<number> = (name, value) => {
  if (typeof value !== "number") throw wrongType(name, "a file descriptor", value);
  if (!Number.isInteger(value) || value < 0 || value > MAX_DESCRIPTOR)
    throw outOfRange(name, "a file descriptor", value);
  return value;
};

// biome-ignore lint/suspicious/noExplicitAny: of any info.
const FILES: Checks<RegularFiles<any>> = {
  input: descriptorArgument,
  size(name, value) {
    if (typeof value !== "number") throw wrongType(name, "a number of bytes", value);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw outOfRange(name, "an integer of 0 or more", value);
  },
  output: functionArgument,
};

const filesArgument = <Info>(given: RegularFiles<Info>): RegularFiles<Info> =>
  readOptions<RegularFiles<Info>>("files", given, FILES, ["input", "size", "output"]);

/** Content that a file had before would stay behind a shorter message; and the input itself is no output. */
function outputArgument(given: unknown): number {
  const output = descriptorArgument("what files.output returns", given);
  const { size } = nodeFs().fstatSync(output);
  if (size > 0) throw outOfRange("what files.output returns", "an empty file", `one of ${size} bytes`);
  return output;
}

const forFiles = (workers: StreamWorkers): SpanStarter => ({
  startSpans: (direction, key, baseNonce) => workers.startSpans(direction, key, baseNonce, true),
});

/** Ends the message of a cipher whatever happens. */
async function passing(cipher: ChunkCipher, pass: () => Promise<void>): Promise<void> {
  try {
    await pass();
  } catch (error) {
    cipher.spans!.destroy(error);
    throw error;
  }
}

const nodeFs = (): typeof NodeFs => nodeBuiltin<typeof NodeFs>("node:fs")!;

/** @returns fewer than asked for only where the file ends. */
function readBytes(file: number, start: number, end: number): Bytes {
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.length) {
    const read = nodeFs().readSync(file, bytes, done, bytes.length - done, start + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

function writeHead(file: number, head: Bytes): void {
  for (let done = 0; done < head.length; )
    done += nodeFs().writeSync(file, head, done, head.length - done, done);
}
