import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openJobs } from "../../src/jobs/database.js";
import { Rotation } from "../../src/jobs/rotation.js";
import { removeFolders } from "../fixture.js";
import { bundleJobs, fill, startJobs, storeOfJobs } from "./fleet.js";
import { ensurePostgres, startPostgres } from "./postgres.js";

/**
 * `npm run rewrap-rate [-- --recordings 2000 --rounds 3]`: what one worker does and what two do, in turns. Each worker is pinned to a
 * core of its own, as a machine of one core; PostgreSQL and the store are not pinned. Rates are of the time in which all workers are
 * at work.
 */
const { values } = parseArgs({
  options: { recordings: { type: "string", default: "2000" }, rounds: { type: "string", default: "3" } },
});
const [recordings, rounds] = [Number(values.recordings), Number(values.rounds)];
/** Recordings in a range. */
const LENGTH = 100;
/** Of Linux's clock in /proc, a second. */
const TICKS = 100;

interface Sample {
  readonly rate: number;
  /** Milliseconds of a core for a recording: the workers', PostgreSQL's. */
  readonly workerCpu: number;
  readonly databaseCpu: number;
}

/** Seconds of a core that a process has used, and those of its children that ended. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
}

function cpuOfTree(pid: number): number {
  const children = readdirSync("/proc").filter((each) => /^\d+$/.test(each));
  return children.reduce((sum, each) => {
    try {
      const parent = Number(readFileSync(`/proc/${each}/stat`, "utf8").split(") ")[1]!.split(" ")[1]);
      return parent === pid ? sum + cpuOf(Number(each)) : sum;
    } catch {
      // It has ended meanwhile.
      return sum;
    }
  }, cpuOf(pid));
}

if (!ensurePostgres()) process.exit(1);
const postgres = await startPostgres();
const program = await bundleJobs();
const jobs = await openJobs(postgres.url);

async function measure(workers: number): Promise<Sample> {
  const { store, variables } = await storeOfJobs(postgres.url);
  await fill(store, recordings);
  const settings = { ...variables, BLINDREEL_JOBS_RANGE: `${LENGTH}` };
  const rotation = `rate-${workers}-${Date.now()}`;
  await startJobs(program.path, ["list", "--rotation", rotation], settings).ended;
  const databaseBefore = cpuOfTree(postgres.pid);
  const running = Array.from({ length: workers }, (_, core) => {
    const pinned = ["taskset", "-c", `${core}`];
    const worker = startJobs(program.path, ["work", "--rotation", rotation], settings, pinned);
    let cpu = 0;
    worker.child.stdout!.on("data", () => {
      try {
        cpu = cpuOf(worker.child.pid!);
      } catch {
        // Its last words.
      }
    });
    return { worker, cpu: () => cpu };
  });
  for (const { worker } of running) if ((await worker.ended) !== 0) throw new Error(worker.output());
  const databaseCpu = cpuOfTree(postgres.pid) - databaseBefore;
  const times = running.map(({ worker }) =>
    worker
      .output()
      .split("\n")
      .filter((line) => line.includes('"msg":"a range is done"'))
      .map((line) => Date.parse(JSON.parse(line).time)),
  );
  const { rewrapped, poison } = await new Rotation(jobs, rotation).progress();
  if (rewrapped !== recordings || poison > 0) throw new Error("not every recording was rewrapped");
  const from = Math.max(...times.map((each) => each[0]!));
  const to = Math.min(...times.map((each) => each.at(-1)!));
  const done = times.flat().filter((time) => time > from && time <= to).length;
  removeFolders();
  return {
    rate: (done * LENGTH * 1000) / (to - from),
    workerCpu: (1000 * running.reduce((sum, { cpu }) => sum + cpu(), 0)) / recordings,
    databaseCpu: (1000 * databaseCpu) / recordings,
  };
}

/** How large a waiting range is, and how long a worker waits for one. */
async function measureQueue(): Promise<void> {
  const rotation = new Rotation(jobs, "queue");
  await rotation.begin("", undefined);
  const name = () => randomBytes(16).toString("hex");
  for (let waiting = 0; waiting < 100_000; ) {
    const until = waiting === 0 ? 2000 : 100_000;
    for (; waiting < until; waiting += 2000) {
      const ranges = Array.from({ length: 2000 }, () => ({ after: name(), through: name() }));
      await jobs.boss.insert(ranges.map((data) => ({ name: rotation.queue, data, expireInSeconds: 600 })));
    }
    await jobs.query("ANALYZE pgboss.job");
    const times: number[] = [];
    for (let i = 0; i < 21; i++) {
      const start = performance.now();
      await rotation.fetch();
      times.push(performance.now() - start);
    }
    const { rows } = await jobs.query<{ size: string }>(
      "SELECT pg_total_relation_size('pgboss.' || partition_name) AS size FROM pgboss.queue WHERE name = $1",
      [rotation.queue],
    );
    const size = (Number(rows[0]!.size) / waiting).toFixed(0);
    console.log(
      `${waiting} ranges wait: ${size} bytes each, ${median(times).toFixed(1)} ms until a worker has one`,
    );
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((one, other) => one - other)[numbers.length >> 1]!;

try {
  const samples: [Sample, Sample][] = [];
  for (let round = 0; round < rounds; round++) {
    const pair = [await measure(1), await measure(2)] as [Sample, Sample];
    samples.push(pair);
    console.log(
      pair.map(({ rate }) => `${rate.toFixed(0)}/s`).join("  "),
      readFileSync("/proc/loadavg", "utf8").trim(),
    );
  }
  const of = (workers: 0 | 1, key: keyof Sample) => median(samples.map((pair) => pair[workers][key]));
  const ratio = median(samples.map(([one, two]) => two.rate / one.rate));
  console.log(`one worker  ${of(0, "rate").toFixed(0)} recordings a second`);
  console.log(`two workers ${of(1, "rate").toFixed(0)} recordings a second`);
  console.log(`ratio       ${ratio.toFixed(2)} (asked for: 1.7)`);
  console.log(
    `a recording ${of(0, "workerCpu").toFixed(2)} ms of a worker's core, ${of(0, "databaseCpu").toFixed(3)} of PostgreSQL's`,
  );
  await measureQueue();
} finally {
  await jobs.close();
  await postgres.stop();
  program.remove();
}
