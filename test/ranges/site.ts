import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { generateIdentity } from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";
import { exampleModules, fromSources } from "../docs/run-example.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";

const sourceOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** 90 s of VP8 and Opus, with cues. */
export const FILM = readFileSync(sourceOf("../../../shared/media/vp8.webm"));
const TYPE = "video/webm;codecs=vp8,opus";

/** What pages get of the exam: the rest is in the sealed objects. */
export interface Exam {
  readonly envelope: string;
  readonly names: readonly string[];
  readonly jwk: object;
}

export interface RangeSite extends PageServer {
  /** The film, recorded; one in a copy of which a segment is altered. */
  readonly exams: { readonly whole: Exam; readonly altered: Exam };
  /** What a page told under this name. */
  told(name: string): Promise<unknown>;
  /** Hosts of responses that browsers broke off. */
  readonly brokenOff: Set<string>;
  /** Asked for by the page of that host. */
  readonly stopWorkers: Map<string, () => Promise<void>>;
}

async function record(
  objects: Map<string, Uint8Array>,
  change: (name: string, bytes: Uint8Array) => Uint8Array,
): Promise<Exam> {
  const identity = await generateIdentity();
  const recording = await startRecording({ to: identity.recipient });
  const names: string[] = [];
  const uploading = recording.upload((name, bytes) => {
    objects.set(name, change(name, bytes.slice()));
    names.push(name);
  });
  const camera = recording.track("camera");
  camera.startTake({ type: TYPE });
  for (let start = 0; start < FILM.length; start += 2 ** 19)
    await camera.write(FILM.subarray(start, start + 2 ** 19), { startsSegment: true });
  await recording.finish("submitted");
  await uploading;
  return { envelope: `${recording.recordingId}/envelope`, names, jwk: identity.toJwk() };
}

/** The address of objects that begin and never end. */
const STALLS = "/stalls/";

/** Pages, the worker in both forms, sealed objects by range, and the film in the clear to compare with. */
export async function serveRangeSite(): Promise<RangeSite> {
  const objects = new Map<string, Uint8Array>();
  const whole = await record(objects, (_name, bytes) => bytes);
  const altered = await record(objects, (name, bytes) => {
    if (name.endsWith("/00000009.seg")) bytes[200_000]! ^= 1;
    return bytes;
  });
  const told = new Map<string, (value: unknown) => void>();
  const promised = new Map<string, Promise<unknown>>();
  const promiseOf = (name: string): Promise<unknown> => {
    const promise = promised.get(name) ?? new Promise<unknown>((resolve) => void told.set(name, resolve));
    promised.set(name, promise);
    return promise;
  };
  const brokenOff = new Set<string>();
  const stopWorkers: RangeSite["stopWorkers"] = new Map();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url!, "http://server").pathname;
    const host = request.headers.host!;
    if (path === "/stop-workers") {
      await stopWorkers.get(host)!();
      return void response.writeHead(204).end();
    }
    if (request.method === "POST") {
      const body: Buffer[] = [];
      for await (const piece of request) body.push(piece as Buffer);
      promiseOf(path);
      told.get(path)!(JSON.parse(Buffer.concat(body).toString()));
      return void response.writeHead(204).end();
    }
    if (path === "/exams") return void response.end(JSON.stringify({ whole, altered }));
    if (path.endsWith("/page.html")) {
      response.writeHead(200, { "Content-Type": "text/html" });
      return void response.end('<!doctype html><script type="module" src="/page.js"></script>');
    }
    const isStalling = path.startsWith(STALLS);
    const bytes = path === "/film.webm" ? FILM : objects.get(path.slice(isStalling ? STALLS.length : 1));
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    if (!bytes) return void response.writeHead(404).end();
    const start = Number(first ?? 0);
    const end = Math.min(last ? Number(last) + 1 : bytes.length, bytes.length);
    response.writeHead(first === undefined ? 200 : 206, {
      "Accept-Ranges": "bytes",
      "Content-Type": path === "/film.webm" ? "video/webm" : "application/octet-stream",
      "Content-Length": end - start,
      ...(first !== undefined && { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` }),
    });
    if (!isStalling) return void response.end(bytes.subarray(start, end));
    response.on("close", () => void (response.writableEnded || brokenOff.add(host)));
    response.write(bytes.subarray(start, start + 1000));
  }

  const blocks = { worker: "forwardRange, type", page: "function saveTake" };
  const plugins = [fromSources, exampleModules("docs/reviewing.md", blocks)];
  const pages = await servePage(
    {
      "/page.js": await bundleForBrowser(sourceOf("page.ts"), { plugins }),
      "/classic/worker.js": await bundleForBrowser(sourceOf("worker.ts"), { plugins, format: "iife" }),
      "/module/worker.js": await bundleForBrowser(sourceOf("worker.ts"), { plugins }),
    },
    (request, response) => void answer(request, response).catch((error) => response.destroy(error)),
  );
  return {
    ...pages,
    exams: { whole, altered },
    brokenOff,
    stopWorkers,
    told: (name) => promiseOf(`/${name}`),
  };
}
