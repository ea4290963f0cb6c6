import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { VerifiedKeyset } from "blindreel/keyset";
import { parseObjectName } from "blindreel/server";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import type { AddressLimits } from "./addresses.js";
import type { Admission } from "./admission.js";
import { answer } from "./answer.js";
import { institutionRoutes } from "./institutions.js";
import { type Limits, Uploads } from "./limits.js";
import type { Launches } from "./lti/launches.js";
import { refusalPage } from "./lti/pages.js";
import { launchRoutes } from "./lti/routes.js";
import { Problem, problemOf } from "./problem.js";
import { LARGEST_OBJECT, Recordings } from "./recordings.js";
import type { Retention } from "./retention/retention.js";
import { LONGEST_STATEMENT } from "./retention/statements.js";
import { SealedFiles, sealedFileRoutes } from "./sealed-files.js";
import type { Store } from "./store/store.js";
import { type Access, READ, type Scope, type VerifyToken } from "./tokens.js";
import type { Witness } from "./witness.js";

/** What the server is made of. */
export interface ServerConfig {
  readonly store: Store;
  readonly verifyToken: VerifyToken;
  readonly admission: Admission;
  readonly retention: Retention;
  /** By which statements of an institution are verified. Without it none are taken. @throws Problem. */
  readonly keysetOf?: ((institution: string) => VerifiedKeyset) | undefined;
  /** An institution's signed keyset, for whoever asks. Without it nobody gets one. @throws Problem. */
  readonly keysetText?: ((institution: string) => string) | undefined;
  /** Days that an institution's papers are kept behind their end: a year unless given. */
  readonly paperDays?: ((institution: string) => number) | undefined;
  /** Test takers who come from an LMS. */
  readonly launches?: Launches | undefined;
  readonly witness?: Witness | undefined;
  /** Makes a URL by which an object is read from the store itself, where that gives out what was put. */
  readonly link?: ((name: string, seconds: number) => Promise<string>) | undefined;
  /** Per recording. */
  readonly limits?: Limits | undefined;
  /** Where nobody has to show a token. Then `fetch` takes Node's request beside the platform's, as `listen` gives it. */
  readonly addresses?: AddressLimits | undefined;
  readonly now?: () => Date;
  /** Origins of the web pages that upload and read: `https://review.example`. */
  readonly origins?: readonly string[];
  /** Uploads at the same time; beyond, clients are told to wait. 256 unless given. */
  readonly maxUploads?: number;
  /** Names in a listing's page: 1000 unless given. */
  readonly pageLength?: number;
  /** Told of every answer. */
  readonly onAnswer?: (answer: Answer) => void;
  /** Told of faults of this program and of damaged objects. */
  readonly onFault?: (error: unknown, requestId: string) => void;
}

/** What an answer was, without who asked and for which recording. */
export interface Answer {
  readonly requestId: string;
  readonly method: string;
  /** `segment`, `envelope`, …, `list`, or `none`. */
  readonly object: string;
  readonly status: number;
  /** Of a refusal. */
  readonly code: string | undefined;
  /** Stated length of the body that came, in bytes. */
  readonly bytes: number;
  readonly milliseconds: number;
}

export type Env = {
  Bindings: { readonly incoming?: IncomingMessage };
  Variables: { requestId: string; object: string; code: string };
};

/**
 * The HTTP interface, of the recordings in one store:
 *
 * | request | scope | |
 * |---|---|---|
 * | `PUT /v1/recordings/<name>` | `upload` | stores an object: 201, or 200 where it is there |
 * | `PUT /v1/recordings/<id>/receipt` | `upload` | the same, and countersigns it |
 * | `PUT /v1/recordings/<id>/envelope` | `rewrap` | replaces the envelope by a newer one |
 * | `GET`, `HEAD /v1/recordings/<name>` | `read` | the object, or a range |
 * | `GET /v1/recordings/<id>/receipt` | `upload`, `read` | the receipt with this server's signature |
 * | `GET /v1/recordings/<name>?link` | `read` | a URL of the store itself, good for ten minutes |
 * | `GET /v1/recordings/<id>?after=<name>` | `read` | names, page by page |
 * | `POST /v1/recordings/<id>/envelope/opened?epoch=<n>` | `read` | removes the epochs before |
 * | `GET /v1/recordings/<id>/envelope?epoch=<n>` | `rewrap` | an epoch that was replaced |
 * | `POST /v1/institutions/<id>/statements` | | a hold or an erasure, which the institution's root has signed |
 *
 * and what {@link launchRoutes}, {@link sealedFileRoutes} and {@link institutionRoutes} have.
 */
export function createServer(config: ServerConfig): Hono<Env> {
  const {
    store,
    verifyToken,
    admission,
    retention,
    keysetOf,
    keysetText,
    paperDays,
    launches,
    witness,
    limits,
    addresses,
    link,
    now = () => new Date(),
    origins = [],
    maxUploads = 256,
    pageLength = 1000,
    onAnswer,
    onFault,
  } = config;
  const recordings = new Recordings(store, { admission, retention, now, witness });
  const app = new Hono<Env>();
  const uploads = new Uploads(maxUploads);

  app.use(async (context, next) => {
    const start = performance.now();
    const requestId = randomUUID();
    context.set("requestId", requestId);
    context.set("object", "none");
    await next();
    for (const [name, value] of SECURITY_HEADERS)
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    context.res.headers.set("X-Request-Id", requestId);
    onAnswer?.({
      requestId,
      method: METHODS.includes(context.req.method) ? context.req.method : "other",
      object: context.get("object"),
      status: context.res.status,
      code: context.get("code"),
      bytes: Number(context.req.header("content-length") ?? 0) || 0,
      milliseconds: performance.now() - start,
    });
  });
  app.use(
    cors({
      origin: [...origins, ...(launches ? [`chrome-extension://${launches.extension}`] : [])],
      allowMethods: ["GET", "HEAD", "PUT", "POST"],
      allowHeaders: ["Authorization", "Content-Type", "Range", "If-Range"],
      exposeHeaders: [
        "Content-Range",
        "ETag",
        "Accept-Ranges",
        "Content-Encoding",
        "Retry-After",
        "X-Request-Id",
      ],
      maxAge: 600,
    }),
  );
  app.onError((error, context) => {
    const problem = problemOf(error);
    if (!problem || problem.code === "storage-damaged") onFault?.(error, context.get("requestId"));
    const answer = problem ?? new Problem(500, "internal");
    context.set("code", answer.code);
    if (context.get("object") === "launch" && context.req.path.startsWith("/lti/"))
      return context.html(
        refusalPage(answer.code, context.get("requestId")),
        answer.status as 403,
        answer.headers,
      );
    return answer.response();
  });
  app.notFound(() => {
    throw new Problem(404, "no-such-path");
  });

  /** @throws Problem 401; 403 for another recording's token, or one for something else. */
  async function authorise(
    context: Context<Env>,
    recordingId: string,
    scopes: readonly Scope[],
  ): Promise<Access> {
    const access = await verifyToken(context.req.header("authorization"));
    if (access.recordingId !== undefined) {
      if (access.recordingId !== recordingId) throw new Problem(403, "other-recording");
    } else if (access.institution !== (await recordings.institutionOf(recordingId))) {
      // As for one that is not there: which there are is nobody else's business.
      throw new Problem(404, "not-found");
    }
    if (!scopes.includes(access.scope)) throw new Problem(403, "scope");
    limits?.take(recordingId, Number(context.req.header("content-length") ?? 0) || 0);
    return access;
  }

  /** For what needs no token. @throws Problem 429. */
  const admit = async ({ env }: Context<Env>): Promise<void> => addresses?.take(env.incoming!);

  /** @throws Problem 401; 403 for a token of one recording; 404 for staff of another institution, as for none. */
  async function authoriseStaff(context: Context<Env>, institution: string): Promise<void> {
    const access = await verifyToken(context.req.header("authorization"));
    if (access.recordingId !== undefined) throw new Problem(403, "scope");
    if (access.institution !== institution) throw new Problem(404, "not-found");
    limits?.take(institution, Number(context.req.header("content-length") ?? 0) || 0);
  }

  /** A recording's id and the object's name behind the path's beginning, which nothing decodes. */
  function placeOf(context: Context<Env>) {
    const { pathname } = new URL(context.req.url);
    const name = pathname.slice("/v1/recordings/".length);
    const recordingId = /^[0-9a-f]{32}(?=\/|$)/.exec(name)?.[0];
    if (recordingId === undefined) throw new Problem(404, "no-such-name");
    const kind = parseObjectName(recordingId, name)?.kind;
    if (kind) context.set("object", kind);
    return { recordingId, name, kind };
  }

  const pageRules = { authorise: authoriseStaff, now, pageLength: Math.min(pageLength, MOST_FACTS) };
  app.route("/", institutionRoutes({ store, retention, keysetText, paperDays, admit, ...pageRules }));
  app.route("/", sealedFileRoutes({ files: new SealedFiles(store, recordings), authorise }));
  if (launches) app.route("/", launchRoutes(launches, admit));

  app.put("/v1/recordings/*", async (context) => {
    const { recordingId, name, kind } = placeOf(context);
    const access = await authorise(context, recordingId, ["upload", "rewrap"]);
    if (!kind) throw new Problem(404, "no-such-name");
    if (context.req.header("content-encoding")) throw new Problem(415, "content-encoding");
    const stated = context.req.header("content-length");
    if (stated === undefined) throw new Problem(411, "content-length");
    const length = Number(stated);
    if (length > LARGEST_OBJECT) throw new Problem(413, "limit-exceeded");
    // What is there already may come again: its acknowledgement was lost.
    if (limits?.fits(recordingId, length) === false && !(await recordings.has(name)))
      throw new Problem(413, "quota");
    const leave = uploads.enter(recordingId);
    try {
      const body = context.req.raw.body ?? new Blob().stream();
      const outcome = await recordings.put({ recordingId, name, length, body, access });
      if (outcome === "created") limits?.stored(recordingId, length);
      return context.json({ outcome }, outcome === "created" ? 201 : 200);
    } finally {
      leave();
    }
  });

  app.get("/v1/recordings/*", async (context) => {
    const { recordingId, name, kind } = placeOf(context);
    const epoch = context.req.query("epoch");
    const isEarlier = kind === "envelope" && epoch !== undefined;
    const scopes = isEarlier ? EARLIER : kind === "receipt" ? RECEIPT : READ;
    await authorise(context, recordingId, scopes);
    if (name === recordingId) return list(context, recordingId);
    if (!kind) throw new Problem(404, "no-such-name");
    if (isEarlier) return answer(context, await recordings.earlierEnvelope(recordingId, epochOf(epoch)));
    if (context.req.query("link") !== undefined) return answerLink(context, name);
    return answer(context, await recordings.open(name));
  });

  app.post("/v1/recordings/*", async (context) => {
    const { recordingId, name } = placeOf(context);
    if (name !== `${recordingId}/envelope/opened`) throw new Problem(404, "no-such-name");
    context.set("object", "envelope");
    await authorise(context, recordingId, READ);
    await recordings.confirm(recordingId, epochOf(context.req.query("epoch") ?? ""));
    return context.body(null, 204);
  });

  app.post("/v1/institutions/:id/statements", async (context) => {
    context.set("object", "statement");
    await admit(context);
    if (!keysetOf) throw new Problem(404, "no-such-path");
    const keyset = keysetOf(context.req.param("id"));
    const length = Number(context.req.header("content-length") ?? Number.NaN);
    if (!Number.isSafeInteger(length)) throw new Problem(411, "content-length");
    if (length > LONGEST_STATEMENT) throw new Problem(413, "limit-exceeded");
    // Whoever sends it shows nothing but the signature, which costs time to check.
    limits?.take(keyset.institution, length);
    const text = (await context.req.text()).trim();
    return context.json({ kind: await retention.statements.accept(text, keyset, now()) }, 201);
  });

  app.all("/v1/recordings/*", () => {
    throw new Problem(405, "method", { Allow: "GET, HEAD, PUT, POST" });
  });

  async function answerLink(context: Context<Env>, name: string): Promise<Response> {
    if (!link) throw new Problem(404, "no-links");
    await (await recordings.open(name)).close();
    return context.json({ url: await link(name, LINK_SECONDS) });
  }

  async function list(context: Context<Env>, recordingId: string): Promise<Response> {
    context.set("object", "list");
    const after = context.req.query("after") ?? "";
    return context.json(await recordings.list(recordingId, { after, length: pageLength }));
  }

  return app;
}

/** @throws Problem 404 for what is no epoch. */
function epochOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Problem(404, "no-such-epoch");
  return Number(text);
}

/** The test taker keeps it. */
const RECEIPT: readonly Scope[] = ["upload", ...READ];
const EARLIER: readonly Scope[] = ["rewrap"];

/** Recordings in a page of an institution's: each is looked up. */
const MOST_FACTS = 100;

const LINK_SECONDS = 600;

const METHODS: readonly string[] = ["GET", "HEAD", "PUT", "POST", "OPTIONS"];

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["Strict-Transport-Security", "max-age=63072000; includeSubDomains"],
  ["X-Content-Type-Options", "nosniff"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"],
  ["Referrer-Policy", "no-referrer"],
];
