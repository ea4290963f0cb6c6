import type { ChildProcess } from "node:child_process";
import { stat, truncate } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { expectFailure, pattern, start, workspace } from "./helpers.js";

const space = workspace();

/** Waits until the program has begun its temporary file. */
async function untilWriting(child: ChildProcess): Promise<string> {
  for (let tries = 0; tries < 500 && child.exitCode === null; tries++) {
    const temporary = (await space.files()).find((name) => name.endsWith(".partial"));
    if (temporary !== undefined) return temporary;
    await sleep(10);
  }
  throw new Error("the program never began to write");
}

it.each([
  ["SIGINT", 130, "interrupted"],
  ["SIGTERM", 143, "terminated"],
  ["SIGHUP", 129, "hangup"],
] as const)("%s removes the temporary file, wherever the program waits", async (signal, exit, code) => {
  const child = start(["seal", "-r", space.keys.public, "-o", "x.reel", "--json", "-"], {
    cwd: space.folder,
  });
  // Standard input stays open: the program waits for more.
  child.stdin!.write(pattern(100_000));
  const closed = new Promise((resolve) => child.on("close", resolve));
  let stderr = "";
  child.stderr!.on("data", (chunk) => (stderr += chunk));
  await untilWriting(child);
  child.kill(signal);
  expect(await closed).toBe(exit);
  expect(JSON.parse(stderr)).toEqual({ error: { code, message: expect.stringContaining(signal) } });
  expect(await space.files()).toEqual([]);
});

it("an interrupted replacement leaves what was there", async () => {
  await space.write("x.reel", "precious");
  const args = ["seal", "-r", space.keys.public, "--force", "-o", "x.reel", "-"];
  const child = start(args, { cwd: space.folder });
  child.stdin!.write(pattern(100_000));
  const closed = new Promise((resolve) => child.on("close", resolve));
  await untilWriting(child);
  child.kill("SIGINT");
  expect(await closed).toBe(130);
  expect(await space.files()).toEqual(["x.reel"]);
  expect((await space.read("x.reel")).toString()).toBe("precious");
});

it("threads that seal a long file leave nothing behind", async () => {
  // Without blocks on the disk; by threads, for its length.
  await space.write("long", "");
  await truncate(space.path("long"), 1e9);
  const child = start(["seal", "-r", space.keys.public, "-o", "x.reel", "long"], { cwd: space.folder });
  const closed = new Promise((resolve) => child.on("close", resolve));
  const temporary = await untilWriting(child);
  await expect.poll(async () => (await stat(space.path(temporary))).size).toBeGreaterThan(0);
  child.kill("SIGINT");
  expect(await closed).toBe(130);
  expect(await space.files()).toEqual(["long"]);
});

it("ends at once although nobody reads its output", async () => {
  await space.fixture("a.webm", pattern(2 ** 21));
  const child = start(["open", "-i", space.keys.private, "-o", "-", "a.webm.reel"], { cwd: space.folder });
  const closed = new Promise((resolve) => child.on("exit", resolve));
  await new Promise((resolve) => child.stdout!.once("readable", resolve));
  await sleep(100);
  child.kill("SIGINT");
  expect(await closed).toBe(130);
  child.stdout!.destroy();
});

it("a file that is not as long as it says is refused: it is still being written", async () => {
  // What the kernel makes up while it is read says that it has no bytes.
  const args = ["seal", "-r", space.keys.public, "-o", "x.reel", "--json", "/proc/self/status"];
  const message = /status changed while it was read: it had 0 bytes at first/;
  await expectFailure(space.run(args), { exit: 12, code: "input-changed", message });
  expect(await space.files()).toEqual([]);
});
