import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import type { Bytes } from "../../src/formats/bytes.js";

export interface ObjectServer {
  readonly origin: string;
  readonly objects: Map<string, Bytes>;
  /** By "track/take": what the recorder gave, unsealed. */
  readonly given: Map<string, Bytes[]>;
  close(): Promise<void>;
}

/** Stores objects by part, answers ranges, and serves a page. */
export async function startObjectServer(files: Readonly<Record<string, string>>): Promise<ObjectServer> {
  const objects = new Map<string, Bytes>();
  const given = new Map<string, Bytes[]>();
  const app = new Hono();
  app.put("/objects/*", async ({ req, body }) => {
    const name = req.path.slice("/objects/".length);
    const bytes = new Uint8Array(await req.arrayBuffer());
    const offset = Number(req.query("offset") ?? 0);
    const before = objects.get(name) ?? new Uint8Array(0);
    const after = new Uint8Array(Math.max(before.length, offset + bytes.length));
    after.set(before);
    after.set(bytes, offset);
    objects.set(name, after);
    return body(null, 201);
  });
  app.put("/given/:track/:take", async ({ req, body }) => {
    const key = `${req.param("track")}/${req.param("take")}`;
    given.set(key, [...(given.get(key) ?? []), new Uint8Array(await req.arrayBuffer())]);
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
  const server = await new Promise<Server>((resolve) => {
    const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
      resolve(started as Server),
    );
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    given,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
