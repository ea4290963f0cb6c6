import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ConfigError } from "../config.js";
import { createLog } from "../observe.js";
import { openStore, withoutPath } from "../open-store.js";
import { readListerConfig, readStatusConfig, readWorkerConfig, type WorkerConfig } from "./config.js";
import { type JobsDatabase, openJobs } from "./database.js";
import {
  checkKeys,
  type KeySource,
  keysOfCommand,
  keysOfFile,
  keysOfUrl,
  recipientsOf,
  targetOf,
} from "./keys.js";
import { listRanges } from "./lister.js";
import { Rotation } from "./rotation.js";
import { work } from "./worker.js";

/** Rewrapping on many machines, as a process. Results go to standard output, the log of lister and worker too. */

const USAGE = `usage: rewrap-jobs list   --rotation NAME [--institution ID]
       rewrap-jobs work   --rotation NAME
       rewrap-jobs status --rotation NAME
       rewrap-jobs poison --rotation NAME [--retry]
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rotation: { type: "string" },
    institution: { type: "string" },
    retry: { type: "boolean", default: false },
  },
});
const [command] = positionals;
const { rotation: name } = values;
const stopping = new AbortController();
const stop = (): void => stopping.abort();
const { signal } = stopping;
const log = createLog("info");
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function withRotation(
  url: string,
  action: (rotation: Rotation, jobs: JobsDatabase) => Promise<void>,
): Promise<void> {
  const jobs = await openJobs(url);
  try {
    await action(new Rotation(jobs, name!), jobs);
  } finally {
    await jobs.close();
  }
}

/** @throws ConfigError that names the variable, whatever fails. */
async function configured<T>(variable: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new ConfigError(`${variable}: ${withoutPath(error)}`);
  }
}

const readRecipients = (path: string) =>
  configured("BLINDREEL_JOBS_TO", async () => recipientsOf(await readFile(path, "utf8")));

async function list(): Promise<void> {
  const config = readListerConfig(process.env);
  const to = await readRecipients(config.BLINDREEL_JOBS_TO);
  const { store } = await openStore(config);
  await withRotation(config.BLINDREEL_JOBS_DATABASE, async (rotation) => {
    await rotation.begin(targetOf(to), values.institution);
    log.info("listing");
    const [length, lease] = [config.BLINDREEL_JOBS_RANGE, config.BLINDREEL_JOBS_LEASE];
    await listRanges(store, rotation, { length, lease, ahead: config.BLINDREEL_JOBS_AHEAD, signal });
    say(await rotation.progress());
  });
}

function keySourceOf(config: WorkerConfig): { readonly variable: string; readonly source: KeySource } {
  const { BLINDREEL_JOBS_KEYS: file, BLINDREEL_JOBS_KEYS_COMMAND: shell } = config;
  if (file) return { variable: "BLINDREEL_JOBS_KEYS", source: keysOfFile(file) };
  if (shell) return { variable: "BLINDREEL_JOBS_KEYS_COMMAND", source: keysOfCommand(shell) };
  const { BLINDREEL_JOBS_KEYS_URL: url, BLINDREEL_JOBS_KEYS_TOKEN: token } = config;
  const source = async () => keysOfUrl(url!, token && (await readFile(token, "utf8")))();
  return { variable: "BLINDREEL_JOBS_KEYS_URL", source };
}

async function workRanges(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const to = await readRecipients(config.BLINDREEL_JOBS_TO);
  const { variable, source } = keySourceOf(config);
  const identities = await configured(variable, async () => {
    const read = await source();
    await checkKeys(read, to);
    return read;
  });
  const { store } = await openStore(config);
  await withRotation(config.BLINDREEL_JOBS_DATABASE, async (rotation) => {
    const institution = await rotation.institutionFor(targetOf(to));
    const passesOtherKeys = config.BLINDREEL_JOBS_OTHER_KEYS === "pass";
    const keys = { identities, to, institution, passesOtherKeys };
    log.info("working");
    await work(store, rotation, keys, { concurrency: config.BLINDREEL_JOBS_CONCURRENCY, signal, log });
  });
}

async function status(): Promise<void> {
  const { BLINDREEL_JOBS_DATABASE: url } = readStatusConfig(process.env);
  await withRotation(url, async (rotation) => say(await rotation.progress()));
}

async function poison(): Promise<void> {
  const { BLINDREEL_JOBS_DATABASE: url } = readStatusConfig(process.env);
  await withRotation(url, async (rotation) => {
    if (values.retry) say({ retried: await rotation.retry(RETRY_LENGTH, RETRY_LEASE) });
    else for await (const each of rotation.poison()) say(each);
  });
}

/** As a range's. */
const [RETRY_LENGTH, RETRY_LEASE] = [500, 600];

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { list, work: workRanges, status, poison };

process.once("SIGTERM", stop);
process.once("SIGINT", stop);
const run = Object.hasOwn(COMMANDS, command ?? "") ? COMMANDS[command!] : undefined;
if (!run || name === undefined || positionals.length > 1) {
  process.stderr.write(USAGE);
  process.exitCode = 64;
} else
  run().catch((error) => {
    const message = error instanceof ConfigError ? error.message : (error as Error).stack;
    process.stderr.write(`rewrap-jobs: ${message}\n`);
    process.exitCode = error instanceof ConfigError ? 78 : 1;
  });
