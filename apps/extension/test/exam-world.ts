import { execFileSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateSigningKey, signKeyset } from "blindreel/keyset";
import { httpObjects, openRecording, type RecordingReview } from "blindreel/review";
import { SignJWT } from "jose";
import type { BrowserContext, Page } from "playwright";
import { killBrowser } from "../../../test/extension/recorder-bench.js";
import { launchChromium, pageAt } from "../../../test/helpers/browsers.js";
import { openAuthority, trustAuthority } from "../../exam/src/authority.js";
import { type Lms, startLms } from "../../exam/src/lms/start.js";
import { signRegister } from "../../server/src/register.js";
import { TOKEN_TYPE } from "../../server/src/tokens.js";
import { AUDIENCE, folder, ISSUER, issuer } from "../../server/test/fixture.js";
import { newInstitution } from "../../server/test/institution.js";
import { ask, environment, type ServerProcess, startProcess } from "../../server/test/process.js";

export const EXTENSION = "nlopgomhkogapiolcfcbefjhbkcbgacc";
export const EXAM_PAGE = `chrome-extension://${EXTENSION}/exam.html`;

/** Milliseconds for one step, on a busy machine. */
const PATIENCE = 15_000;

/**
 * Counts what the extension's pages ask the browser for, ahead of its own scripts; ends what it has given, as the browser does, by its event;
 * says how much of a file they read at once.
 */
const COUNTER = `addEventListener("securitypolicyviolation", (event) => {
  localStorage.violations = event.violatedDirective + " " + event.blockedURI;
});
for (const name of ["getUserMedia", "getDisplayMedia"]) {
  const own = navigator.mediaDevices[name].bind(navigator.mediaDevices);
  navigator.mediaDevices[name] = async (given) => {
    const kinds = ["video", "audio"].filter((kind) => given?.[kind]);
    localStorage.asked = (localStorage.asked ?? "") + name + ":" + kinds + " ";
    const stream = await own(given);
    new BroadcastChannel("test").onmessage = ({ data }) => {
      for (const track of stream.getTracks())
        if (data === name + ":" + track.kind) {
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }
    };
    return stream;
  };
}
for (const name of ["stream", "arrayBuffer", "bytes", "text"]) {
  const own = Blob.prototype[name];
  Blob.prototype[name] = function () {
    if (this.size > (localStorage.largest ?? 0)) localStorage.largest = this.size;
    return own.call(this);
  };
}`;

/** The built extension, whose pages count their calls. */
export function countingExtension(settings?: Readonly<Record<string, string>>): string {
  const root = dirname(fileURLToPath(new URL(".", import.meta.url)));
  const built = settings ? folder() : join(root, "dist");
  if (!existsSync(join(built, "manifest.json"))) {
    const build = ["vite", "build", "--logLevel", "warn", "--emptyOutDir", "--outDir", built];
    execFileSync("npx", build, { cwd: root, stdio: "pipe", env: { ...process.env, ...settings } });
  }
  const copy = folder();
  cpSync(built, copy, { recursive: true });
  writeFileSync(join(copy, "counter.js"), COUNTER);
  for (const name of ["exam.html", "offscreen.html"]) {
    const text = readFileSync(join(copy, name), "utf8");
    writeFileSync(join(copy, name), text.replace("<script", '<script src="/counter.js"></script><script'));
  }
  return copy;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });

const pem = (key: KeyObject, type: "spki" | "pkcs8"): string => key.export({ type, format: "pem" }) as string;

export interface WorldOptions {
  readonly asksPerson?: boolean;
  readonly profile?: string;
  readonly film?: string;
  /** Of a build of the extension for this world alone. */
  readonly build?: Readonly<Record<string, string>>;
}

/** An institution, its LMS, the vendor's server in a process, and a browser that trusts their authority and has the extension. */
export class ExamWorld {
  readonly institution!: Awaited<ReturnType<typeof newInstitution>>;
  readonly lms!: Lms;
  readonly profile!: string;
  readonly #home = folder();
  readonly #extension: string;
  /** What the camera shows: a file of JPEG pictures. */
  readonly film!: string | undefined;
  /** Whether the browser gives devices by the permissions that a test sets, and not to all that ask. */
  readonly asksPerson!: boolean;
  /** What an administrator has set for the extension, from the next start of the browser on. */
  policy: Readonly<Record<string, string>> | undefined;
  /** Of the server's process. */
  readonly variables!: Record<string, string | undefined>;
  readonly port!: number;
  readonly cert!: string;
  server!: ServerProcess;
  browser!: BrowserContext;

  private constructor(
    parts: Pick<ExamWorld, "institution" | "lms" | "port" | "cert" | "asksPerson" | "profile" | "film">,
    variables: Record<string, string | undefined>,
    build: Readonly<Record<string, string>> | undefined,
  ) {
    this.#extension = countingExtension(build);
    Object.assign(this, parts, { variables });
  }

  static async start({
    asksPerson = false,
    profile = folder(),
    film,
    build,
  }: WorldOptions = {}): Promise<ExamWorld> {
    const authority = openAuthority(folder());
    const settings = environment();
    const institution = await newInstitution();
    const port = await freePort();
    const lms = await startLms({
      port: 0,
      certificate: authority,
      tool: `https://exams.localhost:${port}`,
      reviewer: "https://staff.localhost:1/reviewer/",
      institution: institution.id,
      root: institution.root.thumbprint,
      clients: [],
      audience: "https://exams.localhost/recordings",
    });
    const keep = (name: string, text: string): string => {
      writeFileSync(join(settings.root, name), text);
      return join(settings.root, name);
    };
    const operator = generateKeyPairSync("ed25519");
    const entry = {
      id: institution.id,
      regions: ["eu"],
      retentionDays: 60,
      tracks: [
        "camera",
        "screen",
        "microphone",
        "flags",
        "chat",
        "answers",
        "events",
        "consent",
        "homework-1",
        "homework-2",
      ],
      root: institution.root.thumbprint,
      ...lms.entry,
    };
    const register = await signRegister({ sequence: 1, institutions: [entry] }, operator.privateKey);
    keep(`${institution.id}.jws`, institution.published);
    const key = (): string => pem(generateKeyPairSync("ed25519").privateKey, "pkcs8");
    const world = new ExamWorld(
      { institution, lms, port, cert: readFileSync(authority.path, "utf8"), asksPerson, profile, film },
      {
        ...settings.variables,
        BLINDREEL_PORT: `${port}`,
        BLINDREEL_TLS_CERT: authority.certPath,
        BLINDREEL_TLS_KEY: authority.keyPath,
        BLINDREEL_REGISTER: keep("register.jws", register),
        BLINDREEL_REGISTER_KEY: keep("operator.pem", pem(operator.publicKey, "spki")),
        BLINDREEL_KEYSETS: settings.root,
        BLINDREEL_LAUNCH_KEY: keep("launch.pem", key()),
        BLINDREEL_WITNESS_KEY: keep("witness.pem", key()),
        BLINDREEL_PSEUDONYM_SECRET: keep("pseudonyms.secret", `${randomBytes(32).toString("base64url")}\n`),
        BLINDREEL_EXTENSION: EXTENSION,
        NODE_EXTRA_CA_CERTS: authority.path,
      },
      build,
    );
    trustAuthority(authority, world.#home);
    await Promise.all([world.startServer(), world.launch()]);
    return world;
  }

  async startServer(): Promise<void> {
    this.server = await startProcess(this.variables);
  }

  /** Killed, and started with what has changed meanwhile. */
  async restartServer(change = (): void => {}): Promise<void> {
    await this.server.end("SIGKILL");
    change();
    await this.startServer();
  }

  /** From now on the server's clock is so many hours ahead of the browser's. */
  setServerAhead(hours: number): void {
    const shift = `const D = Date; globalThis.Date = class extends D { constructor(...given) { given.length > 0 ? super(...given) : super(Date.now()); } static now() { return D.now() + ${hours * 3_600_000}; } };`;
    this.variables.NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(shift)}`;
  }

  /** Another keyset of the institution, good until then. */
  async publish(sequence: number, expires: Date, issued = new Date()): Promise<void> {
    const { id, root, buckets } = this.institution;
    const registrar = (await generateSigningKey()).publicJwk();
    const keys = buckets.flatMap((bucket) => bucket.keys);
    const claims = { institution: id, sequence, issued, expires, approvals: 1 as const, registrar, keys };
    writeFileSync(join(this.variables.BLINDREEL_KEYSETS!, `${id}.jws`), await signKeyset(claims, root));
  }

  async launch(): Promise<void> {
    const { policy } = this;
    const values = { "3rdparty": { extensions: { [EXTENSION]: policy } } };
    this.browser = await launchChromium({
      extension: this.#extension,
      fakeMedia: !this.asksPerson,
      home: this.#home,
      profile: this.profile,
      ...(policy && { policies: { folder: this.#home, values } }),
      args: [
        ...(this.asksPerson ? ["--use-fake-device-for-media-stream"] : []),
        ...(this.film ? [`--use-file-for-fake-video-capture=${this.film}`] : []),
      ],
    });
    this.browser.setDefaultTimeout(PATIENCE);
  }

  async close(): Promise<void> {
    await this.browser?.close();
    await this.server?.end("SIGKILL");
    await this.lms.close();
  }

  get origin(): string {
    return `https://exams.localhost:${this.port}`;
  }

  /** The exam's page in the course, which stays open, after somebody signed in. */
  async course(person = "Sam Adeyemi", exam = "algebra-1"): Promise<Page> {
    const page = await this.browser.newPage();
    await page.goto(`${this.lms.origin}/exams/${exam}`);
    const who = page.getByRole("button", { name: person });
    if (await who.isVisible()) await who.click();
    await page.getByRole("button", { name: /Start the exam|Save/ }).waitFor();
    return page;
  }

  /** An instructor's choice. */
  async choose(tracks: readonly string[], guardian = false, exam = "algebra-1"): Promise<void> {
    await this.browser.clearCookies();
    const page = await this.course("Ines Duarte", exam);
    for (const name of ["camera", "screen", "microphone", "flags"])
      await page.getByRole("checkbox", { name }).setChecked(tracks.includes(name));
    await page.getByRole("checkbox", { name: "A guardian consents too" }).setChecked(guardian);
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForLoadState();
    await this.browser.clearCookies();
    await page.close();
  }

  /** From the course to the extension's page. */
  async begin(course: Page): Promise<Page> {
    const opened = this.pageAt(EXAM_PAGE);
    await course.getByRole("button", { name: "Start the exam" }).click();
    return opened;
  }

  /** The page at this address, as soon as there is one. */
  async pageAt(address: string): Promise<Page> {
    return pageAt(this.browser, (url) => url.startsWith(address));
  }

  /** What the extension has asked the browser for, so far. */
  async asked(page: Page): Promise<string[]> {
    return page.evaluate(() => (localStorage.asked ?? "").trim().split(" "));
  }

  /** Bytes of the largest part of a file that the extension has read at once. */
  async largestRead(page: Page): Promise<number> {
    return page.evaluate(() => Number(localStorage.largest ?? 0));
  }

  async token(recording: string, scope: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + 3600, recording, scope };
    return new SignJWT({ ...claims, institution: this.institution.id })
      .setProtectedHeader({ alg: "EdDSA", typ: TOKEN_TYPE, kid: "one" })
      .sign(issuer.privateKey);
  }

  /** Names of what the server has of a recording. */
  async names(recording: string): Promise<string[]> {
    const auth = await this.token(recording, "read");
    const { status, body } = await ask(this.port, this.cert, { path: `/v1/recordings/${recording}`, auth });
    return status === 200 ? JSON.parse(body.toString()).names : [];
  }

  async get(path: string, recording: string): Promise<Buffer> {
    const auth = await this.token(recording, "read");
    const { status, body } = await ask(this.port, this.cert, {
      path: `/v1/recordings/${recording}${path}`,
      auth,
    });
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
    return body;
  }

  async putReply(recording: string, name: string, body: Uint8Array): Promise<void> {
    const auth = await this.token(recording, "read");
    const path = `/v1/recordings/${recording}/replies/${name}`;
    const { status } = await ask(this.port, this.cert, { method: "PUT", path, body, auth });
    if (status !== 201) throw new Error(`reply: ${status}`);
  }

  /** As the institution reviews it. */
  async review(recording: string, coreHash: string): Promise<RecordingReview> {
    const names = await this.names(recording);
    const fetchStored = async (input: string | URL | Request): Promise<Response> => {
      const { url, headers } = input as Request;
      const range = headers.get("range");
      const { pathname } = new URL(url);
      const auth = await this.token(recording, "read");
      const answer = await ask(this.port, this.cert, { path: pathname, auth, ...(range ? { range } : {}) });
      const given = Object.entries(answer.headers).map(
        ([name, value]) => [name, `${value}`] as [string, string],
      );
      return new Response(new Uint8Array(answer.body), { status: answer.status, headers: given });
    };
    return openRecording(new Uint8Array(await this.get("/envelope", recording)), {
      identities: this.institution.buckets.map(({ identity }) => identity),
      expected: { coreHash },
      objects: httpObjects((name) => new Request(`${this.origin}/v1/recordings/${name}`), {
        fetch: fetchStored as typeof fetch,
      }),
      list: (prefix) => names.filter((name) => name.startsWith(prefix)),
    });
  }

  /** SIGKILL for the process of the profile that is no other's child, then the browser anew. */
  async killBrowser(): Promise<void> {
    const closed = new Promise((resolve) => this.browser.once("close", resolve));
    killBrowser(this.profile);
    await closed;
    await this.launch();
  }
}
