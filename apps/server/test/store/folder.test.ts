import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { openFolder } from "../../src/store/folder.js";
import { type Store, StoreError } from "../../src/store/store.js";
import { removeFolders } from "../fixture.js";
import { smallDisk } from "../small-disk.js";
import { create, keysOf, replace, storeSuite, textOf, versionOf } from "./suite.js";

const folders: string[] = [];
function folder(): string {
  folders.push(mkdtempSync(join(tmpdir(), "blindreel-store-")));
  return folders.at(-1)!;
}
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
  removeFolders();
});

storeSuite("a folder", async () => {
  const root = folder();
  return { again: () => openFolder(root), stop: async () => {} };
});

describe("replacements from many sides", () => {
  test("none is lost, however long somebody was held up before the last step", async () => {
    const root = folder();
    const [store, other] = [await openFolder(root), await openFolder(root)];
    await create(store, "count/a", "0");
    const add = async (at: Store): Promise<void> => {
      for (;;) {
        const object = await at.open("count/a");
        if (!object) throw new Error("it is gone");
        const next = Number(await new Response(object.stream()).text()) + 1;
        if (await replace(at, "count/a", object.version, `${next}`)) return;
      }
    };
    const adding = async (at: Store): Promise<void> => {
      for (let i = 0; i < 40; i++) await add(at);
    };
    await Promise.all([store, other, store, other, store, other, store, other].map(adding));
    expect(await textOf(store, "count/a")).toBe("320");
    // Their numbers are free again an hour later.
    const versions = (): string[] => readdirSync(join(root, "count/a@"));
    expect(versions()).toHaveLength(320);
    for (const name of versions()) utimesSync(join(root, "count/a@", name), 1, 1);
    await add(store);
    expect(versions().sort()).toEqual(["320", "321"]);
  });
});

describe("a folder after a crash", () => {
  test("a version beside the one that replaced it: the newer is read, listed once, and removal takes both", async () => {
    const root = folder();
    const store = await openFolder(root);
    await create(store, "a/envelope", "one");
    await replace(store, "a/envelope", await versionOf(store, "a/envelope"), "two");
    writeFileSync(join(root, "a/envelope"), "one");
    expect(await textOf(store, "a/envelope")).toBe("two");
    expect(await keysOf(store)).toEqual(["a/envelope"]);
    await replace(store, "a/envelope", await versionOf(store, "a/envelope"), "three");
    expect(readdirSync(join(root, "a"))).toEqual(["envelope@"]);
    // The number of the one that was replaced stays taken, by an empty file.
    const versions = readdirSync(join(root, "a/envelope@")).sort();
    expect(versions.map((name) => statSync(join(root, "a/envelope@", name)).size)).toEqual([0, 5]);
    expect(versions).toEqual(["1", "2"]);
    await store.remove("a/envelope");
    expect(readdirSync(root)).toEqual([".unfinished"]);
  });

  test("unfinished files of the day before are removed when it is opened, newer ones are another server's", async () => {
    const root = folder();
    await openFolder(root);
    for (const name of ["old", "new"]) writeFileSync(join(root, ".unfinished", name), "x");
    utimesSync(join(root, ".unfinished", "old"), 1, 1);
    await openFolder(root);
    expect(readdirSync(join(root, ".unfinished"))).toEqual(["new"]);
  });

  test("kill -9 during creations leaves whole objects and nothing half under a name", async () => {
    const root = folder();
    const store = await openFolder(root);
    for (let round = 0; round < 3; round++) {
      const writer = fileURLToPath(new URL("writer.ts", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", writer, root, `${round}`], { stdio: "pipe" });
      const reported: string[] = [];
      let rest = "";
      await new Promise<void>((resolve) => {
        child.stdout.on("data", (part: Buffer) => {
          rest += part.toString();
          const lines = rest.split("\n");
          rest = lines.pop()!;
          reported.push(...lines);
          if (reported.length > 20 + 15 * round) child.kill("SIGKILL");
        });
        child.on("close", () => resolve());
      });
      expect(reported.length).toBeGreaterThan(20);
      const stored = await keysOf(store, `round-${round}/`);
      expect(stored).toEqual(expect.arrayContaining(reported));
      for (const key of stored) expect(await textOf(store, key)).toBe(key.repeat(5000));
    }
  }, 60_000);
});

describe("a folder that does not do", () => {
  test("a symbolic link is not followed", async () => {
    const root = folder();
    const store = await openFolder(root);
    mkdirSync(join(root, "a"));
    symlinkSync("/etc/hostname", join(root, "a/link"));
    await expect(store.open("a/link")).rejects.toThrow(StoreError);
  });

  test("a full disk is full, stores nothing, and goes on when there is room", async ({ skip }) => {
    const disk = smallDisk(1);
    if (!disk) return skip("this user may not mount a file system");
    try {
      const store = await openFolder(disk.root);
      await create(store, "a/1", "x".repeat(700_000));
      await expect(create(store, "a/2", "y".repeat(700_000))).rejects.toMatchObject({ fault: "full" });
      expect(await keysOf(store)).toEqual(["a/1"]);
      await store.remove("a/1");
      expect(await create(store, "a/2", "y".repeat(700_000))).toBe(true);
    } finally {
      disk.remove();
    }
  });

  test("a folder that went away is down, without its path in the message", async () => {
    const root = folder();
    const store = await openFolder(root);
    rmSync(join(root, ".unfinished"), { recursive: true });
    const failure = await create(store, "a/1", "x").catch((error) => error);
    expect(failure).toMatchObject({ fault: "down" });
    expect(`${failure.stack} ${failure.cause}`).not.toContain(root);
  });
});
