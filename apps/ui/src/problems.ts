import { type ErrorCode, isBlindreelError } from "blindreel/errors";
import { type NetworkTrouble, PROBLEMS, type ProblemKind, SENTENCES, TROUBLES } from "./strings.js";

/** A failure of this page's own, as a key of its sentences. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  /** What it is about: a name or an address. */
  readonly subject: string;

  constructor(kind: ProblemKind, subject = "") {
    super(kind);
    this.kind = kind;
    this.subject = subject;
  }
}

/** What the user was about when something failed: the same code says another thing then. */
export const ACTIVITIES = [
  ...(["key", "opening", "reading", "playing", "excerpt", "showing", "note"] as const),
  ...(["signing-in", "loading", "asking", "approving", "granting", "reply"] as const),
] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** A failure in words: what happened and what to do, and the error's own words for support. */
export interface Explanation {
  readonly sentence: string;
  readonly detail: string;
}

/** `fetch`, and what went wrong with it last: errors of the library do not say whether it was the server's or the browser's doing. */
export class Network {
  trouble: NetworkTrouble | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const response = await fetch(request).catch((error: unknown) => {
      if (!request.signal.aborted) this.trouble = "unreachable";
      throw error;
    });
    this.trouble = troubleOf(response, request);
    return response;
  };
}

function troubleOf({ status, headers }: Response, request: Request): NetworkTrouble | undefined {
  if (status === 200 && request.headers.has("Range")) return "range-ignored";
  if (status === 206 && !headers.has("Content-Range")) return "headers-hidden";
  if (status === 401 || status === 403) return "forbidden";
  return status >= 500 || status === 429 ? "server-error" : undefined;
}

/** Codes of which {@link Network} knows the cause better. */
const OF_THE_NETWORK: readonly ErrorCode[] = ["source-failed"];

/** @returns undefined for what the user ended. */
export function explain(
  error: unknown,
  activity: Activity,
  trouble?: NetworkTrouble,
): Explanation | undefined {
  if (error instanceof Problem)
    return { sentence: PROBLEMS[error.kind], detail: [error.kind, error.subject].filter(Boolean).join(": ") };
  if ((error as { name?: unknown } | null)?.name === "AbortError") return undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (!isBlindreelError(error)) {
    const isRange = error instanceof RangeError && activity === "excerpt";
    return { sentence: isRange ? PROBLEMS["excerpt-range"] : PROBLEMS.unexpected, detail: message };
  }
  const { code, details } = error;
  const reason = details && "reason" in details ? details.reason : undefined;
  const detail = `${code}: ${message}`;
  if (trouble && OF_THE_NETWORK.includes(code)) return { sentence: TROUBLES[trouble], detail };
  const keys = [`${code} ${activity}`, `${code} ${reason}`, code];
  const key = keys.find((each) => each in SENTENCES);
  return { sentence: key ? SENTENCES[key]! : PROBLEMS.unexpected, detail };
}
