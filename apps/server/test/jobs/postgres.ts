import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { installDebian } from "../../../../test/helpers/debian.js";

/** A PostgreSQL server of the tests' own: on a socket in a folder of its own, no port. */

/** Debian has the programs of each version in a folder that is in no PATH. */
const DEBIAN = "/usr/lib/postgresql";
const PACKAGES = ["postgresql"];

function programs(): string | undefined {
  const versions = existsSync(DEBIAN)
    ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin"))
    : [];
  const onPath = (process.env.PATH ?? "").split(":");
  return [...versions, ...onPath].find((folder) =>
    ["initdb", "postgres"].every((name) => existsSync(join(folder, name))),
  );
}

/**
 * Whether there is one, installed where it can be. With `CI=true` a missing one is an error; elsewhere the caller skips, and it is
 * said.
 */
export function ensurePostgres(): boolean {
  if (programs()) return true;
  installDebian(PACKAGES);
  if (programs()) return true;
  const missing = `no PostgreSQL (on Debian: ${PACKAGES.join(", ")})`;
  if (process.env.CI) throw new Error(`jobs cannot be tested: there is ${missing}`);
  console.warn(`\n*** SKIPPED, NOT TESTED: rewrapping as jobs. There is ${missing}. ***\n`);
  return false;
}

export interface Postgres {
  readonly url: string;
  /** Of the process whose children serve the connections. */
  readonly pid: number;
  /** Ends it as a loss of power does; it is there again when this resolves. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** It refuses to run as root. */
function someUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => {
    for (const name of ["postgres", "nobody"]) {
      const { status, stdout } = spawnSync("id", [flag, name], { encoding: "utf8" });
      if (status === 0) return Number(stdout);
    }
    throw new Error("there is no user postgres and no user nobody");
  };
  return { uid: id("-u"), gid: id("-g") };
}

export async function startPostgres(): Promise<Postgres> {
  const bin = programs()!;
  const folder = mkdtempSync(join(tmpdir(), "blindreel-postgres-"));
  const user = someUser();
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  if (user) for (const each of [folder, data]) chownSync(each, user.uid, user.gid);
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "jobs", "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...options,
    stdio: "ignore",
  });
  const url = `postgresql://jobs@localhost/postgres?host=${encodeURIComponent(folder)}`;
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const flags = ["-k", folder, "-c", "listen_addresses="];
    server = spawn(join(bin, "postgres"), ["-D", data, ...flags], { ...options, stdio: "ignore" });
    for (let tries = 0; ; tries++) {
      const client = new pg.Client({ connectionString: url });
      // A server that starts, or recovers, ends connections.
      client.on("error", () => {});
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (tries === 300 || server.exitCode !== null) throw error;
      }
      await wait(100);
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  };
  await start();
  return {
    url,
    get pid() {
      return server.pid!;
    },
    async crash() {
      await end("SIGQUIT");
      await start();
    },
    async stop() {
      await end("SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
