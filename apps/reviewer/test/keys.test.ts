import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ExportableIdentity, generateIdentity, open } from "blindreel";
import {
  generateSigningKey,
  grantAccess,
  planBuckets,
  protectIdentity,
  requestAccess,
  signDirectory,
  signKeyset,
  verifyDirectory,
  verifyKeyset,
} from "blindreel/keyset";
import { passphraseRecipient } from "blindreel/passphrase";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { identityFiles } from "../../../test/keyset/pages.js";
import { openPage, says, type Upload, upload } from "../../ui/test/page.js";
import { METADATA, recordExam } from "./exam.js";
import { type Site, startSite } from "./page.js";

const PASSPHRASE = "correct horse battery staple";
const DAY = 86_400_000;

describeChromium("keys of the page", () => {
  let site: Site;
  let browser: BrowserContext;
  let protectedFile: Upload;
  let publicHalf: Upload;
  beforeAll(async () => {
    const tools = await identityFiles();
    site = await startSite({
      change: (app) => {
        app.get("/tools.html", (context) =>
          context.html('<link rel="icon" href="data:,"><script type="module" src="/entry.js"></script>'),
        );
        app.get("/entry.js", (context) =>
          context.body(tools["/entry.js"]!, 200, { "Content-Type": "text/javascript" }),
        );
      },
    });
    const to = passphraseRecipient(PASSPHRASE);
    protectedFile = upload("institution.identity", await protectIdentity(site.identity, { to }));
    publicHalf = upload("institution.pub.jwk", JSON.stringify(site.identity.recipient.toJwk()));
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
  const useFiles = async (page: Page, files: Upload[], passphrase = ""): Promise<void> => {
    await page.getByLabel("Key file").setInputFiles(files);
    await page.getByLabel("Passphrase, if the file has one").last().fill(passphrase);
    await page.getByRole("button", { name: "Use this key" }).click();
  };
  const isReady = (page: Page, { thumbprint }: ExportableIdentity = site.identity): Promise<void> =>
    page.getByText(thumbprint.slice(0, 16)).waitFor();

  it("a file under a passphrase opens with its public half or its thumbprint, and no other passphrase", async () => {
    const page = await openPage(site, browser);
    const working = page.waitForEvent("worker");
    await useFiles(page, [protectedFile, publicHalf], "wrong");
    expect((await working).url()).toContain("passphrase-worker");
    await page.waitForFunction(() => {
      const { value = 0 } = document.querySelector("progress") ?? {};
      return value > 0 && value < 1;
    });
    await says(page, "This passphrase does not open the file. Type it again");
    await useFiles(page, [protectedFile, publicHalf]);
    await says(page, "This file is protected.");
    await useFiles(page, [protectedFile], PASSPHRASE);
    await says(page, "thumbprint");
    await page.getByLabel("Thumbprint, for a protected file").fill(site.identity.thumbprint);
    await useFiles(page, [protectedFile], PASSPHRASE);
    await isReady(page);
    await page.getByRole("button", { name: "Use another key" }).click();
    await useFiles(page, [publicHalf, protectedFile], PASSPHRASE);
    await isReady(page);
  });

  it("a file that was replaced is refused", async () => {
    const other = await generateIdentity();
    const swapped = await protectIdentity(other, { to: passphraseRecipient(PASSPHRASE) });
    const page = await openPage(site, browser);
    await useFiles(page, [upload("institution.identity", swapped), publicHalf], PASSPHRASE);
    await says(page, "Somebody replaced it");
    const plain = upload("institution.jwk", JSON.stringify(await other.toJwk()));
    await useFiles(page, [plain, publicHalf]);
    await says(page, "another key");
  });

  it("what is no key that opens is told apart", async () => {
    const page = await openPage(site, browser);
    const signing = await generateSigningKey();
    const cases: readonly (readonly [Upload, string])[] = [
      [publicHalf, "public half"],
      [upload("signing.jwk", JSON.stringify(await signing.toJwk())), "signs"],
      [upload("holiday.jpg", new Uint8Array(4000).fill(7)), "This is no file of ours"],
    ];
    for (const [file, sentence] of cases) {
      await useFiles(page, [file]);
      await says(page, sentence);
    }
    await page.reload();
    await page.getByRole("button", { name: "Use this key" }).click();
    await says(page, "Pick");
  });

  it("the browser keeps a key, and it is there after a reload", async () => {
    const page = await openPage(site, browser);
    await page.getByLabel("Keep it in this browser").check();
    await useFiles(page, [protectedFile, publicHalf], PASSPHRASE);
    await isReady(page);
    await page.reload();
    await page.getByLabel("A key that this browser keeps").waitFor();
    await page.getByLabel("Passphrase, if the file has one").first().fill(PASSPHRASE);
    await page.getByRole("button", { name: "Use the kept key" }).click();
    await isReady(page);
  });

  it("a passkey opens its file", async () => {
    const local = { ...site.server, url: site.server.url.replace("127.0.0.1", "localhost") };
    const page = await openPage({ ...site, server: local }, browser, "tools.html");
    const devtools = await browser.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        hasPrf: true,
        automaticPresenceSimulation: true,
      },
    });
    await page.waitForFunction(() => "tools" in globalThis);
    const made = await page.evaluate(async () => {
      const { tools } = globalThis as never as { tools: Record<string, (...given: unknown[]) => never> };
      const user = { id: Uint8Array.of(1, 2, 3), name: "jo", displayName: "Jo" };
      const { credentialId } = (await tools.createPasskey!({ rpId: "localhost", user })) as {
        credentialId: Uint8Array;
      };
      const identity = (await tools.generateIdentity!()) as ExportableIdentity;
      const to = await tools.passkeyRecipients!([credentialId], { rpId: "localhost" });
      const file = (await tools.protectIdentity!(identity, { to })) as Uint8Array;
      return { file: [...file], thumbprint: identity.thumbprint };
    });
    await page.goto(local.url);
    await page.getByLabel("Thumbprint, for a protected file").fill(made.thumbprint);
    await page.getByLabel("It is protected by a passkey").check();
    await useFiles(page, [upload("jo.identity", Uint8Array.from(made.file))]);
    await page.getByText(made.thumbprint.slice(0, 16)).waitFor();
  });

  it("a grant opens its recording with the institution's statements, and no other", async () => {
    const [root, registrar, asker, grantor] = await Promise.all([1, 2, 3, 4].map(() => generateSigningKey()));
    const institution = "0123456789abcdef0123456789abcdef";
    const now = Date.now();
    const buckets = await planBuckets({ from: new Date(now), days: 90, count: 2 });
    const statement = { institution, sequence: 1, expires: new Date(now + 10 * DAY) };
    const keys = buckets.flatMap((bucket) => bucket.keys);
    const claims = { ...statement, approvals: 1 as const, registrar: registrar!.publicJwk(), keys };
    const published = await signKeyset(claims, root!);
    const staff = [
      { holder: "a".repeat(32), key: asker!.publicJwk(), roles: ["staff" as const] },
      { holder: "b".repeat(32), key: grantor!.publicJwk(), roles: ["grantor" as const] },
    ];
    const keyset = await verifyKeyset(published, { pin: root!.thumbprint, institution });
    const directory = await signDirectory({ ...statement, staff }, registrar!);
    const policy = { institution, expiresAt: new Date(now + 30 * DAY) };
    const exam = await recordExam(site.folder, keyset, { policy, began: new Date() });
    const { request, identity } = await requestAccess(
      { institution, recordings: [exam.coreHash], reason: "appeal 17", notAfter: new Date(now + DAY) },
      asker!,
    );
    const envelope = new Uint8Array(await readFile(join(site.folder, exam.recordingId, "envelope")));
    const grant = await grantAccess(request, {
      ...{ envelopes: [envelope], issuer: grantor!, keyset },
      identities: buckets.map((bucket) => bucket.identity),
      directory: await verifyDirectory(directory, { keyset }),
    });
    const office = JSON.stringify({ institution, root: root!.thumbprint });
    const statements = [upload("keyset.jws", published), upload("directory.jws", directory)];
    const own = [upload("my.grant", grant), upload("request.jws", request)];

    const page = await openPage(site, browser);
    await useFiles(page, [
      upload("request.jwk", JSON.stringify(await (identity as ExportableIdentity).toJwk())),
    ]);
    const openWith = async (recordingId: string, files: Upload[]): Promise<void> => {
      await page.getByLabel("Address of the recording").fill(`${site.server.url}store/${recordingId}/`);
      await page.getByLabel("Grant and request").setInputFiles(files);
      await page.getByRole("button", { name: "Open the recording" }).click();
    };
    await page.getByLabel("Address of the recording").waitFor();
    await openWith(exam.recordingId, own);
    await says(page, "A grant needs its request, keyset.jws");
    await openWith(exam.recordingId, [...own, ...statements]);
    await says(page, "nothing says whose keyset this is");
    for (const strange of [upload("notes.txt", "hello"), upload("office.json", "{")]) {
      await openWith(exam.recordingId, [strange]);
      await says(page, "One of the files is no grant");
    }
    const all = [...own, ...statements, upload("office.json", office)];
    await openWith(site.exam.recordingId, all);
    await says(page, "The grant is for other recordings than this one");
    await openWith(exam.recordingId, all);
    await page.getByRole("heading", { name: METADATA.exam }).waitFor();
    await page.getByText(institution).waitFor();

    // Notes go to the institution: neither the grant's key nor the reviewer's opens them.
    const signing = upload("jo.jwk", JSON.stringify(await asker!.toJwk()));
    await page.getByLabel("Key file").setInputFiles(signing);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByLabel("Text", { exact: true }).fill("Nothing to see.");
    await page.getByRole("button", { name: "Sign, seal and send" }).click();
    const name = await page.getByRole("status").locator("code").textContent();
    const note = new Uint8Array(await readFile(join(site.folder, exam.recordingId, name!)));
    await expect(open(note, { identities: identity as ExportableIdentity })).rejects.toMatchObject({
      code: "no-matching-key",
    });
    const { data } = await open(note, { identities: buckets.map((bucket) => bucket.identity) });
    const payload = Buffer.from(new TextDecoder().decode(data).split(".")[1]!, "base64url");
    expect(JSON.parse(payload.toString())).toMatchObject({
      coreHash: exam.coreHash,
      text: "Nothing to see.",
    });
  });
});
