import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, UnsecuredJWT } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { removeFolders } from "../fixture.js";
import { record } from "../institution.js";
import { CLAIM, EXTENSION, idToken, type LaunchChanges, launchWorld, SERVER } from "./platform.js";

const world = await launchWorld();
const { platform, one, two, login, launch, codeOf, redeem, tokenFor, send } = world;
afterAll(() => {
  platform.stop();
  removeFolders();
});

const MINUTE = 60_000;
const HOUR = 3_600_000;
const newId = (): string => randomBytes(16).toString("hex");

/** What a refused launch says: its status and code. */
async function refusal(answer: ReturnType<typeof send>): Promise<string> {
  const { status, text, headers } = await answer;
  expect(text).toContain("Nothing is being recorded");
  expect(text).not.toContain("data-code");
  expect(headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'");
  return `${status} ${/<code>([\w-]+)<\/code>/.exec(text)?.[1]}`;
}

/** A launch in a browser that has just begun it. */
async function attempt(changes: LaunchChanges, clientId = "client-1"): Promise<string> {
  const { state, nonce, cookie } = await login({ client_id: clientId });
  return refusal(launch(state, await idToken(platform, nonce, world.now(), changes), cookie));
}

describe("login", () => {
  test("by GET and by POST: to the platform's authorization endpoint, with a cookie for this browser", async () => {
    for (const method of ["GET", "POST"]) {
      const { answer, address, asked } = await login({}, method);
      expect(answer.status).toBe(302);
      expect(address.startsWith(`${platform.issuer}/authorize?tenant=7&`)).toBe(true);
      expect(Object.fromEntries(asked)).toMatchObject({
        scope: "openid",
        response_type: "id_token",
        response_mode: "form_post",
        prompt: "none",
        client_id: "client-1",
        redirect_uri: `${SERVER}/lti/launch`,
        login_hint: "hint-1",
        lti_message_hint: "m-1",
      });
      const cookie = answer.headers.get("set-cookie")!;
      for (const part of [/^__Host-launch-/, /; Secure/, /; HttpOnly/, /; SameSite=None/, /; Path=\//])
        expect(cookie).toMatch(part);
    }
  });

  test("of an unknown platform or client, or without a hint: a sentence and a code", async () => {
    const query = (parameters: Record<string, string>) =>
      send("GET", `/lti/login?${new URLSearchParams(parameters)}`);
    const good = { iss: platform.issuer, login_hint: "h" };
    expect(await refusal(query({ ...good, iss: "https://evil.example" }))).toBe("403 launch-unknown");
    expect(await refusal(query({ ...good, client_id: "client-9" }))).toBe("403 launch-unknown");
    expect(await refusal(query({ iss: platform.issuer }))).toBe("400 launch-incomplete");
    expect(await refusal(query({ ...good, login_hint: "x".repeat(5000) }))).toBe("400 launch-incomplete");
  });
});

describe("launch", () => {
  test("of a good one: a page that hands a code to the extension, and what the institution asks for", async () => {
    const { state, nonce, cookie } = await login();
    const answer = await launch(state, await idToken(platform, nonce, world.now()), cookie);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(`data-extension="${EXTENSION}"`);
    expect(answer.text).not.toMatch(/<script>|<style>| on\w+=/);
    expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self'/);
    expect(answer.headers.get("set-cookie")).toMatch(/Max-Age=0/);
    const script = await send("GET", "/lti/launch.js");
    expect([script.status, script.headers.get("content-type")]).toEqual([
      200,
      "text/javascript; charset=utf-8",
    ]);
    const { status, json } = await redeem(/data-code="([^"]+)"/.exec(answer.text)![1]!);
    const subject = createHmac("sha256", world.secret)
      .update([platform.issuer, one.id, "algebra-1", "u-4711"].join("\0"))
      .digest("base64url");
    expect(status).toBe(201);
    expect(json).toEqual({
      launch: expect.any(String),
      exam: "algebra-1",
      subject,
      institution: one.id,
      region: "eu",
      expiresAt: new Date(world.now() + 60 * 24 * HOUR).toISOString(),
      // `thermal` is none that the register lists.
      tracks: ["camera", "screen"],
      guardian: true,
      lms: platform.issuer,
    });
  });

  test("one person in two exams has two pseudonyms, and in one exam the same again", async () => {
    const subjects = [];
    for (const id of ["algebra-1", "algebra-1", "history-2"])
      subjects.push(
        (await redeem(await codeOf({ claims: { [`${CLAIM}resource_link`]: { id } } }))).json.subject,
      );
    expect(subjects[0]).toBe(subjects[1]);
    expect(subjects[2]).not.toBe(subjects[0]);
  });

  test("without choices nothing is chosen", async () => {
    const { json } = await redeem(await codeOf({ claims: { [`${CLAIM}custom`]: undefined } }));
    expect([json.tracks, json.guardian]).toEqual([[], false]);
  });

  test("forged: signed by another key, by the public key as a secret, or not at all", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    expect(await attempt({ key: other.privateKey })).toBe("403 launch-invalid");
    expect(await attempt({ key: other.privateKey, header: { kid: "q" } })).toBe("403 launch-invalid");
    expect(await attempt({ key: randomBytes(32), header: { alg: "HS256" } })).toBe("403 launch-invalid");
    const { state, nonce, cookie } = await login();
    const claims = decodeJwt(await idToken(platform, nonce, world.now()));
    expect(await refusal(launch(state, new UnsecuredJWT(claims).encode(), cookie))).toBe(
      "403 launch-invalid",
    );
    expect(await refusal(launch(state, "", cookie))).toBe("403 launch-invalid");
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["another audience", { aud: "client-9" }, "403 launch-invalid"],
    ["several audiences and no azp", { aud: ["client-1", "client-9"] }, "403 launch-invalid"],
    ["another azp", { aud: ["client-1", "client-9"], azp: "client-9" }, "403 launch-invalid"],
    ["another issuer", { iss: "https://evil.example" }, "403 launch-invalid"],
    ["another deployment", { [`${CLAIM}deployment_id`]: "d-9" }, "403 launch-unknown"],
    ["another nonce", { nonce: "n" }, "403 launch-nonce"],
    ["no nonce", { nonce: undefined }, "403 launch-invalid"],
    ["an old version", { [`${CLAIM}version`]: "1.1" }, "403 launch-incomplete"],
    ["another message", { [`${CLAIM}message_type`]: "LtiDeepLinkingRequest" }, "403 launch-incomplete"],
    ["no exam", { [`${CLAIM}resource_link`]: undefined }, "403 launch-incomplete"],
    ["a name with a zero byte", { sub: "a\0b" }, "403 launch-incomplete"],
    ["nobody", { sub: undefined }, "403 launch-invalid"],
    ["no end", { exp: undefined }, "403 launch-invalid"],
  ])("with %s: no", async (_name, claims, expected) => {
    expect(await attempt({ claims })).toBe(expected);
  });

  test("expired, or issued long ago, or ahead of its time", async () => {
    const seconds = Math.floor(world.now() / 1000);
    expect(await attempt({ claims: { exp: seconds - 61 } })).toBe("403 launch-expired");
    expect(await attempt({ claims: { iat: seconds - 700, exp: seconds + 9000 } })).toBe("403 launch-expired");
    expect(await attempt({ claims: { iat: seconds + 700, exp: seconds + 9000 } })).toBe("403 launch-invalid");
  });

  test("of one institution at another: with its client, its deployment, or both", async () => {
    const theirs = { [`${CLAIM}deployment_id`]: "d-2" };
    expect(await attempt({ claims: theirs })).toBe("403 launch-unknown");
    expect(await attempt({ claims: { aud: "client-2", ...theirs } })).toBe("403 launch-invalid");
    expect(await attempt({ claims: {} }, "client-2")).toBe("403 launch-invalid");
    const { json } = await redeem(await codeOf({ claims: { aud: "client-2", ...theirs } }, "client-2"));
    expect(json.institution).toBe(two.id);
  });

  test("replayed: once, and never again, with or without the cookie, or in another login", async () => {
    const first = await login();
    const token = await idToken(platform, first.nonce, world.now());
    expect((await launch(first.state, token, first.cookie)).status).toBe(200);
    expect(await refusal(launch(first.state, token, first.cookie))).toBe("403 launch-replayed");
    expect(await refusal(launch(first.state, token, ""))).toBe("403 launch-cookie");
    const next = await login();
    expect(await refusal(launch(next.state, token, next.cookie))).toBe("403 launch-nonce");
    expect(await refusal(launch(next.state, token, first.cookie))).toBe("403 launch-cookie");
    expect(await refusal(launch("made-up", token, first.cookie))).toBe("403 launch-state");
  });

  test("at the same time in two requests: one of them", async () => {
    const { state, nonce, cookie } = await login();
    const token = await idToken(platform, nonce, world.now());
    const both = await Promise.all([1, 2].map(() => launch(state, token, cookie)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 403]);
  });

  test("that the platform declines, or that comes late", async () => {
    const body = `${new URLSearchParams({ error: "login_required", state: "s" })}`;
    expect(await refusal(send("POST", "/lti/launch", { body }))).toBe("403 launch-declined");
    const { state, nonce, cookie } = await login();
    world.advance(11 * MINUTE);
    const late = launch(state, await idToken(platform, nonce, world.now()), cookie);
    expect(await refusal(late)).toBe("403 launch-expired");
    const long = { body: `id_token=${"x".repeat(70_000)}` };
    expect(await refusal(send("POST", "/lti/launch", long))).toBe("413 limit-exceeded");
  });

  test("while the platform's keys are not to be had: 503, and then it works", async () => {
    const fresh = await launchWorld();
    fresh.platform.setAway(true);
    const { state, nonce, cookie } = await fresh.login();
    const token = await idToken(fresh.platform, nonce, fresh.now());
    expect(await refusal(fresh.launch(state, token, cookie))).toBe("503 launch-down");
    fresh.platform.setAway(false);
    expect((await fresh.launch(state, token, cookie)).status).toBe(200);
    fresh.platform.stop();
  });
});

describe("code", () => {
  test("once, within five minutes, and no other text", async () => {
    const code = await codeOf();
    expect((await redeem(code)).status).toBe(201);
    expect((await redeem(code)).json).toMatchObject({ status: 403, code: "code-used" });
    const late = await codeOf();
    world.advance(5 * MINUTE + 1000);
    expect((await redeem(late)).json).toMatchObject({ status: 403, code: "code-expired" });
    const { state } = await login();
    for (const other of ["x", state]) expect((await redeem(other)).json.code).toBe("code-invalid");
    expect((await send("POST", "/v1/launches", { body: "{" })).json).toMatchObject({
      status: 422,
      code: "code-invalid",
    });
  });
});

test("the extension's pages may ask, and no other's", async () => {
  const preflight = (origin: string) =>
    send("OPTIONS", "/v1/launches", { headers: { origin, "access-control-request-method": "POST" } });
  const ours = `chrome-extension://${EXTENSION}`;
  expect((await preflight(ours)).headers.get("access-control-allow-origin")).toBe(ours);
  const other = await preflight(`chrome-extension://${"p".repeat(32)}`);
  expect(other.headers.get("access-control-allow-origin")).toBeNull();
});

describe("token", () => {
  test("uploads one recording of the launch's institution, and is renewed for twelve hours", async () => {
    const { launch: launchToken } = (await redeem(await codeOf())).json;
    const { id, objects } = await record(one, "eu");
    const first = (await tokenFor(id, launchToken)).json;
    expect(first).toEqual({ token: expect.any(String), expiresIn: 3600 });
    const put = (name: string, token: string) =>
      send("PUT", `/v1/recordings/${name}`, {
        body: objects.get(name)!,
        headers: { authorization: `Bearer ${token}` },
      });
    const names = [...objects.keys()];
    expect((await put(names[0]!, first.token)).status).toBe(201);
    const other = `/v1/recordings/${newId()}/envelope`;
    const headers = { authorization: `Bearer ${first.token}` };
    expect((await send("PUT", other, { body: "x", headers })).json.code).toBe("other-recording");
    world.advance(2 * HOUR);
    expect((await put(names[1]!, first.token)).json.code).toBe("token-expired");
    const renewed = (await tokenFor(id, launchToken)).json;
    for (const name of names.slice(1)) expect((await put(name, renewed.token)).status).toBe(201);
    world.advance(10 * HOUR + 2 * MINUTE);
    expect((await tokenFor(id, launchToken)).json).toMatchObject({ status: 401, code: "launch-expired" });
    // A launch is no token for uploads, and a token for uploads no launch.
    expect((await put(names[0]!, launchToken)).json.code).toBe("token-invalid");
    expect((await tokenFor(id, renewed.token)).json.code).toBe("token-invalid");
    expect((await send("POST", `/v1/recordings/${id}/token`)).json.code).toBe("token-missing");
  });

  test("for eight recordings of a launch, and not for a ninth, at once or one by one", async () => {
    const { launch: launchToken } = (await redeem(await codeOf())).json;
    const ids = Array.from({ length: 8 }, newId);
    for (const id of [...ids, ...ids]) expect((await tokenFor(id, launchToken)).status).toBe(200);
    expect((await tokenFor(newId(), launchToken)).json).toMatchObject({
      status: 403,
      code: "too-many-recordings",
    });
    const next = (await redeem(await codeOf())).json.launch;
    const many = await Promise.all(Array.from({ length: 12 }, newId).map((id) => tokenFor(id, next)));
    expect(many.filter(({ status }) => status === 200)).toHaveLength(8);
  });

  test("for somebody else's recording: no, before its envelope, behind it, and when it is deleted; for one's own in a later launch: yes", async () => {
    const launchOf = async (sub?: string): Promise<string> =>
      (await redeem(await codeOf(sub === undefined ? {} : { claims: { sub } }))).json.launch;
    const [mine, theirs] = [await launchOf(), await launchOf("u-other")];
    const id = newId();
    expect((await tokenFor(id, mine)).status).toBe(200);
    const refused = { status: 403, code: "other-launch" };
    expect((await tokenFor(id, theirs)).json).toMatchObject(refused);
    world.advance(24 * HOUR - 11 * HOUR);
    const nextDay = await launchOf();
    expect((await tokenFor(id, await launchOf("u-other"))).json).toMatchObject(refused);
    expect((await tokenFor(id, nextDay)).status).toBe(200);

    const again = await record(one, "eu");
    const { token: own } = (await tokenFor(again.id, nextDay)).json;
    const name = `${again.id}/envelope`;
    const headers = { authorization: `Bearer ${own}` };
    expect(
      (await send("PUT", `/v1/recordings/${name}`, { body: again.objects.get(name)!, headers })).status,
    ).toBe(201);
    expect((await tokenFor(again.id, await launchOf("u-other"))).json).toMatchObject(refused);
    expect((await tokenFor(again.id, nextDay)).status).toBe(200);
    world.advance(3 * 24 * HOUR);
    await world.retention.sweep();
    expect((await tokenFor(again.id, await launchOf("u-other"))).json).toMatchObject(refused);
    expect((await tokenFor(again.id, await launchOf())).status).toBe(200);
    world.advance(5 * 24 * HOUR);
    await world.retention.sweep();
    for (const sub of [undefined, "u-other"])
      expect((await tokenFor(again.id, await launchOf(sub))).json).toMatchObject(refused);
  });

  test("for a recording that is stored and that no launch has named: no", async () => {
    const other = await record(one, "eu");
    const token = (await redeem(await codeOf())).json.launch;
    for (const [name, body] of other.objects) await world.store.create(name, [body], { length: body.length });
    expect((await tokenFor(other.id, token)).json).toMatchObject({ status: 403, code: "other-launch" });
  });
});

test("no name, address or id of a person is in the store, the logs, the tokens or the answers; notes of launches go after two days", async () => {
  const { json } = await redeem(await codeOf());
  await tokenFor(newId(), json.launch);
  const canaries = ["Canary", "canary", "u-4711", "hint-1", "face.png"];
  const files = readdirSync(world.root, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(world.root, name)).isFile(),
  );
  expect(files.some((name) => name.includes("launches-"))).toBe(true);
  const stored = files.map((name) => name + readFileSync(join(world.root, name), "latin1"));
  const tokens = world.texts.flatMap((text) => text.match(/[\w-]+(\.[\w-]+){2,4}/g) ?? []);
  const decoded = tokens.flatMap((each) =>
    each.split(".").map((part) => Buffer.from(part, "base64url").toString()),
  );
  expect(decoded.some((text) => text.includes("algebra-1"))).toBe(true);
  // The login hint goes back to the platform, in the address to which the browser is sent, and nowhere else.
  const sent = world.texts.map((text) => text.replace(/login_hint=hint-1/g, ""));
  for (const canary of canaries)
    for (const text of [...stored, ...sent, ...decoded, ...world.answers.map((each) => JSON.stringify(each))])
      expect(text.includes(canary), `${canary} in ${text.slice(0, 200)}`).toBe(false);
  world.advance(4 * 24 * HOUR);
  await world.retention.sweep();
  const left: string[] = [];
  for await (const key of world.store.list("")) if (key.startsWith("launches-")) left.push(key);
  expect(left).toEqual([]);
});
