import { spawnSync } from "node:child_process";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { generateIdentity, open, openFrom, openSource, seal, sealFrom } from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { openReadable } from "../../src/stream/open.js";
import { sealBytes } from "../../src/stream/seal.js";
import { createWorkers, type StreamWorker } from "../../src/workers/index.js";
import type { SpanJob } from "../../src/workers/job.js";
import { collect, cut, drain, expectBytes, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { observed, startStreamWorker, streamWorkerAfter, sum, threads } from "../helpers/workers.js";

refuseUnhandledRejections();

const identities = await generateIdentity();
const to = identities.recipient;
/** Seven spans and a piece of one. */
const content = pattern(3.5 * 64 * CHUNK + 100, 5);

const opened = async (file: Bytes): Promise<Bytes> => (await open(file, { identities })).data;

describe("worker threads", () => {
  it("seal what any thread opens, whole and in order, several messages at a time", async () => {
    const workers = threads(2);
    const sealed = await Promise.all([
      seal(content, { to, workers }),
      collect(sealFrom(cut(content, 100_000), { to, workers })),
      seal(content, { to }),
    ]);
    for (const file of sealed) {
      expectBytes((await open(file, { identities })).data, content);
      expectBytes((await open(file, { identities, workers })).data, content);
      expectBytes(await collect(openFrom(cut(file, 70_000), { identities, workers })), content);
    }
    await workers.close();
  });

  it("release buffers that nobody shares", async () => {
    const workers = threads(2);
    for await (const piece of sealFrom([content], { to, workers })) {
      expect(piece.buffer).toBeInstanceOf(ArrayBuffer);
    }
    expect((await seal(content, { to, workers })).buffer).toBeInstanceOf(ArrayBuffer);
    await workers.close();
  });

  it("find keys and buffers wiped after the end, after a cancel and after a failure", async () => {
    const file = await seal(content, { to });
    const altered = file.slice();
    altered[altered.length - 100_000]! ^= 1;
    const runs: Record<string, (workers: ReturnType<typeof createWorkers>) => Promise<unknown>> = {
      seal: (workers) => seal(content, { to, workers }),
      open: (workers) => open(file, { identities, workers }),
      sealFrom: (workers) => collect(sealFrom([content], { to, workers })),
      cancel: async (workers) => {
        const reader = openFrom([file], { identities, workers }).getReader();
        await reader.read();
        await reader.cancel();
      },
      failure: (workers) => caught(() => open(altered, { identities, workers })),
      "failure of a stream": (workers) => caught(() => collect(openFrom([altered], { identities, workers }))),
    };
    for (const [name, run] of Object.entries(runs)) {
      const jobs: SpanJob[] = [];
      const workers = createWorkers({ threads: 2, createWorker: observed(jobs) });
      await run(workers);
      await expect
        .poll(() => jobs.map(({ key, span }) => sum(key) + sum(span)), { message: name })
        .toEqual(jobs.map(() => 0));
      expect(jobs.length, name).toBeGreaterThan(0);
      await workers.close();
    }
  });

  it("release the chunks before one that was altered, and not one more (A7)", async () => {
    const workers = threads(2);
    const streamKey = { key: pattern(32, 1), context: pattern(30, 2) };
    const sealed = await sealBytes(content, streamKey);
    for (const index of [0, 1, 63, 64, 100, 223]) {
      const altered = sealed.slice();
      altered[56 + index * SEALED_CHUNK + 5]! ^= 1;
      const { released, error } = await drain(openReadable([altered], streamKey, { workers }));
      expectBytes(released, content.slice(0, index * CHUNK) as Bytes);
      expectErrorCode(error, "authentication-failed");
    }
    await workers.close();
  });

  it("fail by the first chunk that fails, then by a wrong end (A3)", async () => {
    const workers = threads(2);
    const whole = await seal(content.subarray(0, 32 * CHUNK - 1), { to });
    const longer = new Uint8Array(whole.length + 9);
    longer.set(whole);
    for (const pool of [{}, { workers }]) {
      const { released, error } = await drain(openFrom([longer], { identities, ...pool }));
      expectErrorCode(error, "authentication-failed");
      expect(released.length % CHUNK).toBe(0);
    }
    await workers.close();
  });

  it("fail with closed once the pool is closed, what is under way too", async () => {
    const workers = threads(2);
    const reader = sealFrom(cut(pattern(64 * 2 ** 20), 2 ** 20), { to, workers }).getReader();
    await reader.read();
    await reader.read();
    await workers.close();
    await expectCode(async () => {
      while (!(await reader.read()).done);
    }, "closed");
    await expectCode(() => seal(content, { to, workers }), "closed");
    await workers.close();
  });

  it("fail with provider-fault where a thread dies or its script does not load", async () => {
    for (const script of ["process.exit(3)", "throw new Error('no')", "require('./missing.cjs')"]) {
      const workers = createWorkers({ threads: 2, createWorker: () => new Worker(script, { eval: true }) });
      await expectCode(() => seal(content, { to, workers }), "provider-fault");
      await expectCode(() => collect(sealFrom([content], { to, workers })), "provider-fault");
      await workers.close();
    }
    for (const missing of ["postMessage", "terminate", "ref", "unref", "on"]) {
      const createWorker = () => Object.assign(startStreamWorker(), { [missing]: undefined }) as never;
      await expectWrongType(() =>
        seal(content, { to, workers: createWorkers({ threads: 2, createWorker }) }),
      );
    }
  });

  it("fail where createWorker gives one that has ended, which would never answer", async () => {
    const ended = startStreamWorker();
    await ended.terminate();
    const workers = createWorkers({ threads: 2, createWorker: () => ended });
    await expectCode(() => seal(content, { to, workers }), "provider-fault");
    await workers.close();
  });

  it("take no other message of a script for an answer: what nobody sealed is never passed", async () => {
    const says = (message: string) => `require("node:worker_threads").parentPort.postMessage(${message})`;
    for (const message of ['"ready"', "null", "{}", "{ length: 2 ** 19 }"]) {
      const createWorker = () => streamWorkerAfter(says(message));
      const workers = createWorkers({ threads: 2, createWorker });
      expectBytes(await opened(await seal(content, { to, workers })), content);
      expectBytes(await opened(await collect(sealFrom([content], { to, workers }))), content);
      await workers.close();
    }
    const claims = `require("node:worker_threads").parentPort.on("message", () => ${says('{ topic: "blindreel-span", length: 2 ** 19 }')})`;
    const workers = createWorkers({ threads: 2, createWorker: () => new Worker(claims, { eval: true }) });
    await expectCode(() => seal(content, { to, workers }), "provider-fault");
    await workers.close();
  });

  it("settle what is under way where a worker cannot be told, or does not end", async () => {
    const fails = () => {
      throw new Error("no");
    };
    const deaf = () => Object.assign(startStreamWorker(), { postMessage: fails });
    const workers = createWorkers({ threads: 2, createWorker: deaf });
    await expectCode(() => seal(content, { to, workers }), "provider-fault");
    await expectCode(() => collect(sealFrom([content], { to, workers })), "provider-fault");
    await workers.close();

    const ends: (() => Promise<number>)[] = [];
    const createWorker = () => {
      const worker: StreamWorker = startStreamWorker();
      ends.push(worker.terminate.bind(worker));
      return Object.assign(worker, { terminate: async () => fails() });
    };
    const endless = createWorkers({ threads: 2, createWorker });
    let closing: Promise<unknown> | undefined;
    const onProgress = () => {
      closing ??= caught(() => endless.close());
    };
    await expectCode(() => seal(content, { to, workers: endless, onProgress }), "closed");
    expectErrorCode(await closing, "provider-fault");
    await Promise.all(ends.map((end) => end()));
  });

  it("are ended once any call of close is over", async () => {
    let running = 0;
    const createWorker = () => {
      const worker = startStreamWorker() as Worker;
      running++;
      return worker.on("exit", () => running--);
    };
    const workers = createWorkers({ threads: 3, createWorker });
    await seal(content, { to, workers });
    expect(running).toBeGreaterThan(0);
    void workers.close();
    await workers.close();
    expect(running).toBe(0);
  });

  it("pass no chunk after the end of a message, whose key is wiped then", async () => {
    for (const count of [2, 3]) {
      const workers = threads(count);
      const spans = workers.startSpans("seal", pattern(32, 9), pattern(12, 3))!;
      spans.end();
      await expectCode(() => Promise.all(spans.add(0, pattern(CHUNK), 0)), "closed");
      await expectCode(
        () =>
          spans.addAll(
            1,
            () => pattern(9),
            () => new Uint8Array(25),
            {},
            9,
          ),
        "closed",
      );
      await workers.close();
    }
  });

  it("are refused where nothing would come of them", async () => {
    await expectWrongType(async () => createWorkers({ thread: 2 } as never));
    for (const count of [0, 65, 1.5]) {
      expect(await caught(async () => createWorkers({ threads: count }))).toBeInstanceOf(RangeError);
    }
    await expectWrongType(() => seal(content, { to, workers: {} as never }));
    const file = await seal(content, { to });
    const workers = threads(1);
    await expectWrongType(() => openSource(bytesSource(file), { identities, workers } as never));
  });

  it("are refused with unsupported-runtime outside Node", async () => {
    const runtime = globalThis as { Deno?: unknown };
    runtime.Deno = {};
    try {
      await expectCode(async () => createWorkers(), "unsupported-runtime");
    } finally {
      delete runtime.Deno;
    }
  });

  it("of the built package load their script, and let an idle process end", () => {
    const script = `
      import { generateIdentity, open, seal } from "blindreel";
      import { createWorkers } from "blindreel/workers";
      const identities = await generateIdentity();
      const workers = createWorkers({ threads: 2 });
      const file = await seal(new Uint8Array(2 ** 22).fill(7), { to: identities.recipient, workers });
      const { data } = await open(file, { identities, workers });
      console.log(data.length, data.every((byte) => byte === 7));`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: `${2 ** 22} true\n`, stderr: "", status: 0 });
  });

  it("take chunks of one span until it is full, or for a moment", async () => {
    const jobs: SpanJob[] = [];
    const workers = createWorkers({ threads: 2, createWorker: observed(jobs) });
    const spans = workers.startSpans("seal", pattern(32, 9), pattern(12, 3))!;
    const add = (_: unknown, index: number) => spans.add(index, pattern(CHUNK, index), 33 - index);
    const results = Array.from({ length: 34 }, add).flat();
    expect(jobs.map(({ chunks }) => chunks)).toEqual([32]);
    const lengths = (await Promise.all(results)).map(({ length }) => length);
    expect(lengths).toEqual([8, 0, 8, 0, 8, 0, 8, 0, 2, 0].map((chunks) => chunks * SEALED_CHUNK));
    spans.end();
    await workers.close();
  });

  it("leave what they have no hand for to the calling thread, which also works alone", async () => {
    const chunks = Math.ceil(content.length / CHUNK);
    for (const [threads, most] of [
      [2, chunks - 1],
      [1, 0],
    ] as const) {
      const jobs: SpanJob[] = [];
      const workers = createWorkers({ threads, createWorker: observed(jobs) });
      const file = await collect(sealFrom([content], { to, workers }));
      expectBytes(await opened(file), content);
      expect(sum(jobs.map((job) => job.chunks))).toBeLessThanOrEqual(most);
      expectBytes((await open(file, { identities, workers })).data, content);
      expectBytes(await opened(await seal(content, { to, workers })), content);
      expect(jobs.length > 0).toBe(threads > 1);
      await workers.close();
    }
  });
});
