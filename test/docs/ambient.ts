/**
 * What the examples of README.md and docs/*.md may use without importing it. The harness imports the names that an
 * example mentions; each example runs in a process of its own, with a server of its own.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const LENGTH = 300_000;

/** A recording: it starts as WebM does, and does not repeat. */
export const recordingBytes: Uint8Array<ArrayBuffer> = Uint8Array.from({ length: LENGTH }, (_, i) =>
  i < 4 ? [0x1a, 0x45, 0xdf, 0xa3][i]! : (i * 31 + (i >> 8) * 17) % 256,
);

/** The same, as it comes out of a recorder: in pieces of odd sizes. */
export const media: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream({
  start(controller) {
    for (let at = 0, size = 1; at < LENGTH; at += size, size = (size * 7) % 9973) {
      controller.enqueue(recordingBytes.slice(at, at + size));
    }
    controller.close();
  },
});

/** What a `MediaRecorder` is to a recording: it gives `recordingBytes` in blobs, and ends when it is stopped. */
export const mediaRecorder = Object.assign(new EventTarget(), {
  state: "inactive" as "inactive" | "recording" | "paused",
  mimeType: "video/webm;codecs=vp8",
  start(_timeslice: number): void {
    mediaRecorder.state = "recording";
    queueMicrotask(() => mediaRecorder.dispatchEvent(new Event("start")));
    give(0, LENGTH / 2);
  },
  stop(): void {
    mediaRecorder.state = "inactive";
    give(LENGTH / 2, LENGTH);
    queueMicrotask(() => mediaRecorder.dispatchEvent(new Event("stop")));
  },
  pause(): void {},
  resume(): void {},
  requestData(): void {},
});

function give(start: number, end: number): void {
  const data = new Blob([recordingBytes.subarray(start, end)]);
  queueMicrotask(() => mediaRecorder.dispatchEvent(Object.assign(new Event("dataavailable"), { data })));
}

const stored = new Map<string, Buffer>();
let listening: Promise<string> | undefined;
let origin = "";

/** A storage server on this machine: PUT, GET, byte ranges with ETags. It stores bytes and has no keys. */
export const server = {
  async put(name: string, body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<void> {
    await start();
    const bytes = body instanceof Uint8Array ? body : await new Response(body).arrayBuffer();
    const response = await fetch(server.url(name), { method: "PUT", body: bytes });
    if (!response.ok) throw new Error(`PUT failed with ${response.status}`);
  },
  async get(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await (await fetch(server.url(name))).arrayBuffer());
  },
  async getStream(name: string): Promise<ReadableStream<Uint8Array>> {
    return (await fetch(server.url(name))).body!;
  },
  url: (name: string): string => `${origin}/${name}`,
};

async function start(): Promise<void> {
  listening ??= new Promise((resolve) => {
    const http = makeServer();
    http.listen(0, "127.0.0.1", () => {
      http.unref();
      resolve(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    });
  });
  origin = await listening;
}

function makeServer(): Server {
  return createServer(async (request, response) => {
    const name = request.url!;
    response.setHeader("Connection", "close");
    if (request.method === "PUT") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      stored.set(name, Buffer.concat(parts));
      return response.writeHead(201).end();
    }
    const bytes = stored.get(name);
    if (!bytes) return response.writeHead(404).end();
    response.setHeader("ETag", `"${bytes.length}"`);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (!range) return response.writeHead(200, { "Content-Length": bytes.length }).end(bytes);
    const first = Number(range[1]);
    const last = Math.min(Number(range[2]), bytes.length - 1);
    if (first > last) return response.writeHead(416).end();
    response.writeHead(206, {
      "Content-Range": `bytes ${first}-${last}/${bytes.length}`,
      "Content-Length": last - first + 1,
    });
    return response.end(bytes.subarray(first, last + 1));
  });
}
