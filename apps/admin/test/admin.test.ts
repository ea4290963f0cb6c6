import { readFile } from "node:fs/promises";
import { bytesSource } from "blindreel";
import { generateSigningKey, requestAccess, unlockIdentity, verifyGrant } from "blindreel/keyset";
import { passphraseIdentity } from "blindreel/passphrase";
import { openRecording } from "blindreel/review";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { removeFolders } from "../../server/test/fixture.js";
import { says, upload } from "../../ui/test/page.js";
import { EXAM, PASSPHRASE, type Person, signedIn, startWorld, useSigningKey, type World } from "./world.js";

describeChromium("the institution's page", () => {
  let world: World;
  let browser: BrowserContext;
  beforeAll(async () => {
    world = await startWorld();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    removeFolders();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(world.complaints.splice(0)).toEqual([]);
  });
  /** In a browser of their own, as it were: signed in anew, with their key. */
  const arrives = async (person: Person): Promise<Page> => {
    const page = await signedIn(world, browser, person.name.split(" ")[0]!);
    await useSigningKey(page, person);
    return page;
  };
  const requestOf = (page: Page, reason: string) => page.getByRole("region", { name: reason, exact: true });
  const ask = async (page: Page, reason: string, fields: Readonly<Record<string, string>>): Promise<void> => {
    const form = page.locator("ask-form");
    for (const [label, value] of Object.entries(fields))
      await form.getByLabel(label, { exact: true }).fill(value);
    await form.getByLabel("Reason", { exact: true }).fill(reason);
    await form.getByRole("button", { name: "Sign and send" }).click();
  };

  it("asked, approved and granted by three people: the table says so, and the grant opens the recordings", async () => {
    const { jo, kim, sam } = world.institution.people;
    const asked: Request[] = [];
    browser.on("request", (request) => void asked.push(request));

    const first = await arrives(jo);
    const table = first.locator("who-table");
    await expect.poll(() => table.locator("tbody th").count()).toBe(2);
    await table.getByRole("button", { name: "More recordings" }).click();
    await expect.poll(() => table.locator("tbody th").count()).toBe(3);
    expect(await table.getByText("Jo Lee").count()).toBe(0);
    await first.locator("ask-form select").selectOption("file");
    await first.getByLabel("Passphrase of the file").fill(PASSPHRASE);
    const downloading = first.waitForEvent("download");
    await ask(first, "appeal 17", { Exam: EXAM });
    const identityFile = await readFile(await (await downloading).path());
    const status = first.locator("ask-form [role=status] code");
    const thumbprint = await status.innerText();
    await requestOf(first, "appeal 17").getByText(jo.holder).waitFor();
    // Nobody decides about a request of their own; who is no grantor decides about none.
    await requestOf(first, "appeal 17").getByRole("button", { name: "Approve" }).click();
    await says(first, "Your signing key may not approve or grant");

    const second = await arrives(kim);
    await requestOf(second, "appeal 17").getByRole("button", { name: "Approve" }).click();
    await requestOf(second, "appeal 17").getByText("An approval is there that names").waitFor();

    const third = await arrives(sam);
    const people = Object.values(world.institution.people).map(({ name, holder }) => `"${name}",${holder}`);
    await third
      .getByLabel("Names of people")
      .setInputFiles(upload("people.csv", `name,holder\n${people.join("\n")}\n`));
    await third.getByText("Jo Lee: exam algebra-2").waitFor();
    await requestOf(third, "appeal 17").getByText("An approval is there that names Kim.").waitFor();
    await third.getByRole("button", { name: "More recordings" }).click();
    await requestOf(third, "appeal 17").getByRole("button", { name: "Choose recordings to grant" }).click();
    await says(third, "First pick the key of the bucket");
    await third.getByText("Bucket key, to grant").click();
    const bucket = JSON.stringify(await world.institution.buckets[0]!.identity.toJwk());
    const keys = third.locator("details key-form:not([for])");
    await keys.getByLabel("Key file").setInputFiles(upload("bucket.key", bucket));
    await keys.getByRole("button", { name: "Use this key" }).click();
    await third.getByText("Ready:").waitFor();
    await requestOf(third, "appeal 17").getByRole("button", { name: "Choose recordings to grant" }).click();
    const choices = requestOf(third, "appeal 17").getByRole("checkbox");
    await expect.poll(() => choices.count()).toBe(2);
    await third.getByRole("button", { name: "Grant these" }).click();
    const rows = third.locator("who-table tbody tr").filter({ hasText: "Jo Lee" });
    await expect.poll(() => rows.count()).toBe(3);
    // The key of one bucket tells which exam its recordings are of; the last one is in another.
    const told = (await rows.allInnerTexts()).map((row) =>
      row.match(/granted by .*: appeal 17|can open it/g),
    );
    expect(told.sort()).toEqual([
      ["granted by Sam Roe, if it is of the exam algebra-2: appeal 17", "can open it"],
      ...[0, 1].map(() => ["granted by Sam Roe: appeal 17", "can open it"]),
    ]);
    expect(await third.locator("endings-table tbody tr").first().locator("td p").count()).toBe(2);

    // What Jo saves opens the exam's recordings with the key of the file, and no other.
    const saving = third.waitForEvent("download");
    await third.getByRole("button", { name: "Save the grant" }).click();
    const grant = await readFile(await (await saving).path());
    const saved = third.waitForEvent("download");
    await third.getByRole("button", { name: "Save the request" }).click();
    const request = await readFile(await (await saved).path(), "utf8");
    const identities = await unlockIdentity(identityFile, {
      identities: passphraseIdentity(PASSPHRASE),
      expected: thumbprint,
    });
    const { keyset, directory } = world.institution;
    const verified = await verifyGrant(grant, { request, identities, keyset, directory });
    expect(verified.approver).toBe(kim.key.thumbprint);
    expect([...verified.recordings].sort()).toEqual(
      world.recordings
        .slice(0, 2)
        .map(({ coreHash }) => coreHash)
        .sort(),
    );
    const { id, objects } = world.recordings[0]!;
    const review = await openRecording(objects.get(`${id}/envelope`)!, {
      ...{ identities, grants: [verified] },
      objects: async (name) => (objects.has(name) ? bytesSource(objects.get(name)!) : null),
    });
    expect(review.metadata?.exam).toBe(EXAM);
    await review.close();

    // Tokens are in headers to the server alone, and nowhere that stays.
    browser.removeAllListeners("request");
    const tokens = new Set<string>();
    for (const each of asked) {
      const { authorization } = each.headers();
      if (!authorization) continue;
      expect(each.url().startsWith(world.server)).toBe(true);
      tokens.add(authorization.replace("Bearer ", ""));
    }
    expect(tokens.size).toBe(3);
    for (const each of [first, second, third]) {
      expect(each.url()).toBe(world.page.url);
      const kept = await each.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
      );
      for (const text of [kept, ...asked.map((request) => request.url())])
        for (const one of tokens) expect(text.includes(one)).toBe(false);
    }
  });

  it("what is wrong is a sentence: fields, own requests, foreign papers, a sign-in that ended or was refused", async () => {
    const { kim } = world.institution.people;
    const page = await signedIn(world, browser, "Kim");
    const until = page.locator("ask-form [name=until]");
    await ask(page, "x", {});
    await says(page, "First pick your signing key");
    await useSigningKey(page, kim);
    await ask(page, "x", {});
    await says(page, "Name the recordings or an exam");
    await ask(page, "x", {
      Exam: EXAM,
      "Or recordings, by id or fingerprint, one to a line": "f".repeat(64),
    });
    await says(page, "Name the recordings or an exam");
    await ask(page, "x", { Exam: "", "Or recordings, by id or fingerprint, one to a line": "f".repeat(32) });
    await says(page, "A recording of the list is not at the server");
    await ask(page, "own", { "Or recordings, by id or fingerprint, one to a line": "", Exam: EXAM });
    await requestOf(page, "own").getByRole("button", { name: "Approve" }).click();
    await says(page, "Nobody decides about a request of their own");
    await until.evaluate((field: HTMLInputElement) => {
      Object.assign(field, { min: "", value: "2020-01-01" });
    });
    await ask(page, "x", { Exam: EXAM });
    await says(page, "Access ends in the future");

    world.setNow(Date.now() + 86_400_000);
    await until.evaluate((field: HTMLInputElement) => {
      field.value = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    });
    await ask(page, "later", { Exam: EXAM });
    await says(page, "Your sign-in has ended");
    world.setNow(Date.now());
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(() => page.locator("who-table").count()).toBe(0);

    const opening = page.waitForEvent("popup");
    await page.getByRole("button", { name: "Sign in" }).click();
    const popup = await opening;
    await popup.waitForURL(/interaction/);
    await popup.getByRole("link", { name: "Cancel" }).click();
    await says(page, "You are not signed in");
    expect(page.url()).toBe(world.page.url);
    expect(world.complaints.splice(0).filter((each) => !each.includes("401"))).toEqual([]);
  });

  it("a reason is readable at the server, and the page says so where it is written", async () => {
    const { institution, papers } = world;
    const page = await arrives(institution.people.jo);
    await page.getByRole("textbox", { name: "Reason" }).focus();
    const help = await page.evaluate(() => document.activeElement!.getAttribute("aria-describedby")!);
    expect(await page.locator(`#${help}`).innerText()).toContain("whoever runs the server can read it");
    await ask(page, "case 4711", { Exam: EXAM });
    await requestOf(page, "case 4711").waitFor();
    const { name } = (await papers.list(institution.id)).filter(({ kind }) => kind === "request").at(-1)!;
    const [, payload] = Buffer.from(await papers.bytes(institution.id, name))
      .toString()
      .split(".");
    expect(JSON.parse(Buffer.from(payload!, "base64url").toString())).toMatchObject({
      ...{ exam: EXAM, reason: "case 4711" },
    });
  });

  it("printed it has the tables and the requests, and neither forms nor buttons nor keys", async () => {
    const page = await signedIn(world, browser, "Kim");
    await requestOf(page, "appeal 17").waitFor();
    await page.emulateMedia({ media: "print" });
    for (const shown of ["who-table table", "endings-table table", "request-list .request"])
      expect(await page.locator(shown).first().isVisible(), shown).toBe(true);
    const left = page.locator("form, button, input, textarea, select, key-form, sign-in-view, details");
    expect(await left.count()).toBeGreaterThan(10);
    expect(await left.filter({ visible: true }).allInnerTexts()).toEqual([]);
    expect(
      Buffer.from(await page.pdf())
        .subarray(0, 5)
        .toString(),
    ).toBe("%PDF-");
  });

  it("papers that are made up, forged or a stranger's change nothing for the others", async () => {
    const { institution, papers, putPaper } = world;
    const { name } = (await papers.list(institution.id)).find(({ kind }) => kind === "grant")!;
    const grant = Buffer.from(await papers.bytes(institution.id, name));
    const [forged, broken] = [Buffer.from(grant), Buffer.from(grant)];
    forged[200]! ^= 1; // of the signature
    broken.fill(0xff, 170, 181); // a time that is none
    const notAfter = new Date(Date.now() + 86_400_000);
    const claims = { institution: institution.id, exam: EXAM, reason: "mine", notAfter };
    const { request } = await requestAccess(claims, await generateSigningKey());
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const approval = `${encoded({ typ: "blindreel-approval+jws" })}.${encoded({ request: 7 })}.AA`;
    for (const paper of [forged, broken, Buffer.from(request), Buffer.from(approval)])
      expect(await putPaper(paper)).toBe("created");
    const page = await signedIn(world, browser, "Kim");
    const rows = page.locator("who-table tbody tr").filter({ hasText: institution.people.jo.holder });
    await expect.poll(() => rows.count()).toBe(4);
    const told = (await rows.allInnerTexts()).map((row) => /can open it|no more: .*$/.exec(row)![0]);
    expect(told.sort()).toEqual([
      ...["can open it", "can open it"],
      ...["no more: its signature does not hold", "no more: its signature does not hold"],
    ]);
    await page.getByText("Requests that ended, or do not hold by the present directory: 1").waitFor();
  });

  it("a key that this browser keeps cannot be read, and goes when its request has ended", async () => {
    const page = await arrives(world.institution.people.kim);
    const id = await page.locator("who-table tbody th code").first().innerText();
    const { coreHash } = world.recordings.find((each) => each.id === id)!;
    await ask(page, "spot check", {
      "Or recordings, by id or fingerprint, one to a line": `${id}\n${coreHash}`,
    });
    await requestOf(page, "spot check").getByText("1 recordings").waitFor();
    const kept = (): Promise<readonly boolean[]> =>
      page.evaluate(
        () =>
          new Promise<boolean[]>((resolve) => {
            const opening = indexedDB.open("blindreel-identities");
            opening.onsuccess = () => {
              const found = opening.result.transaction("private keys").objectStore("private keys").getAll();
              found.onsuccess = () =>
                resolve((found.result as CryptoKey[]).map(({ extractable }) => extractable));
            };
          }),
      );
    expect((await kept()).length).toBeGreaterThan(0);
    await page.reload();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect([...new Set(await kept())]).toEqual([false]);
    await page.clock.setFixedTime(Date.now() + 32 * 86_400_000);
    await page.reload();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expect.poll(kept).toEqual([]);
  });
});
