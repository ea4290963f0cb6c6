import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateIdentity, type Recipient } from "blindreel";
import { startRecording } from "blindreel/recording";
import { envelopeName } from "blindreel/server";
import { build } from "esbuild";
import { readKeyFile } from "../../src/at-rest/key-ring.js";
import { openSealedStore } from "../../src/at-rest/sealed-store.js";
import { openFolder } from "../../src/store/folder.js";
import { DAY, folder, MEMORY } from "../fixture.js";

const SERVER = fileURLToPath(new URL("../../", import.meta.url));

export const INSTITUTION = "00112233445566778899aabbccddeeff";

const old = await generateIdentity();
const next = await generateIdentity();

export { next, old };

/** The jobs' program in one file, below this package, where its dependencies are found. Bundled once: starting it is then short. */
export async function bundleJobs(): Promise<{ readonly path: string; remove(): void }> {
  mkdirSync(join(SERVER, ".cache"), { recursive: true });
  const below = mkdtempSync(join(SERVER, ".cache/jobs-"));
  const outfile = join(below, "jobs.mjs");
  await build({
    entryPoints: [join(SERVER, "src/jobs/main.ts")],
    outfile,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
  });
  return { path: outfile, remove: () => rmSync(below, { recursive: true, force: true }) };
}

/** A sealed store, and the variables of jobs on it. */
export async function storeOfJobs(database: string) {
  const root = folder(MEMORY);
  const at = (name: string, content: string): string => {
    writeFileSync(join(root, name), content, { mode: 0o600 });
    return join(root, name);
  };
  const keyFile = at("master.keys", `${randomBytes(32).toString("base64url")}\n`);
  const variables: Record<string, string | undefined> = {
    BLINDREEL_REGION: "eu",
    BLINDREEL_STORE: "folder",
    BLINDREEL_FOLDER: join(root, "store"),
    BLINDREEL_AT_REST: "sealed",
    BLINDREEL_KEY_FILE: keyFile,
    BLINDREEL_JOBS_DATABASE: database,
    BLINDREEL_JOBS_TO: at("to.jwks", JSON.stringify({ keys: [next.recipient.toJwk()] })),
    BLINDREEL_JOBS_KEYS: at("keys.jwks", JSON.stringify({ keys: [old.toJwk(), next.toJwk()] })),
  };
  const open = async () =>
    openSealedStore(await openFolder(variables.BLINDREEL_FOLDER!), {
      ring: await readKeyFile(keyFile),
      region: "eu",
    });
  return { store: await open(), variables, at, root };
}

export type SealedStoreOfJobs = Awaited<ReturnType<typeof storeOfJobs>>["store"];

/** Envelopes of recordings, as a recorder makes them. */
export async function fill(
  store: SealedStoreOfJobs,
  count: number,
  { to = old.recipient as Recipient, institution = INSTITUTION } = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const policy = { region: "eu", institution, expiresAt: new Date(Date.now() + 7 * DAY) };
  const envelopes = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let i = 0; i < count; i++) {
    const { recordingId, envelope } = await startRecording({ to, policy });
    await store.create(envelopeName(recordingId), [envelope], { length: envelope.length });
    envelopes.set(recordingId, envelope);
  }
  return envelopes;
}

export interface JobsProcess {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves when it has written this, or has ended. */
  says(text: string): Promise<void>;
  /** Its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** @param prefix a program before Node, such as `taskset`. */
export function startJobs(
  path: string,
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  prefix: readonly string[] = [],
): JobsProcess {
  const [program, ...rest] = [...prefix, process.execPath, path, ...args] as [string, ...string[]];
  const env = { PATH: process.env.PATH, ...variables };
  const child = spawn(program, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => {
      output += part.toString();
      for (const watcher of watchers) watcher();
    });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal)),
  );
  return {
    child,
    ended,
    output: () => output,
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
        };
        watchers.add(look);
        look();
        ended.then(() => resolve());
      }),
  };
}
