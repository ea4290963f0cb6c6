/** A server that has pages, sealed objects by range, and the films in the clear to compare with. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { generateIdentity } from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";
import { exampleModules, fromSources } from "../docs/run-example.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";
import { FILMS, type Units, unitsOf } from "./units.js";

/** What pages get of an exam: the rest is in the sealed objects. */
export interface Exam {
  readonly envelope: string;
  readonly names: readonly string[];
  readonly jwk: object;
  readonly coreHash: string;
}

/** A take: when it begins, in milliseconds since the recording's beginning, and its content. */
interface Take {
  readonly start: number;
  readonly type: string;
  readonly pieces: readonly {
    readonly time: number;
    readonly bytes: Uint8Array;
    readonly startsSegment?: boolean;
  }[];
}

type Tracks = Readonly<Record<string, readonly Take[]>>;

const BASE = new Date("2026-05-04T09:00:00Z");

/** The units from `from` to `to`, as `capture` stores them: the initialisation part is a segment of its own. */
function taken({ type, init, units }: Units, start: number, from = 0, to = units.length): Take {
  const pieces = units.slice(from, to).map(({ time, bytes }) => ({ time, bytes, startsSegment: true }));
  return { start, type, pieces: [{ time: 0, bytes: init }, ...pieces] };
}

/** A file as it is, in pieces of 64 KiB. */
function asItIs(bytes: Uint8Array, type: string): Take {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 2 ** 16) }, (_, n) => ({
    time: n * 500,
    bytes: bytes.subarray(n * 2 ** 16, (n + 1) * 2 ** 16),
  }));
  return { start: 0, type, pieces };
}

/** A recording at the times that its takes say. @param change of what the server stores; undefined is not stored. */
async function record(
  objects: Map<string, Uint8Array>,
  tracks: Tracks,
  change: (name: string, bytes: Uint8Array) => Uint8Array | undefined = (_name, bytes) => bytes,
): Promise<Exam> {
  const identity = await generateIdentity();
  // The recorder's clock is monotonic since its start.
  const { now } = performance;
  let time = 0;
  performance.now = () => time;
  try {
    const recording = await startRecording({ to: identity.recipient, now: () => BASE });
    const names: string[] = [];
    const uploading = recording.upload((name, bytes) => {
      const stored = change(name, bytes.slice());
      if (!stored) return;
      objects.set(name, stored);
      names.push(name);
    });
    for (const [name, takes] of Object.entries(tracks)) {
      const track = recording.track(name);
      for (const { start, type, pieces } of takes) {
        time = start;
        track.startTake({ type });
        for (const piece of pieces) {
          time = start + piece.time;
          await track.write(piece.bytes, { startsSegment: piece.startsSegment ?? false });
        }
        await track.flush();
      }
    }
    await recording.finish("submitted");
    await uploading;
    return {
      envelope: `${recording.recordingId}/envelope`,
      names,
      jwk: identity.toJwk(),
      coreHash: recording.coreHash,
    };
  } finally {
    performance.now = now;
  }
}

const segment = (index: number): string => `/0001/${index.toString(16).padStart(8, "0")}.seg`;

async function recordAll(objects: Map<string, Uint8Array>) {
  const [webm, mp4] = [await unitsOf("webm"), await unitsOf("mp4")];
  return {
    webm: await record(objects, { camera: [taken(webm, 0)] }),
    mp4: await record(objects, { camera: [taken(mp4, 0)] }),
    /** Units of 20 to 24 s are not stored; that of 40 to 42 s is altered; the end is missing. */
    faulty: await record(objects, { camera: [taken(webm, 0, 0, 26)] }, (name, bytes) => {
      if (name.endsWith(segment(11)) || name.endsWith(segment(12))) return undefined;
      if (name.endsWith(segment(21))) bytes[100_000]! ^= 1;
      return name.endsWith(segment(26)) ? undefined : bytes;
    }),
    /** A pause of 10 s, and another type. */
    takes: await record(objects, {
      camera: [taken(webm, 0, 0, 5), taken(mp4, 20_000, 0, 2), taken(webm, 24_000, 0, 2)],
    }),
    together: await record(objects, {
      camera: [taken(webm, 0, 0, 8)],
      screen: [taken(webm, 3000, 0, 2), taken(webm, 9000, 0, 4)],
    }),
    foreign: await record(objects, { camera: [asItIs(FILMS.webm, "video/webm;codecs=vp8,opus")] }),
  };
}

export type ExamName = keyof Awaited<ReturnType<typeof recordAll>>;

export interface PlayerSite extends PageServer {
  /** What a page told under this name. */
  told(name: string): Promise<unknown>;
  /** Names of objects, for each range that was asked for. */
  readonly asked: string[];
  /** Paths of responses that browsers broke off. */
  readonly brokenOff: string[];
}

/** Where a page puts the file that it made of an excerpt. */
const SAVED = "/saved.webm";

/** Addresses of objects that begin and never end, and of those for which no answer comes. */
const SLOW = /^\/(stalls|silent)\//;

/** @param file of the page. */
export async function servePlayerSite(file = "page.ts"): Promise<PlayerSite> {
  const objects = new Map<string, Uint8Array>();
  const exams = await recordAll(objects);
  const told = new Map<string, (value: unknown) => void>();
  const asked: string[] = [];
  const brokenOff: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url!, "http://server").pathname;
    if (request.method === "POST") {
      const body: Buffer[] = [];
      for await (const piece of request) body.push(piece as Buffer);
      if (path === SAVED) {
        objects.set(SAVED.slice(1), Buffer.concat(body));
        return void response.writeHead(204).end();
      }
      told.get(path)?.(JSON.parse(Buffer.concat(body).toString()));
      return void response.writeHead(204).end();
    }
    if (path === "/exams") return void response.end(JSON.stringify(exams));
    if (path === "/asked") return void response.end(JSON.stringify(asked.splice(0)));
    const slow = SLOW.exec(path);
    const film = /^\/film\.(webm|mp4)$/.exec(path)?.[1] as keyof typeof FILMS | undefined;
    const name = path.slice(slow ? slow[0].length : 1);
    const bytes = film ? FILMS[film] : objects.get(name);
    if (!bytes) return void response.writeHead(404).end();
    if (!film) asked.push(name);
    if (slow) response.on("close", () => void (response.writableEnded || brokenOff.push(path)));
    if (slow?.[1] === "silent") return;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(last ? Number(last) + 1 : bytes.length, bytes.length);
    response.writeHead(first === undefined ? 200 : 206, {
      "Accept-Ranges": "bytes",
      "Content-Type": film ? `video/${film}` : path === SAVED ? "video/webm" : "application/octet-stream",
      "Content-Length": end - start,
      ...(first !== undefined && { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` }),
    });
    if (!slow) return void response.end(bytes.subarray(start, end));
    response.write(bytes.subarray(start, start + 1000));
  }

  const page = fileURLToPath(new URL(file, import.meta.url));
  const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>';
  const blocks = { playing: "function showTrack", saving: "function saveExcerpt" };
  const plugins = [fromSources, exampleModules("docs/reviewing.md", blocks)];
  const script = await bundleForBrowser(page, { plugins });
  const server = await servePage({ "/page.js": script }, (request, response) => {
    const path = new URL(request.url!, "http://server").pathname;
    if (path === "/") return void response.writeHead(200, { "Content-Type": "text/html" }).end(html);
    answer(request, response).catch((error) => response.destroy(error));
  });
  return {
    ...server,
    asked,
    brokenOff,
    told: (name) => new Promise((resolve) => void told.set(`/${name}`, resolve)),
  };
}
