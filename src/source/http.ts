import { BlindreelError, isBlindreelError, wrongType } from "../errors.js";
import { allocate } from "../formats/bytes.js";
import { type Checks, countArgument, functionArgument, readOptions } from "../formats/options.js";
import { type ByteSource, checkRange, type ReadOptions, readOptionsOf, sourceFailed } from "./byte-source.js";

/** Options of {@link httpSource}. */
export interface HttpSourceOptions {
  /** Length of the object in bytes; by default that of the first response. */
  readonly size?: number;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A source over HTTP ranges. */
export interface HttpSource extends ByteSource {
  /** As `read`, but with fewer bytes where the object ends before `end`: for objects of unknown length. */
  readUpTo(start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
}

const HTTP_SOURCE: Checks<HttpSourceOptions> = { size: countArgument, fetch: functionArgument };

/**
 * A source over HTTP ranges (RFC 9110 §14).
 *
 * Refused: a 200 response to a range request, a content encoding, another range or total than requested
 * (`source-failed`), and an ETag or length that differs between two responses (`source-changed`).
 *
 * @param location an address, or a function that returns a Request for every range: for presigned links that
 *   expire and for custom headers.
 * @throws TypeError. Reads throw BlindreelError `source-failed`, with network errors as `cause`, and
 *   `source-changed`.
 * @category Reviewer
 */
export function httpSource(
  location: string | URL | (() => Request | Promise<Request>),
  given?: HttpSourceOptions,
): HttpSource {
  const options = readOptions<HttpSourceOptions>("options", given, HTTP_SOURCE);
  const makeRequest = requestFactory(location);
  const fetchRange = options.fetch ?? ((input: Request, init?: RequestInit) => fetch(input, init));
  let knownSize = options.size;
  let knownTag: string | null | undefined;

  async function fetchBytes(start: number, end: number, { signal }: ReadOptions): Promise<Uint8Array> {
    const request = new Request(await makeRequest(), signal ? { signal } : {});
    request.headers.set("Range", `bytes=${start}-${end - 1}`);
    let response: Response;
    try {
      response = await fetchRange(request);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw sourceFailed("the network request for a range failed", { cause: error });
    }
    try {
      const expectedLength = checkResponse(response, start, end);
      return await readBody(response, expectedLength, signal);
    } catch (error) {
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }

  /** @returns the body's length in bytes. */
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

  /** A 416 also states the size (RFC 9110 §15.5.17): of an object that shrank, or an empty one. */
  function checkUnsatisfied(response: Response): void {
    const stated = /^bytes \*\/(\d{1,16})$/.exec(response.headers.get("Content-Range") ?? "");
    if (!stated) return;
    const size = Number(stated[1]);
    if (knownSize !== undefined && knownSize !== size) throw changed();
    if (size === 0) knownSize = 0;
  }

  return {
    async size(readOptions) {
      const options = readOptionsOf(readOptions);
      if (knownSize === undefined) {
        // A range of one byte: the cheapest request whose response always states the size.
        await fetchBytes(0, 1, options).catch((error) => {
          if (knownSize !== 0) throw error;
        });
      }
      return knownSize!;
    },
    readUpTo: (start, end, readOptions) => fetchBytes(start, end, readOptionsOf(readOptions)),
    async read(start, end, readOptions) {
      const options = readOptionsOf(readOptions);
      checkRange(start, end, knownSize ?? end);
      if (start === end) return new Uint8Array(0);
      const bytes = await fetchBytes(start, end, options);
      // Again, against a size that was unknown before this response.
      checkRange(start, end, knownSize!);
      return bytes;
    },
  };
}

/** Copies an address at the call, since a `URL` is mutable. */
function requestFactory(location: unknown): () => Request | Promise<Request> {
  if (typeof location === "function") return location as () => Request | Promise<Request>;
  const address = typeof location === "string" ? location : (location as URL | null | undefined)?.href;
  if (typeof address !== "string")
    throw wrongType("location", "an address, or a function that makes requests", location);
  return () => new Request(address);
}

/** Reads a body of exactly `length` bytes; stops at the first excess byte. */
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
