import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateIdentity } from "blindreel";
import { bundleForBrowser } from "../../../test/helpers/page.js";
import type { Replayed } from "./page.js";
import { endBrowser, memoryOf, processorSeconds, startBrowser } from "./processes.js";

export interface ReplayFigures extends Replayed {
  /** Bytes that the server got. */
  readonly stored: number;
  /** Processor seconds of the browser's processes, for an hour of exam, by role. */
  readonly perHour: ReadonlyMap<string, number>;
  /** Bytes of all processes, from time to time. */
  readonly memory: readonly number[];
}

const FLAGS = ["--js-flags=--expose-gc", "--enable-precise-memory-info"];
const scriptAt = (name: string): Promise<string> =>
  bundleForBrowser(fileURLToPath(new URL(name, import.meta.url)));

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray());

/** `seconds` of exam, replayed without an encoder through sealing, hashing, journal and upload to a server in this process. @param looks at memory. */
export async function replayExam(way: string, seconds: number, looks = 0): Promise<ReplayFigures> {
  const { recipient } = await generateIdentity();
  const files: Record<string, string> = {
    "/page.js": await scriptAt("page.ts"),
    "/journal-worker.js": await scriptAt("../src/journal-worker.ts"),
    "/key": JSON.stringify(recipient.toJwk()),
  };
  let stored = 0;
  let before = new Map<string, number>();
  const memory: number[] = [];
  let end: (result: Replayed) => void;
  let fail: (error: Error) => void;
  const ended = new Promise<Replayed>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  const posts: Record<string, (id: number, body: Buffer) => unknown> = {
    "/start": (id) => {
      before = processorSeconds(id);
    },
    "/look": (id) => memory.push(memoryOf(id)),
    "/result": (_, body) => end(JSON.parse(`${body}`)),
    "/failure": (_, body) => fail(new Error(JSON.parse(`${body}`))),
  };
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    if (request.method === "PUT") {
      for await (const part of request) stored += (part as Buffer).length;
      response.writeHead(201).end();
    } else if (path.endsWith("/token")) response.end('{"token":"token","expiresIn":3600}');
    else if (request.method === "POST") {
      posts[path]!(browser.pid!, await bodyOf(request));
      response.end();
    } else {
      response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html");
      response.end(files[path] ?? '<!doctype html><script type="module" src="/page.js"></script>');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = mkdtempSync(join(tmpdir(), "blindreel-bench-"));
  const query = new URLSearchParams({ way, seconds: `${seconds}`, looks: `${looks}` });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?${query}`;
  const browser = startBrowser(profile, address, FLAGS);
  try {
    const result = await ended;
    const perHour = new Map<string, number>();
    for (const [role, used] of processorSeconds(browser.pid!))
      perHour.set(role, ((used - (before.get(role) ?? 0)) * 3600) / seconds);
    return { ...result, stored, memory, perHour };
  } finally {
    await endBrowser(browser);
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true });
  }
}
