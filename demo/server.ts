import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { readPart } from "./files.js";

/** The names of a recording's objects, and no others. */
const NAME = /^[0-9a-f]{32}\/[0-9a-z/.-]{1,40}$/;
/** As servers are: this one fails one put in so many. */
const FAILS_ONE_IN = 5;

export interface DemoServer {
  /** Where objects are stored and read, with a slash at the end. */
  readonly url: string;
  /** Puts that were answered, and those of them that failed. */
  readonly puts: { readonly count: number; readonly failed: number };
  close(): void;
}

/** All that a server needs for recordings: PUT, GET of ranges, a listing. It has no key, and does not import the SDK. */
export async function startServer(folder: string): Promise<DemoServer> {
  const puts = { count: 0, failed: 0 };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://localhost");
    const name = url.pathname.slice(1);
    if (name === "")
      return void response.end(JSON.stringify(await list(url.searchParams.get("prefix") ?? "")));
    if (!NAME.test(name) || name.includes("..")) return void response.writeHead(400).end();
    const path = join(folder, name);
    if (request.method === "PUT") {
      const body: Buffer[] = [];
      for await (const piece of request) body.push(piece as Buffer);
      puts.count += 1;
      if (puts.count % FAILS_ONE_IN === 0) {
        puts.failed += 1;
        return void response.writeHead(503).end();
      }
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, Buffer.concat(body));
      return void response.writeHead(201).end();
    }
    const status = await stat(path).catch(() => undefined);
    if (!status) return void response.writeHead(404).end();
    const { size, mtimeMs } = status;
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(first);
    const end = last === "" ? size : Math.min(Number(last) + 1, size);
    if (start >= end) return void response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
    const range = last === "" ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${size}` };
    response.writeHead(last === "" ? 200 : 206, {
      ETag: `"${size}-${mtimeMs}"`,
      "Content-Length": end - start,
      ...range,
    });
    response.end(await readPart(path, start, end));
  }

  async function list(prefix: string): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  return { url, puts, close: () => void http.close() };
}
