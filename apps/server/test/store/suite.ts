import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NameRange, type Store, StoreError } from "../../src/store/store.js";

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

export async function textOf(store: Store, key: string): Promise<string | undefined> {
  const object = await store.open(key);
  if (!object) return undefined;
  return new Response(object.stream()).text();
}

export const create = (store: Store, key: string, text: string): Promise<boolean> =>
  store.create(key, [bytesOf(text)], { length: Buffer.byteLength(text) });

export const replace = (store: Store, key: string, version: string, text: string): Promise<boolean> =>
  store.replace(key, version, [bytesOf(text)], { length: Buffer.byteLength(text) });

export async function versionOf(store: Store, key: string): Promise<string> {
  const object = (await store.open(key))!;
  await object.close();
  return object.version;
}

export async function keysOf(store: Store, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix)) keys.push(key);
  return keys.sort();
}

/** What every store must do. `again` opens the same storage, as a second server does. */
export function storeSuite(
  name: string,
  start: () => Promise<{ again(): Promise<Store>; stop(): Promise<void> }>,
): void {
  describe(name, () => {
    let store: Store;
    let second: Store;
    let stop: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      const started = await start();
      stop = started.stop;
      [store, second] = [await started.again(), await started.again()];
    }, 300_000);
    afterAll(() => stop?.());

    test("passes its probe and leaves nothing of it", async () => {
      await store.probe();
      expect(await keysOf(store)).toEqual([]);
    });

    test("an object is created once, and stays what it was", async () => {
      expect(await create(store, "once/a", "first")).toBe(true);
      expect(await create(store, "once/a", "other")).toBe(false);
      expect(await create(second, "once/a", "other")).toBe(false);
      expect(await textOf(second, "once/a")).toBe("first");
    });

    test("of 16 creations at once, over two servers, one is made", async () => {
      const made = await Promise.all(
        Array.from({ length: 16 }, (_, i) => create(i % 2 ? store : second, "race/a", `writer ${i}`)),
      );
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await textOf(store, "race/a")).toBe(`writer ${made.indexOf(true)}`);
    });

    test("ranges and the whole of an object of several pieces", async () => {
      const length = 700_001;
      const bytes = new Uint8Array(length).map((_, i) => i * 31 + (i >> 8));
      async function* pieces() {
        for (let from = 0; from < length; from += 65_536) yield bytes.subarray(from, from + 65_536);
      }
      expect(await store.create("range/a", pieces(), { length })).toBe(true);
      const object = (await store.open("range/a"))!;
      expect(object.size).toBe(length);
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [65_535, 65_537],
        [length - 1, length],
        [0, length],
      ] as const)
        expect(Buffer.compare(await object.read(start, end), bytes.subarray(start, end))).toBe(0);
      expect(Buffer.compare(new Uint8Array(await new Response(object.stream()).arrayBuffer()), bytes)).toBe(
        0,
      );
      await object.close();
    });

    test("a body that fails, or has another length, stores nothing", async () => {
      const failure = new Error("the client went away");
      async function* breaking() {
        yield bytesOf("part");
        throw failure;
      }
      await expect(store.create("none/a", breaking(), { length: 8 })).rejects.toBe(failure);
      for (const length of [3, 5])
        await expect(store.create("none/a", [bytesOf("four")], { length })).rejects.toThrow(RangeError);
      expect(await store.open("none/a")).toBeUndefined();
      expect(await keysOf(store, "none/")).toEqual([]);
    });

    test("replaces the version that was read, and no other", async () => {
      await create(store, "set/a", "one");
      const version = await versionOf(store, "set/a");
      expect(await replace(store, "set/a", version, "two")).toBe(true);
      expect(await replace(second, "set/a", version, "three")).toBe(false);
      expect(await create(second, "set/a", "three")).toBe(false);
      expect(await textOf(second, "set/a")).toBe("two");
      expect(await keysOf(store, "set/")).toEqual(["set/a"]);
      expect(await replace(store, "set/absent", version, "x")).toBe(false);
      expect(await store.open("set/absent")).toBeUndefined();
    });

    test("counts to 40 by compare-and-set from two servers without losing one", async () => {
      await create(store, "count/a", "0");
      const add = async (at: Store): Promise<void> => {
        for (;;) {
          const object = (await at.open("count/a"))!;
          let text: string;
          try {
            text = await new Response(object.stream()).text();
          } catch (error) {
            if (error instanceof StoreError && error.fault === "gone") continue;
            throw error;
          }
          if (await replace(at, "count/a", object.version, `${Number(text) + 1}`)) return;
        }
      };
      const adding = async (at: Store) => {
        for (let i = 0; i < 10; i++) await add(at);
      };
      await Promise.all([adding(store), adding(second), adding(store), adding(second)]);
      expect(await textOf(store, "count/a")).toBe("40");
    }, 120_000);

    test("lists what starts with a prefix, and all", async () => {
      for (const key of ["list/b/2.seg", "list/a/1", "list/a/10", "list/envelope"])
        await create(store, key, "x");
      expect(await keysOf(store, "list/")).toEqual([
        "list/a/1",
        "list/a/10",
        "list/b/2.seg",
        "list/envelope",
      ]);
      expect(await keysOf(second, "list/a/")).toEqual(["list/a/1", "list/a/10"]);
      expect(await keysOf(second, "absent/")).toEqual([]);
      expect(await keysOf(second)).toEqual(expect.arrayContaining(["list/envelope", "once/a"]));
    });

    test("names the folders at the top, all and those of a range, each once", async () => {
      const names = Array.from({ length: 9 }, (_, i) => `folder${i}`);
      for (const name of names)
        for (const key of ["1", "2/3", "envelope"]) await create(store, `${name}/${key}`, "x");
      await create(store, "folder0-x/1", "x");
      await create(store, "top", "x");
      const named = async (range?: NameRange) => {
        const found: string[] = [];
        for await (const name of second.folders(range)) if (name.startsWith("folder")) found.push(name);
        return found;
      };
      const all = await named();
      expect([...all].sort()).toEqual(["folder0-x", ...names].sort());
      for (const from of all.keys()) {
        expect(await named({ after: all[from] })).toEqual(all.slice(from + 1));
        expect(await named({ through: all[from] })).toEqual(all.slice(0, from + 1));
        expect(await named({ after: all[from], through: all[from + 2] })).toEqual(
          all.slice(from + 1, from + 3),
        );
      }
      const gone = all[4]!;
      for (const key of ["1", "2/3", "envelope"]) await store.remove(`${gone}/${key}`);
      expect(await named({ after: gone })).toEqual(all.slice(5));
      expect(await named({ through: gone })).toEqual(all.slice(0, 4));
    });

    test("removes, also what was replaced, and it can be created anew", async () => {
      await create(store, "gone/a", "one");
      const version = await versionOf(store, "gone/a");
      await replace(store, "gone/a", version, "two");
      await store.remove("gone/a");
      expect(await second.open("gone/a")).toBeUndefined();
      expect(await keysOf(store, "gone/")).toEqual([]);
      await store.remove("gone/a");
      expect(await replace(store, "gone/a", version, "three")).toBe(false);
      expect(await create(second, "gone/a", "new")).toBe(true);
      expect(await textOf(store, "gone/a")).toBe("new");
    });

    test.each([
      "",
      "/a",
      "a/",
      "a//b",
      "../a",
      "a/../b",
      ".hidden",
      "a/.b",
      "a@1",
      "a%2e",
      "a b",
      "a\0",
      "é",
      "a".repeat(501),
    ])("%j is no key", async (key) => {
      await expect(create(store, key, "x")).rejects.toThrow(RangeError);
      await expect(store.open(key)).rejects.toThrow(RangeError);
      await expect(store.remove(key)).rejects.toThrow(RangeError);
    });
  });
}
