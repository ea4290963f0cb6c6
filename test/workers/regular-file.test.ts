import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { generateIdentity, open, type Padding, seal } from "../../src/index.js";
import { CHUNK, SEALED_CHUNK } from "../../src/stream/geometry.js";
import type { StreamWorkers } from "../../src/stream/spans.js";
import { createWorkers, openRegularFile, sealRegularFile } from "../../src/workers/index.js";
import type { SpanJob } from "../../src/workers/job.js";
import { expectBytes, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { observed, sum, threads } from "../helpers/workers.js";

refuseUnhandledRejections();

const folder = mkdtempSync(join(tmpdir(), "blindreel-regular-"));
const workers = threads(2);
afterAll(async () => {
  await workers.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const identities = await generateIdentity();
const to = identities.recipient;
/** Three spans and a half. */
const content = pattern(3.5 * 64 * CHUNK + 100, 5);

/** Calls with two descriptors, `in` of these bytes and `out` of none. @returns what is in `out` then. */
async function between(
  bytes: Uint8Array,
  call: (files: { input: number; size: number; output: () => number }) => Promise<unknown>,
): Promise<Uint8Array<ArrayBuffer>> {
  writeFileSync(at("in"), bytes);
  const [input, output] = [openSync(at("in"), "r"), openSync(at("out"), "w")];
  try {
    await call({ input, size: bytes.length, output: () => output });
  } finally {
    closeSync(input);
    closeSync(output);
  }
  return new Uint8Array(readFileSync(at("out")));
}

const sealed = (bytes: Uint8Array, padding?: Padding, pool: StreamWorkers = workers) =>
  between(bytes, (files) => sealRegularFile(files, { to, workers: pool, ...(padding && { padding }) }));
const opened = (bytes: Uint8Array, pool: StreamWorkers = workers) =>
  between(bytes, (files) => openRegularFile(files, { identities, workers: pool }));

describe("regular files", () => {
  const lengths = [0, 1, CHUNK - 1, CHUNK, 64 * CHUNK, content.length];
  it.each(lengths)("of %i bytes are what any form seals and opens, padded too", async (length) => {
    const bytes = content.subarray(0, length);
    for (const padding of [undefined, "chunk", "padme"] as const) {
      const file = await sealed(bytes, padding);
      const whole = await seal(bytes, { to, ...(padding && { padding }) });
      expect(file.length).toBe(whole.length);
      expectBytes((await open(file, { identities })).data, bytes);
      expectBytes(await opened(whole), bytes);
    }
  });

  it("fail as streams do: by the first chunk that fails, then by a wrong end (A2, A7)", async () => {
    const file = await seal(content, { to });
    const head = file.length - content.length - 16 * Math.ceil(content.length / CHUNK);
    for (const index of [0, 63, 64, 223]) {
      const altered = file.slice();
      altered[head + index * SEALED_CHUNK + 5]! ^= 1;
      await expectCode(() => opened(altered), "authentication-failed");
      if (index < 223) await expectCode(() => opened(altered.subarray(0, -8)), "authentication-failed");
      // What is written is authentic.
      const written = new Uint8Array(readFileSync(at("out")));
      for (let from = 0; from < written.length; from += CHUNK) {
        const chunk = written.subarray(from, from + CHUNK);
        if (sum(chunk) > 0) expectBytes(chunk, content.subarray(from, from + chunk.length));
      }
    }
    const lastChunk = (content.length % CHUNK) + 16;
    for (const cut of [
      file.length - lastChunk,
      file.length - lastChunk + 8,
      head + 8,
      head,
      head - 1,
      100,
      3,
    ])
      await expectCode(() => opened(file.subarray(0, cut)), "truncated");
    await expectCode(() => opened(file.subarray(0, -1)), "authentication-failed");
    const padded = await seal(content, { to, padding: "padme" });
    padded[padded.length - 1]! ^= 1;
    await expectCode(() => opened(padded), "authentication-failed");
  });

  it("fail with the system's own error, with source-failed where the input ends too early", async () => {
    const short = (files: { input: number; size: number; output: () => number }) => ({
      ...files,
      size: files.size + 70 * CHUNK,
    });
    await expectCode(
      () => between(content, (files) => sealRegularFile(short(files), { to, workers })),
      "source-failed",
    );
    const faults = [
      [() => openSync(at("empty"), "r"), "write", "EBADF"],
      [() => openSync("/dev/full", "w"), "write", "ENOSPC"],
    ] as const;
    writeFileSync(at("empty"), "");
    for (const [output, syscall, code] of faults) {
      const descriptor = output();
      const error = await caught(() =>
        between(content, (files) => sealRegularFile({ ...files, output: () => descriptor }, { to, workers })),
      );
      closeSync(descriptor);
      expect(error).toMatchObject({ code, syscall });
    }
    const directory = openSync(folder, "r");
    const files = { input: directory, size: 100, output: () => openSync(at("out"), "w") };
    expect(await caught(() => sealRegularFile(files, { to, workers }))).toMatchObject({
      code: "EISDIR",
      syscall: "read",
    });
    closeSync(directory);
    const reason = new Error("no room");
    const output = () => Promise.reject(reason);
    expect(
      await caught(() => between(content, (ends) => sealRegularFile({ ...ends, output }, { to, workers }))),
    ).toBe(reason);
  });

  it("are left alone once the call is over: after an abort, and when the pool is closed", async () => {
    const reason = new Error("enough");
    const long = pattern(24 * 2 ** 20, 3);
    const stops: Record<string, (pool: StreamWorkers, abort: AbortController) => void> = {
      abort: (_pool, abort) => abort.abort(reason),
      close: (pool) => void pool.close(),
    };
    for (const [how, stop] of Object.entries(stops)) {
      const pool = threads(2);
      const abort = new AbortController();
      const onProgress = () => stop(pool, abort);
      const error = await caught(() =>
        between(long, (files) =>
          sealRegularFile(files, { to, workers: pool, signal: abort.signal, onProgress }),
        ),
      );
      if (how === "abort") expect(error).toBe(reason);
      else expectErrorCode(error, "closed");
      const { size, mtimeNs } = statSync(at("out"), { bigint: true });
      await pool.close();
      expect(statSync(at("out"), { bigint: true })).toMatchObject({ size, mtimeNs });
    }
  });

  it("leave no key and no content in shared buffers, whatever the end", async () => {
    const file = await seal(content, { to });
    const altered = file.slice();
    altered[altered.length - 100_000]! ^= 1;
    const runs: Record<string, (pool: StreamWorkers) => Promise<unknown>> = {
      sealing: (pool) => sealed(content, "padme", pool),
      opening: (pool) => opened(file, pool),
      failure: (pool) => caught(() => opened(altered, pool)),
    };
    for (const [name, run] of Object.entries(runs)) {
      const jobs: SpanJob[] = [];
      const pool = createWorkers({ threads: 2, createWorker: observed(jobs) });
      await run(pool);
      expect(
        jobs.map(({ key, span }) => sum(key) + sum(span)),
        name,
      ).toEqual(jobs.map(() => 0));
      expect(jobs.length, name).toBeGreaterThan(0);
      await pool.close();
    }
  });

  it("are refused before anything is read, where arguments are wrong", async () => {
    const files = { input: 0, size: 0, output: () => 1 };
    await expectWrongType(async () => sealRegularFile(files, { to } as never));
    await expectWrongType(() => openRegularFile(files, { identities } as never));
    const both = (wrong: object) =>
      [
        async () => sealRegularFile({ ...files, ...wrong }, { to, workers }),
        () => openRegularFile({ ...files, ...wrong }, { identities, workers }),
      ] as const;
    for (const wrong of [{ size: -1 }, { size: 2 ** 53 }, { input: -1 }, { input: 2 ** 31 }])
      for (const call of both(wrong)) expect(await caught(call)).toMatchObject({ code: "out-of-range" });
    for (const wrong of [{ size: "1" }, { input: undefined }, { output: 1 }, { out: 1 }])
      for (const call of both(wrong)) await expectWrongType(call);
    for (const none of [undefined, null, 5]) {
      await expectWrongType(async () => sealRegularFile(none as never, { to, workers }));
      await expectWrongType(() => openRegularFile(none as never, { identities, workers }));
    }
    const most = sealRegularFile({ ...files, size: 2 ** 46 }, { to, workers });
    expect(await caught(() => most)).toMatchObject({ code: "out-of-range" });
  });

  it("are read as they are at the call, and only an empty file is an output", async () => {
    writeFileSync(at("other"), content);
    const other = openSync(at("other"), "r+");
    const reads: string[] = [];
    const once = (files: object) =>
      new Proxy(files, {
        get(target, name) {
          reads.push(String(name));
          return Reflect.get(target, name);
        },
      }) as Parameters<typeof sealRegularFile>[0];
    await between(content, (files) => sealRegularFile(once(files), { to, workers }));
    expect(reads.filter((name) => Object.hasOwn({ input: 0, size: 0, output: 0 }, name)).sort()).toEqual([
      "input",
      "output",
      "size",
    ]);
    const file = await seal(content.subarray(0, 100), { to });
    const refused: ((output: () => number) => Promise<unknown>)[] = [
      (output) => between(file, (files) => openRegularFile({ ...files, output }, { identities, workers })),
      (output) => sealRegularFile({ input: other, size: content.length, output }, { to, workers }),
    ];
    for (const call of refused) {
      expect(await caught(() => call(() => other))).toMatchObject({ code: "out-of-range" });
      for (const output of [undefined, "3"]) await expectWrongType(() => call(() => output as never));
    }
    closeSync(other);
    expectBytes(new Uint8Array(readFileSync(at("other"))), content);
  });
});
