import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { seal } from "blindreel";
import { decodeJwt } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { removeFolders, institution as taker } from "../../server/test/fixture.js";
import { record } from "../../server/test/institution.js";
import { Browser, type Page } from "./browser.js";
import { AUDIENCE, SITE, STAFF, startWorld } from "./world.js";

const world = await startWorld();
const { institution, lms, server, tool, ca } = world;
afterAll(async () => {
  await world.close();
  removeFolders();
});

/** Somebody at an exam's page. */
async function at(person: string, path = "/exams/algebra-1"): Promise<{ browser: Browser; page: Page }> {
  const browser = new Browser(ca);
  const names = await browser.visit(`${lms.origin}${path}`);
  expect(names.text).toContain("Who are you?");
  return { browser, page: await browser.submit(names, { person: `u-${person}` }) };
}

/** From the exam's page to the code that its extension gets. */
async function launch(browser: Browser, page: Page) {
  const posting = await browser.submit(page);
  expect(new URL(posting.url).origin).toBe(lms.origin);
  const landed = await browser.submit(posting);
  const code = /data-code="([^"]+)"/.exec(landed.text)?.[1] ?? "";
  const redeemed = await browser.visit(`${tool}/v1/launches`, {
    method: "POST",
    body: JSON.stringify({ code }),
  });
  return { posting, landed, code, redeemed, told: JSON.parse(redeemed.text) };
}

/** A member of staff signs in as a page does, and gets an access token. */
async function signIn(person: string): Promise<{ token: string; error: string | null }> {
  const browser = new Browser(ca);
  const verifier = randomBytes(32).toString("base64url");
  const redirect = `${STAFF}/admin/`;
  const parameters = new URLSearchParams({
    client_id: SITE,
    response_type: "code",
    redirect_uri: redirect,
    scope: "openid recordings.read",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: "s",
  });
  const names = await browser.visit(`${lms.entry.lms.authorization}?${parameters}`);
  const { url } = await browser.submit(names, { person: `u-${person}` }, redirect);
  const form = {
    client_id: SITE,
    grant_type: "authorization_code",
    code: url.searchParams.get("code") ?? "",
    redirect_uri: redirect,
    code_verifier: verifier,
  };
  const answer = await browser.visit(`${lms.origin}/token`, {
    method: "POST",
    form,
    headers: { origin: STAFF },
  });
  if (answer.status === 200) expect(answer.headers["access-control-allow-origin"]).toBe(STAFF);
  return { token: JSON.parse(answer.text).access_token ?? "", error: url.searchParams.get("error") };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const announce = (browser: Browser, recordingId: string, coreHash: string, exam = "algebra-1") =>
  browser.visit(`${lms.origin}/exams/${exam}/recordings`, {
    method: "POST",
    body: JSON.stringify({ recordingId, coreHash }),
    headers: { origin: lms.origin },
  });

test("from the course to the hearing: launch, upload, the announced hash, staff, a reply; and no person in it", async () => {
  const { browser, page } = await at("sam");
  expect(page.text).toContain(`data-root="${institution.root.thumbprint}"`);
  const { landed, told, posting } = await launch(browser, page);
  expect(landed.status).toBe(200);
  // The platform's own page, made by oidc-provider, runs its script by its hash alone.
  expect(posting.headers["content-security-policy"]).toMatch(/script-src 'self' 'sha256-/);
  expect(told).toMatchObject({
    exam: "algebra-1",
    institution: institution.id,
    region: "eu",
    tracks: ["camera", "screen"],
    guardian: false,
    lms: lms.origin,
  });

  const { id, recording, objects } = await record(institution, "eu");
  const issued = await browser.visit(`${tool}/v1/recordings/${id}/token`, {
    method: "POST",
    headers: bearer(told.launch),
  });
  const { token } = JSON.parse(issued.text);
  for (const [name, body] of objects) {
    const { status } = await browser.visit(`${tool}/v1/recordings/${name}`, {
      method: "PUT",
      body,
      headers: bearer(token),
    });
    expect(status).toBe(201);
  }
  expect((await announce(browser, id, recording.coreHash)).status).toBe(201);

  const ines = await at("ines", "/exams/algebra-1/recordings");
  expect(ines.page.text).toContain(recording.coreHash);
  const link = `${STAFF}/reviewer/#${new URLSearchParams({ address: `${tool}/v1/recordings/${id}/` })}`;
  expect(ines.page.text).toContain(link.replaceAll("&", "&amp;"));
  const listed = await ines.browser.visit(`${lms.origin}/exams/algebra-1/recordings`, {
    headers: { accept: "application/json" },
  });
  expect(JSON.parse(listed.text).recordings).toEqual([
    { recordingId: id, coreHash: recording.coreHash, at: expect.any(String), who: "Sam Adeyemi" },
  ]);

  const { token: staff } = await signIn("ravi");
  const reviewer = new Browser(ca);
  const own = await reviewer.visit(`${tool}/v1/institutions/${institution.id}/recordings`, {
    headers: bearer(staff),
  });
  expect(JSON.parse(own.text).recordings.map((each: { id: string }) => each.id)).toEqual([id]);
  const reply = await seal(new TextEncoder().encode('{"text":"Yes"}'), { to: taker.recipient });
  const name = `reply-${randomUUID()}.reel`;
  const path = `${tool}/v1/recordings/${id}/replies`;
  expect(
    (await reviewer.visit(`${path}/${name}`, { method: "PUT", body: reply, headers: bearer(staff) })).status,
  ).toBe(201);
  expect(JSON.parse((await browser.visit(path, { headers: bearer(token) })).text)).toEqual({ names: [name] });

  // The LMS did send the name; nothing of it is anywhere at the vendor's.
  const canaries = ["Adeyemi", "sam@university", "u-sam"];
  const idToken = decodeJwt(/name="id_token" value="([^"]+)"/.exec(posting.text)![1]!);
  expect(idToken).toMatchObject({ name: "Sam Adeyemi", email: "sam@university.example", sub: "u-sam" });
  const files = readdirSync(world.store, { recursive: true, encoding: "utf8" }).filter((each) =>
    statSync(join(world.store, each)).isFile(),
  );
  const stored = files.map((each) => each + readFileSync(join(world.store, each), "latin1"));
  const answers = browser.seen.filter(({ url }) => url.origin === tool && !url.pathname.endsWith("/login"));
  const tokens = [told.launch, token].map((each) => JSON.stringify(decodeJwt(each)));
  expect(server.output().split("\n").length).toBeGreaterThan(10);
  expect(answers.length).toBeGreaterThan(5);
  for (const canary of canaries)
    for (const text of [
      server.output(),
      ...stored,
      ...tokens,
      ...answers.map((each) => each.text + JSON.stringify(each.headers)),
    ])
      expect(text.includes(canary), `${canary} in ${text.slice(0, 100)}`).toBe(false);
  // No token is in an address, but the login's state and nonce, which are none.
  for (const { url } of browser.seen) expect(url.href).not.toMatch(/id_token=|code=|eyJ[\w-]+\.eyJ/);
}, 60_000);

test("a launch again by the same form, and a code again: refused", async () => {
  const { browser, page } = await at("tess");
  const { posting, code, redeemed } = await launch(browser, page);
  expect(redeemed.status).toBe(201);
  const again = await browser.submit(posting);
  expect([again.status, /<code>(launch-\w+)/.exec(again.text)?.[1]]).toEqual([403, "launch-cookie"]);
  const second = await browser.visit(`${tool}/v1/launches`, {
    method: "POST",
    body: JSON.stringify({ code }),
  });
  expect(JSON.parse(second.text)).toMatchObject({ status: 403, code: "code-used" });
});

test("a launch that was begun for somebody else is declined by the LMS, and by the server in a sentence", async () => {
  const { browser, page } = await at("tess");
  const posting = await browser.submit(page, { login_hint: "u-sam" });
  const landed = await browser.submit(posting);
  expect(landed.text).toContain("launch-declined");
  const unknown = await browser.submit(await browser.submit(page, { lti_message_hint: "no-exam" }));
  expect(unknown.text).toContain("launch-declined");
});

describe("instructors", () => {
  test("choose what is recorded and whether a guardian consents; the next launch has it", async () => {
    const { browser, page } = await at("ines", "/exams/history-1");
    const saved = await browser.submit(page, { tracks: "microphone", guardian: "true" });
    expect(saved.text).toMatch(/value="microphone" checked/);
    expect(saved.text).not.toMatch(/value="camera" checked/);
    const { told } = await at("sam", "/exams/history-1").then(({ browser: his, page: exam }) =>
      launch(his, exam),
    );
    expect(told).toMatchObject({ exam: "history-1", tracks: ["microphone"], guardian: true });
    const here = await at("sam").then(({ browser: his, page: exam }) => launch(his, exam));
    expect(here.told.tracks).toEqual(["camera", "screen"]);
    expect(here.told.subject).not.toBe(told.subject);
  });

  test("and nobody else does, nor a form of another site", async () => {
    const choices = (browser: Browser, origin: string) =>
      browser.visit(`${lms.origin}/exams/algebra-1/choices`, {
        method: "POST",
        form: {},
        headers: { origin },
      });
    for (const person of ["sam", "ravi"])
      expect((await choices((await at(person)).browser, lms.origin)).status).toBe(403);
    expect((await choices((await at("ines")).browser, "https://evil.example")).status).toBe(403);
    expect((await at("sam")).page.text).toContain("camera, screen");
  });
});

describe("announced recordings", () => {
  const [id, hash] = [randomBytes(16).toString("hex"), randomBytes(32).toString("hex")];

  test("are taken once: not with another hash, and not from somebody else", async () => {
    const sam = await at("sam");
    expect((await announce(sam.browser, id, hash)).status).toBe(201);
    expect((await announce(sam.browser, id, hash)).status).toBe(201);
    expect(
      (
        await announce(
          sam.browser,
          id,
          hash.replace(/^./, (first) => (first === "0" ? "1" : "0")),
        )
      ).status,
    ).toBe(409);
    const tess = await at("tess");
    expect((await announce(tess.browser, id, hash)).status).toBe(409);
    for (const bad of ["", "x".repeat(64), hash.toUpperCase().replace(/\d/g, "A")])
      expect((await announce(sam.browser, id, bad)).status).toBe(422);
    expect((await announce(sam.browser, id, hash, "no-exam")).status).toBe(403);
  });

  test("are for staff to see, who announce none; a session is needed", async () => {
    const list = (browser: Browser) => browser.visit(`${lms.origin}/exams/algebra-1/recordings`);
    expect((await list((await at("sam")).browser)).status).toBe(403);
    const ada = await at("ada");
    expect((await list(ada.browser)).status).toBe(200);
    expect((await announce(ada.browser, id, hash)).status).toBe(403);
    expect((await announce(new Browser(ca), id, hash)).text).toContain("Who are you?");
  });
});

test("test takers get no token of staff, and staff of the institution get one for its server alone", async () => {
  expect(await signIn("sam")).toEqual({ token: "", error: "access_denied" });
  const { token } = await signIn("ada");
  expect(decodeJwt(token)).toMatchObject({ iss: lms.origin, aud: AUDIENCE, scope: "recordings.read" });
});
