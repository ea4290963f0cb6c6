import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ExportableIdentity } from "../../src/keywrap/import.js";
import type { ChildOptions } from "./child.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A run that takes longer hangs, in milliseconds. */
const LONGEST_RUN = 60_000;

export interface CrashBench {
  readonly folder: string;
  readonly child: string;
  readonly identity: ExportableIdentity;
}

/** Compiles the child, in a folder that goes with {@link removeBench}. */
export async function makeBench(identity: ExportableIdentity): Promise<CrashBench> {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".cache/crash-"));
  const child = join(folder, "child.mjs");
  await build({
    entryPoints: [join(ROOT, "test/crash/child.ts")],
    outfile: child,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
  });
  return { folder, child, identity };
}

export function removeBench({ folder }: CrashBench): void {
  rmSync(folder, { recursive: true, force: true });
}

/** What a case's processes wrote down, line by line, by the first word. */
export function readLog(folder: string): (kind: string) => string[][] {
  const file = join(folder, "log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return (kind) =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(" ").slice(1));
}

export interface RunOutcome {
  readonly isKilled: boolean;
  /** Calls that it made, and milliseconds since it was ready; of one that was killed, unknown. */
  readonly calls: number;
  readonly duration: number;
}

/** One process. @throws Error where it ends with an error, or hangs. */
export function runChild(
  { child, identity }: CrashBench,
  options: Omit<ChildOptions, "recipient">,
): Promise<RunOutcome> {
  const recipient = JSON.stringify(identity.recipient.toJwk());
  const { death } = options;
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [child, JSON.stringify({ ...options, recipient })], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    let readyAt: number | undefined;
    const hanging = setTimeout(() => running.kill("SIGTERM"), LONGEST_RUN);
    running.stderr.on("data", (data) => {
      stderr += data;
    });
    running.stdout.on("data", (data) => {
      stdout += data;
      if (readyAt !== undefined || !stdout.startsWith("ready")) return;
      readyAt = performance.now();
      if (death?.when === "later") setTimeout(() => running.kill("SIGKILL"), death.delay);
    });
    running.on("close", (code, signal) => {
      clearTimeout(hanging);
      const isKilled = signal === "SIGKILL" && death !== undefined;
      if (!isKilled && code !== 0) return reject(new Error(`${code ?? signal}: ${stderr || stdout}`));
      const calls = Number(/^calls (\d+)$/m.exec(stdout)?.[1] ?? 0);
      resolve({ isKilled, calls, duration: performance.now() - (readyAt ?? 0) });
    });
  });
}
