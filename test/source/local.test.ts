import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blobSource } from "../../src/source/blob.js";
import { type ByteSource, readExactly } from "../../src/source/byte-source.js";
import { bytesSource } from "../../src/source/bytes.js";
import { fileHandleSource, type ReadableFileHandle } from "../../src/source/file-handle.js";
import { expectBytes, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

const content = pattern(100_000, 1);
let folder: string;

refuseUnhandledRejections();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blindreel-source-"));
  await writeFile(join(folder, "object"), content);
});
afterAll(() => rm(folder, { recursive: true }));

const sources: Record<string, () => Promise<ByteSource>> = {
  bytesSource: async () => bytesSource(content),
  "bytesSource over a pooled Buffer": async () => bytesSource(Buffer.from([1, 2, ...content]).subarray(2)),
  blobSource: async () => blobSource(new Blob([content.slice(0, 33_333), content.slice(33_333)])),
  "blobSource over a File": async () => blobSource(new File([content], "camera.webm")),
  fileHandleSource: async () => fileHandleSource(await open(join(folder, "object"))),
};

for (const [name, make] of Object.entries(sources)) {
  describe(name, () => {
    it("gives its size and any range", async () => {
      const source = await make();
      expect(await source.size()).toBe(content.length);
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [33_000, 34_000],
        [99_999, 100_000],
        [100_000, 100_000],
        [0, 100_000],
      ] as const) {
        expectBytes(await source.read(start, end), content.slice(start, end));
      }
      await source.close?.();
    });

    it("refuses ranges outside", async () => {
      const source = await make();
      for (const [start, end] of [
        [-1, 1],
        [2, 1],
        [0, 100_001],
        [100_001, 100_001],
        [0.5, 1],
        [0, Number.NaN],
        [0, Number.POSITIVE_INFINITY],
        ["0", 1],
        [0, undefined],
      ] as const) {
        await expectOutOfRange(() => source.read(start as number, end as number));
      }
      await source.close?.();
    });

    it("reads several ranges at once", async () => {
      const source = await make();
      const ranges = Array.from({ length: 20 }, (_, i) => [i * 4000, i * 4000 + 9000] as const);
      const results = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
      for (const [i, [start, end]] of ranges.entries()) expectBytes(results[i]!, content.slice(start, end));
      await source.close?.();
    });

    it("rejects with the reason of an aborted signal, read as the SDK reads it", async () => {
      const source = await make();
      const reason = { my: "reason" };
      const signal = AbortSignal.abort(reason);
      expect(await caught(() => readExactly(source, 0, 5, { signal }))).toBe(reason);
      await source.close?.();
    });
  });
}

describe("bytesSource", () => {
  it("takes bytes and nothing else", async () => {
    for (const wrong of [
      "x",
      null,
      undefined,
      new ArrayBuffer(3),
      new Uint8Array(new SharedArrayBuffer(3)),
    ]) {
      await expectWrongType(() => bytesSource(wrong as never));
    }
  });
});

describe("blobSource", () => {
  it("reports a file that cannot be read any more", async () => {
    const gone = new DOMException("gone", "NotReadableError");
    const file = {
      size: 10,
      slice: () => ({ arrayBuffer: () => Promise.reject(gone) }),
    } as unknown as Blob;
    const error = await expectCode(() => blobSource(file).read(0, 5), "source-failed");
    expect(error.cause).toBe(gone);
  });
});

describe("fileHandleSource", () => {
  it("goes on after short reads", async () => {
    let reads = 0;
    const slow: ReadableFileHandle = {
      stat: async () => ({ size: 100 }),
      async read(buffer, offset, length, position) {
        reads++;
        const bytesRead = Math.min(length, 7);
        buffer.set(content.subarray(position, position + bytesRead), offset);
        return { bytesRead };
      },
      close: async () => {},
    };
    expectBytes(await fileHandleSource(slow).read(3, 93), content.slice(3, 93));
    expect(reads).toBe(13);
  });

  it("reports a file that shrank", async () => {
    const path = join(folder, "shrinking");
    await writeFile(path, content);
    const source = fileHandleSource(await open(path));
    expect(await source.size()).toBe(content.length);
    await truncate(path, 500);
    expectBytes(await source.read(0, 500), content.slice(0, 500));
    await expectCode(() => source.read(400, 600), "source-failed");
    await source.close?.();
  });

  it("stops between reads when aborted, closes the file once asked to, and hands on errors", async () => {
    const reason = new Error("stop");
    const controller = new AbortController();
    const events: string[] = [];
    const file: ReadableFileHandle = {
      stat: async () => ({ size: 100 }),
      async read() {
        events.push("read");
        controller.abort(reason);
        return { bytesRead: 1 };
      },
      async close() {
        events.push("close");
      },
    };
    const source = fileHandleSource(file);
    expect(await caught(() => source.read(0, 50, { signal: controller.signal }))).toBe(reason);
    await source.close?.();
    expect(events).toEqual(["read", "close"]);
    const handle = await open(join(folder, "object"));
    const closed = fileHandleSource(handle);
    await handle.close();
    await expect(closed.size()).rejects.toThrow();
    await expect(closed.read(0, 1)).rejects.toThrow();
  });

  it("asks for the size once", async () => {
    let stats = 0;
    const source = fileHandleSource({
      stat: async () => ({ size: ++stats * 100 }),
      read: async () => ({ bytesRead: 0 }),
      close: async () => {},
    });
    expect(await source.size()).toBe(100);
    expect(await source.size()).toBe(100);
    expect(stats).toBe(1);
  });
});

describe("what the SDK reads from a source of others", () => {
  const answering = (answer: unknown): ByteSource => ({
    size: async () => 100,
    read: async () => answer as never,
  });

  it("is exactly as long as asked for, or source-failed", async () => {
    expectBytes(await readExactly(answering(content.slice(0, 5)), 0, 5, {}), content.slice(0, 5));
    for (const length of [0, 4, 6]) {
      await expectCode(() => readExactly(answering(content.slice(0, length)), 0, 5, {}), "source-failed");
    }
    expect((await readExactly(answering("never asked"), 5, 5, {})).length).toBe(0);
  });

  it("is bytes of ordinary memory; a Buffer as a plain array", async () => {
    for (const wrong of [undefined, null, "12345", new ArrayBuffer(5), [1, 2, 3, 4, 5]]) {
      await expectWrongType(() => readExactly(answering(wrong), 0, 5, {}));
    }
    await expectWrongType(() => readExactly(answering(new Uint8Array(new SharedArrayBuffer(5))), 0, 5, {}));
    const bytes = await readExactly(answering(Buffer.from("12345")), 0, 5, {});
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  });

  it("is dropped when the signal is aborted meanwhile", async () => {
    const controller = new AbortController();
    const reason = { my: "reason" };
    const source: ByteSource = {
      size: async () => 100,
      async read() {
        controller.abort(reason);
        return content.slice(0, 5);
      },
    };
    expect(await caught(() => readExactly(source, 0, 5, { signal: controller.signal }))).toBe(reason);
  });
});
