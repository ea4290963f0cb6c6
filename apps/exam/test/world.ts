import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { signRegister } from "../../server/src/register.js";
import { newInstitution } from "../../server/test/institution.js";
import { environment, startProcess } from "../../server/test/process.js";
import { openAuthority } from "../src/authority.js";
import { EXTENSION_ID, startLms } from "../src/lms/start.js";

export const STAFF = "https://staff.localhost:1";
export const AUDIENCE = "https://exams.localhost/recordings";
export const SITE = "staff-site";

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const pem = (key: KeyObject, type: "spki" | "pkcs8"): string => key.export({ type, format: "pem" }) as string;

/** LMS and server with certificates of one authority, the server in a process of its own; and an institution at both. */
export async function startWorld(extensionId = EXTENSION_ID) {
  const institution = await newInstitution();
  const settings = environment();
  const authority = openAuthority(join(settings.root, "authority"));
  const port = await freePort();
  const tool = `https://exams.localhost:${port}`;
  const lms = await startLms({
    port: 0,
    certificate: authority,
    tool,
    reviewer: `${STAFF}/reviewer/`,
    institution: institution.id,
    root: institution.root.thumbprint,
    clients: [{ id: SITE, redirect: [`${STAFF}/admin/`, `${STAFF}/reviewer/`] }],
    audience: AUDIENCE,
    extensionId,
  });
  const operator = generateKeyPairSync("ed25519");
  const keep = (name: string, text: string): string => {
    writeFileSync(join(settings.root, name), text);
    return join(settings.root, name);
  };
  const entry = {
    id: institution.id,
    regions: ["eu"],
    retentionDays: 60,
    tracks: ["camera", "screen", "microphone", "chat"],
    root: institution.root.thumbprint,
    ...lms.entry,
  };
  const register = await signRegister({ sequence: 1, institutions: [entry] }, operator.privateKey);
  keep(`${institution.id}.jws`, institution.published);
  const server = await startProcess({
    ...settings.variables,
    BLINDREEL_TLS_CERT: authority.certPath,
    BLINDREEL_TLS_KEY: authority.keyPath,
    BLINDREEL_PORT: `${port}`,
    BLINDREEL_REGISTER: keep("register.jws", register),
    BLINDREEL_REGISTER_KEY: keep("operator.pem", pem(operator.publicKey, "spki")),
    BLINDREEL_KEYSETS: settings.root,
    BLINDREEL_LAUNCH_KEY: keep("launch.pem", pem(generateKeyPairSync("ed25519").privateKey, "pkcs8")),
    BLINDREEL_PSEUDONYM_SECRET: keep("pseudonyms.secret", `${randomBytes(32).toString("base64url")}\n`),
    BLINDREEL_EXTENSION: extensionId,
    NODE_EXTRA_CA_CERTS: authority.path,
  });
  return {
    ...{ institution, authority, lms, server, tool },
    store: settings.store,
    ca: readFileSync(authority.path, "utf8"),
    async close() {
      await server.end("SIGKILL");
      await lms.close();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;
