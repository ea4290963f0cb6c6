import { uploadCheck } from "blindreel/server";
import { type Context, Hono } from "hono";
import { answer } from "./answer.js";
import type { Env } from "./app.js";
import { bodyOf, countKeys } from "./collect.js";
import { Problem } from "./problem.js";
import type { Recordings } from "./recordings.js";
import { besideFolder } from "./retention/objects.js";
import { readWhole, type Store, type StoredObject } from "./store/store.js";
import { READ, type Scope } from "./tokens.js";

/** Bytes of a reply or note. */
export const LARGEST_FILE = 2 ** 20;
const MOST_FILES = 1000;

/** `replies`: from staff to the test taker. `notes`: among staff. */
export type FileKind = "replies" | "notes";

const NAMES: Readonly<Record<FileKind, RegExp>> = {
  replies: /^reply-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.reel$/,
  notes: /^note-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.reel$/,
};

/** Sealed files beside a recording, which are deleted with it. */
export class SealedFiles {
  readonly #store: Store;
  readonly #recordings: Recordings;

  constructor(store: Store, recordings: Recordings) {
    this.#store = store;
    this.#recordings = recordings;
  }

  /** @returns `stored` for the same bytes again. @throws BlindreelError, Problem 404, 409, 410, 413, 503. */
  async put(recordingId: string, kind: FileKind, name: string, bytes: Buffer): Promise<"created" | "stored"> {
    const key = keyOf(recordingId, kind, name);
    await this.#recordings.checkAlive(recordingId);
    const check = uploadCheck({ accept: "sealed-file", maxLength: LARGEST_FILE });
    check.push(bytes);
    check.finish();
    if ((await countKeys(this.#store, besideFolder(recordingId))) >= MOST_FILES)
      throw new Problem(413, "too-many-files");
    if (await this.#store.create(key, [bytes], { length: bytes.length })) return "created";
    const stored = await readWhole(this.#store, key);
    if (!stored || !bytes.equals(stored.bytes)) throw new Problem(409, "other-bytes");
    return "stored";
  }

  /** In order. @throws Problem 410, 503. */
  async names(recordingId: string, kind: FileKind): Promise<string[]> {
    await this.#recordings.checkAlive(recordingId);
    const folder = besideFolder(recordingId);
    const names: string[] = [];
    for await (const key of this.#store.list(folder)) names.push(key.slice(folder.length));
    return names.filter((name) => NAMES[kind].test(name)).sort();
  }

  /** @throws Problem 404, 410. */
  async open(recordingId: string, kind: FileKind, name: string): Promise<StoredObject> {
    const key = keyOf(recordingId, kind, name);
    await this.#recordings.checkAlive(recordingId);
    const object = await this.#store.open(key);
    if (!object) throw new Problem(404, "not-found");
    return object;
  }
}

/** @throws Problem 404. */
function keyOf(recordingId: string, kind: FileKind, name: string): string {
  if (!NAMES[kind].test(name)) throw new Problem(404, "no-such-name");
  return `${besideFolder(recordingId)}${name}`;
}

const KINDS: readonly FileKind[] = ["replies", "notes"];
const SCOPES: Readonly<Record<FileKind, readonly Scope[]>> = { replies: ["upload", ...READ], notes: READ };

export interface SealedFileRules {
  readonly files: SealedFiles;
  /** @throws Problem 401, 403, 404, 429. */
  readonly authorise: (
    context: Context<Env>,
    recordingId: string,
    scopes: readonly Scope[],
  ) => Promise<unknown>;
}

/**
 * | request | scope |
 * |---|---|
 * | `PUT /v1/recordings/<id>/replies/reply-<uuid>.reel` | `read` |
 * | `GET /v1/recordings/<id>/replies`, and one of them | `upload`, `read` |
 * | `PUT`, `GET /v1/recordings/<id>/notes/note-<uuid>.reel`, `GET …/notes` | `read` |
 */
export function sealedFileRoutes({ files, authorise }: SealedFileRules): Hono<Env> {
  const app = new Hono<Env>();
  for (const kind of KINDS) {
    const folder = `/v1/recordings/:id{[0-9a-f]{32}}/${kind}` as const;
    app.put(`${folder}/:name`, async (context) => {
      context.set("object", kind);
      const { id, name } = context.req.param();
      await authorise(context, id!, READ);
      const outcome = await files.put(id!, kind, name!, await bodyOf(context, LARGEST_FILE));
      return context.json({ outcome }, outcome === "created" ? 201 : 200);
    });
    app.get(folder, async (context) => {
      context.set("object", kind);
      const { id } = context.req.param();
      await authorise(context, id!, SCOPES[kind]);
      return context.json({ names: await files.names(id!, kind) });
    });
    app.get(`${folder}/:name`, async (context) => {
      context.set("object", kind);
      const { id, name } = context.req.param();
      await authorise(context, id!, SCOPES[kind]);
      return answer(context, await files.open(id!, kind, name!));
    });
  }
  return app;
}
