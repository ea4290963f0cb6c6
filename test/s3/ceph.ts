import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installDebian } from "../helpers/debian.js";

/** A real S3 server: Ceph's gateway, with a monitor and an object store in memory, on this machine alone. */

const PROGRAMS = ["ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "monmaptool"];
const PACKAGES = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"];

const isInstalled = (): boolean => PROGRAMS.every((name) => spawnSync("which", [name]).status === 0);

/**
 * Whether there is one, installed where it can be. With `CI=true` a missing one is an error; elsewhere the caller skips, and it is
 * said.
 */
export function ensureCeph(): boolean {
  if (isInstalled()) return true;
  installDebian(PACKAGES);
  if (isInstalled()) return true;
  const missing = `no Ceph (on Debian: ${PACKAGES.join(", ")})`;
  if (process.env.CI) throw new Error(`S3 cannot be tested: there is ${missing}`);
  console.warn(`\n*** SKIPPED, NOT TESTED: conditional puts of a real S3 server. There is ${missing}. ***\n`);
  return false;
}

export interface Ceph {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

export async function startCeph(): Promise<Ceph> {
  const folder = mkdtempSync(join(tmpdir(), "blindreel-ceph-"));
  const [port, monitorPort] = [await freePort(), await freePort()];
  for (const name of ["mon", "osd", "rgw"]) mkdirSync(join(folder, name));
  const id = randomUUID();
  const conf = join(folder, "ceph.conf");
  writeFileSync(conf, configuration(folder, id, port, monitorPort));
  const env = { ...process.env, CEPH_CONF: conf };
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 60_000,
    });
  const daemons = new Set<ChildProcess>();
  let isStopping = false;
  const start = (program: string, ...args: string[]): void => {
    const output = openSync(join(folder, `${program}.out`), "a");
    const daemon = spawn(program, [...args, "-f"], { env, stdio: ["ignore", output, output] });
    closeSync(output);
    daemons.add(daemon);
    daemon.once("exit", () => {
      daemons.delete(daemon);
      // A daemon whose first command was refused ends.
      if (!isStopping) setTimeout(() => !isStopping && start(program, ...args), 300);
    });
  };
  const stop = async (): Promise<void> => {
    isStopping = true;
    await Promise.all(
      [...daemons].map((daemon) => {
        const gone = new Promise((resolve) => daemon.once("exit", resolve));
        daemon.kill("SIGKILL");
        return gone;
      }),
    );
    rmSync(folder, { recursive: true, force: true });
  };
  /**
   * What the monitor is told, until it is taken: a client of Ceph 16 may send its command before it has the cluster's id, and then
   * it is refused ("handle_command on fsid 00000000-…" in the monitor's log). Said again, each changes nothing.
   */
  const tell = (...args: string[]) => until(() => run("ceph", "--connect-timeout", "5", ...args));
  try {
    const map = join(folder, "monmap");
    run("monmaptool", "--create", "--fsid", id, "--addv", "a", `v1:127.0.0.1:${monitorPort}`, map);
    run("ceph-mon", "-i", "a", "--mkfs", "--monmap", map);
    start("ceph-mon", "-i", "a");
    const osd = randomUUID();
    await tell("osd", "new", osd, "0");
    await tell("osd", "crush", "add", "osd.0", "1.0", "root=default", "host=local");
    run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd);
    start("ceph-osd", "-i", "0");
    await until(() => {
      if (!run("ceph", "osd", "stat").includes("1 up")) throw new Error("the object store does not start");
    });
    start("radosgw", "-n", "client.rgw");
    const url = `http://127.0.0.1:${port}`;
    await until(() => fetch(url).then((response) => response.text()));
    const [accessKeyId, secretAccessKey] = ["access", "secret"];
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
    const user = (...args: string[]) =>
      run("radosgw-admin", "-n", "client.rgw", "user", ...args, "--uid=test");
    await until(() => {
      try {
        user("info");
      } catch {
        user("create", "--display-name=test", ...keys);
      }
    });
    return { url, accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey!, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Below the ports that the system gives to connections: one of Ceph's own could take it meanwhile. */
function freePort(): Promise<number> {
  const port = randomInt(20_000, 32_000);
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}

async function until(action: () => unknown): Promise<void> {
  for (const deadline = Date.now() + 120_000; ; ) {
    try {
      await action();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function configuration(folder: string, id: string, port: number, monitorPort: number): string {
  return `[global]
fsid = ${id}
mon host = v1:127.0.0.1:${monitorPort}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
run dir = ${folder}
admin socket = ${folder}/$name.asok
log file = ${folder}/$name.log
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd crush update on start = false
osd class update on start = false
osd data = ${folder}/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw data = ${folder}/rgw
rgw enable usage log = false
`;
}
