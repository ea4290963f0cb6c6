import { Problem, type ProblemKind } from "./problems.js";

/** What a launch stands for, as the server states it. */
export interface Launch {
  /** Bearer token of the whole exam, 12 hours. */
  readonly launch: string;
  readonly exam: string;
  /** A pseudonym. */
  readonly subject: string;
  readonly institution: string;
  readonly region: string;
  readonly expiresAt: string;
  readonly tracks: readonly string[];
  readonly guardian: boolean;
  /** Origin. */
  readonly lms: string;
}

/** Longest that one request may take: 8 MiB on a slow line. */
const PATIENCE = 180_000;
/** Seconds before its end at which a token is renewed. */
const MARGIN = 120;

/** The server's codes where an institution's keys cannot be used now, and others can. */
const KEYSET_CODES: readonly string[] = ["keyset-missing", "keyset-refused"];

/** An answer that is no success. */
export class Refusal extends Problem {
  readonly status: number;

  constructor(kind: ProblemKind, status: number, code: string) {
    super(kind, `${status} ${code}`);
    this.status = status;
  }
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  const patience = AbortSignal.timeout(PATIENCE);
  const signal = init.signal ? AbortSignal.any([init.signal, patience]) : patience;
  const rules = {
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
  } as const;
  const response = await fetch(url, { ...rules, ...init, signal }).catch(() => {
    throw new Problem(navigator.onLine ? "server-down" : "offline");
  });
  if (response.ok) return response;
  const { code = "" } = (await response.json().catch(() => ({}))) as { readonly code?: string };
  const isDown = response.status >= 500 || response.status === 429;
  const kind = isDown ? "server-down" : "server-refuses";
  throw new Refusal(KEYSET_CODES.includes(code) ? "keyset-time" : kind, response.status, code);
}

/** Of a launch page's code, once. @throws Problem. */
export async function redeem(server: string, code: string): Promise<Launch> {
  const headers = { "Content-Type": "application/json" };
  const request = { method: "POST", body: JSON.stringify({ code }), headers };
  const response = await ask(`${server}/v1/launches`, request).catch((error) => {
    if (error instanceof Refusal && error.kind === "server-refuses")
      throw new Problem("launch-refused", error.detail);
    throw error;
  });
  return response.json();
}

/** Times of a launch's token (RFC 7519), in milliseconds. Its signature is the server's to check. */
export function timesOf(launch: string): { readonly skew: number; readonly launchEnds: number } {
  const payload = launch.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
  const { iat, exp } = JSON.parse(atob(payload)) as { readonly iat: number; readonly exp: number };
  const skew = Date.now() - iat * 1000;
  return { skew, launchEnds: exp * 1000 + skew };
}

/** The institution's signed keyset. It proves itself. */
export const keysetAt = async (server: string, institution: string): Promise<string> =>
  (await (await ask(`${server}/v1/institutions/${institution}/keyset`, {})).text()).trim();

/** A recording's place at the server: its token, renewed in time. */
export class Place {
  readonly #server: string;
  readonly #recordingId: string;
  readonly #launch: () => string;
  #token: Promise<string> | undefined;
  #renewAt = 0;

  constructor(server: string, recordingId: string, launch: () => string) {
    this.#server = server;
    this.#recordingId = recordingId;
    this.#launch = launch;
  }

  async #issue(): Promise<string> {
    const init = { method: "POST", headers: { Authorization: `Bearer ${this.#launch()}` } };
    const response = await this.#ask("/token", init).catch((error) => {
      if (error instanceof Refusal && error.status === 401) throw new Problem("launch-over", error.detail);
      throw error;
    });
    const { token, expiresIn } = (await response.json()) as {
      readonly token: string;
      readonly expiresIn: number;
    };
    this.#renewAt = performance.now() + Math.max(expiresIn - MARGIN, expiresIn / 2) * 1000;
    return token;
  }

  #ask(path: string, init: RequestInit): Promise<Response> {
    return ask(`${this.#server}/v1/recordings/${this.#recordingId}${path}`, init);
  }

  /** One token for all that asks at the same time; a failure is not kept. */
  #bearer(): Promise<string> {
    if (this.#token && performance.now() < this.#renewAt) return this.#token;
    this.#renewAt = Number.POSITIVE_INFINITY;
    const issuing = this.#issue();
    this.#token = issuing;
    issuing.catch(() => {
      if (this.#token === issuing) this.#token = undefined;
    });
    return issuing;
  }

  async #request(path: string, init: RequestInit = {}): Promise<Response> {
    const attempt = async () =>
      this.#ask(path, { ...init, headers: { Authorization: `Bearer ${await this.#bearer()}` } });
    try {
      return await attempt();
    } catch (error) {
      // Expired early, by the server's clock.
      if (!(error instanceof Refusal && error.status === 401)) throw error;
      this.#token = undefined;
      return attempt();
    }
  }

  /**
   * Stores an object of the recording, as bytes: a blob goes through the browser's main process. DevTools that are open on the
   * page's network copy them, and hold it for 60 ms a megabyte.
   *
   * @throws Problem.
   */
  async put(name: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    await this.#request(name.slice(this.#recordingId.length), { method: "PUT", body: bytes, signal });
  }

  /** @returns the receipt as the server has it then: signed, where it signs. */
  async countersign(receipt: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    await this.#request("/receipt", { method: "PUT", body: receipt });
    return new Uint8Array(await (await this.#request("/receipt")).arrayBuffer());
  }

  async replies(): Promise<readonly string[]> {
    return ((await (await this.#request("/replies")).json()) as { readonly names: readonly string[] }).names;
  }

  async reply(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await (await this.#request(`/replies/${encodeURIComponent(name)}`)).arrayBuffer());
  }
}
