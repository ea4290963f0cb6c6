/** inspectStructure and uploadCheck: every object, every cut, every byte too many; in one piece or in many. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { generateIdentity, inspect, isBlindreelError } from "../../src/index.js";
import { inspectStructure, type ObjectName, type Structure, uploadCheck } from "../../src/server/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import { cut, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import {
  CHUNK,
  everyObject,
  manifest,
  randomBytes,
  receipt,
  SEALED_CHUNK,
  sealedFile,
  segment,
} from "../opacity/objects.js";
import { readVectors } from "../vectors/vector-file.js";

let objects: Readonly<Record<string, Bytes>>;
beforeAll(async () => {
  objects = await everyObject();
});

/** The structure found in pieces of `size` bytes. */
function inPieces(bytes: Bytes, size: number): Structure {
  const validator = uploadCheck();
  for (const piece of cut(bytes, size)) validator.push(piece);
  return validator.finish();
}

/** How many bytes go in before the one that is refused, one at a time; undefined where none is. */
function refusedAt(bytes: Bytes): number | undefined {
  const validator = uploadCheck();
  for (let at = 0; at < bytes.length; at++) {
    try {
      validator.push(bytes.subarray(at, at + 1));
    } catch (error) {
      expect(isBlindreelError(error), String(error)).toBe(true);
      return at;
    }
  }
  return undefined;
}

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return "ok";
  } catch (error) {
    if (!isBlindreelError(error)) throw error;
    return error.code;
  }
};

describe("every object of the format", () => {
  it("is recognised, alike from bytes, a Blob, a source and a stream in any pieces", async () => {
    const names: Record<string, ObjectName> = {};
    for (const [name, bytes] of Object.entries(objects)) {
      const found = await inspectStructure(bytes);
      names[name] = found.object;
      expect(await inspectStructure(new Blob([bytes])), name).toEqual(found);
      expect(await inspectStructure(bytesSource(bytes)), name).toEqual(found);
      expect(await inspectStructure(cut(bytes, 7, 1000)), name).toEqual(found);
      for (const size of [1, 2, 13, 4096, 1e6]) expect(inPieces(bytes, size), name).toEqual(found);
    }
    expect(names).toEqual({
      envelope: "envelope",
      "sealed file": "sealed-file",
      "sealed file of chunks": "sealed-file",
      "padded file": "sealed-file",
      segment: "segment",
      "segment of whole chunks": "segment",
      manifest: "manifest",
      page: "page",
      excerpt: "excerpt",
      receipt: "receipt",
    });
  });

  it("has fields that cover all its bytes, in order, without gaps", async () => {
    for (const [name, bytes] of Object.entries(objects)) {
      const { fields, length } = await inspectStructure(bytes);
      expect(length, name).toBe(bytes.length);
      let end = 0;
      for (const field of fields) {
        expect(field.offset, `${name}: ${field.id}`).toBe(end);
        expect(field.length, `${name}: ${field.id}`).toBeGreaterThan(0);
        end += field.length;
      }
      expect(end, name).toBe(bytes.length);
    }
  });

  it("says what shows: the same as inspect of an envelope, and more of the rest", async () => {
    const file = objects["sealed file of chunks"]!;
    const { envelopeLength } = inspect(file);
    const found = await inspectStructure(file);
    if (found.object !== "sealed-file") throw new Error(found.object);
    expect(found.envelope).toEqual(inspect(file.slice(0, envelopeLength)));
    expect(found.segment).toEqual({
      recordingId: found.envelope.recordingId,
      track: 0,
      take: 0,
      index: 0,
      isPadded: false,
      offset: envelopeLength,
      length: file.length - envelopeLength,
      chunks: 3,
      isCut: false,
      plaintextLength: 2 * CHUNK + 5,
    });
    expect(await inspectStructure(await manifest(2048))).toMatchObject({
      manifest: { sequence: 3, plaintextLength: 2048 },
    });
    expect(await inspectStructure(await receipt(3))).toMatchObject({
      receipt: { sequence: 3, size: 9, witnesses: 3 },
    });
    expect(await inspectStructure(objects.excerpt!)).toMatchObject({ excerpt: { parts: 1 } });
  });

  it("is refused with any byte behind it, and cut anywhere but where a shorter one ends", async () => {
    for (const [name, bytes] of Object.entries(objects)) {
      const isOpenEnded = /segment|sealed|padded|manifest|excerpt/.test(name);
      if (!isOpenEnded && name !== "envelope") {
        expect(
          codeOf(() => inPieces(concatBytes(bytes, Uint8Array.of(0)), 1e6)),
          name,
        ).not.toBe("ok");
      }
      const steps = bytes.length > 3000 ? 61 : 1;
      for (let end = 0; end < bytes.length; end += steps) {
        const part = bytes.subarray(0, end);
        const whole = codeOf(() => inPieces(part, 1e6));
        expect(
          codeOf(() => inPieces(part, 509)),
          `${name} cut at ${end}`,
        ).toBe(whole);
        if (!isOpenEnded) expect(whole, `${name} cut at ${end}`).not.toBe("ok");
      }
    }
  });

  it("of two in a row only what a longer one could be passes", async () => {
    for (const [name, bytes] of Object.entries(objects)) {
      if (/segment|sealed|padded|manifest|excerpt/.test(name)) continue;
      expect(
        codeOf(() => inPieces(concatBytes(bytes, bytes), 100)),
        name,
      ).not.toBe("ok");
    }
  });
});

describe("a segment", () => {
  it("may be cut after whole chunks, and says so; a sealed file may not", async () => {
    const whole = await segment(randomBytes(3 * CHUNK));
    const end = 86 + 2 * SEALED_CHUNK;
    expect(await inspectStructure(whole.slice(0, end))).toMatchObject({
      segment: { isCut: true, chunks: 2, plaintextLength: 2 * CHUNK },
    });
    const file = await sealedFile(randomBytes(3 * CHUNK));
    const { envelopeLength } = inspect(file);
    await expectCode(() => inspectStructure(file.slice(0, envelopeLength + end)), "truncated");
  });

  it("has no last chunk shorter than a tag, and, padded, none too short for its length", async () => {
    const whole = await segment(randomBytes(CHUNK + 100));
    const short = whole.slice(0, 86 + SEALED_CHUNK + 15);
    expect((await expectCode(() => inspectStructure(short), "truncated")).details.offset).toBe(short.length);
    const padded = await segment(randomBytes(CHUNK + 7), { flags: 1 });
    await expectCode(() => inspectStructure(padded), "malformed");
    expect(await inspectStructure(await segment(randomBytes(CHUNK + 8), { flags: 1 }))).toMatchObject({
      segment: { isPadded: true },
    });
  });

  it("behind an envelope is of its recording, track, take and index 0", async () => {
    const file = await sealedFile(randomBytes(10));
    const { envelopeLength } = inspect(file);
    for (const at of [6, 21, 22, 23, 24, 25, 26, 29]) {
      const altered = file.slice();
      altered[envelopeLength + at]! ^= 1;
      await expectCode(() => inspectStructure(altered), "malformed");
    }
  });
});

describe("what is none of our objects (J1)", () => {
  const foreign: Record<string, Uint8Array> = {
    "WebM or Matroska": Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81, 0x01),
    MP4: concatBytes(Uint8Array.of(0, 0, 0, 0x20), utf8("ftypisom")),
    PNG: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    JSON: utf8('{"name":"Jo"}'),
    text: utf8("Jo Miller, algebra 2"),
    ZIP: Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0),
  };

  it.each(Object.entries(foreign))("%s is refused at its first byte, and named", async (name, bytes) => {
    const error = await expectCode(() => inspectStructure(bytes), "not-an-envelope");
    expect(error.message).toContain(name);
    const validator = uploadCheck();
    await expectCode(() => validator.push(bytes.subarray(0, 1)), "not-an-envelope");
    // What was refused is as if it had not come.
    await expectCode(() => validator.finish(), "not-an-envelope");
    validator.push(objects.receipt!);
    expect(validator.finish().object).toBe("receipt");
  });

  it("nothing at all, and a beginning alone", async () => {
    await expectCode(() => inspectStructure(new Uint8Array(0)), "not-an-envelope");
    await expectCode(() => inspectStructure(utf8("BLINDRE")), "truncated");
    await expectCode(() => inspectStructure(utf8("BLR")), "truncated");
    await expectCode(() => inspectStructure(utf8("BLRZ")), "not-an-envelope");
  });
});

describe("the first impossible byte", () => {
  it("is refused when its field is complete, whatever follows", async () => {
    const file = objects["sealed file of chunks"]!;
    const altered = (at: number, value: number) => file.map((byte, i) => (i === at ? value : byte));
    // Offset of the byte that is altered, its value, and the last byte of its field.
    const cases: readonly (readonly [string, number, number, number])[] = [
      ["magic", 3, 0, 3],
      ["version", 9, 2, 9],
      ["length", 10, 0xff, 13],
      ["core length", 14, 0xff, 17],
      ["suite", 18, 9, 19],
      ["kind", 20, 9, 20],
      ["flags", 22, 2, 22],
      ["createdAt", 46, 1, 46],
      ["region length", 55, 17, 55],
      ["region", 56, 0x41, 65],
      ["sender type", 82, 7, 82],
      ["sender length", 84, 9, 84 + 9],
      ["metadata length", 88, 1, 88],
    ];
    for (const [name, at, value, last] of cases) expect(refusedAt(altered(at, value)), name).toBe(last);
  });

  it("a slot out of order is refused at its end, before the slots behind it", async () => {
    const people = await Promise.all(Array.from({ length: 40 }, () => generateIdentity()));
    const anonymous = people.map(({ recipient }) => recipient.anonymous());
    const file = await sealedFile(new Uint8Array(0), { to: anonymous });
    const { envelopeLength } = inspect(file);
    const slot = 2 + 16 + 2 + 80;
    const firstSlot = envelopeLength - 32 - 40 * slot;
    const swapped = file.slice(0, envelopeLength);
    swapped.set(file.subarray(firstSlot, firstSlot + slot), firstSlot + slot);
    expect(refusedAt(swapped)).toBe(firstSlot + 2 * slot - 1);
  });

  it("behind an object that has its end is refused", async () => {
    for (const name of ["receipt", "envelope"]) {
      const bytes = objects[name]!;
      expect(refusedAt(concatBytes(bytes, Uint8Array.of(0))), name).toBe(bytes.length);
    }
  });
});

describe("every published vector", () => {
  it("is judged as inspect judges it, or more strictly, and the same in any pieces", () => {
    const vectors = readVectors();
    expect(vectors.length).toBeGreaterThan(200);
    let stricter = 0;
    for (const { name, file } of vectors) {
      const bytes = new Uint8Array(file);
      const strict = codeOf(() => inPieces(bytes, 1e7));
      for (const size of [1, 997])
        expect(
          codeOf(() => inPieces(bytes, size)),
          name,
        ).toBe(strict);
      const known = codeOf(() => inspect(bytes));
      if (known === "ok" && strict !== "ok") stricter++;
      else if (strict !== "ok" && !/^(A2|D10)/.test(name)) expect(strict, name).toBe(known);
      if (name.startsWith("ok-")) expect(strict, name).toBe("ok");
    }
    // Cut segments, segments of another track: what `inspect` reports and opening refuses.
    expect(stricter).toBeGreaterThan(5);
  });
});

describe("bounded work", () => {
  it("reads the head and less than 64 KiB more of a source of 1 GiB", async () => {
    const file = await sealedFile(randomBytes(100));
    const { envelopeLength } = inspect(file);
    const size = 2 ** 30;
    let bytesRead = 0;
    const source: ByteSource = {
      size: async () => size,
      async read(start, end) {
        bytesRead += end - start;
        const range = new Uint8Array(end - start);
        range.set(file.subarray(start, end));
        return range;
      },
    };
    expect(await inspectStructure(source)).toMatchObject({ object: "sealed-file", length: size });
    expect(bytesRead).toBeLessThan(envelopeLength + 64 * 1024);
  });

  it("keeps as much of the head as has come, not as it claims", async () => {
    const validator = uploadCheck();
    const claims = objects.envelope!.slice(0, 14);
    claims.set([0, 0x4f, 0xff, 0], 10);
    validator.push(claims);
    await expectCode(() => validator.finish(), "truncated");
  });

  it("refuses what is above a ceiling before it arrives", async () => {
    const claim = concatBytes(utf8("BLINDREEL"), Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff));
    await expectCode(() => inspectStructure(claim), "limit-exceeded");
    const long = uploadCheck();
    long.push((await manifest()).subarray(0, 81));
    const piece = new Uint8Array(2 ** 20);
    long.push(piece.subarray(81));
    await expectCode(() => long.push(piece.subarray(0, 1)), "limit-exceeded");
  });
});

describe("options", () => {
  it("accept: other objects are refused as soon as they show", async () => {
    await expectCode(() => inspectStructure(objects.receipt!, { accept: "segment" }), "wrong-kind");
    await expectCode(() => inspectStructure(objects.envelope!, { accept: ["sealed-file"] }), "wrong-kind");
    await expectCode(() => inspectStructure(objects["sealed file"]!, { accept: "envelope" }), "wrong-kind");
    expect((await inspectStructure(objects.receipt!, { accept: ["segment", "receipt"] })).object).toBe(
      "receipt",
    );
    const validator = uploadCheck({ accept: "segment" });
    validator.push(utf8("BLR"));
    await expectCode(() => validator.push(utf8("L")), "wrong-kind");
  });

  it("maxLength and limits", async () => {
    const file = objects["sealed file"]!;
    await expectCode(() => inspectStructure(file, { maxLength: file.length - 1 }), "limit-exceeded");
    expect((await inspectStructure(file, { maxLength: file.length })).length).toBe(file.length);
    await expectCode(() => inspectStructure(file, { limits: { envelope: 100 } }), "limit-exceeded");
  });

  it("mistakes in the call", async () => {
    await expectOutOfRange(() => inspectStructure(objects.receipt!, { accept: "reel" as never }));
    await expectOutOfRange(() => inspectStructure(objects.receipt!, { maxLength: Number.NaN }));
    await expectWrongType(() => inspectStructure("BLINDREEL" as never));
    await expectWrongType(() => inspectStructure(undefined as never));
    await expectWrongType(() => uploadCheck().push([1] as never));
    const validator = uploadCheck();
    validator.push(objects.receipt!);
    validator.finish();
    await expectCode(() => validator.push(pattern(1)), "malformed");
    expect(validator.finish().length).toBe(objects.receipt!.length);
    const signal = AbortSignal.abort(new Error("no more"));
    expect(await caught(() => inspectStructure(cut(objects.receipt!, 10), { signal }))).toBe(signal.reason);
    expect(await caught(() => inspectStructure(bytesSource(objects.receipt!), { signal }))).toBe(
      signal.reason,
    );
  });
});
