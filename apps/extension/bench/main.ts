import { type ReplayFigures, replayExam } from "./recorder.js";

/**
 * `npm run bench -w apps/extension -- WHAT [number]`, on Linux: `cost [seconds]` of exam, the recorder as it is beside a journal in
 * IndexedDB and blobs; `memory [hours]`; `launch [times]`. Each ends after about three minutes at most.
 */

const ROUNDS = 3;
/** At memory, in an exam. */
const LOOKS = 12;
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const megabytes = (bytes: readonly number[]): string =>
  bytes.map((each) => (each / 1e6).toFixed(0)).join(" ");
const totalOf = ({ perHour }: ReplayFigures): number =>
  [...perHour.values()].reduce((sum, each) => sum + each, 0);

function say(name: string, runs: readonly ReplayFigures[]): void {
  const roles = [...new Set(runs.flatMap(({ perHour }) => [...perHour.keys()]))];
  const parts = roles
    .map((role) => [role, median(runs.map(({ perHour }) => perHour.get(role) ?? 0))] as const)
    .filter(([, seconds]) => seconds >= 0.1)
    .map(([role, seconds]) => `${role} ${seconds.toFixed(1)}`);
  const tasks = runs.reduce((sum, { longTasks }) => sum + longTasks, 0);
  const longest = Math.max(...runs.map(({ longestTask }) => longestTask));
  console.log(
    `${name}: ${median(runs.map(totalOf)).toFixed(1)} processor seconds an hour (${parts.join(", ")})`,
  );
  console.log(
    `  tasks of 50 ms and more: ${tasks}${tasks > 0 ? `, the longest ${longest.toFixed(0)} ms` : ""}`,
  );
}

async function cost(seconds: number): Promise<void> {
  const ways = ["indexeddb-blob", "extension"] as const;
  const runs = { "indexeddb-blob": [] as ReplayFigures[], extension: [] as ReplayFigures[] };
  for (let round = 0; round < ROUNDS; round++)
    for (const way of round % 2 === 0 ? ways : [...ways].reverse())
      runs[way].push(await replayExam(way, seconds));
  const { bytes, stored } = runs.extension[0]!;
  console.log(`${seconds} s of exam, ${megabytes([bytes, stored])} MB given and stored, ${ROUNDS} rounds`);
  for (const way of ways) say(way, runs[way]);
  const ratios = runs.extension.map((run, i) => totalOf(run) / totalOf(runs["indexeddb-blob"][i]!));
  console.log(
    `extension to indexeddb-blob: ${median(ratios).toFixed(2)} (${ratios.map((each) => each.toFixed(2)).join(" ")})`,
  );
}

async function memory(hours: number): Promise<void> {
  const run = await replayExam("extension", 3600 * hours, LOOKS);
  say(`${hours} h of exam`, [run]);
  console.log(`  the page's heap, MB: ${megabytes(run.heap)}`);
  console.log(`  all processes, MB: ${megabytes(run.memory)}`);
}

const [what, number] = process.argv.slice(2);
if (what === "cost") await cost(Number(number ?? 900));
else if (what === "memory") await memory(Number(number ?? 3));
else if (what === "launch") await (await import("./launch.js")).measureLaunches(Number(number ?? 5));
else throw new Error("cost, memory or launch?");
