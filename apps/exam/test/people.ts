import { createHash, createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { inspect } from "blindreel";
import { verifyKeyset } from "blindreel/keyset";
import { startRecording } from "blindreel/recording";
import { SignJWT } from "jose";
import type { BrowserContext, Page, Route } from "playwright";
import { pageAt } from "../../../test/helpers/browsers.js";
import { TOKEN_TYPE } from "../../server/src/tokens.js";
import { type Exam, ISSUER, RETENTION_DAYS } from "../src/start.js";

const EXAM_PAGE = "/exam.html";
const DAY = 86_400_000;

/** An exam's page in the course, where somebody has signed in. */
export async function courseOf(exam: Exam, browser: BrowserContext, person: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${exam.origins.lms}/exams/algebra-1`);
  const button = page.getByRole("button", { name: person });
  if (await button.isVisible()) await button.click();
  await page.getByRole("button", { name: /Start the exam|Save/ }).waitFor();
  return page;
}

/** What the instructor lets be recorded. */
export async function chooseTracks(
  exam: Exam,
  browser: BrowserContext,
  tracks: readonly string[],
): Promise<void> {
  const page = await courseOf(exam, browser, "Ines Duarte");
  for (const name of ["camera", "screen", "microphone"])
    await page.getByRole("checkbox", { name }).setChecked(tracks.includes(name));
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForLoadState();
  await browser.clearCookies();
  await page.close();
}

/** The extension's page, as soon as it is there. */
export const examPage = (browser: BrowserContext): Promise<Page> =>
  pageAt(browser, (url) => url.startsWith("chrome-extension:") && url.endsWith(EXAM_PAGE));

/** A page of the institution, where somebody of its staff has signed in by the window that opens. */
export async function staffPage(
  exam: Exam,
  browser: BrowserContext,
  app: "admin" | "reviewer",
  person: string,
): Promise<Page> {
  await browser.clearCookies();
  const page = await browser.newPage();
  await page.goto(`${exam.origins.staff}/${app}/`);
  const opening = page.waitForEvent("popup");
  await page.getByRole("button", { name: "Sign in" }).click();
  const popup = await opening;
  const closed = popup.waitForEvent("close");
  await popup.getByRole("button", { name: person }).click();
  await closed;
  await page.getByText("Signed in as").waitFor();
  return page;
}

/** Files of the buckets' keys to which an envelope is sealed. */
export function bucketFiles({ office }: Exam, envelope: Uint8Array): string[] {
  const folder = join(office.folder, "buckets");
  const keyIds = inspect(envelope).slots.map(({ keyId }) => keyId);
  return readdirSync(folder)
    .filter((name) => keyIds.some((keyId) => keyId !== undefined && name.includes(keyId)))
    .map((name) => join(folder, name));
}

/** A server that lies: it answers a request for one recording with what it has of another. */
export async function answerWith(exam: Exam, route: Route, asked: string, given: string): Promise<void> {
  const { pathname, search } = new URL(route.request().url());
  const token = await serviceToken(exam, given, "read");
  const { status, body } = await ask(exam, `${pathname}${search}`.replaceAll(asked, given), { token });
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(route.request().headers().range ?? "") ?? [];
  const headers = {
    "access-control-allow-origin": exam.origins.staff,
    "access-control-expose-headers": "Content-Range, ETag",
    etag: '"1"',
  };
  if (from === undefined) return route.fulfill({ status, headers, body });
  const end = Math.min(to ? Number(to) + 1 : body.length, body.length);
  await route.fulfill({
    status: 206,
    headers: { ...headers, "content-range": `bytes ${from}-${end - 1}/${body.length}` },
    body: body.subarray(Number(from), end),
  });
}

/** Downloads by a button. */
export async function saved(page: Page, button: string): Promise<Upload> {
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const download = await waiting;
  const buffer = readFileSync(await download.path());
  return { name: download.suggestedFilename(), mimeType: "application/octet-stream", buffer };
}

export interface Upload {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A token of the institution's own service. */
export async function serviceToken(
  exam: Exam,
  recording: string,
  scope: "upload" | "read" | "rewrap",
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, aud: exam.origins.server, iat: now, exp: now + 3600, recording, scope };
  const key = createPrivateKey(readFileSync(join(exam.folder, "server/issuer.pem")));
  return new SignJWT({ ...claims, institution: exam.office.institution })
    .setProtectedHeader({ alg: "EdDSA", typ: TOKEN_TYPE, kid: "issuer" })
    .sign(key);
}

/** One request to the server of recordings, as the institution's service makes it. */
export function ask(
  exam: Exam,
  path: string,
  { method = "GET", token, body }: { method?: string; token?: string; body?: Uint8Array } = {},
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(body ? { "content-length": body.length } : {}),
  };
  const { port } = new URL(exam.origins.server);
  const options = {
    host: "localhost",
    port,
    path,
    method,
    headers,
    ca: exam.authority.ca,
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    const asking = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode!, body: Buffer.concat(parts) }));
      response.on("error", reject);
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

/** Somebody else's recording, made by a program of the institution. @returns its id. */
export async function recordElsewhere(exam: Exam, text: string): Promise<string> {
  const { institution, root } = exam.office;
  const keyset = await verifyKeyset(readFileSync(exam.office.keyset, "utf8"), { pin: root, institution });
  const expiresAt = new Date(Date.now() + RETENTION_DAYS * DAY);
  const recording = await startRecording({ to: keyset, policy: { institution, region: "eu", expiresAt } });
  const token = await serviceToken(exam, recording.recordingId, "upload");
  const uploading = recording.upload(async (name, body) => {
    const { status } = await ask(exam, `/v1/recordings/${name}`, { method: "PUT", token, body });
    if (status > 201) throw new Error(`${name}: ${status}`);
  });
  await recording.track("chat").write(text);
  await recording.finish("submitted");
  await uploading;
  return recording.recordingId;
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
