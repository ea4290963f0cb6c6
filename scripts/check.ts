import { spawn } from "node:child_process";
import { ROOT } from "./runtimes.js";

/**
 * `npm run check`: lint, build, types of every workspace, the package's manifest. Two steps at a time, each on one
 * core; what one prints is shown when it has ended. Ends with an error where a step fails, and starts no more then.
 */

interface Step {
  readonly command: string;
  /** Whether it reads `dist`, and so has to wait for the build. */
  readonly readsBuild?: boolean;
}

/** The native compiler: `typescript`, which is the compiler for programs, has a command of the same name. */
const TSC = "node node_modules/typescript-7/bin/tsc";

/** Of the library. The other builds, as the types of every workspace, need it alone. */
const BUILD: Step = { command: "npm run --silent build" };

/** What needs no build first, then the longest. */
const steps: readonly Step[] = [
  BUILD,
  { command: "npm run --silent lint" },
  { command: "tsc -p apps/site" },
  { command: "tsc -p apps/detector" },
  { command: "npm run --silent pages", readsBuild: true },
  { command: "tsc -p .", readsBuild: true },
  { command: "npm run --silent build --workspace cli", readsBuild: true },
  { command: "tsc -p test/runtimes", readsBuild: true },
  { command: "tsc -p bench", readsBuild: true },
  { command: "npm run --silent package", readsBuild: true },
  { command: "tsc -p cli", readsBuild: true },
  { command: "tsc -p demo", readsBuild: true },
  { command: "tsc -p apps/ui", readsBuild: true },
  { command: "tsc -p apps/reviewer", readsBuild: true },
  { command: "tsc -p apps/verify", readsBuild: true },
  { command: "tsc -p apps/admin", readsBuild: true },
  { command: "tsc -p apps/server", readsBuild: true },
  { command: "tsc -p apps/extension", readsBuild: true },
  { command: "tsc -p apps/exam", readsBuild: true },
];

const AT_ONCE = 2;

/** @throws Error where the step fails. */
async function run({ command }: Step): Promise<void> {
  const start = performance.now();
  const child = spawn(command.replace(/^tsc /, `${TSC} `), {
    cwd: ROOT,
    shell: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => output.push(part));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${command} (${seconds} s)\n`);
  if (code !== 0) throw new Error(`${command}\n${Buffer.concat(output)}`);
}

async function main(): Promise<void> {
  const left = [...steps];
  let hasFailed = false;
  let built: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let step = left.shift(); step && !hasFailed; step = left.shift()) {
      if (step.readsBuild) await built;
      const running = run(step);
      if (step === BUILD) built = running;
      await running;
    }
  };
  const results = await Promise.allSettled(
    Array.from({ length: AT_ONCE }, () =>
      work().catch((error) => {
        hasFailed = true;
        throw error;
      }),
    ),
  );
  const failures = new Set(
    results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])),
  );
  for (const failure of failures) process.stdout.write(`${(failure as Error).message}\n`);
  if (failures.size > 0) process.exitCode = 1;
}

main().catch((error) => {
  process.stdout.write(`${error.stack}\n`);
  process.exitCode = 1;
});
