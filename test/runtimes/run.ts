import { spawn } from "node:child_process";
import {
  findBun,
  findChromium,
  findDeno,
  findFirefox,
  findNode,
  findWebKit,
  NODE_MAJORS,
  ROOT,
} from "../../scripts/runtimes.js";
import { startWebKitDriver, type WebKitDriver } from "../helpers/webkit-driver.js";
import { BUILT, buildHosts } from "./hosts/build.js";
import { startDataServer } from "./hosts/server.js";

/**
 * `npm run runtimes`: the conformance suite in every runtime, each under its own runner, on the built package. Two
 * rounds: in the first each runtime passes all cases and seals files for the others, in the second each opens what
 * all have sealed. Browsers do both in one session, between the rounds of the others. With names behind it (`npm run runtimes -- deno firefox`) only those.
 *
 * A runtime that is missing is said so; with `CI` set it is a failure.
 */

/** A runtime with a command line, and the command for one round; `undefined` where it is missing. */
interface Runtime {
  readonly name: string;
  readonly command: readonly string[] | undefined;
}

const DENO_FLAGS = [
  ...["--no-check", "--no-config", "--no-remote", "--cached-only", "--node-modules-dir=manual"],
  ...["--allow-net=127.0.0.1", "--allow-env"],
];

function commandLine(name: string, program: string | undefined, ...args: readonly string[]): Runtime {
  return { name, command: program === undefined ? undefined : [program, ...args] };
}

const chosen = process.argv.slice(2);
const isChosen = (name: string): boolean => chosen.length === 0 || chosen.includes(name);

const commandLines: readonly Runtime[] = [
  ...NODE_MAJORS.map((major) =>
    commandLine(`node-${major}`, findNode(major), "--test", "--test-reporter=dot", `${BUILT}node.test.mjs`),
  ),
  commandLine("deno", findDeno(), "test", "--reporter=dot", ...DENO_FLAGS, `${BUILT}deno.test.mjs`),
  commandLine("bun", findBun(), "test", "--only-failures", `${BUILT}bun.test.mjs`),
].filter(({ name }) => isChosen(name));

const engines = { chromium: findChromium(), firefox: findFirefox(), webkit: findWebKit() };
const browserNames = Object.keys(engines).filter(isChosen) as (keyof typeof engines)[];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns whether it ended well; what it printed is shown where it did not. */
function run([program, ...args]: readonly string[], environment: Record<string, string>): Promise<boolean> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    const child = spawn(program!, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => output.push(part));
    child.on("error", (error) => output.push(Buffer.from(String(error))));
    child.on("close", (code) => {
      if (code !== 0) say(Buffer.concat(output).toString());
      resolve(code === 0);
    });
  });
}

async function timed(what: string, action: () => Promise<boolean>): Promise<boolean> {
  const start = performance.now();
  const passed = await action();
  say(`${passed ? "ok    " : "FAILED"} ${what} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return passed;
}

/** Runtimes with a command line at the same time: one takes one core. */
const AT_ONCE = 2;

async function commandLineRound(number: 1 | 2, data: string): Promise<boolean> {
  const results: boolean[] = [];
  const left = [...commandLines];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { name, command } = next;
      if (!command) continue;
      const environment = { BLINDREEL_DATA: data, BLINDREEL_ROUND: String(number), BLINDREEL_RUNTIME: name };
      results.push(await timed(`${name}, round ${number}`, () => run(command, environment)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results.every(Boolean);
}

/** All at the same time, since each waits for the others' files and, half of its time, for its driver. */
async function browserRounds(
  data: string,
  others: readonly string[],
  driver: WebKitDriver | undefined,
): Promise<boolean> {
  const environment = {
    BLINDREEL_DATA: data,
    BLINDREEL_OTHERS: others.join(","),
    WEBKIT_DRIVER_PORT: String(driver?.port ?? 0),
  };
  const results = browserNames
    .filter((name) => engines[name])
    .map((name) => {
      const config = ["--config", "test/runtimes/browsers.config.ts", "--project", name];
      const command = [process.execPath, "node_modules/vitest/vitest.mjs", "run", ...config];
      return timed(`${name}, both rounds`, () => run(command, environment));
    });
  return (await Promise.all(results)).every(Boolean);
}

/** What is missing or was left undone, in words; empty where all is well. */
function shortcomings(deposited: readonly string[], unread: readonly string[]): string[] {
  const expected = [...commandLines.map(({ name }) => name), ...browserNames];
  const silent = expected.filter((name) => !deposited.includes(name));
  const reports = silent.map((name) => `${name} was NOT TESTED or sealed nothing (npm run setup)`);
  if (unread.length > 0) reports.push(`published vectors that no runtime read: ${unread.join(", ")}`);
  return reports;
}

async function main(): Promise<void> {
  await buildHosts();
  const data = await startDataServer();
  const { webkit } = engines;
  const driver =
    webkit && "driver" in webkit && browserNames.includes("webkit")
      ? await startWebKitDriver(webkit)
      : undefined;
  try {
    const first = await commandLineRound(1, data.origin);
    const others = [...data.deposited(), ...browserNames.filter((name) => engines[name])];
    const browsers = await browserRounds(data.origin, others, driver);
    const second = await commandLineRound(2, data.origin);
    const reports = shortcomings(data.deposited(), data.unread());
    for (const report of reports) say(report);
    say(`exchange: ${data.deposited().length} runtimes, each opened the files of all`);
    if (!first || !browsers || !second || (reports.length > 0 && process.env.CI)) process.exitCode = 1;
  } finally {
    await driver?.stop();
    await data.close();
  }
}

main().catch((error) => {
  say(String(error.stack));
  process.exitCode = 1;
});
