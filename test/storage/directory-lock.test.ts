import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { directoryJournal } from "../../src/storage/directory.js";
import type { FoundJournal } from "../../src/storage/store.js";
import { expectCode } from "../helpers/errors.js";
import type { Answer, Order } from "./lock-child.js";
import { watchedDirectory } from "./watched-fs.js";

const NAME = "0123456789abcdef0123456789abcdef";
const isLinux = process.platform === "linux";
/** Whether this process may make a namespace of process ids, as containers have one each. */
const hasNamespaces =
  isLinux && spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;

let root = "";
let program = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-lock-"));
  program = join(root, "child.mjs");
  const entry = fileURLToPath(new URL("lock-child.ts", import.meta.url));
  await build({ entryPoints: [entry], bundle: true, format: "esm", platform: "node", outfile: program });
});
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(() => rm(root, { recursive: true }));

const place = () => join(root, String(Math.random()));

/** Of the records. */
async function lengthsIn(folder: string): Promise<number[]> {
  const { journal, records } = await directoryJournal(folder).open(NAME);
  await journal.close();
  return records.map(({ length }) => length);
}

interface Somebody {
  tell(order: Order): Promise<Answer>;
  /** At once, as a crash does. */
  kill(): Promise<unknown>;
  readonly pid: number | undefined;
}

function talkTo(child: ChildProcess): Somebody {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => {
    child.kill("SIGKILL");
    return gone;
  };
  ends.push(kill);
  return {
    pid: child.pid,
    kill,
    async tell(order) {
      child.stdin!.write(`${order}\n`);
      return JSON.parse((await lines.next()).value as string);
    },
  };
}

function startProcess(folder: string, ...wrapper: string[]): Somebody {
  const [command, ...args] = [...wrapper, process.execPath, program, folder, NAME];
  return talkTo(spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] }));
}

function startThread(folder: string): Somebody {
  const worker = new Worker(program, { workerData: [folder, NAME] });
  ends.push(() => worker.terminate());
  return {
    pid: process.pid,
    kill: () => worker.terminate(),
    tell: (order) => {
      worker.postMessage(order);
      return new Promise((resolve) => worker.once("message", resolve));
    },
  };
}

describe("fault J1: one writer", () => {
  it("keeps processes apart, says who has the journal, and takes it from one that is dead", async () => {
    const folder = place();
    const other = startProcess(folder);
    expect(await other.tell("create")).toEqual({ code: "done" });
    expect(await other.tell("commit")).toEqual({ code: "done" });
    const store = directoryJournal(folder);
    const before = Date.now();
    const error = await expectCode(() => store.open(NAME), "journal-in-use");
    expect(error.message).toMatch(
      new RegExp(`in use by process ${other.pid}, thread 0, on ${hostname()}; it was alive \\d s ago$`),
    );
    expect(Math.abs(error.details.aliveAt!.getTime() - before)).toBeLessThan(5000);
    await expectCode(() => store.discard(NAME), "journal-in-use");
    expect(await other.tell("commit")).toEqual({ code: "done" });
    await other.kill();
    const { journal, records } = await store.open(NAME);
    expect(records).toHaveLength(2);
    await journal.close();
    expect((await readdir(join(folder, NAME))).sort()).toEqual(["facts", "label"]);
  });

  it("keeps worker threads apart, also one that is gone: nobody can tell", async () => {
    const folder = place();
    const [one, two] = [startThread(folder), startThread(folder)];
    await one.tell("create");
    await one.tell("commit");
    expect((await two.tell("open")).message).toMatch(/in use by process \d+, thread [1-9]\d*, on/);
    await expectCode(() => directoryJournal(folder).open(NAME), "journal-in-use");
    await one.tell("close");
    expect((await two.tell("open")).code).toBe("done");
    await two.kill();
    await expectCode(() => directoryJournal(folder).open(NAME), "journal-in-use");
    await (await directoryJournal(folder).open(NAME, { takeOver: true })).journal.erase();
  });

  it("takes the journal over when told to: its owner writes nothing any more", async () => {
    const folder = place();
    const [one, two] = [startProcess(folder), startProcess(folder)];
    await one.tell("create");
    await one.tell("commit");
    expect(await two.tell("takeOver")).toEqual({ code: "done", records: 1 });
    expect(await two.tell("commit")).toEqual({ code: "done" });
    for (const order of ["commit", "erase"] as const) {
      const { code, message } = await one.tell(order);
      expect([code, message]).toEqual(["journal-in-use", expect.stringContaining(`process ${two.pid},`)]);
    }
    expect(await one.tell("close")).toEqual({ code: "done" });
    expect(await two.tell("commit")).toEqual({ code: "done" });
    expect(await one.tell("open")).toMatchObject({ code: "journal-in-use" });
    await two.tell("close");
    expect(await one.tell("open")).toEqual({ code: "done", records: 3 });
  });

  it("confirms no commit whose owner was taken over in the middle of it", async () => {
    const folder = place();
    let intrude: (() => Promise<unknown>) | undefined;
    const store = watchedDirectory(folder, async (call) => {
      if (call !== "handle.writev" || !intrude) return;
      const take = intrude;
      intrude = undefined;
      await take();
    });
    const journal = await store.create(NAME, { label: "" });
    await journal.commit({ records: [new Uint8Array(1)] });
    const two = startProcess(folder);
    intrude = async () => {
      expect(await two.tell("takeOver")).toEqual({ code: "done", records: 1 });
      expect(await two.tell("commit")).toEqual({ code: "done" });
    };
    await expectCode(() => journal.commit({ records: [new Uint8Array(100)] }), "journal-in-use");
    await journal.close();
    await two.tell("close");
    expect(await lengthsIn(folder)).toEqual([1, 3]);
  });

  it("lets one of many win who find the lock of a dead one", async () => {
    const folder = place();
    const dead = startProcess(folder);
    await dead.tell("create");
    await dead.tell("commit");
    await dead.kill();
    const lock = await readFile(join(folder, NAME, "lock"));
    const racers = [...Array(4)].flatMap(() => [startProcess(folder), startThread(folder)]);
    for (let round = 0; round < 15; round++) {
      await writeFile(join(folder, NAME, "lock"), lock);
      const answers = await Promise.all(racers.map((racer) => racer.tell("open")));
      const commits = await Promise.all(
        racers.map(async (racer, i) => (answers[i]!.code === "done" ? racer.tell("commit") : answers[i]!)),
      );
      const codes = commits.map(({ code }) => code).sort();
      expect(codes).toEqual(["done", ...Array(7).fill("journal-in-use")]);
      await Promise.all(racers.map((racer, i) => answers[i]!.code === "done" && racer.tell("close")));
    }
    expect(await lengthsIn(folder)).toHaveLength(16);
  });

  it.skipIf(!hasNamespaces && !process.env.CI)(
    "keeps containers apart whose processes have the same ids",
    async () => {
      const folder = place();
      const container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
      const [one, two] = [startProcess(folder, ...container), startProcess(folder, ...container)];
      expect((await one.tell("create")).code).toBe("done");
      await one.tell("commit");
      const { code, message } = await two.tell("open");
      expect([code, message]).toEqual(["journal-in-use", expect.stringContaining("process 1, thread 0")]);
      expect(await one.tell("commit")).toEqual({ code: "done" });
      await one.kill();
      // It is gone, and nobody can tell.
      expect((await two.tell("open")).code).toBe("journal-in-use");
      expect(await two.tell("takeOver")).toEqual({ code: "done", records: 2 });
    },
  );
});

describe.skipIf(!isLinux && !process.env.CI)("fault J1: what a lock says of its owner", () => {
  /** A system that `/proc` tells of: another machine, boot or namespace than this one, or nothing at all. */
  const system = (folder: string, files: Readonly<Record<string, string | undefined>>) =>
    watchedDirectory(folder, async (call, [path]) => {
      if (!["readFile", "readlink"].includes(call) || !(String(path) in files)) return undefined;
      const content = files[String(path)];
      if (content === undefined) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return content;
    });
  const BOOT = "/proc/sys/kernel/random/boot_id";
  const NAMESPACE = "/proc/self/ns/pid";
  const MACHINE = "/etc/machine-id";
  const INITIAL = "pid:[4026531836]";
  const here = { [BOOT]: "boot-1", [NAMESPACE]: INITIAL, [MACHINE]: "machine-1" };

  async function madeBy(files: Readonly<Record<string, string | undefined>>) {
    const folder = place();
    const journal = await system(folder, files).create(NAME, { label: "" });
    await journal.commit({ records: [new Uint8Array(1)] });
    const lock = join(folder, NAME, "lock");
    const owner = JSON.parse(await readFile(lock, "utf8"));
    return { folder, journal, lock, owner };
  }

  /** Whether the lock of `files`' system, changed by `changes`, is taken over in the other's. */
  async function isTaken(
    files: Readonly<Record<string, string | undefined>>,
    others: Readonly<Record<string, string | undefined>>,
    changes: Readonly<Record<string, unknown>> = {},
  ): Promise<boolean> {
    const { folder, journal, lock, owner } = await madeBy(files);
    await writeFile(lock, JSON.stringify({ ...owner, ...changes }));
    const store = system(folder, others);
    const taken = await store.open(NAME).catch((error: unknown) => error);
    const isOpen = !(taken instanceof Error);
    if (isOpen) await (taken as FoundJournal).journal.close();
    else await expectCode(() => Promise.reject(taken), "journal-in-use");
    await journal.close();
    await store.discard(NAME, { takeOver: true });
    return isOpen;
  }

  it("is all that tells it apart, and names no machine by its number", async () => {
    const { journal, owner } = await madeBy(here);
    expect(owner).toEqual({
      host: hostname(),
      machine: expect.stringMatching(/^[0-9a-f]{16}$/),
      boot: "boot-1",
      namespace: INITIAL,
      pid: process.pid,
      started: expect.stringMatching(/^\d+$/),
      thread: 0,
      token: expect.any(String),
    });
    await journal.erase();
  });

  it("is taken over of another boot of the same machine, and of no other machine", async () => {
    expect(await isTaken(here, { ...here, [BOOT]: "boot-2" })).toBe(true);
    expect(await isTaken(here, { ...here, [BOOT]: "boot-2", [MACHINE]: "machine-2" })).toBe(false);
    expect(await isTaken(here, { ...here, [BOOT]: "boot-2" }, { host: "another" })).toBe(false);
    expect(await isTaken(here, { ...here, [BOOT]: "boot-2", [MACHINE]: undefined })).toBe(false);
    const contained = { ...here, [NAMESPACE]: "pid:[4026532000]" };
    expect(await isTaken(contained, { ...contained, [BOOT]: "boot-2" })).toBe(false);
    expect(await isTaken(here, { ...here, [BOOT]: undefined })).toBe(false);
  });

  it("is taken over of a process that is gone, of this boot and namespace alone", async () => {
    const child = spawnSync(process.execPath, ["-e", "console.log(process.pid)"], { encoding: "utf8" });
    const gone = { pid: Number(child.stdout) };
    expect(await isTaken(here, here, gone)).toBe(true);
    expect(await isTaken(here, { ...here, [NAMESPACE]: "pid:[4026532000]" }, gone)).toBe(false);
    expect(await isTaken(here, { ...here, [NAMESPACE]: undefined }, gone)).toBe(false);
    expect(
      await isTaken({ ...here, [NAMESPACE]: undefined }, { ...here, [NAMESPACE]: undefined }, gone),
    ).toBe(false);
    expect(await isTaken(here, here, { ...gone, host: "another" })).toBe(false);
    // Other processes that have the number now: one that lives, and one that began later.
    expect(await isTaken(here, here, { pid: process.ppid, started: undefined })).toBe(false);
    expect(await isTaken(here, here, { pid: process.ppid, started: "1" })).toBe(true);
    expect(await isTaken(here, here, { started: "1" })).toBe(true);
    const shadowed = { ...here, "/proc/self": "1" };
    expect(await isTaken(here, shadowed, { pid: process.ppid, started: "1" })).toBe(false);
  });

  it("is not taken over of this process and another namespace, thread, or copy of the SDK in it", async () => {
    expect(await isTaken(here, here)).toBe(false);
    expect(await isTaken(here, { ...here, [NAMESPACE]: "pid:[4026532000]" })).toBe(false);
    expect(await isTaken(here, here, { thread: 7, token: "unknown" })).toBe(false);
    expect(await isTaken(here, here, { thread: undefined, token: "unknown" })).toBe(false);
    expect(await isTaken(here, here, { token: "unknown" })).toBe(true);
    const held = (globalThis as unknown as Record<symbol, Set<string>>)[Symbol.for("blindreel.locks")]!;
    held.add("of another copy");
    expect(await isTaken(here, here, { token: "of another copy" })).toBe(false);
    held.delete("of another copy");
  });

  it("is somebody's where it cannot be read", async () => {
    for (const content of ["", "123 456 token", "null", '{"token":"t"}']) {
      const { folder, journal, lock } = await madeBy(here);
      await journal.close();
      await writeFile(lock, content);
      const store = system(folder, here);
      await expectCode(() => store.open(NAME), "journal-in-use");
      await (await store.open(NAME, { takeOver: true })).journal.erase();
    }
  });

  it("is touched as long as its owner has it, and not when somebody else has", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const timers = process.getBuiltinModule("node:timers");
    const real = { setInterval: timers.setInterval, clearInterval: timers.clearInterval };
    try {
      Object.assign(timers, { setInterval: globalThis.setInterval, clearInterval: globalThis.clearInterval });
      const { journal, lock, owner } = await madeBy(here);
      const past = new Date(Date.now() - 3_600_000);
      const isTouched = async () => {
        await utimes(lock, past, past);
        await vi.advanceTimersByTimeAsync(10_000);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return (await stat(lock)).mtimeMs > past.getTime() + 1_800_000;
      };
      expect(await isTouched()).toBe(true);
      await writeFile(lock, JSON.stringify({ ...owner, token: "another" }));
      expect(await isTouched()).toBe(false);
      await writeFile(lock, JSON.stringify(owner));
      expect(await isTouched()).toBe(true);
      await journal.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      Object.assign(timers, real);
      vi.useRealTimers();
    }
  });

  it("tells this very system", async () => {
    const folder = place();
    await mkdir(folder);
    const journal = await directoryJournal(folder).create(NAME, { label: "" });
    const owner = JSON.parse(await readFile(join(folder, NAME, "lock"), "utf8"));
    expect(owner.namespace).toBe(await readlink(NAMESPACE));
    expect(owner.boot).toBe((await readFile(BOOT, "utf8")).trim());
    await journal.erase();
  });
});
