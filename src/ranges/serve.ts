import { defaultProvider } from "../crypto/default.js";
import { randomBytes } from "../crypto/random.js";
import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { encodeHex } from "../formats/encoding.js";
import {
  type Check,
  type Checks,
  countArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import { type ByteSource, claimedSize } from "../source/byte-source.js";
import type { RandomAccess } from "../stream/random-access.js";
import { deskOf } from "./desk.js";
import { RANGES_FOLDER } from "./forward.js";
import type { RangePort } from "./port.js";
import { ANSWER_PIECE, ServedContent } from "./served-content.js";

/** What a page serves: any {@link ByteSource}, or what `take.source()`, `openSource` and an excerpt's `source()` give. */
export type RangeSource = ByteSource | Pick<RandomAccess, "size" | "read">;

/** Options of {@link serveRanges}. */
export interface ServeRangesOptions {
  /** Media type, as of a take. One that is neither video nor audio is sent as `application/octet-stream`: it comes from the recorder. */
  readonly type?: string;
  /** For downloads: sent as `Content-Disposition`. It is no part of the address. */
  readonly fileName?: string;
  /** Ceiling of a partial answer in bytes, which browsers follow by asking again; none unless given. */
  readonly maxAnswer?: number;
  /** The worker's scope, with its slash; that of `navigator.serviceWorker.ready` unless given. */
  readonly scope?: string;
  /** Told of every failed read, of which the browser says only that the network failed. */
  readonly onError?: (error: unknown) => void;
  readonly signal?: AbortSignal;
}

const scopeArgument: Check<string> = (name, value) => {
  const text = wellFormedText(name, value);
  try {
    new URL(text);
  } catch {
    throw outOfRange(name, "an absolute address", text);
  }
  return text;
};

const longestArgument: Check<number> = (name, value) => {
  const bytes = countArgument(name, value);
  if (bytes < ANSWER_PIECE) throw outOfRange(name, `${ANSWER_PIECE} or more`, bytes);
  return bytes;
};

const SERVE: Checks<ServeRangesOptions> = {
  type: wellFormedText,
  fileName: wellFormedText,
  maxAnswer: longestArgument,
  scope: scopeArgument,
  onError: functionArgument,
  signal: signalArgument,
};

/** A source that is served. */
export interface ServedRanges {
  /** For `src`, `href` and `fetch`: an id that cannot be guessed, in the worker's scope. It tells nothing of what it serves. */
  readonly url: string;
  /** Ends it and what is on its way: requests fail as if the network had. The source stays open. */
  close(): void;
}

/** Milliseconds in which a worker has to control the page. */
const CONTROL = 10_000;

/**
 * For review pages: serves a source to this origin's service worker, and through it to `<video>`, downloads and `fetch`, as an address
 * with ranges (RFC 9110 §14). For browsers without MediaSource, and for files; players of takes use `play`. The worker's `fetch` listener
 * calls {@link forwardRange}; it gets content by pieces of 256 KiB, and no key.
 *
 * @param port `navigator.serviceWorker`. The worker asks anew for each request, so that it may be stopped and started meanwhile.
 * @param source stays the caller's. A read that fails ends its request as a network failure.
 * @throws BlindreelError `unsupported-runtime` where no worker controls the page within 10 s (none registered; one that does not
 *   claim its clients; a page reloaded past its worker); `source-failed`; `signal.reason`. TypeError and RangeError for arguments.
 * @category Reviewer
 */
export async function serveRanges(
  port: RangePort,
  source: RangeSource,
  given?: ServeRangesOptions,
): Promise<ServedRanges> {
  const options = readOptions<ServeRangesOptions>("options", given, SERVE);
  const { type = "", fileName, maxAnswer = Number.POSITIVE_INFINITY, onError, signal } = options;
  if (typeof port?.addEventListener !== "function")
    throw wrongType("port", "navigator.serviceWorker or a MessagePort", port);
  const reader = readerOf(source);
  const size = await claimedSize(reader, signal ? { signal } : {});
  const scope = options.scope ?? (await scopeOf(port, signal));
  signal?.throwIfAborted();
  const id = encodeHex(randomBytes(defaultProvider(), 16));
  const what = { size, type: mediaType(type), tag: `"${id}"`, fileName };
  const content = new ServedContent(reader, what, { maxAnswer, onError });
  const desk = deskOf(port);
  desk.add(id, content);
  const close = (): void => {
    desk.remove(id);
    content.close();
    signal?.removeEventListener("abort", close);
  };
  signal?.addEventListener("abort", close);
  return { url: scope + RANGES_FOLDER + id, close };
}

/** @throws TypeError. */
function readerOf(source: RangeSource): ByteSource {
  if (typeof source?.read !== "function") throw wrongType("source", "a ByteSource", source);
  const { size } = source;
  return {
    size: async (options) => (typeof size === "function" ? size.call(source, options) : size),
    read: (start, end, options) => source.read(start, end, options),
  };
}

/**
 * The type is the recorder's, who may be an adversary: as `text/html` its content would run as a page of this origin. With
 * parameters of RFC 9110 §5.6.6, without which codecs are guessed.
 */
function mediaType(type: string): string {
  return /^(video|audio)\/[\w.+-]+( *;[\w .+,;="'-]*)?$/i.test(type) ? type : "application/octet-stream";
}

/** The scope of the worker that controls this page. */
async function scopeOf(port: RangePort, signal: AbortSignal | undefined): Promise<string> {
  if (!port.ready) throw wrongType("options.scope", "given with a MessagePort");
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), CONTROL);
  const stop = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal;
  let onChange = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    const onStop = (): void => reject(signal?.aborted ? signal.reason : uncontrolled());
    if (stop.aborted) onStop();
    stop.addEventListener("abort", onStop, { once: true });
  });
  const controlled = new Promise<void>((resolve) => {
    onChange = () => void (port.controller && resolve());
    port.addEventListener("controllerchange", onChange);
    onChange();
  });
  try {
    const [{ scope }] = await Promise.race([Promise.all([port.ready, controlled]), stopped]);
    return scope;
  } finally {
    clearTimeout(timer);
    port.removeEventListener("controllerchange", onChange);
    // Nobody listens to it any more.
    stopped.catch(() => {});
  }
}

function uncontrolled(): BlindreelError<"unsupported-runtime"> {
  const message =
    "no service worker controls this page: register one, let it claim its clients, and load the page without a forced reload";
  return new BlindreelError("unsupported-runtime", message, { operation: "service worker" });
}
