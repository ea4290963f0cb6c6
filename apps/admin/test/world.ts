import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { generateIdentity } from "blindreel";
import {
  approveRequest,
  generateSigningKey,
  planBuckets,
  protectIdentity,
  requestAccess,
  type SigningKey,
  signDirectory,
  signKeyset,
  verifyDirectory,
  verifyKeyset,
} from "blindreel/keyset";
import { COST_FLOOR, passphraseRecipient } from "blindreel/passphrase";
import { startRecording } from "blindreel/recording";
import { type PageServer, servePage } from "blindreel-ui/serve";
import Provider, { type Configuration } from "oidc-provider";
import type { BrowserContext, Page } from "playwright";
import { admitRegistered } from "../../server/src/admission.js";
import { createServer } from "../../server/src/app.js";
import { Papers } from "../../server/src/papers.js";
import { openRegister, signRegister } from "../../server/src/register.js";
import { Retention } from "../../server/src/retention/retention.js";
import { eitherVerifier, READ_SCOPE, reviewerVerifier } from "../../server/src/reviewers.js";
import { openFolder } from "../../server/src/store/folder.js";
import { DAY, folder, ISSUER, MEMORY, token, verifyToken } from "../../server/test/fixture.js";
import { openPage, type Upload, upload } from "../../ui/test/page.js";

export const PASSPHRASE = "correct horse battery staple";
export const EXAM = "algebra-2";
const AUDIENCE = "https://exams.example/recordings";

/** Somebody of the institution, with the files of their signing key. */
export interface Person {
  readonly name: string;
  readonly holder: string;
  readonly key: SigningKey;
  readonly files: readonly Upload[];
}

async function newPerson(name: string): Promise<Person> {
  const key = await generateSigningKey();
  const to = passphraseRecipient(PASSPHRASE, { cost: COST_FLOOR });
  const files = [
    upload(`${name}.identity`, await protectIdentity(key, { to })),
    upload(`${name}.pub.jwk`, JSON.stringify(key.publicJwk())),
  ];
  return { name, holder: randomBytes(16).toString("hex"), key, files };
}

/** An institution of three people, two of whom have to decide, with two recordings of an exam and one of another. */
async function newInstitution() {
  const id = randomBytes(16).toString("hex");
  const [root, registrar] = [await generateSigningKey(), await generateSigningKey()];
  const buckets = await planBuckets({ from: new Date(), days: 30, count: 2 });
  const published = await signKeyset(
    {
      ...({ institution: id, sequence: 1, approvals: 2 } as const),
      expires: new Date(Date.now() + 80 * DAY),
      registrar: registrar.publicJwk(),
      keys: buckets.flatMap(({ keys }) => keys),
    },
    root,
  );
  const keyset = await verifyKeyset(published, { pin: root.thumbprint, institution: id });
  const [jo, kim, sam] = [await newPerson("Jo Lee"), await newPerson("Kim"), await newPerson("Sam Roe")];
  const staff = [jo, kim, sam].map(({ holder, key }) => ({
    ...{ holder, key: key.publicJwk() },
    roles: key === jo.key ? (["staff"] as const) : (["staff", "grantor"] as const),
  }));
  const claims = { institution: id, sequence: 1, expires: new Date(Date.now() + 10 * DAY), staff };
  const directoryText = await signDirectory(claims, registrar);
  const directory = await verifyDirectory(directoryText, { keyset });
  return { ...{ id, root, published, keyset, buckets, directoryText, directory }, people: { jo, kim, sam } };
}

/** An institution's sign-in, with the page of oidc-provider that asks for a name. */
async function startProvider(redirect: string) {
  const server = createHttpServer();
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const configuration: Configuration = {
    clients: [
      {
        client_id: "staff",
        token_endpoint_auth_method: "none",
        redirect_uris: [redirect],
        application_type: "native",
      },
    ],
    clientBasedCORS: () => true,
    clientDefaults: { grant_types: ["authorization_code"], response_types: ["code"] },
    cookies: { keys: ["test"] },
    scopes: ["openid", READ_SCOPE],
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, indicator) => ({
          ...{ scope: READ_SCOPE, audience: indicator, accessTokenFormat: "jwt" as const },
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  };
  server.on("request", new Provider(issuer, configuration).callback());
  return { issuer, close: () => server.close() };
}

/** The page, the sign-in, and the server with its store. */
export async function startWorld(name: "admin" | "reviewer" = "admin") {
  const institution = await newInstitution();
  let settings: object = {};
  let policy = "";
  const folderOfPage = fileURLToPath(new URL(`../../${name}/dist`, import.meta.url));
  const html = await readFile(join(folderOfPage, "index.html"), "utf8");
  const page: PageServer = await servePage(folderOfPage, {
    // The page's own policy wants https addresses.
    policy: { "connect-src": "'self' http://localhost:* http://127.0.0.1:*" },
    change(app) {
      app.get("/settings.json", (context) => context.json(settings));
      app.get("/keyset.jws", (context) => context.text(institution.published));
      app.get("/staff.jws", (context) => context.text(institution.directoryText));
      app.get("/", (context) => context.html(html.replace("connect-src", `connect-src ${policy}`)));
    },
  });
  const provider = await startProvider(page.url);

  const store = await openFolder(folder(MEMORY));
  const operator = generateKeyPairSync("ed25519");
  const entry = {
    ...{ id: institution.id, regions: ["eu"], retentionDays: 90, tracks: ["chat"] },
    root: institution.root.thumbprint,
    reviewers: { issuer: provider.issuer, audience: AUDIENCE },
  };
  const register = await openRegister(store, {
    register: await signRegister({ sequence: 1, institutions: [entry] }, operator.privateKey),
    key: operator.publicKey,
    keysetOf: async () => institution.published,
  });
  let now = Date.now();
  const clock = () => new Date(now);
  const reviewers = reviewerVerifier({ register: () => register, now: clock });
  const app = createServer({
    store,
    retention: await Retention.open(store),
    verifyToken: eitherVerifier(ISSUER, verifyToken, reviewers),
    admission: admitRegistered(() => register, "eu"),
    origins: [new URL(page.url).origin],
    pageLength: 2,
  });
  const http = createHttpServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve) => http.listen(0, "localhost", resolve));
  const server = `http://localhost:${(http.address() as AddressInfo).port}/`;
  policy = `${provider.issuer} ${server}`;
  settings = {
    ...{ institution: institution.id, root: institution.root.thumbprint },
    ...{ keyset: "keyset.jws", directory: "staff.jws", server },
    signIn: { issuer: provider.issuer, clientId: "staff", resource: AUDIENCE },
  };

  const taker = await generateIdentity();
  const recordings: { id: string; coreHash: string; objects: Map<string, Uint8Array<ArrayBuffer>> }[] = [];
  for (const [exam, days] of [
    [EXAM, 7],
    [EXAM, 8],
    ["history", 40],
  ] as const) {
    const expiresAt = new Date(Date.now() + days * DAY);
    const recording = await startRecording({
      to: institution.keyset,
      policy: { institution: institution.id, region: "eu", expiresAt },
      metadata: { exam, replyTo: taker.recipient.toJwk() as never },
    });
    const objects = new Map<string, Uint8Array<ArrayBuffer>>();
    const uploading = recording.upload(async (name, bytes) => {
      objects.set(name, bytes.slice());
      const auth = await token(recording.recordingId, "upload", { claims: { institution: institution.id } });
      const headers = { authorization: `Bearer ${auth}` };
      const { status } = await fetch(`${server}v1/recordings/${name}`, {
        method: "PUT",
        headers,
        body: bytes,
      });
      if (status !== 201) throw new Error(`the server answers ${status}`);
    });
    await recording.track("chat").write(`hello from ${exam}\n`);
    await recording.finish("submitted");
    await uploading;
    recordings.push({ id: recording.recordingId, coreHash: recording.coreHash, objects });
  }

  const papers = new Papers(store, clock);
  return {
    ...{ institution, page, recordings, taker, server, papers, issuer: provider.issuer },
    putPaper: (bytes: Buffer) =>
      papers.put(institution.id, createHash("sha256").update(bytes).digest("hex"), bytes),
    /** Of consoles, and errors. */
    complaints: [] as string[],
    setNow(next: number) {
      now = next;
    },
    async close() {
      page.close();
      provider.close();
      http.closeAllConnections();
      http.close();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

/** Signs in by the provider's own window. */
export async function signInOn(page: Page, login: string): Promise<void> {
  const opening = page.waitForEvent("popup");
  await page.getByRole("button", { name: "Sign in" }).click();
  const popup = await opening;
  const closed = popup.waitForEvent("close");
  const button = popup.getByRole("button");
  await popup.waitForURL(/interaction/);
  await popup.locator("[name=login]").fill(login);
  await popup.locator("[name=password]").fill("x");
  await button.click();
  await button.filter({ hasText: "Continue" }).click();
  await closed;
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** The page, as somebody opens it in a browser of their own, and signs in. */
export async function signedIn(
  { page: server, complaints }: World,
  browser: BrowserContext,
  login: string,
): Promise<Page> {
  await browser.clearCookies();
  const page = await openPage({ server, complaints }, browser);
  await signInOn(page, login);
  return page;
}

/** A request of Jo's that Kim has approved. */
export async function leaveRequest({ institution, putPaper }: World): Promise<void> {
  const { id, directory, people } = institution;
  const notAfter = new Date(Date.now() + 7 * DAY);
  const claims = { institution: id, exam: EXAM, reason: "appeal 17", notAfter };
  const { request } = await requestAccess(claims, people.jo.key);
  const approval = await approveRequest(request, people.kim.key, { directory });
  for (const paper of [request, approval]) await putPaper(Buffer.from(paper));
}

/** Picks somebody's signing key, by its file and passphrase. */
export async function useSigningKey(page: Page, { files }: Person): Promise<void> {
  await page.getByText("Signing key, to ask, approve or grant").click();
  const form = page.locator("key-form[for=signs]");
  await form.getByLabel("Key file").setInputFiles([...files]);
  await form.getByLabel("Passphrase, if").fill(PASSPHRASE);
  await form.getByRole("button", { name: "Use this key" }).click();
  await form.waitFor({ state: "detached" });
}
