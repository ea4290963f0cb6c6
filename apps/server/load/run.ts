import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { institution, issuer } from "../test/fixture.js";
import { environment, type ServerProcess, startProcess, usageOf } from "../test/process.js";
import { type Audit, audit } from "./audit.js";
import type { Orders, Put, Report } from "./generator.js";

export interface LoadOptions {
  readonly recordings: number;
  /** Bytes a second of one recording. */
  readonly rate: number;
  readonly seconds: number;
  /** Of the server, by SIGKILL, at equal distances. */
  readonly kills: number;
  /** Processes that record. */
  readonly generators: number;
  /** Milliseconds: 10,000 and 30,000 unless given, as in recordings. */
  readonly segmentEvery?: number;
  readonly checkpointEvery?: number;
}

export interface LoadResult extends Audit {
  /** How uploads ended, and answers by status; 0 where none came. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  /** Of puts outside the restarts, in milliseconds: as recorders see them. */
  readonly puts: number;
  readonly median: number;
  readonly p99: number;
  /** The same of the server's own account, which begins with the request's head. */
  readonly serverP99: number;
  /** Seconds from a kill until the server listens again. */
  readonly restarts: readonly number[];
  /** Seconds from the first put to the last. */
  readonly elapsed: number;
  /** Content of all recordings while all of them record: what was reached. */
  readonly megabytesPerSecond: number;
  /** Cores: of one, while the load ran. */
  readonly serverCores: number;
  readonly generatorCores: number;
  /** Milliseconds by which the generators' own events were late, the 99th percentile of the worst of them. */
  readonly generatorDelay: number;
  /** MB of the server's resident memory: half through, and at its highest. */
  readonly memoryHalf: number;
  readonly memoryPeak: number;
}

const GENERATOR = fileURLToPath(new URL("./generator.ts", import.meta.url));

/** Milliseconds behind a restart in which recorders send what waited. */
const RECOVERY = 10_000;
const SAMPLE = 500;

/** Records with many recorders at once against a server that is killed, and then looks at what is stored. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { segmentEvery = 10_000, checkpointEvery = 30_000, seconds, generators } = options;
  const settings = environment({ BLINDREEL_MAX_UPLOADS: "2000" });
  const servers = [await startProcess(settings.variables)];
  const variables: Readonly<Record<string, string | undefined>> = {
    ...settings.variables,
    BLINDREEL_PORT: `${servers[0]!.port}`,
  };
  const usage = new Usage();
  const children: ChildProcess[] = [];
  const sampling = setInterval(() => usage.sample(servers.at(-1)!), SAMPLE);
  try {
    const reports = Array.from({ length: generators }, (_, i) => {
      const share = Math.floor((options.recordings + i) / generators);
      const child = fork(GENERATOR, { execArgv: ["--import", "tsx"] });
      children.push(child);
      child.send({
        port: servers[0]!.port,
        cert: settings.cert,
        recipient: institution.recipient.toPem(),
        issuer: issuer.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
        recordings: share,
        rate: options.rate,
        seconds,
        segmentEvery,
        checkpointEvery,
      } satisfies Orders);
      return reportOf(child);
    });
    const all = Promise.all(reports);
    all.catch(() => {});
    const windows: { readonly from: number; readonly to: number; readonly down: number }[] = [];
    for (let kill = 1; kill <= options.kills; kill++) {
      await pause((seconds * 1000) / (options.kills + 1));
      const from = Date.now();
      await servers.at(-1)!.end("SIGKILL");
      servers.push(await startProcess(variables));
      const listening = Date.now();
      windows.push({ from, to: listening + RECOVERY, down: (listening - from) / 1000 });
    }
    const told = await all;
    clearInterval(sampling);
    usage.sample(servers.at(-1)!);
    await servers.at(-1)!.end("SIGTERM");
    const recorded = told.flatMap((report) => report.recorded);
    const puts = told.flatMap((report) => report.puts);
    const outside = puts.filter(({ start, end }) =>
      windows.every(({ from, to }) => end < from || start > to),
    );
    const times = outside.map(({ start, end }) => end - start);
    const elapsed = span(puts) / 1000;
    return {
      ...(await audit(settings.store, variables.BLINDREEL_KEY_FILE!, recorded)),
      outcomes: counts(recorded.map(({ outcome }) => outcome)),
      statuses: counts(puts.map(({ status }) => `${status}`)),
      puts: outside.length,
      median: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      serverP99: percentile(answersOf(servers, windows), 0.99),
      restarts: windows.map(({ down }) => down),
      elapsed,
      megabytesPerSecond: recorded.reduce((sum, { written, took }) => sum + written / took, 0) / 1000,
      serverCores: usage.processor / 1000 / elapsed,
      generatorCores: told.reduce((sum, { processor }) => sum + processor, 0) / 1000 / elapsed,
      generatorDelay: Math.max(...told.map(({ delay }) => delay)),
      memoryHalf: usage.memoryUntil(0.5),
      memoryPeak: usage.memoryUntil(1),
    };
  } finally {
    clearInterval(sampling);
    for (const child of children) child.kill("SIGKILL");
    for (const server of servers) await server.end("SIGKILL");
  }
}

/** What the servers used, one after the other. */
class Usage {
  readonly #processor = new Map<number, number>();
  readonly #memory: number[] = [];

  sample({ child }: ServerProcess): void {
    const used = usageOf(child.pid!);
    // A process that has ended says 0 until it is waited for.
    if (!used || used.memory === 0) return;
    this.#processor.set(child.pid!, used.processor);
    this.#memory.push(used.memory);
  }

  get processor(): number {
    return [...this.#processor.values()].reduce((sum, each) => sum + each, 0);
  }

  memoryUntil(part: number): number {
    return this.#memory.slice(0, Math.ceil(this.#memory.length * part)).reduce((a, b) => Math.max(a, b), 0);
  }
}

function reportOf(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as Report));
    child.once("exit", (code, signal) => reject(new Error(`a generator ended with ${code ?? signal}`)));
  });
}

/** Milliseconds of successful puts as the servers log them, outside of the restarts. */
function answersOf(
  servers: readonly ServerProcess[],
  windows: readonly { readonly from: number; readonly to: number }[],
): number[] {
  const times: number[] = [];
  for (const line of servers.flatMap((server) => server.output().split("\n"))) {
    // A kill may cut the last line.
    if (!line.includes('"method":"PUT"') || !line.endsWith("}")) continue;
    const { time, milliseconds } = JSON.parse(line) as { time: string; milliseconds: number };
    const end = Date.parse(time);
    if (windows.every(({ from, to }) => end < from || end - milliseconds > to)) times.push(milliseconds);
  }
  return times;
}

function counts(values: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function span(puts: readonly Put[]): number {
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { start, end } of puts) [first, last] = [Math.min(first, start), Math.max(last, end)];
  return last - first;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
