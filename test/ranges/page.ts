/** A review page in one of the three engines. It does the task in its address, and tells the server how that ended. */
import { saveTake, showTake } from "example:page";
import { importIdentity } from "../../src/index.js";
import { type ServedRanges, serveRanges } from "../../src/ranges/index.js";
import { httpObjects, openRecording, type TakeSource } from "../../src/review/index.js";
import type { ByteSource } from "../../src/source/index.js";
import type { Exam } from "./site.js";

/** What a response shows, without its body. */
export interface Shown {
  readonly status: number;
  readonly range: string | null;
  readonly length: string | null;
  readonly type: string | null;
}

const container = navigator.serviceWorker;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function takeOf(which: "whole" | "altered", prefix = "") {
  const exam = ((await (await fetch("/exams")).json()) as Record<string, Exam>)[which]!;
  const envelope = new Uint8Array(await (await fetch(`/${exam.envelope}`)).arrayBuffer());
  const review = await openRecording(envelope, {
    identities: await importIdentity(exam.jwk as never),
    objects: httpObjects(async (name) => new Request(`${name.endsWith(".seg") ? prefix : ""}/${name}`)),
    list: () => exam.names,
    retry: { attempts: 1 },
  });
  return review.track("camera").takes[0]!;
}

async function serve(source: ByteSource | TakeSource, options: Parameters<typeof serveRanges>[2] = {}) {
  return serveRanges(container, source, options);
}

/** The film as an address. */
async function film(options: Parameters<typeof serveRanges>[2] = {}): Promise<ServedRanges> {
  const take = await takeOf("whole");
  return serve(take.source(), { type: take.type, ...options });
}

/** Bytes that say where they are, and how they were asked for. */
function numbers(
  size: number,
  hooks: { read?: (start: number, signal?: AbortSignal) => unknown } = {},
): ByteSource {
  return {
    size: async () => size,
    async read(start, end, options) {
      await hooks.read?.(start, options?.signal);
      return Uint8Array.from({ length: end - start }, (_, i) => (start + i) % 251);
    },
  };
}

const shown = ({ status, headers }: Response): Shown => ({
  status,
  range: headers.get("Content-Range"),
  length: headers.get("Content-Length"),
  type: headers.get("Content-Type"),
});

async function ask(url: string, headers: Record<string, string> = {}, method = "GET") {
  const response = await fetch(url, { headers, method });
  const body = new Uint8Array(await response.arrayBuffer());
  return { response, body, shown: shown(response) };
}

/** Whether these are the numbers from `start` on. */
const areNumbers = (bytes: Uint8Array, start: number): boolean =>
  bytes.every((byte, i) => byte === (start + i) % 251);

async function failureOf(action: () => Promise<unknown>): Promise<string> {
  return action().then(
    () => "none",
    (error: Error) => error.name,
  );
}

async function untilTrue(what: string, test: () => boolean, limit = 20_000): Promise<void> {
  for (let waited = 0; !test(); waited += 20) {
    if (waited > limit) throw new Error(`no ${what}`);
    await pause(20);
  }
}

async function event(target: EventTarget, name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    target.addEventListener(name, () => resolve(), { once: true });
    target.addEventListener("error", () => {
      const { error, currentSrc } = target as HTMLVideoElement;
      reject(new Error(`no ${name} of ${currentSrc}: ${error?.code} ${error?.message}`));
    });
    setTimeout(() => reject(new Error(`no ${name}`)), 20_000);
  });
}

/** A small grey picture of what is painted. */
function painted(video: HTMLVideoElement): Uint8ClampedArray {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const context = canvas.getContext("2d")!;
  context.drawImage(video, 0, 0, 64, 36);
  return context.getImageData(0, 0, 64, 36).data;
}

async function videoWith(show: (video: HTMLVideoElement) => unknown): Promise<HTMLVideoElement> {
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto" });
  document.body.append(video);
  const ready = event(video, "loadeddata");
  await show(video);
  await ready.catch((error) => {
    // On a busy machine WebKitGTK was seen to fail with code 4, before it had asked the worker.
    if (!navigator.vendor.startsWith("Apple")) throw error;
    const again = event(video, "loadeddata");
    video.load();
    return again;
  });
  return video;
}

const videoOf = (url: string): Promise<HTMLVideoElement> =>
  videoWith((video) => Object.assign(video, { src: url }));

async function seek(video: HTMLVideoElement, time: number): Promise<Uint8ClampedArray> {
  const seeked = event(video, "seeked");
  video.currentTime = time;
  await seeked;
  await pause(150);
  return painted(video);
}

const difference = (one: Uint8ClampedArray, other: Uint8ClampedArray): number =>
  one.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0) / one.length;

const tasks = {
  /** Ranges of 1,000,000 numbered bytes. */
  async http() {
    const served = await serve(numbers(1_000_000), { type: "audio/webm", fileName: "chat (1).webm" });
    const found: Record<string, unknown> = {};
    for (const range of [
      "bytes=0-9",
      "bytes=999990-",
      "bytes=-10",
      "bytes=600000-1999999",
      "bytes=1000000-",
      "bytes=0-1,5-6",
      "bytes=9-0",
      "lines=0-5",
    ]) {
      const { body, shown } = await ask(served.url, { Range: range });
      const start = Number(/^bytes (\d+)/.exec(shown.range ?? "")?.[1] ?? 0);
      found[range] = [shown.status, shown.range, body.length, areNumbers(body, start)];
    }
    const whole = await ask(served.url);
    found.whole = [whole.shown, whole.body.length, areNumbers(whole.body, 0)];
    found.headers = ["Cache-Control", "X-Content-Type-Options", "Accept-Ranges", "Content-Disposition"].map(
      (name) => whole.response.headers.get(name),
    );
    const head = await ask(served.url, { Range: "bytes=0-9" }, "HEAD");
    found.head = [head.shown, head.body.length];
    found.post = (await ask(served.url, {}, "POST")).shown.status;
    found.fragment = (await ask(`${served.url}#t=5`)).shown.status;
    const capped = await serve(numbers(1_000_000), { maxAnswer: 300_000 });
    found.capped = (await ask(capped.url, { Range: "bytes=5-" })).shown;
    const page = await serve(numbers(10), { type: "text/html" });
    found.html = (await ask(page.url)).shown.type;
    const empty = await serve(numbers(0));
    found.empty = [(await ask(empty.url)).shown, (await ask(empty.url, { Range: "bytes=0-" })).shown];
    served.close();
    found.closed = (await ask(served.url)).shown.status;
    return found;
  },

  /** The film in a video element: painted frames beside those of the same file in the clear. */
  async video() {
    const take = await takeOf("whole");
    const served = await videoWith((video) => showTake(video, take));
    const clear = await videoOf("/film.webm");
    const found: number[][] = [];
    for (const time of [45, 88, 3]) {
      await Promise.all([seek(served, time), seek(clear, time)]);
      // Not always painted when the element says that its seek has ended.
      let same = Number.POSITIVE_INFINITY;
      await untilTrue(`picture at ${time} s`, () => {
        same = difference(painted(served), painted(clear));
        return same < 2;
      });
      const one = painted(served);
      found.push([Math.round(served.currentTime), same, difference(one, await seek(clear, time + 1))]);
    }
    served.playbackRate = 2;
    await served.play();
    await untilTrue("progress", () => served.currentTime > 6);
    served.pause();
    return { duration: Math.round(served.duration), found };
  },

  /** By answers of 512 KiB at most, to the end. */
  async capped() {
    const video = await videoOf((await film({ maxAnswer: 2 ** 19 })).url);
    await seek(video, 86);
    const ended = event(video, "ended");
    video.playbackRate = 2;
    await video.play();
    await ended;
    return Math.round(video.currentTime);
  },

  /** How much of a long file a video element takes before it plays, and once it is gone. */
  async taken() {
    const take = (await takeOf("whole")).source();
    let bytes = 0;
    const long: ByteSource = {
      size: async () => take.size + 300_000_000,
      async read(start, end, options) {
        bytes += end - start;
        const all = new Uint8Array(end - start);
        if (start < take.size) all.set(await take.read(start, Math.min(end, take.size), options));
        return all;
      },
    };
    const { url } = await serve(long, { type: "video/webm;codecs=vp8,opus", maxAnswer: 2 ** 22 });
    const video = await videoOf(url);
    await pause(2000);
    const loaded = bytes;
    video.removeAttribute("src");
    video.load();
    await pause(500);
    const gone = bytes;
    await pause(1000);
    return { loaded, later: bytes - gone };
  },

  async save() {
    await saveTake(await takeOf("whole"));
  },

  /** The film by `fetch`. */
  async download() {
    const { body, shown } = await ask((await film()).url);
    const original = new Uint8Array(await (await fetch("/film.webm")).arrayBuffer());
    return {
      shown,
      isWhole: body.length === original.length && body.every((byte, i) => byte === original[i]),
    };
  },

  /** Aborts and cancelled bodies, down to the store. */
  async abort() {
    const found: Record<string, unknown> = {};
    const signals: AbortSignal[] = [];
    const waiting = numbers(10_000_000, {
      read: (start, signal) => {
        if (start < 600_000) return undefined;
        signals.push(signal!);
        return new Promise(() => {});
      },
    });
    const served = await serve(waiting);
    const stop = new AbortController();
    const reader = (await fetch(served.url, { signal: stop.signal })).body!.getReader();
    await reader.read();
    const rest = failureOf(async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read());
    });
    await untilTrue("read", () => signals.length > 0);
    stop.abort();
    found.aborted = await rest;
    await untilTrue("abort", () => signals.every(({ aborted }) => aborted)).catch(
      (error) => (found.abort = error.message),
    );
    let reads = 0;
    const slow = await serve(numbers(2 ** 30, { read: () => pause(50).then(() => reads++) }));
    const cancelled = (await fetch(slow.url)).body!.getReader();
    await cancelled.read();
    await cancelled.cancel();
    await pause(500);
    const before = reads;
    await pause(1000);
    found.readsAfterCancel = reads - before;
    return found;
  },

  /** The same with a store whose answers do not end: it sees the connection go. */
  async network() {
    const take = await takeOf("whole", "/stalls");
    const served = await serve(take.source(), { type: take.type });
    const stop = new AbortController();
    const waiting = failureOf(async () => (await fetch(served.url, { signal: stop.signal })).arrayBuffer());
    await pause(1000);
    stop.abort();
    return waiting;
  },

  /** Nobody reads a body: how many pieces of 256 KiB are taken of the source, for the whole and for a capped answer. */
  async pressure() {
    const found: number[] = [];
    for (const headers of [{}, { Range: "bytes=0-" }]) {
      let reads = 0;
      const source = numbers(100_000_000, { read: () => void reads++ });
      const { body } = await fetch((await serve(source, { maxAnswer: 2 ** 20 })).url, { headers });
      await pause(1500);
      found.push(reads);
      await body!.cancel();
    }
    return found;
  },

  /** Content that fails in the middle: an altered segment, and a page that ends its service. */
  async failures() {
    const errors: string[] = [];
    const onError = (error: unknown): void => void errors.push((error as { code: string }).code);
    const take = await takeOf("altered");
    const served = await serve(take.source(), { type: take.type, onError });
    const altered = await failureOf(() => ask(served.url));
    const before = await ask(served.url, { Range: "bytes=0-99999" });
    let other: ServedRanges | undefined = await serve(
      numbers(50_000_000, { read: (start) => void (start > 2_000_000 && other?.close()) }),
    );
    const closed = await failureOf(() => ask(other!.url));
    other = undefined;
    return { altered, before: before.body.length, closed, errors };
  },

  /** A second page in a frame serves too: each answers for its own. */
  async tabs() {
    const mine = await serve(numbers(1000));
    const frame = Object.assign(document.createElement("iframe"), { src: "page.html?task=other&name=frame" });
    const said = new Promise<string>((resolve) => {
      addEventListener("message", ({ data }) => resolve(data as string));
    });
    document.body.append(frame);
    const url = await said;
    const found = [(await ask(mine.url)).body.length, (await ask(url)).body.length];
    frame.remove();
    await pause(500);
    const gone = await ask(url);
    return { found, gone: gone.shown.status, mine: (await ask(mine.url)).body.length };
  },

  async other() {
    const { url } = await serve(numbers(2000));
    parent.postMessage(url, "*");
    return url;
  },

  /** The worker ends and comes again: between requests, in the middle of a long body, and while a video plays. */
  async restart() {
    const life = async (): Promise<string> => (await fetch("life")).text();
    const stop = (): Promise<unknown> => fetch("/stop-workers", { method: "POST" });
    const served = await serve(numbers(20_000_000, { read: () => pause(100) }));
    const first = await life();
    const before = (await ask(served.url, { Range: "bytes=0-9" })).body.length;
    await stop();
    const after = (await ask(served.url, { Range: "bytes=0-9" })).body.length;
    const isOther = first !== (await life());
    // Whole or failed.
    const slow = ask(served.url).then(
      ({ body }) => body.length === 20_000_000 && areNumbers(body, 0),
      () => true,
    );
    const video = await videoOf((await film()).url);
    await video.play();
    await stop();
    await seek(video, 60);
    await untilTrue("progress", () => video.currentTime > 61);
    return { before, after, isOther, isWholeOrFailed: await slow };
  },

  /** A body that takes longer than a worker without work lives. */
  async slow() {
    const { url } = await serve(numbers(20_000_000, { read: () => pause(170) }));
    const { body } = await ask(url);
    return [body.length, areNumbers(body, 0)];
  },
};

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const [task, name] = [query.get("task") as keyof typeof tasks, query.get("name")!];
  const told = await (async () => {
    await container.register("worker.js", {
      type: location.pathname.startsWith("/module") ? "module" : "classic",
    });
    return tasks[task]();
  })().catch((error: Error) => ({ failed: `${error.message} ${error.stack}` }));
  await fetch(`/${name}`, { method: "POST", body: JSON.stringify(told ?? null) });
}

void main();
