import { BlindreelError, isBlindreelError, wrongType } from "../errors.js";
import { allocate } from "../formats/bytes.js";
import { type Checks, countArgument, functionArgument, readOptions } from "../formats/options.js";
import { type ByteSource, checkRange, type ReadOptions, readOptionsOf, sourceFailed } from "./byte-source.js";

export interface HttpSourceOptions {
  /** Length of the object in bytes, where the caller knows it; else it is read from the first range's answer. */
  readonly size?: number;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A source over HTTP, which can also be asked for more than there is. */
export interface HttpSource extends ByteSource {
  /** As `read`, and fewer bytes where the object ends before `end`: for who does not know its length. */
  readUpTo(start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
}

const HTTP: Checks<HttpSourceOptions> = { size: countArgument, fetch: functionArgument };

/**
 * A source over HTTP ranges (RFC 9110 §14). A function instead of an address is called for every range, for
 * presigned links that expire and for headers of one's own.
 *
 * Refused, so that a range is never something else: a 200 in answer to a range, a content encoding, another range
 * or total than asked for, and an object whose ETag or length changes between two ranges (`source-changed`).
 *
 * @throws BlindreelError `source-failed`, `source-changed`; network errors are its `cause`.
 */
export function httpSource(
  location: string | URL | (() => Request | Promise<Request>),
  given?: HttpSourceOptions,
): HttpSource {
  const options = readOptions<HttpSourceOptions>("options", given, HTTP);
  const request = requestsOf(location);
  const fetchRange = options.fetch ?? ((input: Request, init?: RequestInit) => fetch(input, init));
  let knownSize = options.size;
  let knownTag: string | null | undefined;

  async function fetchBytes(start: number, end: number, { signal }: ReadOptions): Promise<Uint8Array> {
    const ranged = new Request(await request(), signal ? { signal } : {});
    ranged.headers.set("Range", `bytes=${start}-${end - 1}`);
    let response: Response;
    try {
      response = await fetchRange(ranged);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw sourceFailed("the network request for a range failed", { cause: error });
    }
    try {
      const expectedLength = checkResponse(response, start, end);
      const bytes = await readBody(response, expectedLength, signal);
      return bytes;
    } catch (error) {
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }

  /** @returns how many bytes the body must have. */
  function checkResponse(response: Response, start: number, end: number): number {
    if (response.status === 200) throw sourceFailed("the server ignored the range and sent the whole object");
    if (response.status === 416) checkUnsatisfied(response);
    if (response.status !== 206)
      throw sourceFailed(`the server answered a range with status ${response.status}`);
    const encoding = response.headers.get("Content-Encoding");
    if (encoding !== null && encoding !== "identity")
      throw sourceFailed(`the server encoded a range as ${encoding}`);
    const range = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(
      response.headers.get("Content-Range") ?? "",
    );
    if (!range) throw sourceFailed("the server's answer has no usable Content-Range");
    const [first, last, size] = range.slice(1).map(Number) as [number, number, number];
    if (!Number.isSafeInteger(size)) throw sourceFailed("the server stated an impossible size");
    if (first !== start || last !== Math.min(end, size) - 1)
      throw sourceFailed("the server sent another range");
    const tag = response.headers.get("ETag");
    if (knownSize !== undefined && knownSize !== size) throw changed();
    if (knownTag !== undefined && knownTag !== tag) throw changed();
    knownSize = size;
    knownTag = tag;
    return last - first + 1;
  }

  /** A 416 states the size too (RFC 9110 §15.5.17): an object that shrank, or one that was empty all along. */
  function checkUnsatisfied(response: Response): void {
    const stated = /^bytes \*\/(\d{1,16})$/.exec(response.headers.get("Content-Range") ?? "");
    if (!stated) return;
    const size = Number(stated[1]);
    if (knownSize !== undefined && knownSize !== size) throw changed();
    if (size === 0) knownSize = 0;
  }

  return {
    async size(readOptions) {
      const asked = readOptionsOf(readOptions);
      if (knownSize === undefined) {
        // One byte is the cheapest question that every server which supports ranges answers with the size.
        await fetchBytes(0, 1, asked).catch((error) => {
          if (knownSize !== 0) throw error;
        });
      }
      return knownSize!;
    },
    readUpTo: (start, end, readOptions) => fetchBytes(start, end, readOptionsOf(readOptions)),
    async read(start, end, readOptions) {
      const asked = readOptionsOf(readOptions);
      checkRange(start, end, knownSize ?? end);
      if (start === end) return new Uint8Array(0);
      const bytes = await fetchBytes(start, end, asked);
      // A size that was unknown before this answer: the range may have gone past it.
      checkRange(start, end, knownSize!);
      return bytes;
    },
  };
}

/** An address is taken down at the call: a `URL` can be set. */
function requestsOf(location: unknown): () => Request | Promise<Request> {
  if (typeof location === "function") return location as () => Request | Promise<Request>;
  const address = typeof location === "string" ? location : (location as URL | null | undefined)?.href;
  if (typeof address !== "string")
    throw wrongType("location", "an address, or a function that makes requests", location);
  return () => new Request(address);
}

/** Reads a body of exactly `length` bytes and stops at the first byte too many. */
async function readBody(
  response: Response,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = allocate("the range's length", length);
  const reader = response.body?.getReader();
  let filled = 0;
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      if (filled + next.value.length > length) throw sourceFailed("the server sent more than the range");
      bytes.set(next.value, filled);
      filled += next.value.length;
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (isBlindreelError(error)) throw error;
    throw sourceFailed("the connection broke inside a range", { cause: error });
  } finally {
    reader?.releaseLock();
  }
  if (filled < length) throw sourceFailed(`the server sent ${filled} of the range's ${length} bytes`);
  return bytes;
}

function changed(): BlindreelError<"source-changed"> {
  return new BlindreelError(
    "source-changed",
    "the object on the server changed while it was being read",
    undefined,
  );
}
