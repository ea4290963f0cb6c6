import type { RangeQuestion } from "./forward.js";

/** What is served, as a representation of RFC 9110 §3.2. */
export interface Representation {
  /** In bytes. */
  readonly size: number;
  readonly type: string;
  /** A strong validator (RFC 9110 §8.8.1), with its quotes. */
  readonly tag: string;
  /** Named in `Content-Disposition`, for downloads. */
  readonly fileName: string | undefined;
}

/** Status, headers, and the bytes that follow: none for HEAD and for errors. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: [string, string][];
  readonly body: { readonly start: number; readonly end: number } | undefined;
}

/** A `Range` header's meaning: half-open; all of it where there is none, or one that does not count. */
type Asked = { readonly start: number; readonly end: number } | "all" | "unsatisfiable";

/**
 * Answers a request as RFC 9110 §14 says. Its choices: a 206 may be shorter than asked (§15.3.7); several ranges, an invalid one and
 * other units are ignored (§14.2), which makes a 200; `Range` counts for GET alone (§14.2) and under an `If-Range` of this very
 * representation (§13.1.5).
 *
 * @param longest bytes of a 206.
 */
export function answerTo(
  { method, range, ifRange }: Pick<RangeQuestion, "method" | "range" | "ifRange">,
  what: Representation,
  longest: number,
): HttpAnswer {
  const { size, type, tag, fileName } = what;
  if (method !== "GET" && method !== "HEAD")
    return { status: 405, headers: [["Allow", "GET, HEAD"]], body: undefined };
  const isCounted = method === "GET" && range !== null && (ifRange === null || ifRange === tag);
  const part = isCounted ? partOf(range, size) : "all";
  const headers: [string, string][] = [
    ["Accept-Ranges", "bytes"],
    // Plaintext: for no cache, and for no other site.
    ["Cache-Control", "no-store"],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    ["X-Content-Type-Options", "nosniff"],
    ["ETag", tag],
  ];
  if (part === "unsatisfiable") {
    return { status: 416, headers: [...headers, ["Content-Range", `bytes */${size}`]], body: undefined };
  }
  headers.push(["Content-Type", type]);
  if (fileName !== undefined)
    headers.push(["Content-Disposition", `attachment; filename*=UTF-8''${extValue(fileName)}`]);
  if (part === "all") {
    headers.push(["Content-Length", String(size)]);
    const hasBody = method === "GET" && size > 0;
    return { status: 200, headers, body: hasBody ? { start: 0, end: size } : undefined };
  }
  const body = { start: part.start, end: Math.min(part.end, part.start + longest) };
  headers.push(["Content-Length", String(body.end - body.start)]);
  headers.push(["Content-Range", `bytes ${body.start}-${body.end - 1}/${size}`]);
  return { status: 206, headers, body };
}

/** RFC 9110 §14.1.1 and §14.1.2. */
function partOf(header: string, size: number): Asked {
  const set = /^bytes=(.*)$/i.exec(header.trim())?.[1] ?? "";
  const [only, ...more] = set.split(",").flatMap((each) => each.trim() || []);
  const found = /^(\d*)-(\d*)$/.exec(only ?? "");
  if (!found || more.length > 0) return "all";
  const [first, last] = [found[1]!, found[2]!];
  if (first === "") {
    // A suffix: of nothing at all there is a last byte neither.
    if (last === "" || (size === 0 && Number(last) > 0)) return "all";
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return "all";
  return start >= size ? "unsatisfiable" : { start, end };
}

/** RFC 8187 §3.2.1: `encodeURIComponent` leaves four characters that are none of its. */
function extValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
