/** Shared work: one fetch for all readers of a block, aborted with the last of them, released when it is evicted and unused. */
import { expect, it } from "vitest";
import { TaskCache } from "../../src/review/task-cache.js";

interface Work {
  readonly signal: AbortSignal;
  readonly resolve: (value: string) => void;
  readonly reject: (error: unknown) => void;
}

function setUp(limit = 1) {
  const released: string[] = [];
  const works: Work[] = [];
  const cache = new TaskCache<string>(limit, (value) => void released.push(value));
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      works.push({ signal, resolve, reject });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const use = (key: string, signal?: AbortSignal) =>
    cache.use(key, 1, signal ? { signal } : {}, work, (value) => value);
  /** Holds the result until `end`. */
  const hold = (key: string) => {
    let end!: () => void;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    return { end, done: cache.use(key, 1, {}, work, () => held) };
  };
  return { cache, released, works, use, hold };
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

it("is shared, and outlives a reader that leaves", async () => {
  const { works, use } = setUp();
  const [leaving, staying] = [new AbortController(), new AbortController()];
  const first = use("a", leaving.signal);
  const second = use("a", staying.signal);
  leaving.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  expect(works.map(({ signal }) => signal.aborted)).toEqual([false]);
  works[0]!.resolve("content");
  expect(await second).toBe("content");
  expect(await use("a")).toBe("content");
  expect(works).toHaveLength(1);
});

it("is aborted with its last reader, and begun anew by the next", async () => {
  const { works, use, released } = setUp();
  const stop = new AbortController();
  const both = [use("a", stop.signal), use("a", stop.signal)];
  stop.abort(new Error("enough"));
  for (const each of both) await expect(each).rejects.toThrow("enough");
  expect(works[0]!.signal.reason).toEqual(new Error("enough"));
  const next = use("a");
  works[1]!.resolve("content");
  expect(await next).toBe("content");
  expect(released).toEqual([]);
});

it("is not kept after a failure", async () => {
  const { works, use } = setUp();
  const failing = use("a");
  works[0]!.reject(new Error("lost"));
  await expect(failing).rejects.toThrow("lost");
  const next = use("a");
  works[1]!.resolve("content");
  expect(await next).toBe("content");
});

it("is released in the order of use, and never in use", async () => {
  const { works, use, hold, released } = setUp(2);
  const fill = async (key: string) => {
    const filled = use(key);
    works.at(-1)!.resolve(key);
    await filled;
  };
  const held = hold("a");
  works[0]!.resolve("a");
  await fill("b");
  await fill("c");
  await settled();
  expect(released).toEqual(["b"]);
  await fill("d");
  await settled();
  expect(released).toEqual(["b", "c"]);
  held.end();
  await held.done;
  await fill("e");
  await settled();
  expect(released).toEqual(["b", "c", "a"]);
});

it("releases everything once when it is closed, and refuses further readers", async () => {
  const { cache, works, use, hold, released } = setUp(4);
  const held = hold("a");
  works[0]!.resolve("a");
  await settled();
  const pending = use("b");
  const ended = expect(pending).rejects.toThrow("closed");
  await cache.close(new Error("closed"));
  await ended;
  expect(released).toEqual(["a"]);
  held.end();
  await held.done;
  await settled();
  expect(released).toEqual(["a"]);
  await expect(use("a")).rejects.toThrow("closed");
});
