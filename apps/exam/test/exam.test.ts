import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importRecipient, inspect, isBlindreelError, type OkpJwk, seal } from "blindreel";
import { envelopeName } from "blindreel/recording";
import { openReceipt, openRecording } from "blindreel/review";
import { blobSource } from "blindreel/source";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import {
  announced,
  consent,
  contentOf,
  finish,
  forget,
  say,
  stopWorker,
} from "../../extension/test/driver.js";
import { folder, removeFolders } from "../../server/test/fixture.js";
import { trustAuthority } from "../src/authority.js";
import { EXTENSION_ID } from "../src/lms/start.js";
import { type Exam, startExam } from "../src/start.js";
import { copyStore, filesWith, keysOf, opensWith, storeOf, sweepAt } from "./expiry.js";
import {
  answerWith,
  ask,
  bucketFiles,
  chooseTracks,
  courseOf,
  examPage,
  recordElsewhere,
  saved,
  serviceToken,
  staffPage,
  type Upload,
} from "./people.js";

const EXTENSION = fileURLToPath(new URL("../../extension/dist", import.meta.url));
const DAY = 86_400_000;
/** Of the recording, kills included. */
const SECONDS = 30;
/** What nobody but the institution may find anywhere. */
const CANARIES = {
  chat: "is question 3 about primes? canary-chat-7f31",
  reply: "Yes, it is. canary-reply-90ac",
  answer: "none of these canary-answer-11d8",
  homework: "canary-homework-5e62 ".repeat(20_000),
  elsewhere: "canary-elsewhere-c3b0",
};
/** What the extension itself writes: into consent, events and camera. */
const WRITTEN = ["The recording is encrypted on this computer", '"type":"homework"', "V_VP8", "OpusHead"];
/** Milliseconds: of a busy machine. */
const PATIENT = { timeout: 20_000 };
const PERSONAL = ["Sam Adeyemi", "Adeyemi", "sam@university.example"];

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * count));

describeChromium("an exam, from launch to hearing", () => {
  let exam: Exam;
  let browser: BrowserContext;
  const [root, home, profile, copy] = [folder(), folder(), folder(), folder()];
  const launch = async (): Promise<void> => {
    browser = await launchChromium({ extension: EXTENSION, fakeMedia: true, home, profile });
    browser.setDefaultTimeout(PATIENT.timeout);
    browser.on("request", (request) => void asked.push(request.url()));
  };
  beforeAll(async () => {
    exam = await startExam({ folder: root });
    trustAuthority(exam.authority, home);
    await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await exam?.close();
    removeFolders();
  });

  /** Addresses that the pages have asked for, from the launch on. */
  const asked: string[] = [];
  let recording: Announced;
  let receipt: Upload;
  let excerpt: Upload;

  it("is launched, agreed to and recorded through two kills; both sides write; it is finished, and has a receipt", async () => {
    await chooseTracks(exam, browser, ["camera", "microphone"]);
    const course = await courseOf(exam, browser, "Sam Adeyemi");
    await course.getByRole("button", { name: "Start the exam" }).click();
    let page = await examPage(browser);
    await consent(page);
    const began = Date.now();
    recording = await announced(course);
    await say(page, CANARIES.chat);
    await seconds(SECONDS / 5);
    await page.close();
    page = await browser.newPage();
    await page.goto(`chrome-extension://${EXTENSION_ID}/exam.html`);
    await page.getByLabel("Question").fill("3");
    await page.getByRole("textbox", { name: "Answer" }).fill(CANARIES.answer);
    await page.getByRole("button", { name: "Hand in the answer" }).click();
    await seconds(SECONDS / 5);
    await stopWorker(page);
    await page.bringToFront();

    const reply = { at: new Date().toISOString(), text: CANARIES.reply };
    const { replyTo } = (await openedCopy(exam, recording)).metadata as unknown as {
      readonly replyTo: OkpJwk;
    };
    const sealed = await seal(Buffer.from(JSON.stringify(reply)), { to: await importRecipient(replyTo) });
    const path = `/v1/recordings/${recording.recordingId}/replies/reply-${randomUUID()}.reel`;
    const token = await serviceToken(exam, recording.recordingId, "read");
    expect((await ask(exam, path, { method: "PUT", token, body: sealed })).status).toBe(201);
    await page.getByText(`Supervisor: ${CANARIES.reply}`).waitFor();
    const file = { name: "proof.txt", mimeType: "text/plain", buffer: Buffer.from(CANARIES.homework) };
    await page.getByLabel("File", { exact: true }).setInputFiles(file);
    await page.getByRole("button", { name: "Hand in the file" }).click();
    await page.getByText("Handed in: proof.txt").waitFor();
    await seconds(Math.max(0, SECONDS - (Date.now() - began) / 1000));

    await finish(page);
    receipt = await saved(page, "Save the receipt");
    const opened = await openReceipt(new Uint8Array(receipt.buffer), { expected: recording });
    expect(opened).toMatchObject({ origin: "pinned", witnesses: [{}] });
    await forget(page);
    await course.close();
    await page.close();
    await browser.clearCookies();
  });

  it("is nowhere on the vendor's machine but sealed: disk, log, and the objects behind the encryption at rest", async () => {
    await recordElsewhere(exam, CANARIES.elsewhere);
    const ids = await copyStore(await storeOf(exam), copy);
    expect(ids).toHaveLength(2);
    const { reply, elsewhere, ...own } = CANARIES;
    const recorded = [...Object.values(own).map((text) => text.slice(0, 40)), ...WRITTEN];
    const secrets = [...recorded, reply, elsewhere, ...PERSONAL];
    // Each is in a track, for who opens it: what is looked for can be found.
    const review = await openedCopy(exam, recording);
    const opened = join(root, "opened");
    mkdirSync(opened);
    for (const { name } of review.tracks) writeFileSync(join(opened, name), await contentOf(review, name));
    await review.close();
    for (const text of recorded) expect(filesWith(opened, [text]), text).toHaveLength(1);
    mkdirSync(join(root, "vendor"));
    cpSync(exam.log, join(root, "vendor/server.log"));
    for (const place of [exam.store, copy, join(root, "vendor")])
      expect(filesWith(place, secrets)).toEqual([]);
    expect(readFileSync(exam.log, "utf8")).toContain('"answered"');
  });

  it("staff sign in over TLS, by the pages' own policies: tokens are in headers to the server alone; without the authority nothing is shown", async () => {
    for (const app of ["admin", "reviewer"] as const) {
      const asked: Request[] = [];
      const noted = (request: Request): void => void asked.push(request);
      browser.on("request", noted);
      const page = await staffPage(exam, browser, app, "Ada Whitfield");
      if (app === "admin") await page.locator("who-table tbody th").first().waitFor();
      else {
        await page.evaluate(
          (address) => fetch(address).catch(() => "refused by the page's policy"),
          "http://localhost:1/",
        );
        expect(asked.map((each) => each.url())).not.toContain("http://localhost:1/");
      }
      browser.off("request", noted);
      const tokens = new Set<string>();
      for (const each of asked) {
        expect(each.url()).toMatch(/^(https|data|blob):/);
        const { authorization } = each.headers();
        if (authorization) tokens.add(authorization.replace("Bearer ", ""));
        if (authorization) expect(new URL(each.url()).origin).toBe(exam.origins.server);
      }
      expect(tokens.size).toBe(app === "admin" ? 1 : 0);
      const kept = await page.evaluate(() =>
        JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }, document.cookie]),
      );
      expect(page.url()).toBe(`${exam.origins.staff}/${app}/`);
      for (const text of [kept, ...asked.map((each) => each.url())])
        for (const one of tokens) expect(text.includes(one)).toBe(false);
      await page.close();
    }
    const stranger = await launchChromium({ home: folder() });
    const refused = stranger.pages()[0]!.goto(`${exam.origins.staff}/admin/`);
    await expect(refused).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
    await stranger.close();
  });

  it("a reviewer asks and a second person grants; what was recorded is whole, plays, and an excerpt is made at a flag", async () => {
    const { office } = exam;
    const keyOf = (name: string): string => join(office.folder, "staff", `${name}.jwk`);
    const useKey = async (page: Page, name: string): Promise<void> => {
      await page.getByText("Signing key, to ask, approve or grant").click();
      const form = page.locator("key-form[for=signs]");
      await form.getByLabel("Key file").setInputFiles(keyOf(name));
      await form.getByRole("button", { name: "Use this key" }).click();
      await form.waitFor({ state: "detached" });
    };
    const requestIn = (page: Page) => page.getByRole("region", { name: "appeal 17", exact: true });
    const asking = await staffPage(exam, browser, "admin", "Ravi Menon");
    await useKey(asking, "Ravi");
    await asking.getByLabel("Exam", { exact: true }).fill("algebra-1");
    await asking.getByLabel("Reason", { exact: true }).fill("appeal 17");
    await asking.getByRole("button", { name: "Sign and send" }).click();
    await requestIn(asking).waitFor();

    const granting = await staffPage(exam, browser, "admin", "Ada Whitfield");
    await useKey(granting, "Ada");
    await granting.getByText("Bucket key, to grant").click();
    const keys = granting.locator("details key-form:not([for])");
    const envelope = readFileSync(join(copy, envelopeName(recording.recordingId)));
    await keys.getByLabel("Key file").setInputFiles(bucketFiles(exam, envelope));
    await keys.getByRole("button", { name: "Use this key" }).click();
    await granting.getByText("Ready:").waitFor();
    await requestIn(granting).getByRole("button", { name: "Choose recordings to grant" }).click();
    await granting.getByRole("button", { name: "Grant these" }).click();
    const files = [await saved(granting, "Save the grant"), await saved(granting, "Save the request")];

    const page = await staffPage(exam, browser, "reviewer", "Ravi Menon");
    await page.getByRole("button", { name: "Use the kept key" }).click();
    await page
      .getByLabel("Address of the recording")
      .fill(`${exam.origins.server}/v1/recordings/${recording.recordingId}/`);
    await page.getByLabel("Announced fingerprint").fill(recording.coreHash);
    await page.getByLabel("Grant and request").setInputFiles(files as never);
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page.getByRole("heading", { name: "algebra-1" }).waitFor();
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText(SENTENCES[await verdictOf(exam, recording)]).waitFor();
    await page.getByText("It is the recording that was announced.").waitFor();
    await page.getByText(CANARIES.chat).waitFor();
    await page.bringToFront();
    await page.getByRole("button", { name: "Next flag" }).click();
    const video = page.locator("video").first();
    await expect
      .poll(() => video.evaluate((each: HTMLVideoElement) => each.readyState), PATIENT)
      .toBeGreaterThanOrEqual(2);
    const at = await video.evaluate((each: HTMLVideoElement) => each.currentTime);
    await page.getByRole("button", { name: "Play" }).click();
    await expect
      .poll(() => video.evaluate((each: HTMLVideoElement) => each.currentTime), PATIENT)
      .toBeGreaterThan(at + 1);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByLabel("Track").selectOption("camera");
    await page.getByLabel("From").fill("0:06");
    await page.getByLabel("To", { exact: true }).fill("0:08");
    excerpt = await saved(page, "Save the excerpt");
    for (const each of [asking, granting, page]) await each.close();
  });

  it("the student checks receipt and excerpt without a key", async () => {
    const own = await launchChromium({ home });
    const page = own.pages()[0]!;
    await page.goto(`${exam.origins.staff}/verify/`);
    await page.getByLabel("Announced fingerprint").fill(recording.coreHash);
    await page.getByLabel("Receipt or excerpt").setInputFiles(receipt as never);
    await page.getByRole("button", { name: "Check" }).click();
    const proof = page.locator("proof-view");
    await proof.getByText("It is the recording that was announced.").waitFor();
    await proof.getByText("A witness signed as well").waitFor();
    await page.getByLabel("Receipt or excerpt").setInputFiles(excerpt as never);
    await page.getByRole("button", { name: "Check" }).click();
    await proof.getByText("This is what was recorded on this track").waitFor();
    await proof.getByText("It is the recording that was announced.").waitFor();
    const video = proof.locator("video");
    await expect
      .poll(() => video.evaluate((each: HTMLVideoElement) => each.videoWidth), PATIENT)
      .toBeGreaterThan(0);
    await own.close();
  });

  it("another recording in its place is never the pinned one, although its keys fit and it is whole", async () => {
    const { recordingId, coreHash } = recording;
    const other = readdirSync(copy).find((id) => id !== recording.recordingId)!;
    const review = await openedCopy(exam, { recordingId: other, coreHash }).catch((error) => error);
    expect(isBlindreelError(review) && review.code).toBe("unexpected-recording");

    // The server gives it out for the one that was asked for, to a reviewer who has the keys of both.
    const page = await staffPage(exam, browser, "reviewer", "Ada Whitfield");
    await page.route(`**/v1/recordings/${recordingId}**`, (route) =>
      answerWith(exam, route, recordingId, other),
    );
    const envelope = readFileSync(join(copy, envelopeName(other)));
    await page.getByLabel("Key file").setInputFiles(bucketFiles(exam, envelope));
    await page.getByRole("button", { name: "Use this key" }).click();
    await page
      .getByLabel("Address of the recording")
      .fill(`${exam.origins.server}/v1/recordings/${recordingId}/`);
    await page.getByLabel("Announced fingerprint").fill(coreHash);
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page
      .getByText("This is not the recording that was announced: another was put in its place")
      .waitFor();
    // Without what the LMS knows it passes, and the page says what that means.
    await page.getByLabel("Announced fingerprint").fill("");
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page.getByText("a server could have put another in its place").waitFor();
    await page.getByText(CANARIES.elsewhere).waitFor();
    expect(await page.getByText("It is the recording that was announced.").count()).toBe(0);
    await page.close();
  });

  it("in all of it no page asked anybody else, and no token was in an address", async () => {
    const network = asked.filter((address) => !/^(data|blob|chrome-extension):/.test(address));
    expect(network.length).toBeGreaterThan(50);
    const own = Object.values(exam.origins);
    expect(network.filter((address) => !own.includes(new URL(address).origin))).toEqual([]);
    // A state of the launch is a sealed JWE, for the server's own eyes; tokens are written like it.
    const [states, tokens] = [/[?&]state=eyJ[\w-]+\./, /eyJ[\w-]{8,}/];
    expect(network.some((address) => states.test(address))).toBe(true);
    expect(
      network
        .map((address) => address.replace(/([?&]state=)[^&]+/, "$1"))
        .filter((each) => tokens.test(each)),
    ).toEqual([]);
  });

  it("a held recording survives, the others expire: objects gone, the ledger says so; the bucket is destroyed, and no copy opens", async () => {
    const { office } = exam;
    const kept = office.run("hold", recording.coreHash, "--until", "52w") as { readonly hold: string };
    const statement = readFileSync(kept.hold);
    const path = `/v1/institutions/${office.institution}/statements`;
    expect((await ask(exam, path, { method: "POST", body: statement })).status).toBe(201);
    const envelope = join(copy, envelopeName(recording.recordingId));
    const before = readFileSync(envelope);
    office.run("keep", "--recordings", copy);
    const after = readFileSync(envelope);
    expect(after.equals(before)).toBe(false);
    exam.publishKeyset();
    const published = readFileSync(office.keyset, "utf8").trim();
    await expect
      .poll(async () =>
        (await ask(exam, `/v1/institutions/${office.institution}/keyset`)).body.toString().trim(),
      )
      .toBe(published);
    const token = await serviceToken(exam, recording.recordingId, "rewrap");
    const put = { method: "PUT", token, body: after };
    expect((await ask(exam, `/v1/recordings/${envelopeName(recording.recordingId)}`, put)).status).toBe(200);

    await exam.server.stop();
    const store = await storeOf(exam);
    const { sweep, deleted } = await sweepAt(store, new Date(Date.now() + 10 * DAY));
    expect(sweep).toMatchObject({ deleted: 1, held: 1 });
    const ids = readdirSync(copy);
    const expired = ids.filter((id) => id !== recording.recordingId);
    expect(deleted).toMatchObject(expired.map((id) => ({ recording: id, reason: "expired" })));
    const left = folder();
    expect(await copyStore(store, left)).toEqual([recording.recordingId]);

    const bucket = inspect(before).slots.map(({ keyId }) => keyId);
    const primary = readdirSync(join(office.folder, "buckets")).find((name) =>
      bucket.includes(name.slice(0, 32) as never),
    )!;
    expect(await opensWith(await keysOf(office.folder), copy, ids)).toEqual(
      Object.fromEntries(ids.map((id) => [id, true])),
    );
    office.run("destroy-bucket", primary.slice(0, 16), "--early", "--recordings", copy);
    const keys = await keysOf(office.folder);
    expect(keys.length).toBeGreaterThan(0);
    expect(await opensWith(keys, copy, ids)).toEqual(
      Object.fromEntries(ids.map((id) => [id, id === recording.recordingId])),
    );
    // A copy from before the hold has another envelope of it: of that copy nothing opens.
    writeFileSync(envelope, before);
    expect(await opensWith(keys, copy, ids)).toEqual(Object.fromEntries(ids.map((id) => [id, false])));
  });
});

const SENTENCES = {
  complete: "Complete: the recorder closed it",
  interrupted: "Interrupted: all that was signed is there",
} as const;

/** Whole and pinned; nothing is missing but pictures that a busy machine did not encode, which the log names. */
async function verdictOf(exam: Exam, recording: Announced): Promise<keyof typeof SENTENCES> {
  const review = await openedCopy(exam, recording);
  const { state, origin, findings, losses } = await review.verify();
  await review.close();
  const others = losses.filter(
    ({ what, cause, track }) =>
      !(what === "undrained" && /^(source|overflow)$/.test(cause) && track === "camera"),
  );
  expect({ origin, findings, others }).toEqual({ origin: "pinned", findings: [], others: [] });
  expect(state).toBe(losses.length > 0 ? "interrupted" : "complete");
  return state as keyof typeof SENTENCES;
}

interface Announced {
  readonly recordingId: string;
  readonly coreHash: string;
}

/** The recording as it is at the server so far, opened by the institution. */
async function openedCopy(exam: Exam, { recordingId, coreHash }: Announced) {
  const token = await serviceToken(exam, recordingId, "read");
  const get = async (name: string): Promise<Buffer | undefined> => {
    const { status, body } = await ask(exam, `/v1/recordings/${name}`, { token });
    return status === 200 ? body : undefined;
  };
  return openRecording(new Uint8Array((await get(envelopeName(recordingId)))!), {
    identities: await keysOf(exam.office.folder),
    expected: { coreHash },
    objects: async (name) => {
      const body = await get(name);
      return body ? blobSource(new Blob([new Uint8Array(body)])) : null;
    },
  });
}
