import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { memoryJournal } from "blindreel/storage";
import { build } from "esbuild";
import { localCertificate } from "./certificate.js";
import { readFilm } from "./film.js";
import { MemoryServer } from "./recordings.js";

/** A request for an object, in milliseconds. */
export interface Asked {
  readonly name: string;
  readonly start: number;
  end: number;
}

/** What a page needs to open the recording, and to play the same in the clear. */
export interface PlayedExam {
  readonly jwk: object;
  readonly id: string;
  readonly manifest: string;
  readonly type: string;
  /** Bytes of the initialisation part, and of the first unit behind it. */
  readonly init: number;
  readonly firstUnit: number;
  /** Seconds. */
  readonly duration: number;
}

export interface PlayerSite {
  readonly origin: string;
  readonly exam: PlayedExam;
  readonly asked: Asked[];
  /** Milliseconds before every answer. */
  delay: number;
  close(): void;
}

/** Where the film in the clear is. */
export const CLEAR = "/clear.webm";
const START = new Date("2026-05-04T09:00:00Z");

/** Pieces that are one file, without being joined. */
class Pieces {
  readonly #starts: number[] = [];
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  add(bytes: Uint8Array): void {
    this.#starts.push(this.length);
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  *range(start: number, end: number): Generator<Uint8Array, void, undefined> {
    for (const [n, piece] of this.#pieces.entries()) {
      const at = this.#starts[n]!;
      if (at < end && at + piece.length > start)
        yield piece.subarray(Math.max(0, start - at), Math.min(piece.length, end - at));
    }
  }
}

interface Recorded {
  readonly objects: ReadonlyMap<string, Uint8Array>;
  readonly clear: Pieces;
  readonly exam: PlayedExam;
}

/** A recording of a film of `bytes`, each unit at its time, and the same in the clear. */
async function record(bytes: number): Promise<Recorded> {
  const film = await readFilm();
  const identity = await generateIdentity();
  // The recorder's clock is monotonic since its start.
  const { now } = performance;
  let time = 0;
  performance.now = () => time;
  try {
    const to = identity.recipient;
    const recording = await startRecording({ to, journal: memoryJournal(), now: () => START });
    const stored = new MemoryServer();
    const storing = stored.store(recording);
    const clear = new Pieces();
    const camera = recording.track("camera");
    camera.startTake({ type: film.type });
    const add = async (content: Uint8Array): Promise<void> => {
      clear.add(content);
      await camera.write(content, { startsSegment: true });
    };
    await add(film.init);
    let firstUnit = 0;
    for (const unit of film.units(bytes)) {
      time = unit.time;
      await add(unit.bytes);
      firstUnit ||= unit.bytes.length;
    }
    await recording.finish("submitted");
    await storing;
    const manifests = [...stored.objects.keys()].filter((name) => name.includes("/manifest-"));
    const exam = {
      jwk: identity.toJwk(),
      id: recording.recordingId,
      manifest: manifests.sort().at(-1)!,
      type: film.type,
      init: film.init.length,
      firstUnit,
      duration: time / 1000,
    };
    return { objects: stored.objects, clear, exam };
  } finally {
    performance.now = now;
  }
}

/** A server with a sealed recording of a film of `bytes`, the same in the clear, and a page that plays both; over HTTP/2. */
export async function servePlayer(bytes: number): Promise<PlayerSite> {
  const { objects, clear, exam } = await record(bytes);
  const asked: Asked[] = [];
  const pages: Readonly<Record<string, readonly [type: string, content: string]>> = {
    "/": ["text/html", "<!doctype html><body>"],
    "/player.js": ["text/javascript", await bundlePage()],
  };
  const site = { exam, asked, delay: 0 };
  async function answer({ url, headers }: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(url, "http://server").pathname);
    response.setHeader("cache-control", "no-store");
    const own = pages[path];
    if (own) return void response.writeHead(200, { "content-type": own[0] }).end(own[1]);
    const object = objects.get(path.slice(1));
    const length = path === CLEAR ? clear.length : object?.length;
    if (length === undefined) return void response.writeHead(404).end();
    const entry = { name: path, start: performance.now(), end: Number.POSITIVE_INFINITY };
    asked.push(entry);
    await new Promise((resolve) => setTimeout(resolve, site.delay));
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(last ? Number(last) + 1 : length, length);
    response.writeHead(first === undefined ? 200 : 206, {
      "accept-ranges": "bytes",
      "content-type": path === CLEAR ? "video/webm" : "application/octet-stream",
      "content-length": end - start,
      ...(first !== undefined && { "content-range": `bytes ${start}-${end - 1}/${length}` }),
    });
    response.on("finish", () => {
      entry.end = performance.now();
    });
    const pieces = object ? [object.subarray(start, end)] : clear.range(start, end);
    await pipeline(Readable.from(pieces), response);
  }
  const server = createSecureServer(localCertificate(), (request, response) => {
    answer(request, response).catch(() => response.stream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(site, {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  });
}

async function bundlePage(): Promise<string> {
  const page = fileURLToPath(new URL("../portable/player.ts", import.meta.url));
  const options = { bundle: true, format: "esm", platform: "browser", target: "es2022" } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [page], write: false, logLevel: "error" });
  return outputFiles[0]!.text;
}
