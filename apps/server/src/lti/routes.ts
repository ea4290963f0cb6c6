import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as v from "valibot";
import type { Env } from "../app.js";
import { bodyOf } from "../collect.js";
import { Problem } from "../problem.js";
import type { Launches } from "./launches.js";
import { LAUNCH_SCRIPT, launchPage, PAGE_POLICY, PAGE_STYLE } from "./pages.js";

/** Bytes of a form: an id_token has some thousand. */
const LONGEST_FORM = 64 * 1024;
const COOKIE_LASTS = 600;
/** Of what a platform wants to have back. */
const LONGEST_HINT = 4096;

const LOGIN = v.object({
  iss: v.string(),
  login_hint: v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST_HINT)),
  lti_message_hint: v.optional(v.pipe(v.string(), v.maxLength(LONGEST_HINT))),
  client_id: v.optional(v.string()),
});
const CODE = v.object({ code: v.pipe(v.string(), v.maxLength(LONGEST_FORM)) });

/**
 * LTI 1.3, for the extension:
 *
 * | request | |
 * |---|---|
 * | `GET`, `POST /lti/login` | a platform begins: to its authorization endpoint, and back |
 * | `POST /lti/launch` | its id_token: a page that hands a code to the extension |
 * | `POST /v1/launches` | the code: a launch, and what the institution asks for |
 *
 * @param admit throws Problem 429.
 */
export function launchRoutes(launches: Launches, admit: (context: Context<Env>) => Promise<void>): Hono<Env> {
  const app = new Hono<Env>();

  app.use("/lti/*", async (context, next) => {
    context.set("object", "launch");
    await admit(context);
    await next();
    context.header("Content-Security-Policy", PAGE_POLICY);
    context.header("Cache-Control", "no-store");
  });

  // IMS Security Framework 1.1 §5.1.1.1.
  app.on(["GET", "POST"], "/lti/login", async (context) => {
    const given =
      context.req.method === "GET" ? context.req.query() : Object.fromEntries(await formOf(context));
    if (!v.is(LOGIN, given)) throw new Problem(400, "launch-incomplete");
    const { iss, login_hint, lti_message_hint, client_id } = given;
    const { clientId, authorization } = launches.platforms.find(iss, client_id);
    const { state, nonce, browser, cookie } = await launches.begin(iss, clientId);
    const address = new URL(authorization);
    const parameters = {
      scope: "openid",
      response_type: "id_token",
      response_mode: "form_post",
      prompt: "none",
      client_id: clientId,
      // A proxy in front passes the name on; the platform sends to addresses that are registered there alone.
      redirect_uri: `https://${context.req.header("host")}/lti/launch`,
      state,
      nonce,
      login_hint,
      ...(lti_message_hint === undefined ? {} : { lti_message_hint }),
    };
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    setCookie(context, cookie, browser, { ...COOKIE, maxAge: COOKIE_LASTS });
    return context.redirect(address.href, 302);
  });

  app.post("/lti/launch", async (context) => {
    const form = await formOf(context);
    if (form.has("error")) throw new Problem(403, "launch-declined");
    const [state, idToken] = [form.get("state") ?? "", form.get("id_token") ?? ""];
    const { code, cookie } = await launches.take(state, idToken, (name) => getCookie(context, name, "host"));
    deleteCookie(context, cookie, COOKIE);
    return context.html(launchPage(code, launches.extension));
  });

  app.get("/lti/launch.js", (context) =>
    context.body(LAUNCH_SCRIPT, 200, { "Content-Type": "text/javascript; charset=utf-8" }),
  );
  app.get("/lti/page.css", (context) =>
    context.body(PAGE_STYLE, 200, { "Content-Type": "text/css; charset=utf-8" }),
  );

  app.post("/v1/launches", async (context) => {
    context.set("object", "launch");
    await admit(context);
    const given = parsed(`${await bodyOf(context, LONGEST_FORM)}`);
    if (!v.is(CODE, given)) throw new Problem(422, "code-invalid");
    return context.json(await launches.redeem(given.code), 201, { "Cache-Control": "no-store" });
  });

  app.post("/v1/recordings/:id{[0-9a-f]{32}}/token", async (context) => {
    context.set("object", "token");
    const issued = await launches.tokenFor(context.req.param("id"), context.req.header("authorization"));
    return context.json(issued, 200, { "Cache-Control": "no-store" });
  });

  return app;
}

/** The platform's page posts from another site. */
const COOKIE = { path: "/", secure: true, httpOnly: true, sameSite: "None", prefix: "host" } as const;

const formOf = async (context: Context): Promise<URLSearchParams> =>
  new URLSearchParams((await bodyOf(context, LONGEST_FORM)).toString());

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
