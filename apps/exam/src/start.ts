import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { signRegister } from "../../server/src/register.js";
import { type Authority, openAuthority } from "./authority.js";
import { serveTls } from "./listen.js";
import { EXTENSION_ID, type Lms, startLms } from "./lms/start.js";
import { type ExamOffice, openOffice } from "./office.js";
import { type ServerProcess, startServerProcess } from "./server-process.js";
import { createSite } from "./site.js";

/** Days that the institution's recordings are kept. */
export const RETENTION_DAYS = 7;
const REGION = "eu";
const TRACKS = [
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
];
/** The institution's site, as its OpenID provider knows it. */
const SITE = "staff-site";
const AUDIENCE = "https://exams.localhost";
/** Of tokens that the institution's own service gets, to put rewrapped envelopes. */
export const ISSUER = "https://office.localhost";

export interface ExamOptions {
  /** Where keys, certificates, statements and objects are kept; made where it is missing. */
  readonly folder: string;
  /** Of LMS, server and the institution's site; free ones unless given. */
  readonly ports?: readonly [number, number, number];
}

/** All that an exam needs, on one machine. */
export interface Exam {
  readonly folder: string;
  readonly origins: { readonly lms: string; readonly server: string; readonly staff: string };
  readonly authority: Authority;
  readonly office: ExamOffice;
  /** Folder of the server's objects, and file of its log. */
  readonly store: string;
  readonly log: string;
  /** The variables of the server. */
  readonly environment: Readonly<Record<string, string>>;
  readonly server: ServerProcess;
  /** Gives the server the office's present keyset, which it reads anew. */
  publishKeyset(): void;
  close(): Promise<void>;
}

/** Starts it; keys and objects of an earlier run are used again. @throws Error where a port is taken or OpenSSL is missing. */
export async function startExam({ folder, ports }: ExamOptions): Promise<Exam> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const [lmsPort, serverPort, staffPort] = ports ?? (await freePorts());
  const origins = {
    lms: `https://localhost:${lmsPort}`,
    server: `https://exams.localhost:${serverPort}`,
    staff: `https://staff.localhost:${staffPort}`,
  };
  const authority = openAuthority(at("authority"));
  const office = openOffice(at("office"));
  const [store, log] = [at("store"), at("server.log")];
  const lms = await startLms({
    port: lmsPort,
    certificate: authority,
    tool: origins.server,
    reviewer: `${origins.staff}/reviewer/`,
    institution: office.institution,
    root: office.root,
    clients: [{ id: SITE, redirect: [`${origins.staff}/admin/`, `${origins.staff}/reviewer/`] }],
    audience: AUDIENCE,
  });
  const parts = { origins, authority, office, store, serverPort, entry: lms.entry };
  const environment = await serverEnvironment(folder, parts);
  const server = await startServerProcess(environment, log);
  const site = await serveTls(
    createSite({
      office,
      server: origins.server,
      signIn: { issuer: origins.lms, clientId: SITE, resource: AUDIENCE },
    }),
    authority,
    staffPort,
  );
  return {
    folder,
    origins,
    authority,
    office,
    store,
    log,
    environment,
    server,
    publishKeyset() {
      publishKeyset(folder, office);
      server.child.kill("SIGHUP");
    },
    async close() {
      await Promise.all([server.stop(), lms.close(), site.close()]);
    },
  };
}

/** @returns the folder of keysets. */
function publishKeyset(folder: string, office: ExamOffice): string {
  const keysets = join(folder, "server/keysets");
  mkdirSync(keysets, { recursive: true });
  writeFileSync(join(keysets, `${office.institution}.jws`), readFileSync(office.keyset));
  return keysets;
}

interface Parts extends Pick<Exam, "origins" | "authority" | "office" | "store"> {
  readonly serverPort: number;
  /** What the register says of the institution's LMS. */
  readonly entry: Lms["entry"];
}

async function serverEnvironment(
  folder: string,
  { origins, authority, office, store, serverPort, entry }: Parts,
) {
  const at = (name: string): string => join(folder, "server", name);
  mkdirSync(at(""), { recursive: true, mode: 0o700 });
  const kept = (name: string, make: () => string): string => {
    if (!existsSync(at(name))) writeFileSync(at(name), make(), { mode: 0o600 });
    return at(name);
  };
  const pem = (): string =>
    generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const secret = (): string => `${randomBytes(32).toString("base64url")}\n`;
  const issuer = createPublicKey(createPrivateKey(readFileSync(kept("issuer.pem", pem)))).export({
    format: "jwk",
  });
  const tokenKeys = at("issuer.json");
  writeFileSync(tokenKeys, JSON.stringify({ keys: [{ ...issuer, kid: "issuer" }] }));
  const operator = generateKeyPairSync("ed25519");
  const sequence = Math.floor(Date.now() / 1000);
  const register = await signRegister(
    {
      sequence,
      institutions: [
        {
          id: office.institution,
          regions: [REGION],
          retentionDays: RETENTION_DAYS,
          tracks: TRACKS,
          root: office.root,
          ...entry,
        },
      ],
    },
    operator.privateKey,
  );
  writeFileSync(at("register.jws"), register);
  writeFileSync(at("operator.pem"), operator.publicKey.export({ type: "spki", format: "pem" }));
  const keysets = publishKeyset(folder, office);
  return {
    BLINDREEL_STORE: "folder",
    BLINDREEL_FOLDER: store,
    BLINDREEL_AT_REST: "sealed",
    BLINDREEL_KEY_FILE: kept("master.keys", secret),
    BLINDREEL_REGION: REGION,
    BLINDREEL_TOKEN_KEYS: tokenKeys,
    BLINDREEL_TOKEN_ISSUER: ISSUER,
    BLINDREEL_TOKEN_AUDIENCE: origins.server,
    BLINDREEL_REGISTER: at("register.jws"),
    BLINDREEL_REGISTER_KEY: at("operator.pem"),
    BLINDREEL_KEYSETS: keysets,
    BLINDREEL_WITNESS_KEY: kept("witness.pem", pem),
    BLINDREEL_LAUNCH_KEY: kept("launch.pem", pem),
    BLINDREEL_PSEUDONYM_SECRET: kept("pseudonym.secret", secret),
    BLINDREEL_EXTENSION: EXTENSION_ID,
    BLINDREEL_TLS: "files",
    BLINDREEL_TLS_CERT: authority.certPath,
    BLINDREEL_TLS_KEY: authority.keyPath,
    BLINDREEL_PORT: `${serverPort}`,
    BLINDREEL_ADMIN_PORT: "0",
    BLINDREEL_ORIGINS: origins.staff,
    // The stand-in LMS has a certificate of the same authority.
    NODE_EXTRA_CA_CERTS: authority.path,
  };
}

async function freePorts(): Promise<[number, number, number]> {
  const servers = await Promise.all(
    [0, 1, 2].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          const { port } = server.address() as AddressInfo;
          server.close(() => resolve(port));
        }),
    ),
  );
  return ports as [number, number, number];
}
