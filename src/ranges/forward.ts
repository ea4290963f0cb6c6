/** The service worker's half. It imports nothing, so that a worker stays small, and it keeps nothing between two requests. */

/** Below the worker's scope: what is behind it is answered by a page. */
export const RANGES_FOLDER = "blindreel-ranges/";

/** What the worker asks of every page. */
export interface RangeQuestion {
  readonly blindreel: "range";
  readonly id: string;
  readonly method: string;
  /** The request's `Range` and `If-Range`. */
  readonly range: string | null;
  readonly ifRange: string | null;
}

/** A page's first answer: `absent` where the id is none of its own. */
export type RangeAnswer =
  | { readonly absent: true }
  | { readonly status: number; readonly headers: [string, string][]; readonly hasBody: boolean };

/** What follows for a body: a piece for each `"pull"`, or `alive` while it is read. */
export type RangePiece =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly isLast: boolean }
  | { readonly failed: true }
  | { readonly alive: true };

/** The used part of a service worker's `FetchEvent`. */
export interface RangeFetchEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface Page {
  postMessage(question: RangeQuestion, transfer: MessagePort[]): void;
}

interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: {
    matchAll(options: { type: "window"; includeUncontrolled: true }): Promise<readonly Page[]>;
  };
}

/** Milliseconds for a page's first answer, and for any sign of life while it reads. Hidden pages have timers of a minute. */
const SILENCE = { answer: 30_000, piece: 120_000 };

/**
 * For service workers, in their `fetch` listener: answers a request for a served source, by asking the page that serves it. Only ranges
 * of plaintext pass through the worker; keys do not enter it. The worker holds nothing between two requests: it may be stopped and
 * started at any time.
 *
 * A page that does not answer, fails or goes away is a network error, in the middle of a body too, and never a body that ends early.
 * An address that no open page serves is a 404.
 *
 * @returns whether the request was one: else answer it yourself, or leave it to the network.
 * @category Reviewer
 */
export function forwardRange(event: RangeFetchEvent): boolean {
  const { registration, clients } = globalThis as unknown as WorkerScope;
  const { url } = event.request;
  const folder = registration.scope + RANGES_FOLDER;
  if (!url.startsWith(folder)) return false;
  event.respondWith(ask(clients, event.request, url.slice(folder.length).replace(/[?#].*$/, "")));
  return true;
}

async function ask(clients: WorkerScope["clients"], request: Request, id: string): Promise<Response> {
  const { method, headers, signal } = request;
  const [range, ifRange] = [headers.get("Range"), headers.get("If-Range")];
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(Response.error()), SILENCE.answer);
    const settle = (response: Response): void => {
      clearTimeout(timer);
      resolve(response);
    };
    let left = pages.length;
    const absent = (): void => settle(new Response(null, { status: 404 }));
    if (left === 0) absent();
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }: MessageEvent<RangeAnswer>) => {
        if ("absent" in data) {
          if (--left === 0) absent();
        } else {
          const { status, headers, hasBody } = data;
          settle(new Response(hasBody ? bodyFrom(port1, signal) : null, { status, headers }));
        }
      };
      page.postMessage({ blindreel: "range", id, method, range, ifRange }, [port2]);
    }
  });
}

/** A piece for each pull, one ahead of the browser. Chromium pulls as it reads, Firefox and WebKit as fast as pieces come. */
function bodyFrom(port: MessagePort, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pulled = (): void => {};
  const end = (): void => {
    clearTimeout(timer);
    port.postMessage("cancel");
    port.close();
    signal.removeEventListener("abort", fail);
    pulled();
  };
  const fail = (): void => {
    end();
    controller.error(new TypeError("the page that serves this failed, or is gone"));
  };
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(fail, SILENCE.piece);
  };
  port.onmessage = ({ data }: MessageEvent<RangePiece>) => {
    if ("alive" in data) return watch();
    clearTimeout(timer);
    if ("failed" in data) return fail();
    controller.enqueue(data.bytes);
    if (!data.isLast) return pulled();
    end();
    controller.close();
  };
  // Where browsers have this event: the page was closed.
  port.addEventListener("close", fail);
  signal.addEventListener("abort", fail);
  return new ReadableStream({
    start(given) {
      controller = given;
    },
    pull() {
      watch();
      port.postMessage("pull");
      return new Promise<void>((resolve) => {
        pulled = resolve;
      });
    },
    cancel: end,
  });
}
