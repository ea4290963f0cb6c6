import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ExportableIdentity, generateIdentity, open } from "blindreel";
import { generateSigningKey } from "blindreel/keyset";
import { assertOpaque } from "blindreel/opacity";
import { openExcerpt } from "blindreel/review";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { openPage, upload } from "../../ui/test/page.js";
import { CHAT, METADATA, recordExam } from "./exam.js";
import { openExam, type Site, startSite, useKey } from "./page.js";

interface Put {
  readonly url: string;
  readonly headers: string;
  readonly body: Uint8Array;
}

describeChromium("a review in the page", () => {
  let site: Site;
  let browser: BrowserContext;
  /** Everything that was put on the server. */
  const puts: Put[] = [];
  /** Everything that was asked of it, with headers. */
  const asked: string[] = [];
  beforeAll(async () => {
    site = await startSite({
      change: (app) =>
        app.use(async ({ req }, next) => {
          const headers = JSON.stringify(Object.fromEntries(req.raw.headers));
          asked.push(`${req.method} ${req.url} ${headers}`);
          if (req.method === "PUT") {
            const body = new Uint8Array(await req.raw.clone().arrayBuffer());
            puts.push({ url: req.url, headers, body });
          }
          await next();
        }),
    });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(site.complaints.splice(0)).toEqual([]);
  });
  const opened = async (coreHash?: string): Promise<Page> => {
    const page = await openPage(site, browser);
    await openExam(page, site, coreHash ? { coreHash } : {});
    await page.getByRole("heading", { name: METADATA.exam }).waitFor();
    return page;
  };
  const position = (page: Page) => page.getByRole("slider").getAttribute("aria-valuetext");

  it("opens from an address, says what is pinned, and the verdict in the words that may be repeated", async () => {
    const page = await opened(site.exam.coreHash);
    await page.getByText("It is the recording that was announced.").waitFor();
    await page.getByText("Not checked yet.").waitFor();
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Complete: the recorder closed it").waitFor();
    await page.getByText("Your recording is complete.").waitFor();
    await page.getByText("submitted", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Close the recording" }).click();
    await page.getByLabel("Address of the recording").waitFor();
  });

  it("takes the address of a link, and never its fingerprint: unpinned is said", async () => {
    const { server, exam, identity } = site;
    const link = `#address=${server.url}store/${exam.recordingId}/&coreHash=${exam.coreHash}`;
    const page = await openPage(site, browser, link);
    await useKey(page, identity);
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page.getByText("Nobody told this page which recording it has to be").waitFor();
  });

  it("opens from a folder, without the store", async () => {
    const page = await openPage(site, browser);
    await useKey(page, site.identity);
    await page.getByLabel("Or a folder on this computer").setInputFiles(site.folder);
    asked.length = 0;
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Complete: the recorder closed it").waitFor();
    expect(asked).toEqual([]);
  });

  it("shows chat, answers and flags by time, and goes from flag to flag by button and by key", async () => {
    const page = await opened();
    const lines = page.locator(".lines li");
    await lines.nth(6).waitFor();
    expect(await lines.allInnerTexts()).toEqual([
      expect.stringMatching(/^0:01\s+chat message: Is question 3 about esters\?$/),
      expect.stringMatching(/^0:03\s+Flag flags gaze: Looked away/),
      expect.stringMatching(/^0:04\s+chat/),
      expect.stringMatching(/^0:06\s+answers answer: C4H8O2, question: 3$/),
      expect.stringMatching(/^0:11\s+Flag flags network/),
      expect.stringMatching(/^0:15\s+chat/),
      expect.stringMatching(/^0:16\s+Flag flags tab/),
    ]);
    expect(await page.locator("svg .flag").count()).toBe(3);
    await page.getByRole("button", { name: "Next flag" }).click();
    await expect.poll(() => position(page)).toBe("0:03");
    await page.keyboard.press("n");
    await expect.poll(() => position(page)).toBe("0:11");
    await page.keyboard.press("p");
    await expect.poll(() => position(page)).toBe("0:03");
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => position(page)).toBe("0:08");
    await page.keyboard.press("+");
    expect(await page.getByLabel("Speed").inputValue()).toBe("1.5");
    await page.getByRole("button", { name: "0:15" }).click();
    await expect.poll(() => position(page)).toBe("0:15");
    // Keys act on playback alone: what is typed elsewhere is text.
    await page.getByLabel("From").fill("");
    await page.getByLabel("From").press("n");
    expect(await position(page)).toBe("0:15");
  });

  it("saves an excerpt that opens without a key, and says what to do with other minutes", async () => {
    const page = await opened();
    await page.getByLabel("From").fill("0:02");
    await page.getByLabel("To", { exact: true }).fill("0:05");
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the excerpt" }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("camera-0.02.excerpt");
    const excerpt = new Uint8Array(await readFile(await download.path()));
    const shown = await openExcerpt(excerpt, { expected: { coreHash: site.exam.coreHash } });
    expect(shown).toMatchObject({ track: "camera", origin: "pinned", state: "final" });
    await shown.close();

    const says = async (from: string, to: string, sentence: string): Promise<void> => {
      await page.getByLabel("From").fill(from);
      await page.getByLabel("To", { exact: true }).fill(to);
      await page.getByRole("button", { name: "Save the excerpt" }).click();
      await page.getByRole("alert").filter({ hasText: sentence }).waitFor();
    };
    await says("0:05", "0:02", "Times are written as 1:05");
    await says("abc", "0:02", "Times are written as 1:05");
    await says("0:02", "0:15", "more than one take was");
  });

  it("signs a note and seals it to the institution: the server gets nothing that it can read", async () => {
    const signer = await generateSigningKey();
    const page = await opened();
    const secret = "The candidate in room 7 read from a sheet under the keyboard.";
    await page.getByRole("button", { name: "0:03" }).click();
    const signing = upload("reviewer.jwk", JSON.stringify(await signer.toJwk()));
    await page.getByLabel("Key file").setInputFiles(signing);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByLabel("Kind").selectOption("determination");
    await page.getByLabel("Text", { exact: true }).fill(secret);
    [puts.length, asked.length] = [0, 0];
    await page.getByRole("button", { name: "Sign, seal and send" }).click();
    await page.getByText("Stored, sealed, as").waitFor();
    expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe("");

    expect(puts.length).toBe(1);
    const { url, headers, body } = puts[0]!;
    const canaries = [secret, "determination", "2026-05-04T09:00:03", METADATA.exam, signer.thumbprint];
    await assertOpaque(body, { canaries });
    for (const canary of canaries) expect(`${url} ${headers} ${asked.join("\n")}`).not.toContain(canary);

    const stored = join(site.folder, new URL(url).pathname.replace("/notes/", ""));
    const { data } = await open(new Uint8Array(await readFile(stored)), { identities: site.identity });
    const [head, payload, signature] = new TextDecoder().decode(data).split(".") as [string, string, string];
    const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
    const kid = Buffer.from(signer.thumbprint, "hex").toString("base64url");
    expect(decoded(head)).toEqual({ alg: "Ed25519", kid, typ: "blindreel-note+jws" });
    const { recordingId, coreHash } = site.exam;
    expect(decoded(payload)).toMatchObject({
      ...{ recordingId, coreHash, kind: "determination", text: secret, at: "2026-05-04T09:00:03.000Z" },
    });
    const key = await crypto.subtle.importKey("jwk", signer.publicJwk() as JsonWebKey, "Ed25519", false, [
      "verify",
    ]);
    const signed = Buffer.from(`${head}.${payload}`);
    expect(await crypto.subtle.verify("Ed25519", key, Buffer.from(signature, "base64url"), signed)).toBe(
      true,
    );
    await rm(stored);
  });

  it("neither keys nor chat leave the page, and it asks nobody but its own server", async () => {
    asked.length = 0;
    const everything: string[] = [];
    const note = (request: Request): void => void everything.push(request.url());
    browser.on("request", note);
    const page = await opened();
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Your recording is complete.").waitFor();
    browser.off("request", note);
    const { d } = await site.identity.toJwk();
    for (const canary of [d!, METADATA.exam, ...CHAT.map(([, text]) => text)])
      expect(asked.join("\n")).not.toContain(canary);
    expect(everything.length).toBeGreaterThan(20);
    for (const url of everything) expect(url).toMatch(new RegExp(`^(${site.server.url}|data:,|blob:)`));
  });

  it("the policy that is served is the one of docs/reviewer.md, and the page's own is as strict", async () => {
    const response = await fetch(site.server.url);
    const guide = await readFile(new URL("../../../docs/reviewer.md", import.meta.url), "utf8");
    const documented = /^Content-Security-Policy: (.*)$/m.exec(guide)![1]!;
    const served = response.headers.get("Content-Security-Policy")!;
    expect(served).toBe(documented.replace(" https://store.example.edu", ""));
    // A page cannot name who may frame it (CSP 3, §3.3), and does not know its stores.
    const own = served.replace(" frame-ancestors 'none';", "").replace("connect-src 'self'", "$& https:");
    expect((await response.text()).replaceAll("&#39;", "'")).toContain(`content="${own}"`);
  });

  it.each([
    [
      "truncated",
      "Truncated: content that the store had acknowledged",
      "The store has lost a part",
      "camera 0:02",
    ],
    [
      "altered",
      "Altered: something stored is not what was signed",
      "What is stored is not what was",
      "camera 0:02",
    ],
    ["unfinished", "Unfinished: nothing says that it was closed", "The recording breaks off.", undefined],
  ])("%s is said as what it is, with where", async (state, means, say, gap) => {
    const { recordingId } = site.exam;
    const copy = await startSite();
    try {
      const folder = join(copy.folder, copy.exam.recordingId);
      await rm(folder, { recursive: true });
      await cp(join(site.folder, recordingId), join(copy.folder, recordingId), { recursive: true });
      await damage(join(copy.folder, recordingId), state);
      const page = await openPage(copy, browser);
      await openExam(page, { ...copy, exam: site.exam, identity: site.identity });
      await page.getByRole("button", { name: "Check all of it" }).click();
      await page.getByText(means).waitFor();
      await page.getByText(say).waitFor();
      if (gap) await page.locator(".gaps li").filter({ hasText: gap }).waitFor();
      if (gap) expect(await page.locator("svg .gap").count()).toBeGreaterThan(0);
    } finally {
      await copy.close();
    }
  });

  it("interrupted is said as what it is, with what the recorder says it lost", async () => {
    const refused = "0001/00000002.seg";
    const exam = await recordExam(site.folder, site.identity, { refused });
    const page = await openPage(site, browser);
    await openExam(page, { ...site, exam });
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Interrupted: all that was signed is there").waitFor();
    await page.getByText("Something was not recorded. We know what, and when.").waitFor();
    await page.getByText("The recorder says that it lost a segment (camera).").waitFor();
    const gaps = page.locator(".gaps li").filter({ hasText: "never stored, and the recorder says so" });
    expect(await gaps.allInnerTexts()).toEqual([expect.stringMatching(/^camera 0:02–0:04/)]);
    // The browser's own line about what is not there.
    for (const complaint of site.complaints.splice(0)) expect(complaint).toContain("404");
  });

  async function damage(folder: string, state: string): Promise<void> {
    const segment = join(folder, "0001", "00000002.seg");
    if (state === "truncated") return rm(segment);
    if (state === "altered") {
      const bytes = await readFile(segment);
      bytes[bytes.length >> 1]! ^= 1;
      return writeFile(segment, bytes);
    }
    for (const name of await readdir(folder))
      if (/manifest/.test(name)) await rm(join(folder, name), { recursive: true });
  }

  it("the key is picked again with no word of the key before", async () => {
    const other: ExportableIdentity = await generateIdentity();
    const page = await openPage(site, browser);
    await useKey(page, other);
    await page.getByText(other.thumbprint.slice(0, 16)).waitFor();
    await page.getByRole("button", { name: "Use another key" }).click();
    await useKey(page, site.identity);
    await page.getByText(site.identity.thumbprint.slice(0, 16)).waitFor();
  });
});
