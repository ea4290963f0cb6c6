import { isBlindreelError } from "blindreel";
import { StoreError } from "./store/store.js";

/** An answer that is no success: a status, and a stable code that says why. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, headers: Readonly<Record<string, string>> = {}) {
    super(code);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  /** RFC 9457. */
  response(): Response {
    const { status, code } = this;
    return new Response(
      JSON.stringify({ type: "about:blank", title: TITLES[status] ?? "Error", status, code }),
      {
        status,
        headers: { ...this.headers, "Content-Type": "application/problem+json" },
      },
    );
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** Seconds until a client should try again. */
const RETRY_AFTER = { "Retry-After": "10" };

/** What a failure is to the client. @returns undefined for a fault of this program. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    if (error.fault === "full") return new Problem(507, "storage-full", RETRY_AFTER);
    if (error.fault === "down") return new Problem(503, "storage-down", RETRY_AFTER);
    if (error.fault === "gone") return new Problem(503, "storage-changed", { "Retry-After": "1" });
    return new Problem(500, "storage-damaged");
  }
  if (!isBlindreelError(error)) return undefined;
  return new Problem(error.code === "limit-exceeded" ? 413 : 422, error.code);
}
