import { EventEmitter, once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { readVectors } from "../../vectors/vector-file.js";
import type { WrittenVector } from "../suite/data.js";

/**
 * Hands out the vectors, keeps what each runtime seals for the others, and serves objects by range, with the faults
 * that a case asks for. All runtimes fetch from here, so that none needs a file system.
 */

const PUBLISHED = fileURLToPath(new URL("../../../../shared/vectors/", import.meta.url));
const RUNTIMES_PAGE = fileURLToPath(new URL("../../../docs/runtimes.md", import.meta.url));
const COBBLESTONE = "wycheproof-c2sp-chunked-encryption-aes-256-gcm.json";

/** Of the published files, those whose algorithm the package does not have yet. */
export const NOT_YET: readonly string[] = ["hpke-pq-0x647a.json"];

/** Milliseconds. */
const REPORT_TIMEOUT = 170_000;

export interface DataServer {
  readonly origin: string;
  /** Names of the runtimes that have sealed for the others. */
  deposited(): readonly string[];
  /** Names of published files that nobody has asked for. */
  unread(): readonly string[];
  /** What is reported under this name, as soon as it is; rejects after three minutes. */
  report<T>(name: string): Promise<T>;
  close(): Promise<void>;
}

function ownVectors(): WrittenVector[] {
  return readVectors().map(({ file, identities, ...rest }) => ({
    ...rest,
    identities: identities.map((secret) => Buffer.from(secret).toString("hex")),
    file: Buffer.from(file).toString("hex"),
  }));
}

/** The published file; ciphertexts that are stored compressed are handed out as plain hex. */
function publishedFile(name: string): string {
  const text = readFileSync(PUBLISHED + name, "utf8");
  if (name !== COBBLESTONE) return text;
  const file = JSON.parse(text) as { testGroups: { tests: { ct: string }[] }[] };
  for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
    test.ct = inflateSync(Buffer.from(test.ct, "hex")).toString("hex");
  }
  return JSON.stringify(file);
}

/** The table of docs/runtimes.md under "What each reports": its first row names the columns. */
function documentedCapabilities(): Record<string, Record<string, string>> {
  const section = /^## What each reports\n(.*?)^## /ms.exec(readFileSync(RUNTIMES_PAGE, "utf8"))![1]!;
  const table = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(" | "));
  const [, ...columns] = table[0]!;
  return Object.fromEntries(
    columns.map((column, i) => [
      column.toLowerCase().replaceAll("`", ""),
      Object.fromEntries(table.slice(1).map(([path, ...cells]) => [path!.replaceAll("`", ""), cells[i]!])),
    ]),
  );
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Starts on a free port. @throws Error where the published vectors are absent. */
export async function startDataServer(): Promise<DataServer> {
  if (!existsSync(PUBLISHED)) throw new Error(`published vectors are missing: ${PUBLISHED}`);
  const files = readdirSync(PUBLISHED).filter((name) => name.endsWith(".json") && !NOT_YET.includes(name));
  const published = new Map(files.map((name) => [name, publishedFile(name)]));
  const unread = new Set(files);
  const documented = JSON.stringify(documentedCapabilities());
  const vectors = JSON.stringify(ownVectors());
  const exchange = new Map<string, unknown>();
  const objects = new Map<string, Buffer>();
  const reports = new EventEmitter();
  const reported = new Map<string, unknown>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://server");
    const [, folder, name = ""] = pathname.split("/").map(decodeURIComponent);
    if (request.method === "PUT") {
      const body = await bodyOf(request);
      if (folder === "exchange") exchange.set(name, JSON.parse(body.toString()));
      else if (folder === "reports") {
        reported.set(name, JSON.parse(body.toString()));
        reports.emit(name);
      } else objects.set(name, body);
      response.writeHead(204).end();
      return;
    }
    if (folder === "vectors") return json(response, vectors);
    if (folder === "documented") return json(response, documented);
    if (folder === "deposited") return json(response, JSON.stringify([...exchange.keys()]));
    if (folder === "exchange") return json(response, JSON.stringify([...exchange.values()]));
    const file = published.get(name);
    if (folder === "published" && file) {
      unread.delete(name);
      return json(response, file);
    }
    const object = objects.get(name);
    if (folder === "objects" && object)
      return sendRange(request, response, object, searchParams.get("fault"));
    response.writeHead(404).end();
  }

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    if (request.method === "OPTIONS") response.writeHead(204).end();
    else answer(request, response).catch((error) => response.destroy(error));
  });
  // A client may meet a connection at the moment it is closed; none is closed while a runtime is busy.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deposited: () => [...exchange.keys()].sort(),
    unread: () => [...unread],
    async report<T>(name: string): Promise<T> {
      if (!reported.has(name)) await once(reports, name, { signal: AbortSignal.timeout(REPORT_TIMEOUT) });
      return reported.get(name) as T;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, PUT",
  "Access-Control-Allow-Headers": "Range, Content-Type",
  "Access-Control-Expose-Headers": "Content-Range, ETag",
} as const;

function json(response: ServerResponse, text: string): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(text);
}

function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  object: Buffer,
  fault: string | null,
): void {
  if (fault === "silence") return; // The client gives up.
  if (fault === "status") return void response.writeHead(503).end();
  if (fault === "whole") return void response.writeHead(200).end(object);
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (!match) return void response.writeHead(400).end();
  const first = Number(match[1]);
  const end = Math.min(Number(match[2]) + 1, object.length);
  const last = fault === "short" ? end - 2 : end - 1;
  response
    .writeHead(206, {
      "Content-Range": `bytes ${first}-${last}/${object.length}`,
      ETag: fault === "etag" ? `"${first}"` : '"1"',
      "Cache-Control": "no-store",
    })
    .end(object.subarray(first, last + 1));
}
