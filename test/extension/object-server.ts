import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { sameBytes } from "../helpers/bytes.js";

export interface ObjectServer {
  readonly origin: string;
  readonly objects: Map<string, Bytes>;
  /** Names that were put twice, differently: there must be none. */
  readonly conflicts: string[];
  /** What a recorder gave, unsealed, by "track/run". */
  given(name: string): Bytes;
  /** Milliseconds that every answer to what a recorder gave takes. */
  givenDelay: number;
  /** Forgets what recorders gave. */
  forget(): void;
  close(): Promise<void>;
}

/** Stores objects whole, answers ranges, and serves a page. */
export async function startObjectServer(files: Readonly<Record<string, string>>): Promise<ObjectServer> {
  const objects = new Map<string, Bytes>();
  const conflicts: string[] = [];
  const given = new Map<string, Bytes[]>();
  const app = new Hono();
  // Pages that are killed leave requests half sent.
  app.onError((_error, { body }) => body(null, 500));
  app.put("/objects/*", async ({ req, body }) => {
    const name = req.path.slice("/objects/".length);
    const bytes = new Uint8Array(await req.arrayBuffer());
    const before = objects.get(name);
    if (before && !sameBytes(before, bytes)) conflicts.push(name);
    objects.set(name, bytes);
    return body(null, 201);
  });
  app.put("/given/:track/:run/:number", async ({ req, body }) => {
    const { track, run, number } = req.param();
    const bytes = new Uint8Array(await req.arrayBuffer());
    const name = `${track}/${run}`;
    const blobs = given.get(name) ?? [];
    given.set(name, blobs);
    blobs[Number(number)] = bytes;
    await new Promise((resolve) => setTimeout(resolve, server.givenDelay));
    return body(null, 201);
  });
  app.get("/objects/*", ({ req, body }) => {
    const object = objects.get(req.path.slice("/objects/".length));
    if (!object) return body(null, 404);
    const range = /^bytes=(\d+)-(\d+)$/.exec(req.header("range") ?? "");
    if (!range) return body(object, 200, { "Content-Length": `${object.length}` });
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), object.length - 1)];
    if (first > last) return body(null, 416, { "Content-Range": `bytes */${object.length}` });
    const contentRange = `bytes ${first}-${last}/${object.length}`;
    return body(object.slice(first, last + 1), 206, { "Content-Range": contentRange });
  });
  for (const [path, text] of Object.entries(files)) {
    const type = path.endsWith(".html") ? "text/html" : "text/javascript";
    app.get(path, ({ body }) => body(text, 200, { "Content-Type": type }));
  }
  const listening = await new Promise<Server>((resolve) => {
    const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
      resolve(started as Server),
    );
  });
  const server: ObjectServer = {
    origin: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    objects,
    conflicts,
    given: (name) => concatBytes(...(given.get(name) ?? [])),
    givenDelay: 0,
    forget: () => given.clear(),
    close: () =>
      new Promise((resolve) => {
        listening.close(() => resolve());
        listening.closeAllConnections();
      }),
  };
  return server;
}
