import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ExportableIdentity } from "../../src/keywrap/import.js";
import { openRecording } from "../../src/recording/review.js";
import { bytesSource } from "../../src/source/bytes.js";
import type { ChildOptions } from "./child.js";
import type { Death } from "./seams.js";

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

/** Runs until one is not killed. @returns calls that the last run made, and how many were killed. */
export async function runToTheEnd(
  bench: CrashBench,
  deaths: readonly Death[],
): Promise<{ readonly calls: number; readonly killed: number; readonly folder: string }> {
  const folder = mkdtempSync(join(bench.folder, "case-"));
  const recipient = JSON.stringify(bench.identity.recipient.toJwk());
  for (let run = 0; ; run++) {
    const options: ChildOptions = { folder, recipient, run, death: deaths[run] };
    const { signal, stdout } = await spawnChild(bench.child, options);
    if (signal !== "SIGKILL") return { calls: Number(stdout), killed: run, folder };
  }
}

function spawnChild(
  child: string,
  options: ChildOptions,
): Promise<{ readonly signal: string | null; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: LONGEST_RUN, killSignal: "SIGTERM" } as const;
    execFile(process.execPath, [child, JSON.stringify(options)], limits, (error, stdout, stderr) => {
      const signal = (error as { signal?: string } | null)?.signal ?? null;
      if (error && signal !== "SIGKILL")
        reject(new Error(`${JSON.stringify(options.death)}: ${signal} ${stderr}`));
      else resolve({ signal, stdout });
    });
  });
}

/** Checks what a case left behind. @throws Error that says what is wrong. */
export async function checkCase({ identity }: CrashBench, folder: string): Promise<string> {
  const lines = readFileSync(join(folder, "log"), "utf8").split("\n");
  const all = (kind: string): string[][] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(" ").slice(1));
  refuseRepeats("key and nonce", all("pair"));
  const runs = all("started").length + all("lost").length;
  refuseRepeats("segment index", all("segment"));
  if (runs > 1) throw new Error("more than one recording");
  if (existsSync(join(folder, "journal")) && readdirSync(join(folder, "journal")).length > 0) {
    throw new Error("a journal is left");
  }
  const server = join(folder, "server");
  const objects = existsSync(server)
    ? readdirSync(server, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(server, join(entry.parentPath, entry.name)))
    : [];
  const acknowledged = all("acknowledged");
  if (acknowledged.length === 0) return "nothing acknowledged";
  for (const [name, offset, length, digest] of acknowledged as [string, string, string, string][]) {
    const start = Number(offset);
    const stored = readFileSync(join(server, name)).subarray(start, start + Number(length));
    if (createHash("sha256").update(stored).digest("hex") !== digest) throw new Error(`${name} was altered`);
  }
  const envelope = objects.find((name) => name.endsWith("envelope"))!;
  const review = await openRecording(new Uint8Array(readFileSync(join(server, envelope))), {
    identities: [identity],
    objects: (name) =>
      existsSync(join(server, name)) ? bytesSource(new Uint8Array(readFileSync(join(server, name)))) : null,
    list: () => objects,
  });
  const { state, gaps, findings, tracks } = await review.verify();
  if (state !== "complete") throw new Error(`${state}: ${JSON.stringify({ gaps, findings })}`);
  const segments = new Set(
    tracks.flatMap((track) => track.takes.flatMap((take) => take.segments.map((s) => s.object))),
  );
  for (const [name] of acknowledged) {
    if (!segments.has(name!)) throw new Error(`${name} was acknowledged, and no manifest has it`);
  }
  await checkContent(
    review,
    all("flushed").map(([run]) => Number(run)),
    lines,
  );
  return `complete, ${tracks.map(({ takes }) => takes.length).join("+")} takes`;
}

async function checkContent(
  review: Awaited<ReturnType<typeof openRecording>>,
  flushed: readonly number[],
  lines: readonly string[],
): Promise<void> {
  for (const name of ["camera", "chat"]) {
    const track = review.tracks.find((each) => each.name === name);
    const contents: Uint8Array[] = [];
    for (const take of track?.takes ?? []) {
      const source = await take.source();
      contents.push(await source.read(0, source.size));
      await source.close();
    }
    for (const run of flushed) {
      const least = expected(name, run).subarray(0, name === "chat" ? 100 : 40_000);
      const isThere = contents.some((each) => Buffer.compare(each.subarray(0, least.length), least) === 0);
      if (!isThere) throw new Error(`${name} of run ${run} was flushed and is gone`);
    }
    for (const each of contents) {
      const isTrue = [0, 1, 2, 3].some(
        (run) => Buffer.compare(each, expected(name, run).subarray(0, each.length)) === 0,
      );
      if (!isTrue) throw new Error(`a take of ${name} is no beginning of what was written: ${lines.length}`);
    }
  }
}

/** As in the child. */
function expected(track: string, run: number): Uint8Array {
  const bytes = new Uint8Array(track === "chat" ? 150 : 90_000);
  const part = (length: number, start: number): void => {
    for (let i = 0; i < length; i++) {
      bytes[start + i] = (i * 31 + (i >> 8) * 7 + run * 101 + track.length) % 251;
    }
  };
  if (track === "chat") {
    part(100, 0);
    part(50, 100);
  } else part(90_000, 0);
  return bytes;
}

function refuseRepeats(what: string, values: readonly string[][]): void {
  const seen = new Set<string>();
  for (const value of values) {
    const name = value.join(" ");
    if (seen.has(name)) throw new Error(`${what} used twice: ${name}`);
    seen.add(name);
  }
}
