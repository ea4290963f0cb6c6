/// <reference lib="esnext.disposable" preserve="true" />
import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, closedError, limitExceeded, malformed } from "../errors.js";
import { type Bytes, bytesArgument, isAllZero, wipe } from "../formats/bytes.js";
import { LIMITS, nameOf } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import {
  EntryKind,
  logLeaf,
  type MediaPoint,
  SegmentEnd,
  type SegmentEntry,
  type TakeEntry,
} from "../log/entry.js";
import { decodeExcerpt, type Excerpt, type ExcerptPart } from "../log/excerpt.js";
import { dateOf } from "../log/fields.js";
import { segmentName } from "../log/names.js";
import { type Announced, announcedArgument, proveStatement, type SignedStatement } from "../log/proof.js";
import { ManifestState } from "../log/statement.js";
import { isSameHash, pathLength, rootFromPath } from "../log/tree.js";
import { type ByteSource, type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { asyncDispose } from "../stream/operation.js";
import { ExcerptSource } from "./excerpt-source.js";
import { type RetryOptions, retryArgument } from "./retry.js";
import { openWhole, type SegmentBinding } from "./segment.js";
import { missingObject, type ObjectLookup, Store } from "./store.js";

/** Options of {@link openExcerpt}. */
export interface OpenExcerptOptions {
  /** The coreHash announced at the recording's start. */
  readonly expected?: Announced;
  /** Finds the stored segments, for an excerpt without them. */
  readonly objects?: ObjectLookup;
  readonly retry?: RetryOptions;
  readonly crypto?: CryptoProvider;
  readonly signal?: AbortSignal;
}

interface OpenExcerptArguments extends Omit<OpenExcerptOptions, "retry"> {
  readonly retry?: Required<RetryOptions>;
}

const OPEN: Checks<OpenExcerptArguments> = {
  expected: announcedArgument,
  objects: functionArgument,
  retry: retryArgument,
  crypto: providerArgument,
  signal: signalArgument,
};

/** An opened excerpt. It proves its content, and not that nothing between was left out: see `gaps`. */
export interface OpenedExcerpt extends SignedStatement {
  /** Whether the recording had ended at the signature. */
  readonly state: "open" | "final";
  /** The track's name. */
  readonly track: string;
  readonly take: { readonly number: number; readonly startedAt: Date; readonly type: string };
  /** Ascending. */
  readonly segments: readonly ExcerptSegment[];
  /**
   * Content of all segments, one behind the other: the take's first segment, then those of the range. Where every segment begins at a
   * key frame this is a file that plays; `exportExcerpt` of `blindreel/media-export` makes one of the others too.
   */
  source(): ByteSource;
  /** Indices between the first segment and the last that are not in it. */
  readonly gaps: readonly { readonly first: number; readonly count: number }[];
  /** Wipes keys and content. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One segment of an opened excerpt. */
export interface ExcerptSegment {
  /** Place of its entry in the log. */
  readonly n: number;
  readonly index: number;
  /** When its first byte was recorded. */
  readonly time: Date;
  /** `cut`: a crash or a deadline took its end. */
  readonly end: "final" | "cut";
  /** Milliseconds since `time`, and the byte of content at that time. */
  readonly points: readonly MediaPoint[];
  /** Bytes of content. */
  readonly size: number;
  /** Whether the excerpt holds the stored object; else it is fetched. */
  readonly isIncluded: boolean;
  /**
   * The whole content.
   *
   * @throws BlindreelError `closed`; where it is fetched, `truncated`, `authentication-failed`, `source-failed`,
   *   `source-changed`; `signal.reason`.
   */
  read(options?: ReadOptions): Promise<Bytes>;
}

/**
 * For a student, a hearing, a court, in any runtime and without any key: checks an excerpt and opens it, in the order of
 * format-v1, "Excerpt": encoding, core, coreHash, the manifest's signature, witnesses, paths to the signed root, the order of
 * parts, then each included segment as in "Opening a segment of a recording"; others when they are read.
 *
 * @param excerpt at most 64 MiB, with at least one part: without, it is a receipt.
 * @throws BlindreelError `limit-exceeded`, `malformed`, `unsupported-version`, `unsupported-algorithm`, `wrong-kind`,
 *   `unexpected-recording`, `wrong-recording`, `authentication-failed`; `signal.reason`. TypeError and RangeError for the
 *   options.
 */
export async function openExcerpt(excerpt: Uint8Array, given?: OpenExcerptOptions): Promise<OpenedExcerpt> {
  const options = readOptions<OpenExcerptArguments>("options", given, OPEN);
  const { expected, objects, retry, crypto = defaultProvider(), signal } = options;
  const whole = bytesArgument("excerpt", excerpt);
  if (whole.length > LIMITS.excerpt) throw limitExceeded("the excerpt", LIMITS.excerpt, whole.length);
  const store = objects && new Store(objects, undefined, retry);
  signal?.throwIfAborted();

  const decoded = decodeExcerpt(whole.slice());
  if (decoded.parts.length === 0) throw malformed("a receipt is no excerpt", 0);
  const { core, proven } = await proveStatement(crypto, decoded, expected);
  checkPaths(decoded);
  const { take, segments: parts } = checkParts(decoded.parts);
  const binding = { crypto, recordingId: core.recordingId };
  const contents = parts.map((part) => new ExcerptContent(binding, part, store));
  const segments = parts.map((part, i) => excerptSegment(part, contents[i]!));
  const source = new ExcerptSource(segments);
  const close = async (): Promise<void> => {
    for (const content of contents) content.close();
    source.forget();
  };
  try {
    for (const content of contents) await content.openIncluded(signal ? { signal } : {});
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...proven,
    state: nameOf(ManifestState, decoded.statement.state)!,
    track: take.name,
    take: { number: take.take, startedAt: dateOf(take.time), type: take.type },
    segments,
    source: () => source,
    gaps: gapsBetween(parts.map(({ entry }) => entry.index)),
    close,
    [asyncDispose]: close,
  } as OpenedExcerpt;
}

function checkPaths({ statement, parts }: Excerpt): void {
  const { size, logRoot } = statement;
  for (const { n, entryBytes, path } of parts) {
    if (path.length !== pathLength(n, size)) throw malformed("the excerpt: a path of another length", 0);
    const root = rootFromPath(logLeaf(entryBytes), n, size, path);
    if (!root || !isSameHash(root, logRoot)) throw authenticationFailed();
  }
}

type SegmentPart = ExcerptPart & { readonly entry: SegmentEntry; readonly segmentKey: Bytes };

function checkParts([first, ...rest]: readonly ExcerptPart[]): { take: TakeEntry; segments: SegmentPart[] } {
  const take = first!.entry;
  if (take.kind !== EntryKind.take) throw malformed("the excerpt: does not begin with its take", 0);
  const segments: SegmentPart[] = [];
  for (const part of rest) {
    const { entry } = part;
    if (entry.kind !== EntryKind.segment) throw malformed("the excerpt: a part that is no segment", 0);
    if (entry.track !== take.track || entry.take !== take.take)
      throw malformed("the excerpt: a segment of another take", 0);
    const last = segments.at(-1);
    if (last && entry.index <= last.entry.index) throw malformed("the excerpt: segments are out of order", 0);
    segments.push({ ...part, entry, segmentKey: part.segmentKey! });
  }
  return { take, segments };
}

function gapsBetween(indices: readonly number[]): { first: number; count: number }[] {
  const gaps: { first: number; count: number }[] = [];
  indices.forEach((index, i) => {
    const first = (indices[i - 1] ?? index - 1) + 1;
    if (first < index) gaps.push({ first, count: index - first });
  });
  return gaps;
}

function excerptSegment({ n, entry, object }: SegmentPart, content: ExcerptContent): ExcerptSegment {
  return {
    n,
    index: entry.index,
    time: dateOf(entry.time),
    end: nameOf(SegmentEnd, entry.end)!,
    points: entry.points,
    size: entry.content,
    isIncluded: object !== undefined,
    read: (options) => content.read(options),
  };
}

/** A segment's key and content until the excerpt is closed. */
class ExcerptContent {
  readonly #binding: SegmentBinding;
  readonly #entry: SegmentEntry;
  readonly #key: Bytes;
  readonly #store: Store | undefined;
  #object: Bytes | undefined;
  #content: Bytes | undefined;
  #isClosed = false;

  constructor(binding: SegmentBinding, { entry, segmentKey, object }: SegmentPart, store: Store | undefined) {
    this.#binding = binding;
    this.#entry = entry;
    this.#key = segmentKey;
    this.#object = object;
    this.#store = store;
  }

  async openIncluded(options: ReadOptions): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#object) this.#content = await this.#open(this.#object, options);
    this.#object = undefined;
  }

  async read(given?: ReadOptions): Promise<Bytes> {
    const options = readOptionsOf(given);
    this.#checkOpen();
    options.signal?.throwIfAborted();
    if (this.#content) return this.#content.slice();
    const content = await this.#open(await this.#fetch(options), options);
    this.#checkOpen();
    return content;
  }

  close(): void {
    this.#isClosed = true;
    wipe(this.#key, this.#content);
    this.#content = undefined;
    this.#object = undefined;
  }

  async #open(object: Bytes, options: ReadOptions): Promise<Bytes> {
    // A key of zeros is a wiped one elsewhere (`closed`); in an excerpt it is forged.
    if (isAllZero(this.#key)) throw authenticationFailed();
    return openWhole(this.#binding, this.#entry, this.#key.slice(), object, options);
  }

  async #fetch(options: ReadOptions): Promise<Bytes> {
    const { length, track, index } = this.#entry;
    const name = segmentName(encodeHex(this.#binding.recordingId), track, index);
    if (!this.#store) throw missingObject(name);
    // Copied: a source may go on to write to its result.
    return (await this.#store.read(name, length, options)).slice();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError("the excerpt");
  }
}
