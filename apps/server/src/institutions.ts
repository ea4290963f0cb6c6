import { envelopeName, inspect } from "blindreel/server";
import { type Context, Hono } from "hono";
import type { Env } from "./app.js";
import { bodyOf } from "./collect.js";
import { Listings } from "./listings.js";
import { LARGEST_PAPER, Papers } from "./papers.js";
import { Problem } from "./problem.js";
import { listFolder } from "./retention/objects.js";
import type { Retention } from "./retention/retention.js";
import { readWhole, type Store } from "./store/store.js";

export interface InstitutionRules {
  readonly store: Store;
  readonly retention: Retention;
  /** For its staff alone. @throws Problem 401, 403, 404, 429. */
  readonly authorise: (context: Context<Env>, institution: string) => Promise<void>;
  /** For everybody. @throws Problem 429. */
  readonly admit: (context: Context<Env>) => Promise<void>;
  /** @throws Problem 403, 503. */
  readonly keysetText?: ((institution: string) => string) | undefined;
  /** Days that an institution's papers are kept behind their end. */
  readonly paperDays?: ((institution: string) => number) | undefined;
  readonly now: () => Date;
  /** Recordings in a listing's page. */
  readonly pageLength: number;
}

/**
 * What an institution's own people find of it:
 *
 * | request | |
 * |---|---|
 * | `GET /v1/institutions/<id>/keyset` | its signed keyset, for everybody |
 * | `GET /v1/institutions/<id>/recordings?after=<id>` | its recordings, page by page |
 * | `PUT`, `GET /v1/institutions/<id>/papers/<sha256>` | a request, approval, grant, or statement |
 * | `GET /v1/institutions/<id>/papers` | which there are |
 */
export function institutionRoutes(rules: InstitutionRules): Hono<Env> {
  const { store, retention, authorise, admit, keysetText, paperDays, now, pageLength } = rules;
  const app = new Hono<Env>().basePath("/v1/institutions/:id{[0-9a-f]{32}}");
  const papers = new Papers(store, now, paperDays);
  const listings = new Listings();

  app.get("/keyset", async (context) => {
    context.set("object", "keyset");
    await admit(context);
    if (!keysetText) throw new Problem(404, "no-such-path");
    const headers = { "Content-Type": "application/jose", "Cache-Control": "no-cache" };
    return context.body(keysetText(context.req.param("id")), 200, headers);
  });

  app.get("/recordings", async (context) => {
    context.set("object", "recordings");
    const institution = context.req.param("id");
    await authorise(context, institution);
    const folder = listFolder(institution);
    const page = { after: context.req.query("after") ?? "", length: pageLength };
    const { names, next } = await listings.page(folder, page, async function* () {
      for await (const key of store.list(folder)) yield key.slice(folder.length);
    });
    const found = await Promise.all(names.map(factsOf));
    const recordings = found.filter((each) => each !== undefined);
    return context.json({ recordings, ...(next === null ? {} : { next }) });
  });

  /** @returns undefined for one whose envelope is on its way, and one that is being deleted. */
  async function factsOf(id: string) {
    const bytes = (await readWhole(store, envelopeName(id)))?.bytes;
    if (!bytes || (await retention.isGone(id))) return undefined;
    const { createdAt, policy } = inspect(bytes);
    return { id, createdAt, expiresAt: policy.expiresAt, region: policy.region };
  }

  app.put("/papers/:name{[0-9a-f]{64}}", async (context) => {
    context.set("object", "paper");
    const { id, name } = context.req.param();
    await authorise(context, id);
    const outcome = await papers.put(id, name, await bodyOf(context, LARGEST_PAPER));
    return context.json({ outcome }, outcome === "created" ? 201 : 200);
  });

  app.get("/papers", async (context) => {
    context.set("object", "paper");
    await authorise(context, context.req.param("id"));
    return context.json({ papers: await papers.list(context.req.param("id")) });
  });

  app.get("/papers/:name{[0-9a-f]{64}}", async (context) => {
    context.set("object", "paper");
    const { id, name } = context.req.param();
    await authorise(context, id);
    const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "private, no-store" };
    return context.body(await papers.bytes(id, name), 200, headers);
  });

  return app;
}
