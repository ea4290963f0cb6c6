import { createHash } from "node:crypto";
import type { Context } from "hono";
import { rangeOf, streamRange } from "./ranges.js";
import type { StoredObject } from "./store/store.js";

/** A stored object, or the range of it that is asked for. */
export async function answer(context: Context, object: StoredObject): Promise<Response> {
  const { size } = object;
  const etag = `"${createHash("sha256").update(object.version).digest("hex").slice(0, 32)}"`;
  const headers = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store, no-transform",
    ETag: etag,
  };
  try {
    const condition = context.req.header("if-range");
    const header = condition === undefined || condition === etag ? context.req.header("range") : undefined;
    const range = rangeOf(header, size);
    const { start, end } = range ?? { start: 0, end: size };
    const length = { "Content-Length": `${end - start}` };
    const part = range ? { "Content-Range": `bytes ${start}-${end - 1}/${size}` } : {};
    const init = { status: range ? 206 : 200, headers: { ...headers, ...length, ...part } };
    if (context.req.method === "HEAD") {
      await object.close();
      return new Response(null, init);
    }
    return new Response(range ? streamRange(object, range) : object.stream(), init);
  } catch (error) {
    await object.close();
    throw error;
  }
}
