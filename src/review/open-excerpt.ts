import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, closedError, limitExceeded, malformed } from "../errors.js";
import { type Bytes, bytesArgument, isAllZero, wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
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
import { segmentName } from "../log/names.js";
import { type Announced, announcedArgument, type Origin, proveHead } from "../log/proof.js";
import { ManifestState } from "../log/statement.js";
import { dateOf } from "../log/text.js";
import { isSameHash, pathLength, rootFromPath } from "../log/tree.js";
import { type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { asyncDispose } from "../stream/operation.js";
import { type RetryOptions, retryArgument } from "./retry.js";
import { openWhole, type RecordingBinding } from "./segment.js";
import { missingObject, type ObjectLookup, Store } from "./store.js";

/** Options of {@link openExcerpt}. */
export interface OpenExcerptOptions {
  /** The coreHash that was announced at the recording's start. */
  readonly expected?: Announced;
  /** Where the stored segments are, for an excerpt without them. */
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

/** What an excerpt shows. It proves what is in it, and not that nothing between was left out: see `gaps`. */
export interface OpenedExcerpt {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. */
  readonly coreHash: string;
  readonly origin: Origin;
  /** Whether the recording had ended when this was signed. */
  readonly state: "open" | "final";
  /** Of the manifest. */
  readonly sequence: number;
  /** Entries in the recording's log. */
  readonly size: number;
  /** The track's name. */
  readonly track: string;
  readonly take: { readonly number: number; readonly startedAt: Date; readonly type: string };
  /** Ascending. */
  readonly segments: readonly ExcerptSegment[];
  /** Indices between the first segment and the last that are not in it. */
  readonly gaps: readonly { readonly first: number; readonly count: number }[];
  /** Whom to believe is the caller's to say. */
  readonly witnesses: readonly { readonly publicKey: string; readonly time: Date }[];
  /** Forgets keys and content. */
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
  /** Milliseconds since `time`, and the byte of content written then. */
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
 * For a student, a hearing, a court, in any runtime and without any key: checks an excerpt and opens it. In the order of
 * format-v1, "Opening an excerpt":
 *
 * 1. above 64 MiB: `limit-exceeded`; magic and encoding, with the order of parts and witnesses: `malformed`, `unsupported-version`;
 *    no part at all, which is a receipt: `malformed`
 * 2. the core's encoding, kind and sender: `malformed`, `unsupported-algorithm`, `wrong-kind`; its hash, where one was
 *    announced: `unexpected-recording`
 * 3. the manifest's header: `malformed`, `unsupported-version`; another recording's: `wrong-recording`
 * 4. the manifest's signature, then each witness's: `authentication-failed`
 * 5. for each part, the path's length, exactly RFC 6962's for its place and the log's size: `malformed`; that it leads to the
 *    signed root: `authentication-failed`
 * 6. that the first part is a take and every other one a segment of it, with ascending indices: `malformed`
 * 7. for each segment whose object is there, and for others when they are read: its length, the hash of its head:
 *    `authentication-failed`; its header's encoding: `malformed`, `unsupported-version`, `unsupported-algorithm`; the header's
 *    recordingId: `wrong-recording`; its track, take, index and padded flag: `authentication-failed`; segmentKey by the
 *    stream's commitment; the subroots over the ciphertext, then each chunk's tag; of a padded one, the length field, which is
 *    the entry's content, and the zeros: `authentication-failed`
 *
 * @throws BlindreelError as listed; `signal.reason`; TypeError and RangeError for the options.
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
  const { core, coreHash, origin, sequence } = await proveHead(crypto, decoded, expected);
  checkPaths(decoded);
  const { take, segments: parts } = checkParts(decoded.parts);
  const reading = { crypto, recordingId: core.recordingId };
  const segments: OpenedSegment[] = [];
  try {
    for (const part of parts) {
      signal?.throwIfAborted();
      const segment = new OpenedSegment(part, reading, store);
      segments.push(segment);
      await segment.check(signal ? { signal } : {});
    }
  } catch (error) {
    for (const segment of segments) segment.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    for (const segment of segments) segment.close();
  };
  const { state, size } = decoded.statement;
  return {
    recordingId: encodeHex(core.recordingId),
    coreHash: encodeHex(coreHash),
    origin,
    state: state === ManifestState.final ? "final" : "open",
    sequence,
    size,
    track: take.name,
    take: { number: take.take, startedAt: dateOf(take.time), type: take.type },
    segments,
    gaps: gapsBetween(segments),
    witnesses: decoded.witnesses.map(({ publicKey, time }) => ({
      publicKey: encodeHex(publicKey),
      time: dateOf(time),
    })),
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

interface SegmentPart {
  readonly n: number;
  readonly entry: SegmentEntry;
  readonly segmentKey: Bytes;
  readonly object: Bytes | undefined;
}

function checkParts([first, ...rest]: readonly ExcerptPart[]): { take: TakeEntry; segments: SegmentPart[] } {
  const take = first!.entry;
  if (take.kind !== EntryKind.take) throw malformed("the excerpt: does not begin with its take", 0);
  const segments: SegmentPart[] = [];
  for (const { n, entry, segmentKey, object } of rest) {
    if (entry.kind !== EntryKind.segment) throw malformed("the excerpt: a part that is no segment", 0);
    if (entry.track !== take.track || entry.take !== take.take)
      throw malformed("the excerpt: a segment of another take", 0);
    const last = segments.at(-1);
    if (last && entry.index <= last.entry.index) throw malformed("the excerpt: segments are out of order", 0);
    segments.push({ n, entry, segmentKey: segmentKey!, object });
  }
  return { take, segments };
}

function gapsBetween(segments: readonly ExcerptSegment[]): { first: number; count: number }[] {
  const gaps: { first: number; count: number }[] = [];
  segments.forEach(({ index }, i) => {
    const first = (segments[i - 1]?.index ?? index - 1) + 1;
    if (first < index) gaps.push({ first, count: index - first });
  });
  return gaps;
}

class OpenedSegment implements ExcerptSegment {
  readonly n: number;
  readonly index: number;
  readonly time: Date;
  readonly end: "final" | "cut";
  readonly points: readonly MediaPoint[];
  readonly size: number;
  readonly isIncluded: boolean;
  readonly #entry: SegmentEntry;
  readonly #key: Bytes;
  readonly #binding: RecordingBinding;
  readonly #store: Store | undefined;
  #object: Bytes | undefined;
  #content: Bytes | undefined;
  #isClosed = false;

  constructor(
    { n, entry, segmentKey, object }: SegmentPart,
    binding: RecordingBinding,
    store: Store | undefined,
  ) {
    this.n = n;
    this.index = entry.index;
    this.time = dateOf(entry.time);
    this.end = entry.end === SegmentEnd.cut ? "cut" : "final";
    this.points = entry.points;
    this.size = entry.content;
    this.isIncluded = object !== undefined;
    this.#entry = entry;
    this.#key = segmentKey;
    this.#binding = binding;
    this.#store = store;
    this.#object = object;
  }

  /** Opens the object, where the excerpt holds it. */
  async check(options: ReadOptions): Promise<void> {
    if (!this.#object) return;
    this.#content = await this.#open(this.#object, options);
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
    // Zeros are what a wiped key is, which is refused elsewhere as a fault of ours; here they are somebody's forgery.
    if (isAllZero(this.#key)) throw authenticationFailed();
    return openWhole(this.#binding, () => this.#key.slice(), this.#entry, object, options);
  }

  async #fetch(options: ReadOptions): Promise<Bytes> {
    const { length, track, index } = this.#entry;
    const name = segmentName(encodeHex(this.#binding.recordingId), track, index);
    const object = await this.#store?.open(name, { start: 0, end: length }, options);
    if (!object) throw missingObject(name);
    try {
      return (await object.read(0, length, options)).slice();
    } finally {
      await object.close();
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError("the excerpt");
  }
}
