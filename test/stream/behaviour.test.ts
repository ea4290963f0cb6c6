import { describe, expect, it, vi } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { bytesSource } from "../../src/source/bytes.js";
import type { StreamKey } from "../../src/stream/derive.js";
import { createOpener } from "../../src/stream/open.js";
import type { Progress } from "../../src/stream/operation.js";
import type { StreamOptions } from "../../src/stream/options.js";
import type { StreamPair } from "../../src/stream/piece-channel.js";
import { openRandomAccess } from "../../src/stream/random-access.js";
import { createSealer } from "../../src/stream/seal.js";
import { backends, webCryptoProvider } from "../helpers/backends.js";
import { collect, cut, drain, expectBytes, pattern, withRandom } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { forms, threaded } from "./threaded.js";

const { openBytes, openReadable, openTransform, sealBytes, sealReadable, sealTransform } = forms;

const CHUNK = 16384;
const streamKey = { key: pattern(32, 1), context: pattern(30, 2) };
const salt = pattern(24, 3);
const node = backends[0]!;
/** One synchronous, one asynchronous, one with worker threads. */
const kinds = [node, webCryptoProvider, threaded];
const data = pattern(10 * CHUNK + 100, 4);
const sealedData = await sealBytes(data, streamKey);

refuseUnhandledRejections();

/** Runs pending microtasks, timers of 0 ms and I/O callbacks. */
const settled = (ms = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Fails instead of hanging. */
async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A source that counts what is asked of it. Never ends unless told how many pieces to give. */
function observedSource(piece: Uint8Array, count = Number.POSITIVE_INFINITY) {
  const seen = { pulls: 0, cancelled: [] as unknown[] };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (seen.pulls++ < count) controller.enqueue(piece);
        else controller.close();
      },
      cancel(reason) {
        seen.cancelled.push(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

interface Direction {
  readonly name: string;
  readonly input: Bytes;
  readonly output: Bytes;
  readable(input: ReadableStream<Uint8Array>, options: StreamOptions): ReadableStream<Bytes>;
  transform(options: StreamOptions): StreamPair;
}

/** Both directions with one vocabulary. Sealing draws a fixed salt, so that outputs can be compared. */
const directions: readonly Direction[] = [
  {
    name: "sealing",
    input: data,
    output: await sealBytes(data, streamKey, { crypto: withRandom(node, salt) }),
    readable: (input, options) =>
      sealReadable(input, streamKey, { ...options, crypto: withRandom(options.crypto!, salt) }),
    transform: (options) =>
      sealTransform(streamKey, { ...options, crypto: withRandom(options.crypto!, salt) }),
  },
  {
    name: "opening",
    input: sealedData,
    output: data,
    readable: (input, options) => openReadable(input, streamKey, options),
    transform: (options) => openTransform(streamKey, options),
  },
];

describe("on an asynchronous backend", () => {
  const crypto = webCryptoProvider;

  /** @returns the lengths of what comes out for pieces of 64 KiB. */
  async function sealedSizes(): Promise<number[]> {
    const sizes: number[] = [];
    const note = new TransformStream<Bytes, Bytes>({
      transform(piece, controller) {
        sizes.push(piece.length);
        controller.enqueue(piece);
      },
    });
    const sealed = await collect(sealReadable(cut(data, 4 * CHUNK), streamKey, { crypto }).pipeThrough(note));
    expectBytes(await openBytes(sealed, streamKey), data);
    return sizes;
  }

  it("the chunks that a piece completes come out as one piece", async () => {
    const four = 4 * (CHUNK + 16);
    expect(await sealedSizes()).toEqual([56, four, four, four / 2, 116]);
  });

  it("each chunk is a piece of its own in Chromium", async () => {
    vi.stubGlobal("navigator", { userAgentData: {} });
    try {
      expect(await sealedSizes()).toEqual([56, ...Array<number>(10).fill(CHUNK + 16), 116]);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

for (const { name, input, output, readable, transform } of directions) {
  for (const crypto of kinds) {
    describe(`${name} on ${crypto.name}`, () => {
      const firstPieces = () => cut(input, 56 + 2 * (CHUNK + 16));

      it("cancelling the readable cancels the source once, with the reason", async () => {
        const { stream, seen } = observedSource(firstPieces().next().value!);
        const reader = readable(stream, { crypto }).getReader();
        await reader.read();
        const reason = new Error("enough");
        await within(1000, "cancel", reader.cancel(reason));
        await settled();
        expect(seen.cancelled).toEqual([reason]);
        expect(seen.cancelled[0]).toBe(reason);
        const { pulls } = seen;
        await settled();
        expect(seen.pulls).toBe(pulls);
        expect((await reader.read()).done).toBe(true);
      });

      it("cancelling before the first read cancels the source too", async () => {
        const { stream, seen } = observedSource(input.slice(0, 100));
        const result = readable(stream, { crypto });
        await within(1000, "cancel", result.cancel("no"));
        expect(seen.cancelled).toEqual(["no"]);
      });

      it("cancelling stops an iterator", async () => {
        let returned = 0;
        async function* pieces() {
          try {
            yield* cut(input, 20_000);
          } finally {
            returned++;
          }
        }
        const make = name === "sealing" ? sealReadable : openReadable;
        const reader = make(pieces(), streamKey, { crypto }).getReader();
        await reader.read();
        await reader.read();
        await within(1000, "cancel", reader.cancel());
        expect(returned).toBe(1);
      });

      it("cancelling the pair's readable errors its writable, and lets a blocked writer go", async () => {
        const { readable: out, writable } = transform({ crypto });
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        const writes = [...cut(input, CHUNK)].map((piece) => writer.write(piece));
        for (const write of writes) write.catch(() => {});
        await settled();
        const reason = new Error("reader went away");
        await within(1000, "cancel", out.cancel(reason));
        await within(1000, "the writes", Promise.allSettled(writes));
        expect(await caught(() => within(1000, "closed", writer.closed))).toBe(reason);
        expect(await caught(() => writer.write(new Uint8Array(1)))).toBe(reason);
      });

      it("aborting the writable errors the readable with the reason, while it is being read", async () => {
        const { readable: out, writable } = transform({ crypto });
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        const reading = drain(out);
        await writer.write(input.slice(0, 56 + 2 * (CHUNK + 16)));
        const reason = new Error("source died");
        await within(1000, "abort", writer.abort(reason));
        const { error, failed, released } = await within(1000, "the readable", reading);
        expect(failed).toBe(true);
        expect(error).toBe(reason);
        expectBytes(released, output.slice(0, released.length));
      });

      it("aborting the writable while the reader is slow does not hang, and the reader learns it", async () => {
        const { readable: out, writable } = transform({ crypto });
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        const writes = [...cut(input, 40_000)].map((piece) => writer.write(piece));
        for (const write of writes) write.catch(() => {});
        await settled();
        const reason = new Error("source died");
        await within(1000, "abort", writer.abort(reason));
        const { error, failed } = await within(1000, "the readable", drain(out));
        expect(failed).toBe(true);
        expect(error).toBe(reason);
      });

      it("a signal that is aborted already: nothing is read, and the reason is the very object", async () => {
        const reason = { my: "reason" };
        const signal = AbortSignal.abort(reason);
        const { stream, seen } = observedSource(input.slice(0, 100));
        expect(await caught(() => collect(readable(stream, { crypto, signal })))).toBe(reason);
        await settled();
        expect(seen).toEqual({ pulls: 0, cancelled: [reason] });

        const { readable: out, writable } = transform({ crypto, signal });
        expect(await caught(() => collect(out))).toBe(reason);
        expect(await caught(() => writable.getWriter().write(input.slice(0, 10)))).toBe(reason);
      });

      it("a signal in the middle stops the source, errors both ends and releases nothing more", async () => {
        const controller = new AbortController();
        const { signal } = controller;
        const { stream, seen } = observedSource(input.slice(0, 56 + CHUNK + 16));
        const reader = (name === "sealing" ? readable(stream, { crypto, signal }) : undefined)?.getReader();
        const reason = new Error("stop");
        if (reader) {
          await reader.read();
          await reader.read();
          controller.abort(reason);
          expect(await caught(() => reader.read())).toBe(reason);
          expect(await caught(() => reader.read())).toBe(reason);
          await settled();
          expect(seen.cancelled).toEqual([reason]);
          const { pulls } = seen;
          await settled();
          expect(seen.pulls).toBe(pulls);
          return;
        }
        const { readable: out, writable } = transform({ crypto, signal });
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        const writes = [...cut(input, 20_000)].map((piece) => writer.write(piece));
        for (const write of writes) write.catch(() => {});
        const opening = out.getReader();
        await opening.read();
        controller.abort(reason);
        expect(await caught(() => opening.read())).toBe(reason);
        expect(await caught(() => within(1000, "closed", writer.closed))).toBe(reason);
        await within(1000, "the writes", Promise.allSettled(writes));
      });

      it("a signal after the end changes nothing, and no listener stays behind", async () => {
        const controller = new AbortController();
        let listeners = 0;
        const { signal } = controller;
        const add = signal.addEventListener.bind(signal);
        const remove = signal.removeEventListener.bind(signal);
        signal.addEventListener = ((...args: Parameters<typeof add>) => {
          listeners++;
          add(...args);
        }) as typeof signal.addEventListener;
        signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
          listeners--;
          remove(...args);
        }) as typeof signal.removeEventListener;
        const source = () => new Blob([input]).stream() as ReadableStream<Uint8Array>;
        expectBytes(await collect(readable(source(), { crypto, signal })), output);
        const cancelled = readable(source(), { crypto, signal }).getReader();
        await cancelled.read();
        await cancelled.cancel();
        expect(listeners).toBe(0);
        controller.abort();
        await settled();
      });

      it("progress counts plaintext, comes at most ten times a second, and once at the end", async () => {
        const reports: { at: number; progress: Progress }[] = [];
        const onProgress = (progress: Progress) => void reports.push({ at: performance.now(), progress });
        const slow = new ReadableStream<Uint8Array>({
          async start(controller) {
            for (const piece of cut(input, 4000)) {
              controller.enqueue(piece);
              await settled(8);
            }
            controller.close();
          },
        });
        expectBytes(await collect(readable(slow, { crypto, onProgress })), output);
        expect(reports.length).toBeGreaterThan(1);
        const elapsed = reports.at(-1)!.at - reports[0]!.at;
        expect(reports.length).toBeLessThanOrEqual(elapsed / 100 + 2);
        for (let i = 1; i < reports.length - 1; i++) {
          expect(reports[i]!.at - reports[i - 1]!.at).toBeGreaterThanOrEqual(90);
        }
        const counts = reports.map(({ progress }) => progress.bytes);
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
        expect(counts.at(-1)).toBe(data.length);
      });

      it("empty pieces change nothing", async () => {
        const pieces = [...cut(input, 30_000)].flatMap((piece) => [
          new Uint8Array(0),
          piece,
          new Uint8Array(0),
        ]);
        const source = new ReadableStream<Uint8Array>({
          start(controller) {
            for (const piece of pieces) controller.enqueue(piece);
            controller.close();
          },
        });
        expectBytes(await collect(readable(source, { crypto })), output);
        const { readable: out, writable } = transform({ crypto });
        const writer = writable.getWriter();
        const reading = collect(out);
        for (const piece of pieces) await writer.write(piece);
        await writer.close();
        expectBytes(await reading, output);
      });

      it("a piece that is no plain Uint8Array is a TypeError, and stops the source", async () => {
        const resizable = new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(8, {
          maxByteLength: 16,
        });
        const wrong: unknown[] = [
          "text",
          5,
          null,
          undefined,
          new ArrayBuffer(4),
          new Uint16Array(4),
          [1, 2],
          new Uint8Array(new SharedArrayBuffer(8)),
          new Uint8Array(resizable),
        ];
        for (const at of [0, 60_000]) {
          for (const piece of wrong) {
            const cancelled: unknown[] = [];
            const queue: unknown[] = [...cut(input.slice(0, at), 50_000), piece];
            const source = new ReadableStream<Uint8Array>(
              {
                pull: (controller) => controller.enqueue(queue.shift() as Uint8Array),
                cancel: (reason) => void cancelled.push(reason),
              },
              { highWaterMark: 0 },
            );
            const { error, released } = await drain(readable(source, { crypto }));
            await expectWrongType(() => Promise.reject(error));
            expectBytes(released, output.slice(0, released.length));
            await settled(0);
            expect(cancelled).toEqual([error]);

            const { readable: out, writable } = transform({ crypto });
            const writer = writable.getWriter();
            writer.closed.catch(() => {});
            const writes = [...cut(input.slice(0, at), 50_000), piece].map((part) =>
              writer.write(part as Uint8Array),
            );
            for (const write of writes) write.catch(() => {});
            await expectWrongType(() => within(1000, "the readable", collect(out)));
            await expectWrongType(() => within(1000, "the writable", writer.closed));
          }
        }
      });

      it("a Buffer of Node's pool, with an offset, is read as it is", async () => {
        const source = new ReadableStream<Uint8Array>({
          start(controller) {
            for (const piece of cut(input, 1000)) {
              const pooled = Buffer.from(Buffer.from(piece).toString("latin1"), "latin1");
              controller.enqueue(pooled);
            }
            controller.close();
          },
        });
        expectBytes(await collect(readable(source, { crypto })), output);
      });

      it("buffers may change once their write has settled (I3)", async () => {
        for (const make of [
          (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes),
          // Buffer.slice shares memory where Uint8Array.slice copies.
          (bytes: Uint8Array): Uint8Array => Buffer.from(bytes),
        ]) {
          for (const size of [1000, 16_385, 3 * CHUNK + 5, input.length]) {
            const { readable: out, writable } = transform({ crypto });
            const writer = writable.getWriter();
            const reading = collect(out);
            for (const piece of cut(input, size)) {
              const buffer = make(piece);
              await writer.write(buffer);
              buffer.fill(0xee);
            }
            await writer.close();
            expectBytes(await reading, output, `pieces of ${size}`);
          }
        }
      });

      it("an iterator may reuse one buffer, and pieces above 1 MiB are cut rightly (I3)", async () => {
        const make = name === "sealing" ? sealReadable : openReadable;
        const chosen = () => (name === "sealing" ? withRandom(crypto, salt) : crypto);
        for (const scratch of [new Uint8Array(50_000), Buffer.alloc(50_000)]) {
          function* pieces() {
            for (const piece of cut(input, 33, 49_999, 17_000)) {
              scratch.set(piece);
              yield scratch.subarray(0, piece.length);
              scratch.fill(0xee);
            }
          }
          expectBytes(await collect(make(pieces(), streamKey, { crypto: chosen() })), output);
        }
        const large = name === "sealing" ? pattern(3 * 2 ** 20 + 77, 5) : await largeSealed();
        for (const scratch of [new Uint8Array(large), Buffer.from(large)]) {
          function* once() {
            yield scratch;
            scratch.fill(0xee);
          }
          const result = await collect(make(once(), streamKey, { crypto: chosen() }));
          const expected =
            name === "sealing"
              ? await sealBytes(large, streamKey, { crypto: withRandom(node, salt) })
              : pattern(3 * 2 ** 20 + 77, 5);
          expectBytes(result, expected);
        }
      });

      it("what is kept of a long piece is a copy (I3)", async () => {
        const plain = pattern(3 * 2 ** 20 + 77, 5);
        const make = name === "sealing" ? sealReadable : openReadable;
        for (const copy of [(b: Uint8Array) => Uint8Array.from(b), (b: Uint8Array) => Buffer.from(b)]) {
          const long = copy(name === "sealing" ? plain : await sealBytes(plain, streamKey));
          const reader = make(long, streamKey, { crypto }).getReader();
          const parts = [await reader.read()];
          if (name === "sealing") parts.push(await reader.read());
          long.fill(0xee);
          for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next);
          const whole = new Uint8Array(Buffer.concat(parts.map(({ value }) => value!)));
          expectBytes(name === "sealing" ? await openBytes(whole, streamKey) : whole, plain);
        }
      });

      it("a source that fails hands its own error through, and the pair's other end learns it", async () => {
        const broken = new Error("disk on fire");
        const source = new ReadableStream<Uint8Array>({
          pull(controller) {
            controller.error(broken);
          },
        });
        expect(await caught(() => collect(readable(source, { crypto })))).toBe(broken);
        async function* generator() {
          yield input.slice(0, 70_000);
          throw broken;
        }
        const make = name === "sealing" ? sealReadable : openReadable;
        const { error, released } = await drain(make(generator(), streamKey, { crypto }));
        expect(error).toBe(broken);
        expect(released.length).toBeGreaterThan(CHUNK);
      });

      it("what is not readable at all is a TypeError", async () => {
        const make = name === "sealing" ? sealReadable : openReadable;
        for (const wrong of [undefined, null, 5, "text", {}, new ArrayBuffer(8)]) {
          await expectWrongType(async () => collect(make(wrong as never, streamKey, { crypto })));
        }
      });

      it("the key and context are the caller's to change once the call has returned (I3)", async () => {
        const key: StreamKey = { key: streamKey.key.slice(), context: streamKey.context.slice() };
        const make = name === "sealing" ? sealReadable : openReadable;
        const chosen = name === "sealing" ? withRandom(crypto, salt) : crypto;
        const stream = make([input], key, { crypto: chosen });
        key.key.fill(0);
        key.context.fill(0);
        expectBytes(await collect(stream), output);
      });
    });
  }
}

async function largeSealed(): Promise<Bytes> {
  return sealBytes(pattern(3 * 2 ** 20 + 77, 5), streamKey);
}

describe("in memory", () => {
  for (const crypto of [...backends, threaded]) {
    it(`sealBytes copies before it returns, its key too (I3), on ${crypto.name}`, async () => {
      const expected = await sealBytes(data, streamKey, { crypto: withRandom(node, salt) });
      for (const make of [(b: Uint8Array) => Uint8Array.from(b), (b: Uint8Array) => Buffer.from(b)]) {
        const input = make(data);
        const key = { key: streamKey.key.slice(), context: streamKey.context.slice() };
        const sealing = sealBytes(input, key, { crypto: withRandom(crypto, salt) });
        input.fill(0xee);
        key.key.fill(0xee);
        key.context.fill(0xee);
        expectBytes(await sealing, expected);
      }
    });

    it(`openBytes gives the right bytes or an error when its input changes (I3), on ${crypto.name}`, async () => {
      for (let turns = 0; turns < 12; turns++) {
        const input = sealedData.slice();
        const opening = openBytes(input, streamKey, { crypto }).then(
          (opened) => expectBytes(opened, data),
          (error) => expectErrorCode(error, "authentication-failed"),
        );
        for (let i = 0; i < turns; i++) await Promise.resolve();
        input.fill(0xee, turns * 1000);
        await opening;
      }
    });

    it(`aborting rejects with the reason, before and in the middle, on ${crypto.name}`, async () => {
      const reason = { my: "reason" };
      const signal = AbortSignal.abort(reason);
      expect(await caught(() => sealBytes(data, streamKey, { crypto, signal }))).toBe(reason);
      expect(await caught(() => openBytes(sealedData, streamKey, { crypto, signal }))).toBe(reason);
      const large = new Uint8Array(8 * 2 ** 20);
      const sealed = await sealBytes(large, streamKey, { crypto: node });
      for (const action of [
        (options: StreamOptions) => sealBytes(large, streamKey, options),
        (options: StreamOptions) => openBytes(sealed, streamKey, options),
      ]) {
        const controller = new AbortController();
        const onProgress = () => controller.abort(reason);
        const error = await caught(() => action({ crypto, signal: controller.signal, onProgress }));
        expect(error).toBe(reason);
      }
    });

    it(`progress ends at the total, on ${crypto.name}`, async () => {
      for (const size of [0, 1, 100_000]) {
        const reports: Progress[] = [];
        const onProgress = (progress: Progress) => void reports.push(progress);
        const sealed = await sealBytes(pattern(size), streamKey, { crypto, onProgress });
        expect(reports.at(-1)).toEqual({ bytes: size, total: size });
        reports.length = 0;
        await openBytes(sealed, streamKey, { crypto, onProgress });
        expect(reports.at(-1)).toEqual({ bytes: size, total: size });
      }
    });
  }

  it("takes bytes and nothing else", async () => {
    for (const wrong of ["text", null, new ArrayBuffer(4), [1], new Uint8Array(new SharedArrayBuffer(4))]) {
      await expectWrongType(() => sealBytes(wrong as never, streamKey));
      await expectWrongType(() => openBytes(wrong as never, streamKey));
      await expectWrongType(() => createOpener(wrong as never, streamKey));
    }
    const sealer = await createSealer(streamKey);
    for (const wrong of [
      "text",
      null,
      undefined,
      new ArrayBuffer(4),
      new Uint8Array(new SharedArrayBuffer(4)),
    ]) {
      await expectWrongType(() => sealer.push(wrong as never));
    }
  });

  it("the stream's key must be bytes too", async () => {
    for (const wrong of ["x".repeat(32), null, undefined, new ArrayBuffer(32), Array(32).fill(1)]) {
      await expectWrongType(() => sealBytes(data, { key: wrong as never, context: new Uint8Array(0) }));
      await expectWrongType(() => openBytes(sealedData, { key: wrong as never, context: new Uint8Array(0) }));
    }
    for (const wrong of ["ctx", null, undefined, 5]) {
      await expectWrongType(() => sealBytes(data, { key: pattern(32), context: wrong as never }));
    }
  });
});

describe("the push form", () => {
  it("gives buffers away for good, empty ones too", async () => {
    const detach = ({ buffer }: Bytes) => void structuredClone(buffer, { transfer: [buffer] });
    for (const crypto of kinds) {
      const sealer = await createSealer(streamKey, { crypto });
      const header = sealer.header.slice();
      detach(await sealer.push(pattern(10)));
      const last = await sealer.finish();
      const opener = await createOpener(header, streamKey, { crypto });
      detach(opener.header);
      detach(await opener.push(last.subarray(0, 10)));
      detach(await opener.push(last.subarray(10)));
      expectBytes(await opener.finish(), pattern(10));
    }
    // Key derivation uses empty bytes of its own.
    await createSealer(streamKey);
  });

  for (const crypto of kinds) {
    it(`may have its buffers changed right after each call (I3), on ${crypto.name}`, async () => {
      for (const make of [(b: Uint8Array) => Uint8Array.from(b), (b: Uint8Array) => Buffer.from(b)]) {
        const sealer = await createSealer(streamKey, { crypto: withRandom(crypto, salt) });
        const results: (Bytes | Promise<Bytes>)[] = [];
        for (const piece of cut(data, 1000, 40_000, 5)) {
          const buffer = make(piece);
          results.push(sealer.push(buffer));
          buffer.fill(0xee);
        }
        results.push(sealer.finish());
        const sealed = Buffer.concat([sealer.header, ...(await Promise.all(results))]);
        expectBytes(sealed, await sealBytes(data, streamKey, { crypto: withRandom(node, salt) }));
      }
    });

    it(`refuses to go on after its end or destruction (B5), on ${crypto.name}`, async () => {
      const finished = await createSealer(streamKey, { crypto });
      await finished.push(pattern(10));
      await finished.finish();
      await expectCode(() => finished.push(pattern(1)), "closed");
      await expectCode(() => finished.finish(), "closed");
      const destroyed = await createSealer(streamKey, { crypto });
      await destroyed.push(pattern(10));
      destroyed.destroy();
      expect(((await caught(() => destroyed.push(pattern(1)))) as DOMException).name).toBe("AbortError");
      const reason = new Error("mine");
      const given = await createSealer(streamKey, { crypto });
      given.destroy(reason);
      given.destroy(new Error("later"));
      expect(await caught(() => given.push(pattern(1)))).toBe(reason);
      expect(await caught(() => given.finish())).toBe(reason);
    });

    it(`gives the same error for ever after a failure, and no byte more (A7), on ${crypto.name}`, async () => {
      const tampered = sealedData.slice();
      tampered[56 + 3 * (CHUNK + 16) + 5]! ^= 1;
      const opener = await createOpener(tampered.slice(0, 56), streamKey, { crypto });
      const parts: Bytes[] = [];
      let failure: unknown;
      for (const piece of cut(tampered.slice(56), 10_000)) {
        try {
          parts.push(await opener.push(piece));
          expect(failure).toBeUndefined();
        } catch (error) {
          failure ??= error;
          expect(error).toBe(failure);
        }
      }
      expectErrorCode(failure, "authentication-failed");
      expect(await caught(() => opener.finish())).toBe(failure);
      expectBytes(new Uint8Array(Buffer.concat(parts)), data.slice(0, 3 * CHUNK));
    });

    it(`refuses a header of another length, on ${crypto.name}`, async () => {
      for (const length of [0, 55, 57]) {
        const error = await caught(() => createOpener(new Uint8Array(length), streamKey, { crypto }));
        expect(error).toBeInstanceOf(RangeError);
      }
    });
  }

  it("answers at once on a synchronous backend, and later on another", async () => {
    const sealer = await createSealer(streamKey, { crypto: node });
    expect(sealer.push(pattern(CHUNK))).toBeInstanceOf(Uint8Array);
    expect(sealer.finish()).toBeInstanceOf(Uint8Array);
    const later = await createSealer(streamKey, { crypto: webCryptoProvider });
    expect(later.push(pattern(CHUNK))).toBeInstanceOf(Promise);
  });
});

describe("failure while opening", () => {
  for (const crypto of kinds) {
    it(`releases whole true chunks, then one and the same error (A7), on ${crypto.name}`, async () => {
      for (const at of [0, 1, 5, 10]) {
        const tampered = sealedData.slice();
        tampered[56 + at * (CHUNK + 16)]! ^= 1;
        for (const sizes of [[CHUNK + 16], [56, CHUNK + 16], [1000], [sealedData.length]]) {
          const { stream, seen } = observedSourceOf([...cut(tampered, ...sizes)]);
          const reader = openReadable(stream, streamKey, { crypto }).getReader();
          const parts: Uint8Array[] = [];
          let error: unknown;
          try {
            for (let next = await reader.read(); !next.done; next = await reader.read())
              parts.push(next.value);
          } catch (failure) {
            error = failure;
          }
          expectErrorCode(error, "authentication-failed");
          const released = new Uint8Array(Buffer.concat(parts));
          expect(released.length % CHUNK).toBe(0);
          expect(released.length).toBeLessThanOrEqual(at * CHUNK);
          expectBytes(released, data.slice(0, released.length));
          for (let i = 0; i < 3; i++) expect(await caught(() => reader.read())).toBe(error);
          await settled(0);
          // An asynchronous backend has read this short message to its end by then.
          if (at < 10 && crypto === node && sizes[0] !== sealedData.length) {
            expect(seen.cancelled).toEqual([error]);
          }
        }
      }
    });

    it(`lets writers that wait go, with the error, on ${crypto.name}`, async () => {
      // Longer than what an asynchronous backend keeps in flight.
      const tampered = await sealBytes(pattern(2 * 2 ** 20, 6), streamKey);
      tampered[56 + 2 * (CHUNK + 16)]! ^= 1;
      const { readable, writable } = openTransform(streamKey, { crypto });
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      const writes = [...cut(tampered, 5000)].map((piece) => writer.write(piece));
      const closing = writer.close();
      for (const promise of [...writes, closing]) promise.catch(() => {});
      const { error, released } = await drain(readable);
      expectErrorCode(error, "authentication-failed");
      expectBytes(released, pattern(2 * 2 ** 20, 6).slice(0, 2 * CHUNK));
      await within(1000, "the writes", Promise.allSettled([...writes, closing]));
      expect(await caught(() => within(1000, "closed", writer.closed))).toBe(error);
      expect(await caught(() => writer.write(new Uint8Array(1)))).toBe(error);
    });

    it(`at the very end, or a stream cut at any border, is seen by pipeTo, on ${crypto.name}`, async () => {
      for (const length of [0, 10, 55, 56, 60, 72, 56 + CHUNK + 16, 56 + CHUNK + 20, sealedData.length - 1]) {
        const source = observedSourceOf([...cut(sealedData.slice(0, length), 9000)]).stream;
        const received: Uint8Array[] = [];
        const sink = new WritableStream<Uint8Array>({ write: (piece) => void received.push(piece) });
        const piping = source.pipeThrough(openTransform(streamKey, { crypto })).pipeTo(sink);
        const error = await caught(() => within(2000, "piping", piping));
        const isShort = length < 56 || (length - 56) % (CHUNK + 16) < 16;
        const failure = expectErrorCode(error, isShort ? "truncated" : "authentication-failed");
        if (isShort) expect(failure.details).toEqual({ offset: length });
        const released = new Uint8Array(Buffer.concat(received));
        expect(released.length % CHUNK).toBe(0);
        expectBytes(released, data.slice(0, released.length));
      }
    });
  }

  function observedSourceOf(pieces: Uint8Array[]) {
    const seen = { cancelled: [] as unknown[] };
    const queue = [...pieces];
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const piece = queue.shift();
          if (piece) controller.enqueue(piece);
          else controller.close();
        },
        cancel: (reason) => void seen.cancelled.push(reason),
      },
      { highWaterMark: 0 },
    );
    return { stream, seen };
  }
});

describe("backpressure", () => {
  for (const crypto of kinds) {
    it(`a reader that waits stops the source, on ${crypto.name}`, async () => {
      const { stream, seen } = observedSource(new Uint8Array(64 * 1024));
      const reader = sealReadable(stream, streamKey, { crypto }).getReader();
      await reader.read();
      await settled(50);
      // An asynchronous backend keeps half a MiB in flight, worker threads three spans of 1 MiB each.
      expect(seen.pulls).toBeLessThan(crypto === threaded ? 2 * 3 * 16 + 20 : 20);
      const { pulls } = seen;
      await settled(50);
      expect(seen.pulls).toBe(pulls);
      await reader.cancel();
    });
  }
});

describe("random access", () => {
  for (const crypto of kinds) {
    it(`in a tampered message gives right bytes or an error (A8), on ${crypto.name}`, async () => {
      const tampered = sealedData.slice();
      tampered[56 + 4 * (CHUNK + 16) + 9]! ^= 1;
      const plan = { streamKey, isPadded: false };
      const access = await openRandomAccess(bytesSource(tampered), 0, plan, { crypto });
      expectBytes(await access.read(0, 4 * CHUNK), data.slice(0, 4 * CHUNK));
      expectBytes(await access.read(5 * CHUNK, data.length), data.slice(5 * CHUNK));
      for (const [start, end] of [
        [4 * CHUNK, 4 * CHUNK + 1],
        [4 * CHUNK - 1, 4 * CHUNK + 1],
        [5 * CHUNK - 1, 5 * CHUNK],
        [0, data.length],
      ] as const) {
        await expectCode(() => access.read(start, end), "authentication-failed");
      }
      const { released, error } = await drain(access.stream(3 * CHUNK));
      expectErrorCode(error, "authentication-failed");
      expectBytes(released, data.slice(3 * CHUNK, 3 * CHUNK + released.length));
    });

    it(`believes a size only after the last chunk, on ${crypto.name}`, async () => {
      for (const length of [sealedData.length - 1, sealedData.length + 1, sealedData.length - 100 - 16]) {
        const other = new Uint8Array(length);
        other.set(sealedData.subarray(0, length));
        const plan = { streamKey, isPadded: false };
        const error = await caught(() => openRandomAccess(bytesSource(other), 0, plan, { crypto }));
        expect(["authentication-failed", "truncated"]).toContain((error as { code: string }).code);
      }
    });
  }

  it("stops when the signal or the stream's reader says so", async () => {
    const plan = { streamKey, isPadded: false };
    const access = await openRandomAccess(bytesSource(sealedData), 0, plan);
    const reason = { my: "reason" };
    const signal = AbortSignal.abort(reason);
    expect(await caught(() => access.read(0, 10, { signal }))).toBe(reason);
    expect(await caught(() => collect(access.stream(0, 10, { signal })))).toBe(reason);
    expect(await caught(() => openRandomAccess(bytesSource(sealedData), 0, plan, { signal }))).toBe(reason);
    const reader = access.stream().getReader();
    await reader.cancel("enough");
    expectBytes(await access.read(5, 10), data.slice(5, 10));
  });
});

describe("closing the writable end of a pair", () => {
  for (const crypto of kinds) {
    it(`reports what was found at the end, so that pipeTo does too, on ${crypto.name}`, async () => {
      const tampered = sealedData.slice();
      tampered[tampered.length - 1]! ^= 1;
      const { readable: opened, writable } = openTransform(streamKey, { crypto });
      const draining = drainQuietly(opened);
      await expectCode(() => new Blob([tampered]).stream().pipeTo(writable), "authentication-failed");
      await draining;
    });

    it(`is done once everything has come out, on ${crypto.name}`, async () => {
      const { readable: opened, writable } = openTransform(streamKey, { crypto });
      const draining = drainQuietly(opened);
      await within(1000, "pipeTo", new Blob([sealedData]).stream().pipeTo(writable));
      await draining;
    });
  }

  async function drainQuietly(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    try {
      while (!(await reader.read()).done);
    } catch {
      // The other end reports it.
    }
  }
});
