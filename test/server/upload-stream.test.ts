/** uploadStream in a pipe: what comes out, when it fails, and that both ends learn of it. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/formats/bytes.js";
import { uploadCheck, uploadStream } from "../../src/server/index.js";
import { cut, drain, expectBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectErrorCode, expectOutOfRange } from "../helpers/errors.js";
import { readableOf } from "../helpers/readable.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { CHUNK, everyObject, randomBytes, sealedFile } from "../opacity/objects.js";

refuseUnhandledRejections();

let objects: Readonly<Record<string, Bytes>>;
beforeAll(async () => {
  objects = await everyObject();
});

const piped = (pieces: Iterable<Bytes>, options = {}) => {
  const validator = uploadStream(uploadCheck(options));
  return { validator, out: readableOf(pieces).pipeThrough(validator) };
};

describe("uploadStream", () => {
  it("passes every object on unchanged, in any pieces, and says what it was", async () => {
    for (const [name, bytes] of Object.entries(objects)) {
      for (const size of [1, 100, 4096, 1e6]) {
        const { validator, out } = piped(cut(bytes, size));
        const { released, error } = await drain(out);
        expect(error).toBeUndefined();
        expectBytes(released, bytes, name);
        expect((await validator.structure).length).toBe(bytes.length);
      }
    }
  });

  it("does not copy: the memory of the pieces that go in comes out, empty ones too", async () => {
    const file = await sealedFile(randomBytes(3 * CHUNK));
    const pieces = [
      file.subarray(0, 1000),
      new Uint8Array(0),
      file.subarray(1000, 20_000),
      file.subarray(20_000),
    ];
    const { out } = piped(pieces);
    const reader = out.getReader();
    for (const piece of pieces) {
      const { value } = await reader.read();
      expect(value!.buffer).toBe(piece.buffer);
      expect([value!.byteOffset, value!.length]).toEqual([piece.byteOffset, piece.length]);
    }
    expect((await reader.read()).done).toBe(true);
  });

  it("lets a piece go only when it is asked for, so that a writer may use its buffer again", async () => {
    const file = await sealedFile(randomBytes(50_000));
    const { readable, writable } = uploadStream();
    const writer = writable.getWriter();
    const buffer = new Uint8Array(4096);
    const writing = (async () => {
      for (const piece of cut(file, buffer.length)) {
        buffer.set(piece);
        await writer.write(buffer.subarray(0, piece.length));
        buffer.fill(0);
      }
      await writer.close();
    })();
    const parts: Bytes[] = [];
    const reader = readable.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read())
      parts.push(next.value.slice());
    await writing;
    expectBytes(new Uint8Array(Buffer.concat(parts)), file);
  });

  it("fails both ends at the first impossible piece, which is not handed on", async () => {
    const file = objects["sealed file of chunks"]!.slice();
    file[20] = 9;
    const { readable, writable, structure } = uploadStream();
    const writer = writable.getWriter();
    const writes = [...cut(file, 10)].map((piece) => writer.write(piece).catch((error) => error));
    const { released, error } = await drain(readable);
    expectErrorCode(error, "unsupported-algorithm");
    expect(released.length).toBe(20);
    await expectCode(() => structure, "unsupported-algorithm");
    await expectCode(() => writer.closed, "unsupported-algorithm");
    expectErrorCode(await writes.at(-1), "unsupported-algorithm");
  });

  it("stops the source of a pipe, and pipeTo reports why", async () => {
    let cancelled: unknown;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(utf8("chat: hello ")),
      cancel: (reason) => {
        cancelled = reason;
      },
    });
    const validator = uploadStream();
    const copying = endless.pipeTo(validator.writable);
    const [{ error }, reported] = await Promise.all([drain(validator.readable), caught(() => copying)]);
    expectErrorCode(error, "not-an-envelope");
    expect(reported).toBe(error);
    expect(cancelled).toBe(error);
  });

  it("fails at the end of what is cut off", async () => {
    const { validator, out } = piped(cut(objects.envelope!.subarray(0, 500), 100));
    const { released, error } = await drain(out);
    expect(released.length).toBe(500);
    expectErrorCode(error, "truncated");
    await expectCode(() => validator.structure, "truncated");
  });

  it("stops on cancel, on abort of the writer and on its signal", async () => {
    const file = objects["sealed file of chunks"]!;
    const first = uploadStream();
    const writer = first.writable.getWriter();
    const write = caught(() =>
      writer.write(file.subarray(0, 10)).then(() => writer.write(file.subarray(10))),
    );
    const reader = first.readable.getReader();
    await reader.read();
    await reader.cancel(new Error("enough"));
    expect(((await write) as Error).message).toBe("enough");
    expect(((await caught(() => first.structure)) as Error).message).toBe("enough");

    const second = uploadStream();
    const aborted = second.readable.getReader().read();
    await second.writable.abort(new Error("gone"));
    expect(((await caught(() => aborted)) as Error).message).toBe("gone");
    expect(((await caught(() => second.structure)) as Error).message).toBe("gone");

    const controller = new AbortController();
    const third = uploadStream(uploadCheck(), { signal: controller.signal });
    const waiting = third.readable.getReader().read();
    controller.abort(new Error("too slow"));
    expect(await caught(() => waiting)).toBe(controller.signal.reason);
    expect(await caught(() => third.structure)).toBe(controller.signal.reason);
    expect(await caught(() => third.writable.getWriter().closed)).toBe(controller.signal.reason);

    const fourth = uploadStream(uploadCheck(), { signal: AbortSignal.abort(new Error("never")) });
    expect(((await drain(fourth.readable)).error as Error).message).toBe("never");
  });

  it("holds to its options", async () => {
    const { out } = piped(cut(objects.segment!, 100), { maxLength: 1000 });
    const { released, error } = await drain(out);
    expectErrorCode(error, "limit-exceeded");
    expect(released.length).toBe(1000);
    expectErrorCode((await drain(piped([objects.receipt!], { accept: "segment" }).out)).error, "wrong-kind");
    await expectOutOfRange(() => uploadCheck({ maxLength: -1 }));
  });

  it("refuses pieces that are no bytes", async () => {
    const { error } = await drain(piped(["BLINDREEL" as never]).out);
    expect(error).toBeInstanceOf(TypeError);
  });
});
