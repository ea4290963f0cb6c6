import type { Context } from "hono";
import { Problem } from "./problem.js";
import { received } from "./recordings.js";
import type { Store } from "./store/store.js";

/** A request's small body, whole. @param most bytes. @throws Problem 400, 411, 413. */
export async function bodyOf({ req }: Context, most: number): Promise<Buffer> {
  const stated = req.header("content-length");
  if (stated === undefined) throw new Problem(411, "content-length");
  const length = Number(stated);
  if (length > most) throw new Problem(413, "limit-exceeded");
  const pieces: Uint8Array[] = [];
  let seen = 0;
  for await (const piece of received(req.raw.body ?? new Blob().stream())) {
    seen += piece.length;
    if (seen > length) break;
    pieces.push(piece.slice());
  }
  if (seen !== length) throw new Problem(400, "content-length");
  return Buffer.concat(pieces);
}

export async function countKeys(store: Store, prefix: string): Promise<number> {
  let count = 0;
  for await (const _key of store.list(prefix)) count++;
  return count;
}
