import { readFileSync } from "node:fs";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type Provider from "oidc-provider";
import { announce, type Exam, TRACKS } from "./exams.js";
import {
  type ExamLink,
  errorPage,
  examsPage,
  recordingsPage,
  STYLE,
  signInPage,
  staffPage,
  studentPage,
} from "./pages.js";
import { isStaff, type Person, personOf } from "./people.js";
import { PAGES_ID } from "./provider.js";

type Env = { Bindings: HttpBindings; Variables: { person: Person } };

const SCRIPT = readFileSync(new URL("exam.js", import.meta.url), "utf8");

/** Of its pages. The form that starts an exam goes to the vendor's server, and by a redirect comes back. */
export const policyOf = (tool: string, clients: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src data:",
    "connect-src 'self'",
    `form-action ${["'self'", tool, ...clients].join(" ")}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");

export interface LmsRules {
  readonly provider: Provider;
  readonly exams: readonly Exam[];
  readonly link: ExamLink;
  readonly policy: string;
}

/** The pages of the LMS; what they do not answer is the provider's. */
export function createPages({ provider, exams, link, policy }: LmsRules): Hono<Env> {
  const app = new Hono<Env>();

  app.use(async (context, next) => {
    await next();
    context.header("Content-Security-Policy", policy);
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "same-origin");
    context.header("Cache-Control", "no-store");
  });
  // Forms and scripts of its own pages alone change anything.
  app.on("POST", "*", async (context, next) => {
    if (context.req.header("origin") !== link.issuer) return context.html(refused("another-site"), 403);
    return next();
  });

  app.get("/style.css", (context) => context.body(STYLE, 200, { "Content-Type": "text/css" }));
  app.get("/exam.js", (context) => context.body(SCRIPT, 200, { "Content-Type": "text/javascript" }));

  app.get("/sign-in", (context) => {
    const again = context.req.query("again") !== undefined;
    const parameters = new URLSearchParams({
      client_id: PAGES_ID,
      response_type: "none",
      scope: "openid",
      redirect_uri: `${link.issuer}/signed-in`,
      state: context.req.query("to") ?? "/",
      ...(again ? { prompt: "login" } : {}),
    });
    return context.redirect(`/lti/authorize?${parameters}`);
  });
  app.get("/signed-in", (context) => {
    const { pathname } = new URL(context.req.query("state") ?? "/", link.issuer);
    return context.redirect(`/${pathname.replace(/^\/+/, "")}`);
  });
  app.get("/interaction/:uid", async ({ env, html }) => {
    const { uid } = await provider.interactionDetails(env.incoming, env.outgoing);
    return html(signInPage(uid));
  });
  app.post("/interaction/:uid", async ({ env, req, html, redirect }) => {
    const { person } = await req.parseBody();
    if (!personOf(`${person}`)) return html(refused("nobody"), 400);
    const result = { login: { accountId: `${person}` } };
    return redirect(
      await provider.interactionResult(env.incoming, env.outgoing, result, {
        mergeWithLastSubmission: false,
      }),
      303,
    );
  });

  const known = async (context: Context<Env>, next: () => Promise<void>) => {
    const { incoming: req, outgoing: res } = context.env;
    const session = await provider.Session.get(provider.createContext(req, res));
    const person = personOf(session.accountId);
    if (!person) return context.redirect(`/sign-in?${new URLSearchParams({ to: context.req.path })}`);
    context.set("person", person);
    return next();
  };
  app.use("/", known);
  app.use("/exams/*", known);

  app.get("/", (context) => context.html(examsPage(exams, context.get("person"))));

  app.get("/exams/:exam", (context) => {
    const [exam, person] = [examOf(context), context.get("person")];
    if (!exam) return context.html(refused("no-such-exam"), 404);
    return context.html(isStaff(person) ? staffPage(exam, person) : studentPage(exam, person, link));
  });

  app.post("/exams/:exam/choices", async (context) => {
    const exam = examOf(context);
    if (!exam || context.get("person").role !== "instructor") return context.html(refused("not-yours"), 403);
    const { tracks = [], guardian } = await context.req.parseBody({ all: true });
    exam.tracks = TRACKS.filter((track) => [tracks].flat().includes(track));
    exam.guardian = guardian === "true";
    return context.redirect(`/exams/${exam.id}`, 303);
  });

  app.get("/exams/:exam/recordings", (context) => {
    const [exam, person] = [examOf(context), context.get("person")];
    if (!exam || !isStaff(person)) return context.html(refused("not-yours"), 403);
    if (/application\/json/.test(context.req.header("accept") ?? ""))
      return context.json({ recordings: [...exam.recordings.values()] });
    return context.html(recordingsPage(exam, person, link));
  });

  app.post("/exams/:exam/recordings", async (context) => {
    const [exam, person] = [examOf(context), context.get("person")];
    if (!exam || isStaff(person)) return context.json({ code: "not-yours" }, 403);
    const { recordingId, coreHash } = await context.req.json().catch(() => ({}));
    if (!isHex(recordingId, 32) || !isHex(coreHash, 64)) return context.json({ code: "malformed" }, 422);
    const recording = { recordingId, coreHash, at: new Date().toISOString(), who: person.name };
    if (!announce(exam, recording)) return context.json({ code: "other-hash" }, 409);
    return context.json({ recordingId, coreHash }, 201);
  });

  const examOf = (context: Context<Env>): Exam | undefined =>
    exams.find(({ id }) => id === context.req.param("exam"));

  return app;
}

const isHex = (value: unknown, digits: number): value is string =>
  typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);

const refused = (code: string) => errorPage(code, "This page is not for you, or does not exist.");
