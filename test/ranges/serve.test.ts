/** The page's half on a MessagePort, and the worker's as a bundle. Both together, in browsers: browsers.test.ts. */
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { RangeAnswer, RangePiece, RangeQuestion } from "../../src/ranges/forward.js";
import { forwardRange, type ServeRangesOptions, serveRanges } from "../../src/ranges/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { bundleForBrowser } from "../helpers/page.js";

const scope = "https://review.example/app/";
const CONTENT = Uint8Array.from({ length: 600_000 }, (_, i) => i % 251);

/** What ends at the end of a test. */
const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
});

/** A page that serves `source`, and the worker's end of its port. */
async function serve(source: ByteSource, options: ServeRangesOptions = {}) {
  const { port1: port, port2: worker } = new MessageChannel();
  ending.push(() => port.close());
  const served = await serveRanges(port, source, { scope, ...options });
  const id = served.url.slice(scope.length + "blindreel-ranges/".length);

  /** The answer, and the port on which its body is pulled. */
  async function ask(given: Partial<RangeQuestion> = {}) {
    const { port1: body, port2: reply } = new MessageChannel();
    ending.push(() => body.close());
    const heard: unknown[] = [];
    body.onmessage = ({ data }) => void heard.push(data);
    const next = async <T>(): Promise<T> => {
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0));
      return heard.shift() as T;
    };
    const question = { blindreel: "range", id, method: "GET", range: null, ifRange: null, ...given };
    worker.postMessage(question, [reply]);
    return { answer: await next<Exclude<RangeAnswer, { absent: true }>>(), body, next };
  }
  return { served, ask, port, worker };
}

describe("answers (RFC 9110 §14)", () => {
  test.each([
    ["bytes=0-0", "bytes 0-0/600000"],
    ["BYTES= 5-9 ", "bytes 5-9/600000"],
    ["bytes=,5-9,", "bytes 5-9/600000"],
    ["bytes=-1", "bytes 599999-599999/600000"],
    ["bytes=-9999999", "bytes 0-599999/600000"],
    ["bytes=599999-", "bytes 599999-599999/600000"],
    ["bytes=0-99999999999999999999", "bytes 0-599999/600000"],
    ["bytes=600000-", 416],
    ["bytes=-0", 416],
    ["bytes=99999999999999999999-", 416],
    ["bytes=5-4", 200],
    ["bytes=-", 200],
    ["bytes=a-b", 200],
    ["bytes=+1-2", 200],
    ["bytes=1-2;q", 200],
    ["bytes 1-2", 200],
    ["bytes=0-1,2-3", 200],
    ["bytes=", 200],
    ["items=0-5", 200],
    ["", 200],
  ])("Range: %s", async (range, expected) => {
    const { ask } = await serve(bytesSource(CONTENT));
    const { status, headers } = (await ask({ range })).answer;
    const contentRange = new Headers(headers).get("Content-Range");
    if (typeof expected === "string") expect([status, contentRange]).toEqual([206, expected]);
    else expect([status, contentRange]).toEqual([expected, expected === 416 ? "bytes */600000" : null]);
  });

  test("If-Range: a range for this representation, and the whole of it for others", async () => {
    const { ask } = await serve(bytesSource(CONTENT));
    const etag = new Headers((await ask()).answer.headers).get("ETag");
    const range = "bytes=0-9";
    expect((await ask({ range, ifRange: etag })).answer.status).toBe(206);
    expect((await ask({ range, ifRange: `W/${etag}` })).answer.status).toBe(200);
    expect((await ask({ range, ifRange: "Thu, 26 Nov 2026 09:00:00 GMT" })).answer.status).toBe(200);
  });

  test.each([
    ["text/html", "application/octet-stream"],
    ["video/mp4\r\nX: 1", "application/octet-stream"],
    ["image/svg+xml", "application/octet-stream"],
    ["video/mp4;codecs=avc1.42E01E, mp4a.40.2", "video/mp4;codecs=avc1.42E01E, mp4a.40.2"],
    ['audio/webm; codecs="opus"', 'audio/webm; codecs="opus"'],
  ])("the type %j is sent as %j", async (type, sent) => {
    const { ask } = await serve(bytesSource(CONTENT), { type });
    expect(new Headers((await ask()).answer.headers).get("Content-Type")).toBe(sent);
  });
});

describe("bodies", () => {
  test("come by pieces, one for each pull, and the last says so", async () => {
    const { ask } = await serve(bytesSource(CONTENT));
    const { body, next } = await ask({ range: "bytes=100-" });
    const pieces: Uint8Array[] = [];
    for (let isLast = false; !isLast; ) {
      body.postMessage("pull");
      const piece = await next<Extract<RangePiece, { bytes: unknown }>>();
      pieces.push(piece.bytes);
      isLast = piece.isLast;
    }
    expect(pieces.map(({ length }) => length)).toEqual([262_144, 262_144, 75_612]);
    expect(Buffer.concat(pieces).equals(CONTENT.subarray(100))).toBe(true);
  });

  test("that are cancelled abort their read; those of a closed service fail", async () => {
    const signals: Record<number, AbortSignal> = {};
    const source: ByteSource = {
      size: async () => 10,
      read: async (start, _end, options) => {
        signals[start] = options!.signal!;
        return new Promise(() => {});
      },
    };
    const { served, ask } = await serve(source);
    const [cancelled, closed] = [await ask({ range: "bytes=0-" }), await ask({ range: "bytes=1-" })];
    for (const { body } of [cancelled, closed]) body.postMessage("pull");
    await vi.waitFor(() => expect(Object.keys(signals)).toEqual(["0", "1"]));
    cancelled.body.postMessage("cancel");
    await vi.waitFor(() => expect(signals[0]!.aborted).toBe(true));
    expect(signals[1]!.aborted).toBe(false);
    served.close();
    expect(await closed.next()).toEqual({ failed: true });
    expect(signals[1]!.aborted).toBe(true);
  });

  test("whose source fails or gives too little fail, and the page is told why", async () => {
    const onError = vi.fn();
    const short: ByteSource = { size: async () => 100, read: async () => new Uint8Array(99) };
    const { ask } = await serve(short, { onError });
    const { body, next } = await ask();
    body.postMessage("pull");
    expect(await next()).toEqual({ failed: true });
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce());
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "source-failed" });
  });
});

test("an address is told by nothing but itself, and a signal ends it", async () => {
  const stop = new AbortController();
  const { served, ask } = await serve(bytesSource(CONTENT), { signal: stop.signal, fileName: "anna.webm" });
  expect(served.url).toMatch(/^https:\/\/review\.example\/app\/blindreel-ranges\/[0-9a-f]{32}$/);
  expect((await ask()).answer.status).toBe(200);
  stop.abort();
  const late = ask();
  await expect(
    Promise.race([late, new Promise((resolve) => setTimeout(resolve, 100, "silence"))]),
  ).resolves.toBe("silence");
  late.catch(() => {});
});

test("arguments", async () => {
  const { port1: port } = new MessageChannel();
  ending.push(() => port.close());
  const source = bytesSource(CONTENT);
  await expectWrongType(() => serveRanges({} as never, source));
  await expectWrongType(() => serveRanges(port, {} as never, { scope }));
  await expectWrongType(() => serveRanges(port, source));
  await expectWrongType(() => serveRanges(port, source, { scope, range: 1 } as never));
  await expectOutOfRange(() => serveRanges(port, source, { scope: "app/" }));
  await expectOutOfRange(() => serveRanges(port, source, { scope, maxAnswer: 1000 }));
  await expect(serveRanges(port, source, { scope, signal: AbortSignal.abort("no") })).rejects.toBe("no");
});

test("a page that no worker controls fails after ten seconds", async () => {
  const container = Object.assign(new EventTarget(), {
    ready: new Promise<never>(() => {}),
    controller: null,
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const refused = expectCode(() => serveRanges(container, bytesSource(CONTENT)), "unsupported-runtime");
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  const error = await refused;
  expect(error.details).toEqual({ operation: "service worker" });
  const signal = AbortSignal.timeout(20);
  const aborted = await caught(() => serveRanges(container, bytesSource(CONTENT), { signal }));
  expect(aborted).toBe(signal.reason);
});

describe("the worker's half", () => {
  const entry = {
    contents: 'import { forwardRange } from "./src/ranges/index.js"; onfetch = forwardRange;',
    resolveDir: process.cwd(),
  };

  test.each(["iife", "esm"] as const)("is small as %s, and has nothing of keys", async (format) => {
    const text = await bundleForBrowser("", { stdin: entry, entryPoints: [], format, minify: true });
    expect(gzipSync(text).length).toBeLessThan(1300);
    expect(text).not.toMatch(/crypto|subtle|\bimport\b|\bexport\b/);
  });

  test("leaves other requests alone", () => {
    vi.stubGlobal("registration", { scope });
    const respondWith = vi.fn();
    const fetched = (url: string) => forwardRange({ request: { url } as Request, respondWith });
    expect(fetched(`${scope}page.html`)).toBe(false);
    expect(fetched("https://review.example/blindreel-ranges/0123")).toBe(false);
    expect(fetched("https://other.example/app/blindreel-ranges/0123")).toBe(false);
    expect(respondWith).not.toHaveBeenCalled();
    vi.unstubAllGlobals();
  });
});
