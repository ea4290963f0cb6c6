import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { generateIdentity, inspect, rewrap } from "blindreel";
import { envelopeName } from "blindreel/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { earlierName } from "../../src/envelopes.js";
import { type JobsDatabase, openJobs } from "../../src/jobs/database.js";
import { type RewrapKeys, rewrapRecording } from "../../src/jobs/envelope.js";
import { targetOf } from "../../src/jobs/keys.js";
import { listRanges } from "../../src/jobs/lister.js";
import { Rotation } from "../../src/jobs/rotation.js";
import { work } from "../../src/jobs/worker.js";
import { createLog } from "../../src/observe.js";
import { readWhole, type Store, StoreError } from "../../src/store/store.js";
import { removeFolders } from "../fixture.js";
import {
  bundleJobs,
  fill,
  INSTITUTION,
  next,
  old,
  type SealedStoreOfJobs,
  startJobs,
  storeOfJobs,
} from "./fleet.js";
import { ensurePostgres, type Postgres, startPostgres } from "./postgres.js";

/** `npm run rewrap-kills` kills a hundred times, the gate some. */
const IS_FULL = process.env.BLINDREEL_KILLS === "all";
const KILLS = IS_FULL ? 100 : 4;
const RECORDINGS = IS_FULL ? 4000 : 240;

describe.skipIf(!ensurePostgres())("rewrapping as jobs", () => {
  let postgres: Postgres;
  let program: Awaited<ReturnType<typeof bundleJobs>>;
  let jobs: JobsDatabase;
  beforeAll(async () => {
    [postgres, program] = [await startPostgres(), await bundleJobs()];
    jobs = await openJobs(postgres.url);
  }, 300_000);
  afterAll(async () => {
    await jobs?.close();
    await postgres?.stop();
    program?.remove();
    removeFolders();
  });

  type Variables = Readonly<Record<string, string | undefined>>;
  const start = (command: string, rotation: string, variables: Variables, ...more: string[]) =>
    startJobs(program.path, [command, "--rotation", rotation, ...more], variables);
  /** Output of a command that has to end well. */
  async function run(command: string, rotation: string, variables: Variables, ...more: string[]) {
    const jobs = start(command, rotation, variables, ...more);
    expect([await jobs.ended, jobs.output()]).toEqual([0, expect.anything()]);
    return jobs.output().trim();
  }
  const progressOf = (name: string) => new Rotation(jobs, name).progress();
  const poisonOf = async (name: string) => {
    const found: [string, string][] = [];
    for await (const { name: id, code } of new Rotation(jobs, name).poison()) found.push([id, code]);
    return found;
  };
  const signal = new AbortController().signal;
  const toNext: RewrapKeys = { identities: [old, next], to: [next.recipient] };
  /** In this process. */
  async function listAll(
    store: Store,
    name: string,
    length = 12,
    institution?: string,
    lease = 60,
  ): Promise<Rotation> {
    const rotation = new Rotation(jobs, name);
    await rotation.begin(targetOf(toNext.to), institution);
    await listRanges(store, rotation, { length, lease, ahead: 1000, signal });
    return rotation;
  }
  const workAll = (store: Store, rotation: Rotation, keys = toNext) =>
    work(store, rotation, keys, { concurrency: 4, signal, log: createLog("silent") });

  /** Each of these: replaced once, for the new key alone, and what was there before is kept. */
  async function expectRewrapped(store: SealedStoreOfJobs, before: ReadonlyMap<string, Uint8Array>) {
    let count = 0;
    for (const [id, bytes] of before) {
      const { bytes: after } = (await readWhole(store, envelopeName(id)))!;
      const { epoch, slots } = inspect(after);
      expect([id, epoch, ...slots.map(({ keyId }) => keyId)]).toEqual([id, 1, next.keyId]);
      expect(Buffer.compare((await readWhole(store, earlierName(id, 0)))!.bytes, bytes)).toBe(0);
      expect(await readWhole(store, earlierName(id, 1))).toBeUndefined();
      if (count++ % 10 === 0) await rewrap(after, { identities: next, to: next.recipient });
    }
  }

  test(`${KILLS} kills at random: no effect is lost or repeated, and what is poisoned stands in its list once`, async () => {
    const { store, variables } = await storeOfJobs(postgres.url);
    const before = await fill(store, RECORDINGS);
    const stranger = await generateIdentity();
    const lost = await fill(store, 3, { to: stranger.recipient });
    const others = await fill(store, 4, { institution: "ff".repeat(16), to: stranger.recipient });
    const poison = new Map([...lost.keys()].map((id) => [id, "no-matching-key"]));
    // Cut, altered, claiming the new recipient: none of them may stop its range.
    const put = async (bytes: Uint8Array, code: string): Promise<void> => {
      const id = poison.size.toString(16).repeat(32);
      await store.create(envelopeName(id), [bytes], { length: bytes.length });
      poison.set(id, code);
    };
    const [sample] = [...before.values()] as [Uint8Array];
    const altered = sample.slice();
    altered[altered.length - 1]! ^= 1;
    await put(altered, "authentication-failed");
    const claiming = (await rewrap(sample, { identities: old, to: next.recipient })).slice();
    claiming[claiming.length - 1]! ^= 1;
    await put(claiming, "authentication-failed");
    await store.create(`${"e".repeat(32)}/0001/00000000.seg`, [sample], { length: sample.length });

    const rotation = "with-kills";
    const settings = {
      ...variables,
      BLINDREEL_JOBS_RANGE: IS_FULL ? "40" : "12",
      BLINDREEL_JOBS_LEASE: "3",
      BLINDREEL_JOBS_AHEAD: "30",
    };
    const lister = () => start("list", rotation, settings, "--institution", INSTITUTION);
    const worker = () => start("work", rotation, settings);
    const first = lister();
    await first.says('"msg":"listing"');
    let [killed, busy] = [0, 0];
    /** Kills its worker at a moment that is not its own choice, some of them after a range, and starts the next. */
    const chaos = async (): Promise<void> => {
      while (killed < KILLS) {
        const process = worker();
        await process.says(Math.random() < 0.5 ? '"msg":"working"' : '"msg":"a range is done"');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
        if (killed >= KILLS) return void process.child.kill("SIGTERM");
        if (process.child.kill("SIGKILL")) killed++;
        if ((await process.ended) !== "SIGKILL") return;
        if (process.output().includes('"msg":"a range is done"')) busy++;
      }
    };
    const listing = (async () => {
      first.child.kill("SIGKILL");
      for (let i = 0; i < (IS_FULL ? 10 : 1); i++) {
        const process = lister();
        await process.says('"msg":"listing"');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
        process.child.kill("SIGKILL");
        await process.ended;
      }
      // Two at once: each range is in the queue once.
      const both = [lister(), lister()];
      for (const each of both) expect([await each.ended, each.output()]).toEqual([0, expect.anything()]);
    })();
    await Promise.all([chaos(), chaos()]);
    expect(killed).toBe(KILLS);
    const finishing = [worker(), worker()];
    await listing;
    for (const each of finishing) expect([await each.ended, each.output()]).toEqual([0, expect.anything()]);

    const progress = await progressOf(rotation);
    console.log(JSON.stringify({ killed, killedAfterWork: busy, ...progress }));
    await expectRewrapped(store, before);
    expect(progress).toMatchObject({
      isListed: true,
      isDone: true,
      poison: poison.size,
      others: others.size,
      absent: 1,
    });
    // What a worker that was killed had rewrapped is found done by the next.
    expect(progress.rewrapped + progress.current).toBe(before.size);
    expect(progress.ranges).toMatchObject({ done: progress.ranges.all, waiting: 0, active: 0 });
    const listed = await poisonOf(rotation);
    expect(listed).toHaveLength(poison.size);
    expect(new Map(listed)).toEqual(poison);
    for (const [id, bytes] of [...lost, ...others])
      expect(Buffer.compare((await readWhole(store, envelopeName(id)))!.bytes, bytes)).toBe(0);
  }, 1_800_000);

  test("another rotation to the same recipients leaves what has them; what is mended leaves the list", async () => {
    const { store } = await storeOfJobs(postgres.url);
    const before = await fill(store, 30);
    const stranger = await generateIdentity();
    const lost = await fill(store, 3, { to: stranger.recipient });
    await workAll(store, await listAll(store, "first"));
    expect(await progressOf("first")).toMatchObject({ rewrapped: 30, current: 0, poison: 3 });
    const again = await listAll(store, "again", 7);
    await workAll(store, again);
    expect(await progressOf("again")).toMatchObject({ rewrapped: 0, current: 30, poison: 3, isDone: true });
    await expectRewrapped(store, before);
    expect(await again.retry(2, 60)).toBe(3);
    expect(await progressOf("again")).toMatchObject({ poison: 0, isDone: false, ranges: { waiting: 2 } });
    await workAll(store, again, { ...toNext, identities: [old, next, stranger] });
    expect(await progressOf("again")).toMatchObject({ rewrapped: 3, current: 30, poison: 0, isDone: true });
    await expectRewrapped(store, lost);
  });

  test("recordings of other keys are passed over where that is asked for, but anonymous ones are not", async () => {
    const { store } = await storeOfJobs(postgres.url);
    const stranger = await generateIdentity();
    const before = await fill(store, 4);
    await fill(store, 3, { to: stranger.recipient });
    await fill(store, 2, { to: stranger.recipient.anonymous() });
    await fill(store, 1, { to: old.recipient.anonymous() });
    const rotation = await listAll(store, "buckets");
    await workAll(store, rotation, { ...toNext, passesOtherKeys: true });
    expect(await progressOf("buckets")).toMatchObject({ rewrapped: 5, others: 3, poison: 2 });
    await expectRewrapped(store, before);
  });

  test("eight workers that got the same range: each envelope is replaced once", async () => {
    const { store } = await storeOfJobs(postgres.url);
    const before = await fill(store, 25);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        Promise.all([...before.keys()].map((id) => rewrapRecording(store, id, toNext))),
      ),
    );
    expect(outcomes.flat().filter((outcome) => outcome === "rewrapped")).toHaveLength(25);
    for (const outcome of outcomes.flat()) expect(["rewrapped", "current"]).toContain(outcome);
    await expectRewrapped(store, before);
  });

  test("a range that was ended after its lease by another worker is counted once", async () => {
    const { store } = await storeOfJobs(postgres.url);
    await fill(store, 2);
    const rotation = await listAll(store, "leases");
    const job = (await rotation.fetch())!;
    const tally = { rewrapped: 2, current: 0, absent: 0, others: 0 };
    const poison = [{ name: "0".repeat(32), code: "malformed" }];
    expect(await rotation.complete(job, tally, [], undefined)).toBe(true);
    expect(await rotation.complete(job, tally, poison, { after: "0" })).toBe(false);
    expect(await progressOf("leases")).toMatchObject({
      rewrapped: 2,
      poison: 0,
      ranges: { all: 1, done: 1 },
    });
  });

  test("a store that is down sends a range back; one envelope that it never gives is poison after some attempts", async () => {
    const { store } = await storeOfJobs(postgres.url);
    const before = await fill(store, 9);
    const [unreadable] = [...before.keys()];
    const failing = (isDown: (key: string) => boolean): Store => ({
      create: store.create.bind(store),
      replace: store.replace.bind(store),
      list: store.list.bind(store),
      remove: store.remove.bind(store),
      probe: store.probe.bind(store),
      async *folders(range) {
        if (isDown("")) throw new StoreError("down", "no answer");
        yield* store.folders(range);
      },
      async open(key) {
        if (isDown(key)) throw new StoreError("down", "no answer");
        return store.open(key);
      },
    });
    const rotation = await listAll(store, "outage", 3);
    const outage = Date.now() + 1500;
    await workAll(
      failing(() => Date.now() < outage),
      rotation,
    );
    expect(await progressOf("outage")).toMatchObject({ rewrapped: 9, poison: 0, isDone: true });
    const second = await listAll(store, "unreadable", 3);
    await workAll(
      failing((key) => key.startsWith(unreadable!)),
      second,
    );
    expect(await progressOf("unreadable")).toMatchObject({ current: 8, poison: 1, isDone: true });
    expect(await poisonOf("unreadable")).toEqual([[unreadable, "storage-down"]]);
  });

  test("PostgreSQL is killed under a worker: what was under way is done by the next", async () => {
    const { store, variables } = await storeOfJobs(postgres.url);
    const before = await fill(store, 60);
    const rotation = await listAll(store, "crash", 5, undefined, 2);
    const worker = start("work", "crash", variables);
    await worker.says('"msg":"a range is done"');
    await postgres.crash();
    expect([0, 1]).toContain(await worker.ended);
    await workAll(store, rotation);
    const { rewrapped, current, isDone, ranges } = await progressOf("crash");
    expect([rewrapped + current, isDone, ranges.done]).toEqual([60, true, 12]);
    await expectRewrapped(store, before);
  });

  test("a worker that is asked to stop ends what is under way, and gives the rest back", async () => {
    const { store, variables } = await storeOfJobs(postgres.url);
    const before = await fill(store, 60);
    const settings = { ...variables, BLINDREEL_JOBS_CONCURRENCY: "1", BLINDREEL_JOBS_LEASE: "600" };
    await run("list", "stopped", settings);
    const worker = start("work", "stopped", settings);
    await worker.says('"msg":"working"');
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
    const { rewrapped, ranges, isDone } = await progressOf("stopped");
    expect(rewrapped).toBeLessThan(60);
    expect([isDone, ranges.active, ranges.waiting]).toEqual([false, 0, 1]);
    await run("work", "stopped", settings);
    expect(await progressOf("stopped")).toMatchObject({ rewrapped: 60, current: 0, isDone: true });
    await expectRewrapped(store, before);
  });

  test("keys by a command and from an address; neither the database nor a log shows one, and no log a name", async () => {
    const { variables, at, store } = await storeOfJobs(postgres.url);
    const before = await fill(store, 5);
    const text = readFileSync(variables.BLINDREEL_JOBS_KEYS!, "utf8");
    const service = createServer((request, response) => {
      const isAllowed = request.headers.authorization === "Bearer let-me-in";
      response.writeHead(isAllowed ? 200 : 401).end(isAllowed ? text : "");
    });
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/keys`;
    const without = { ...variables, BLINDREEL_JOBS_KEYS: undefined };
    const byCommand = { ...without, BLINDREEL_JOBS_KEYS_COMMAND: `cat '${variables.BLINDREEL_JOBS_KEYS}'` };
    const byUrl = { ...without, BLINDREEL_JOBS_KEYS_URL: url };
    await run("list", "keys", variables);
    const refused = start("work", "keys", byUrl);
    expect(await refused.ended).toBe(78);
    expect(refused.output()).toBe("rewrap-jobs: BLINDREEL_JOBS_KEYS_URL: the service answers 401\n");
    const output =
      (await run("work", "keys", byCommand)) +
      (await run("work", "keys", { ...byUrl, BLINDREEL_JOBS_KEYS_TOKEN: at("token", "let-me-in\n") }));
    service.close();
    await expectRewrapped(store, before);
    const secrets = [old, next].map((each) => (each.toJwk() as { d: string }).d);
    for (const secret of secrets) {
      expect(text).toContain(secret);
      expect(output).not.toContain(secret);
    }
    for (const id of before.keys()) expect(output).not.toContain(id);
    const { rows } = await jobs.query<{ row: string }>(
      `SELECT each::text AS row FROM pgboss.job each UNION ALL SELECT each::text FROM pgboss.archive each
       UNION ALL SELECT each::text FROM blindreel_jobs.rotation each`,
    );
    const database = rows.map(({ row }) => row).join("\n");
    expect(database).toContain("rewrap-keys");
    for (const secret of secrets) expect(database).not.toContain(secret);
  });

  test("what may not begin does not begin, and says why", async () => {
    const { variables, at } = await storeOfJobs(postgres.url);
    await run("list", "refusals", variables);
    const refusal = async (command: string, changes: Variables, ...more: string[]) => {
      const jobs = start(command, "refusals", { ...variables, ...changes }, ...more);
      return [await jobs.ended, jobs.output().split("\n")[0]];
    };
    const stranger = await generateIdentity();
    const oldAlone = at("old.jwks", JSON.stringify({ keys: [old.toJwk()] }));
    expect(await refusal("work", { BLINDREEL_JOBS_KEYS: oldAlone })).toEqual([
      78,
      "rewrap-jobs: BLINDREEL_JOBS_KEYS: none of the private keys opens what is sealed to the new recipients",
    ]);
    const other = {
      BLINDREEL_JOBS_TO: at("other.jwks", JSON.stringify({ keys: [stranger.recipient.toJwk()] })),
      BLINDREEL_JOBS_KEYS: at("others.jwks", JSON.stringify({ keys: [old.toJwk(), stranger.toJwk()] })),
    };
    for (const command of ["list", "work"])
      expect(await refusal(command, other)).toEqual([
        1,
        "rewrap-jobs: Error: this rotation was begun for other recipients",
      ]);
    expect(await refusal("list", {}, "--institution", INSTITUTION)).toEqual([
      1,
      "rewrap-jobs: Error: this rotation was begun for another institution",
    ]);
    expect(await refusal("work", { BLINDREEL_JOBS_KEYS: at("none", "secret") })).toEqual([
      78,
      "rewrap-jobs: BLINDREEL_JOBS_KEYS: what was read is no JWK Set",
    ]);
    expect(await refusal("work", { BLINDREEL_JOBS_KEYS_COMMAND: "echo" })).toEqual([
      78,
      "rewrap-jobs: BLINDREEL_JOBS_KEYS must be there, or one of _COMMAND and _URL, and not two of them",
    ]);
    expect(await refusal("status", { BLINDREEL_JOBS_DATABASE: undefined })).toEqual([
      78,
      "rewrap-jobs: BLINDREEL_JOBS_DATABASE is missing",
    ]);
    const missing = start("work", "not-begun", variables);
    expect([await missing.ended, missing.output()]).toEqual([
      1,
      expect.stringContaining("no rotation of this name"),
    ]);
    const usage = startJobs(program.path, ["wrok", "--rotation", "x"], variables);
    expect([await usage.ended, usage.output()]).toEqual([64, expect.stringContaining("usage: rewrap-jobs")]);
  });
});
