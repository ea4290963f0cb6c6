import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebKitGtkFound } from "../../scripts/runtimes.js";

/** WebKitGTK's WebDriver on a display of its own. */
export interface WebKitDriver {
  readonly port: number;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

/** WebKitGTK draws even when nobody looks, so it needs an X server. @throws Error when the driver does not answer. */
export async function startWebKitDriver({ driver, display }: WebKitGtkFound): Promise<WebKitDriver> {
  const port = await freePort();
  const env = { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
  const args = ["-a", driver, "--host=127.0.0.1", `--port=${port}`];
  // A group of its own, so that stopping reaches the X server and the browsers too.
  const child = spawn(display, args, { env, detached: true, stdio: "ignore" });
  const stop = () => stopGroup(child);
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`WebKitWebDriver ended with ${child.exitCode}`);
    if (await isAnswering(port)) return { port, stop };
    await sleep(100);
  }
  await stop();
  throw new Error("WebKitWebDriver does not answer");
}

async function isAnswering(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/status`);
    return response.ok;
  } catch {
    return false;
  }
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const exited = new Promise((exit) => child.once("exit", exit));
  process.kill(-child.pid, "SIGTERM");
  await exited;
}
