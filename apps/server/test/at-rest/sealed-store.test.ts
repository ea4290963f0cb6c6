import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity, seal } from "blindreel";
import { inspect } from "blindreel/server";
import { afterAll, describe, expect, test } from "vitest";
import { masterKeys, readKeyFile } from "../../src/at-rest/key-ring.js";
import { openSealedStore } from "../../src/at-rest/sealed-store.js";
import { openFolder } from "../../src/store/folder.js";
import type { Store } from "../../src/store/store.js";
import { create, keysOf, storeSuite, textOf } from "../store/suite.js";

const folders: string[] = [];
function folder(): string {
  folders.push(mkdtempSync(join(tmpdir(), "blindreel-at-rest-")));
  return folders.at(-1)!;
}
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
});

const newKey = () => new Uint8Array(randomBytes(32));
const master = newKey();
const ring = masterKeys([master]);

storeSuite("a sealed folder", async () => {
  const root = folder();
  return {
    again: async () => openSealedStore(await openFolder(root), { ring, region: "eu" }),
    stop: async () => {},
  };
});

const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(root, name)).isFile(),
  );

const ID = "0123456789abcdef0123456789abcdef";

async function sealedRecording(root: string) {
  const { recipient } = await generateIdentity();
  const file = await seal(randomBytes(200_000), { to: recipient });
  const envelope = file.slice(0, inspect(file).envelopeLength);
  const store = await openSealedStore(await openFolder(root), { ring, region: "eu" });
  const objects: [string, Uint8Array<ArrayBuffer>][] = [
    [`${ID}/envelope`, envelope],
    [`${ID}/0001/00000000.seg`, file],
  ];
  for (const [key, bytes] of objects) await store.create(key, [bytes], { length: bytes.length });
  return { store, objects };
}

describe("a copy of the disk", () => {
  test("holds nothing of what was put: no name, no magic, no run of its bytes", async () => {
    const root = folder();
    const { objects } = await sealedRecording(root);
    const names = filesBelow(root);
    const disk = Buffer.concat(names.map((name) => readFileSync(join(root, name))));
    const shown = [
      ID,
      ID.slice(0, 8),
      Buffer.from(ID, "hex"),
      "envelope",
      ".seg",
      "BLINDREEL",
      "BLR",
      ...objects.flatMap(([, bytes]) =>
        Array.from({ length: 50 }, (_, i) => Buffer.from(bytes.subarray(i * 12, i * 12 + 12))),
      ),
    ].filter((each) => each.length > 0);
    for (const each of shown) expect(disk.includes(each)).toBe(false);
    for (const each of [ID.slice(0, 8), "envelope", "seg", "0001", "00000000"])
      expect(names.join("\n")).not.toContain(each);
    // The search finds what is there: without sealing, all of it.
    const plain = folder();
    const store = await openFolder(plain);
    for (const [key, bytes] of objects) await store.create(key, [bytes], { length: bytes.length });
    const unsealed = Buffer.concat(filesBelow(plain).map((name) => readFileSync(join(plain, name))));
    expect(unsealed.includes("BLINDREEL")).toBe(true);
    expect(filesBelow(plain).join("\n")).toContain(ID);
  });

  test("opens with no other master key, and with its own elsewhere", async () => {
    const root = folder();
    const { objects } = await sealedRecording(root);
    const copy = folder();
    cpSync(root, copy, { recursive: true });
    await expect(
      openSealedStore(await openFolder(copy), { ring: masterKeys([newKey()]), region: "eu" }),
    ).rejects.toThrow("is not in the key file");
    const restored = await openSealedStore(await openFolder(copy), { ring, region: "eu" });
    const object = (await restored.open(objects[1]![0]))!;
    expect(Buffer.compare(await object.read(0, object.size), objects[1]![1])).toBe(0);
    await object.close();
  });
});

describe("sealed objects", () => {
  test("a range reads the chunks that it touches", async () => {
    const inner = await openFolder(folder());
    let read = 0;
    const counting: Store = {
      create: inner.create.bind(inner),
      replace: inner.replace.bind(inner),
      list: inner.list.bind(inner),
      folders: inner.folders.bind(inner),
      remove: inner.remove.bind(inner),
      probe: inner.probe.bind(inner),
      open: async (key) => {
        const object = await inner.open(key);
        return (
          object && {
            size: object.size,
            version: object.version,
            read: (start, end) => {
              read += end - start;
              return object.read(start, end);
            },
            stream: () => object.stream(),
            close: () => object.close(),
          }
        );
      },
    };
    const store = await openSealedStore(counting, { ring, region: "eu" });
    const bytes = randomBytes(4_000_000);
    await store.create("a/b", [bytes], { length: bytes.length });
    read = 0;
    const object = (await store.open("a/b"))!;
    expect(
      Buffer.compare(await object.read(2_000_000, 2_000_100), bytes.subarray(2_000_000, 2_000_100)),
    ).toBe(0);
    await object.close();
    expect(read).toBeLessThan(3 * 16_400);
  });

  test("altered, cut, or under another name: damaged", async () => {
    const root = folder();
    const store = await openSealedStore(await openFolder(root), { ring, region: "eu" });
    await create(store, "a/one", "first object".repeat(3000));
    await create(store, "a/two", "other object".repeat(3000));
    const [one, two] = filesBelow(root)
      .filter((name) => !name.startsWith("keys/"))
      .map((name) => join(root, name)) as [string, string];
    const bytes = readFileSync(one);
    for (const offset of [0, 3, 20, 70, bytes.length - 1]) {
      const altered = Buffer.from(bytes);
      altered[offset]! ^= 1;
      writeFileSync(one, altered);
      const [first, second] = [await outcome(store, "a/one"), await outcome(store, "a/two")];
      expect([first, second].filter((each) => each !== "ok")).toHaveLength(1);
    }
    writeFileSync(one, bytes.subarray(0, bytes.length - 1));
    expect([await outcome(store, "a/one"), await outcome(store, "a/two")].sort()).toEqual(["damaged", "ok"]);
    writeFileSync(one, bytes);
    renameSync(one, `${one}.x`);
    renameSync(two, one);
    renameSync(`${one}.x`, two);
    expect([await outcome(store, "a/one"), await outcome(store, "a/two")]).toEqual(["damaged", "damaged"]);
  });

  async function outcome(store: Store, key: string): Promise<string> {
    try {
      const object = (await store.open(key))!;
      try {
        await object.read(0, object.size);
      } finally {
        await object.close();
      }
      return "ok";
    } catch (error) {
      return (
        (error as { fault?: string }).fault ??
        (error as Error).message.replace(/.*is not in the store/, "damaged")
      );
    }
  }

  test("each month has a data key of its own, named after the region", async () => {
    const root = folder();
    let now = new Date("2026-11-30T23:59:59Z");
    const store = await openSealedStore(await openFolder(root), { ring, region: "me", now: () => now });
    await create(store, "a/one", "x");
    now = new Date("2026-12-01T00:00:00Z");
    await create(store, "a/two", "y");
    expect(readdirSync(join(root, "keys")).sort()).toEqual(["me-2026-11", "me-2026-12", "names"]);
    rmSync(join(root, "keys/me-2026-11"));
    const again = await openSealedStore(await openFolder(root), { ring, region: "me" });
    expect(await textOf(again, "a/two")).toBe("y");
    await expect(textOf(again, "a/one")).rejects.toThrow("me-2026-11 is not in the store");
  });

  test("a new master key is rotated in without touching an object; then the old one is not needed", async () => {
    const root = folder();
    const { store, objects } = await sealedRecording(root);
    const before = new Map(filesBelow(root).map((name) => [name, statSync(join(root, name)).mtimeMs]));
    const next = newKey();
    const rotating = await openSealedStore(await openFolder(root), {
      ring: masterKeys([master, next]),
      region: "eu",
    });
    expect(await rotating.rotate()).toBe(2);
    expect(await rotating.rotate()).toBe(0);
    for (const [name, time] of before)
      if (!name.startsWith("keys/")) expect(statSync(join(root, name)).mtimeMs, name).toBe(time);
    const after = await openSealedStore(await openFolder(root), { ring: masterKeys([next]), region: "eu" });
    for (const [key, bytes] of objects) {
      const object = (await after.open(key))!;
      expect(Buffer.compare(await object.read(0, object.size), bytes)).toBe(0);
      await object.close();
    }
    expect(await keysOf(after)).toEqual(await keysOf(store));
    await expect(openSealedStore(await openFolder(root), { ring, region: "eu" })).rejects.toThrow(
      "is not in the key file",
    );
  });

  test("two servers that make a month's key at once use one", async () => {
    const root = folder();
    const servers = await Promise.all(
      Array.from({ length: 4 }, async () => openSealedStore(await openFolder(root), { ring, region: "eu" })),
    );
    await Promise.all(servers.map((server, i) => create(server, `a/${i}`, `${i}`)));
    for (const i of servers.keys()) expect(await textOf(servers[(i + 1) % 4]!, `a/${i}`)).toBe(`${i}`);
  });
});

describe("a key file", () => {
  test("has a key on each line, and nobody else may read it", async () => {
    const path = join(folder(), "keys");
    const lines = [master, newKey()].map((key) => `${Buffer.from(key).toString("base64url")}\n`);
    writeFileSync(path, lines.join(""), { mode: 0o600 });
    const read = await readKeyFile(path);
    const wrapped = await read.wrap(new Uint8Array(32).fill(7), "eu");
    expect(read.isCurrent(wrapped)).toBe(true);
    expect(read.isCurrent(await ring.wrap(new Uint8Array(32).fill(7), "eu"))).toBe(false);
    await expect(read.unwrap(wrapped, "us")).rejects.toThrow("authentication failed");
    chmodSync(path, 0o640);
    await expect(readKeyFile(path)).rejects.toThrow("mode is 640");
    chmodSync(path, 0o600);
    writeFileSync(path, `${lines[0]}short\n`);
    await expect(readKeyFile(path)).rejects.toThrow("line 2");
    writeFileSync(path, "");
    await expect(readKeyFile(path)).rejects.toThrow("one master key at least");
  });
});
