/**
 * What the examples of README.md and docs/*.md may use without importing it. The harness imports the names that an
 * example mentions; each example runs in a process of its own, with a server of its own.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type ExportableIdentity, generateIdentity } from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";

const LENGTH = Number(process.env.EXAMPLE_BYTES ?? 300_000);
/** The server fails one put in so many; 0: none. */
const FAILS_ONE_IN = Number(process.env.EXAMPLE_FAILS_ONE_IN ?? 0);

/** A recording: it starts as WebM does, and does not repeat. */
export const recordingBytes = new Uint8Array(LENGTH);
for (let i = 0; i < LENGTH; i++) recordingBytes[i] = (i * 31 + (i >> 8) * 17) % 256;
recordingBytes.set([0x1a, 0x45, 0xdf, 0xa3]);

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
  requestData: (): void => give(0, 0),
});

function give(start: number, end: number): void {
  const data = new Blob([recordingBytes.subarray(start, end)]);
  queueMicrotask(() => mediaRecorder.dispatchEvent(Object.assign(new Event("dataavailable"), { data })));
}

const stored = new Map<string, Buffer>();
let puts = 0;
const http = makeServer();
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
http.unref();
const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

/** A storage server on this machine: PUT, GET, byte ranges with ETags, a listing. It stores bytes and has no keys. */
export const server = {
  async put(name: string, body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<void> {
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
  async list(prefix: string): Promise<string[]> {
    return (await (await fetch(`${origin}/?prefix=${prefix}`)).json()) as string[];
  },
  url: (name: string): string => `${origin}/${name}`,
};

/** What an exam leaves at the institution and on the server. */
export interface Exam {
  readonly institution: ExportableIdentity;
  readonly envelope: Uint8Array<ArrayBuffer>;
  /** Told to the institution when the exam began. */
  readonly coreHash: string;
  /** What the test taker keeps; undefined where the exam did not end. */
  readonly receipt: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * An exam from 09:00 on: tracks `camera`, `screen` and `chat`, stored on {@link server}. With `crashes` the machine is gone
 * before it ended, some seconds behind a checkpoint.
 */
export async function storedExam({ crashes = false }: { readonly crashes?: boolean } = {}): Promise<Exam> {
  const institution = await generateIdentity();
  const now = (): Date => new Date("2026-05-04T09:00:00Z");
  const recording = await startRecording({
    to: institution.recipient,
    metadata: { exam: "algebra-2" },
    now,
  });
  const { envelope, coreHash } = recording;
  const power = new AbortController();
  const uploading = recording.upload((name, bytes) => server.put(name, bytes), { signal: power.signal });
  const stored = async (): Promise<void> => {
    await recording.flush();
    while (recording.unacknowledgedBytes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const camera = recording.track("camera").record(mediaRecorder);
  mediaRecorder.start(1000);
  await recording.track("screen").write(recordingBytes);
  await recording.track("chat").write("09:00 hello\n");
  if (!crashes) {
    const receipt = recording.receipt();
    await recording.finish("submitted");
    await Promise.all([camera, uploading]);
    return { institution, envelope, coreHash, receipt: await receipt };
  }
  await stored();
  await recording.checkpoint();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await recording.track("screen").write(recordingBytes.subarray(0, 100_000));
  await stored();
  power.abort();
  await uploading.catch(() => {});
  return { institution, envelope, coreHash, receipt: undefined };
}

function makeServer(): Server {
  return createServer(async (request, response) => {
    const name = request.url!.slice(1);
    response.setHeader("Connection", "close");
    if (request.method === "PUT") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      puts += 1;
      if (FAILS_ONE_IN > 0 && puts % FAILS_ONE_IN === 0) return response.writeHead(503).end();
      stored.set(name, Buffer.concat(parts));
      return response.writeHead(201).end();
    }
    const prefix = /^\?prefix=(.*)$/.exec(name)?.[1];
    if (prefix !== undefined) {
      const names = [...stored.keys()].filter((each) => each.startsWith(prefix));
      return response.writeHead(200).end(JSON.stringify(names));
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
