import { wrongType } from "../errors.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import type { ByteSource } from "../source/byte-source.js";
import { type HttpSource, httpSource } from "../source/http.js";
import type { LookupOptions, ObjectLookup } from "./store.js";

/** Options of {@link httpObjects}. */
export interface HttpObjectsOptions {
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

const HTTP: Checks<HttpObjectsOptions> = { fetch: functionArgument };

/** Bytes of the first request for an object, where the lookup states no first range. */
const FIRST_READ = 64 * 1024;
/** RFC 9110 §15.5: not found, gone. No other failure means absence. */
const ABSENT: readonly number[] = [404, 410];

/**
 * For reviewers: a recording's stored objects over HTTP, at `base/name`. 404 and 410 mean that an object is missing;
 * every other failure is thrown. One request finds an object and brings its first range, so a small one costs one.
 * Cross-origin stores have to expose `Content-Range`, `Content-Encoding` and `ETag`.
 *
 * @param base an address, to whose path names are appended (its query stays), or a function that makes each request:
 *   for presigned links and headers of one's own. It is called again for each range.
 * @throws TypeError for another base. Lookups and reads: BlindreelError `source-failed`, `source-changed`.
 */
export function httpObjects(
  base: string | URL | ((name: string) => Request | Promise<Request>),
  given?: HttpObjectsOptions,
): ObjectLookup {
  const options = readOptions<HttpObjectsOptions>("options", given, HTTP);
  const { fetch: ask = (input: Request, init?: RequestInit) => fetch(input, init) } = options;
  const requestOf = typeof base === "function" ? base : requestBelow(base);
  return async (name, { signal, first }: LookupOptions) => {
    let status = 0;
    const noting = async (input: Request): Promise<Response> => {
      const response = await ask(input);
      status = response.status;
      return response;
    };
    const source = httpSource(() => requestOf(name), { fetch: noting as typeof fetch });
    const [start, end] = first && first.end > first.start ? [first.start, first.end] : [0, FIRST_READ];
    try {
      const bytes = await source.readUpTo(start, end, signal ? { signal } : {});
      return withFirst(source, start, bytes);
    } catch (error) {
      if (ABSENT.includes(status)) return null;
      // An empty object, or one that ends before the first range: its size is known now.
      if (status === 416) return source;
      throw error;
    }
  };
}

function requestBelow(base: string | URL): (name: string) => Request {
  const href = typeof base === "string" ? new URL(base).href : (base as URL | null | undefined)?.href;
  if (typeof href !== "string") throw wrongType("base", "an address or a function that makes requests", base);
  return (name) => {
    const url = new URL(href);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${name}`;
    return new Request(url);
  };
}

/** A source whose `bytes`, from `start` on, are here; they end with it. */
function withFirst(source: HttpSource, start: number, bytes: Uint8Array): ByteSource {
  return {
    size: (options) => source.size(options),
    async read(from, to, options) {
      const isHere = from >= start && to <= start + bytes.length && from <= to;
      return isHere ? bytes.slice(from - start, to - start) : source.read(from, to, options);
    },
  };
}
