import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ROOT } from "./runtimes.js";

/** `npm test`: everything, one step after the other until one fails, and then how long each suite took. */

interface Step {
  readonly name: string;
  readonly command: string;
  /** Who says what was in it: vitest's JSON, or lines like `ok    chromium, both rounds (12.3 s)`. */
  readonly tells?: "json" | "lines";
}

const STEPS: readonly Step[] = [
  { name: "setup", command: "npm run --silent setup" },
  { name: "check", command: "npm run --silent check", tells: "lines" },
  { name: "tests", command: "vitest run", tells: "json" },
  { name: "runtimes", command: "npm run --silent runtimes", tells: "lines" },
  { name: "consumers", command: "vitest run --config test/consumers/vitest.config.ts", tells: "json" },
  {
    name: "types of the consumers' tests",
    command: "node node_modules/typescript-7/bin/tsc -p test/consumers/tsconfig.tests.json",
  },
];

interface Row {
  readonly suite: string;
  readonly seconds: number;
  readonly tests?: number;
}

/** What is read of vitest's JSON report; times in milliseconds. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** @returns whether it ended well, and its suites, the longest first. */
async function run(
  { name, command, tells }: Step,
  folder: string,
): Promise<{ passed: boolean; suites: Row[] }> {
  const report = join(folder, `${name}.json`);
  const flags = tells === "json" ? ` --reporter=default --reporter=json --outputFile.json=${report}` : "";
  const stdout = tells === "lines" ? "pipe" : "inherit";
  const child = spawn(command + flags, { cwd: ROOT, shell: true, stdio: ["inherit", stdout, "inherit"] });
  const output: Buffer[] = [];
  child.stdout?.on("data", (part: Buffer) => {
    process.stdout.write(part);
    output.push(part);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const suites = tells === "json" ? suitesIn(report) : linesIn(Buffer.concat(output).toString());
  return { passed: code === 0, suites: suites.sort((one, other) => other.seconds - one.seconds) };
}

/** By folder, the seconds of its files added up; several files run at the same time. */
function suitesIn(path: string): Row[] {
  if (!existsSync(path)) return [];
  const suites = new Map<string, { suite: string; seconds: number; tests: number }>();
  const { testResults } = JSON.parse(readFileSync(path, "utf8")) as Report;
  for (const { name, startTime, endTime, assertionResults } of testResults) {
    const [top, folder] = relative(ROOT, name).split("/") as [string, string];
    const suite = folder.endsWith(".ts") ? top : `${top}/${folder}`;
    const row = suites.get(suite) ?? { suite, seconds: 0, tests: 0 };
    row.seconds += (endTime - startTime) / 1000;
    row.tests += assertionResults.filter(({ status }) => status === "passed").length;
    suites.set(suite, row);
  }
  return [...suites.values()];
}

function linesIn(output: string): Row[] {
  const lines = output.matchAll(/^(?:ok {4}|FAILED) (.*) \(([\d.]+) s\)$/gm);
  return [...lines].map(([, suite, seconds]) => ({ suite: suite!, seconds: Number(seconds) }));
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ suite, seconds, tests = "" }) =>
      `${suite.padEnd(48)}${String(tests).padStart(8)}${seconds.toFixed(1).padStart(9)}`,
  );
  return [`${"suite".padEnd(48)}${"tests".padStart(8)}${"seconds".padStart(9)}`, ...lines].join("\n");
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "blindreel-tests-"));
  const rows: Row[] = [];
  const began = performance.now();
  try {
    for (const step of STEPS) {
      const start = performance.now();
      const { passed, suites } = await run(step, folder);
      rows.push({ suite: step.name, seconds: (performance.now() - start) / 1000 });
      rows.push(...suites.map((row) => ({ ...row, suite: `  ${row.suite}` })));
      if (passed) continue;
      process.exitCode = 1;
      break;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const total = { suite: "all", seconds: (performance.now() - began) / 1000 };
  process.stdout.write(`\n${table([...rows, total])}\n`);
}

main().catch((error) => {
  process.stdout.write(`${error.stack}\n`);
  process.exitCode = 1;
});
