import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { decodeFrame, decodeLog, encodeFrame } from "../../src/storage/frame.js";
import { expectCode } from "../helpers/errors.js";

const bytes = (text: string): Bytes => new Uint8Array(Buffer.from(text));
const texts = (records: readonly Bytes[]): string[] =>
  records.map((record) => Buffer.from(record).toString());
const frames = [["first"], ["second", ""], [], ["third"]].map((records, number) =>
  encodeFrame(number, records.map(bytes)),
);
const log = concatBytes(...frames);
const startOf = (frame: number): number => concatBytes(...frames.slice(0, frame)).length;

describe("a log of frames", () => {
  it("gives back all records, and says where it ends", () => {
    const { records, ...rest } = decodeLog(log);
    expect(texts(records)).toEqual(["first", "second", "", "third"]);
    expect(rest).toEqual({ frames: 4, length: log.length });
    expect(decodeLog(new Uint8Array(0))).toEqual({ records: [], frames: 0, length: 0 });
  });

  it("loses only the last commit to a crash, at whatever byte, also where the file was longer already", () => {
    for (let cut = startOf(3); cut < log.length; cut++) {
      for (const filler of [0, log.length - cut, 5000]) {
        const torn = concatBytes(log.subarray(0, cut), new Uint8Array(filler));
        expect(decodeLog(torn)).toMatchObject({ frames: 3, length: startOf(3) });
      }
    }
  });

  it("is damaged where any bit before the last commit differs", async () => {
    for (let bit = 0; bit < startOf(3) * 8; bit++) {
      const damaged = log.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expectCode(() => decodeLog(damaged), "journal-damaged");
    }
  });

  it("is damaged where a commit is missing, twice there, moved, of another number, or followed by anything", async () => {
    const [first, second, third, fourth] = frames as [Bytes, Bytes, Bytes, Bytes];
    const other = encodeFrame(4, [bytes("second"), bytes("")]);
    for (const damaged of [
      concatBytes(first, third, fourth),
      concatBytes(second, third, fourth),
      concatBytes(first, first, second, third),
      concatBytes(first, third, second, fourth),
      concatBytes(first, other, third),
      concatBytes(log, bytes("something else, of some length")),
    ]) {
      await expectCode(() => decodeLog(damaged), "journal-damaged");
    }
  });
});

describe("a frame alone", () => {
  it("is whole and of its number, or damaged", async () => {
    expect(texts(decodeFrame(1, frames[1]!))).toEqual(["second", ""]);
    await expectCode(() => decodeFrame(0, frames[1]!), "journal-damaged");
    await expectCode(() => decodeFrame(1, concatBytes(frames[1]!, bytes("x"))), "journal-damaged");
    for (let cut = 0; cut < frames[1]!.length; cut++) {
      await expectCode(() => decodeFrame(1, frames[1]!.slice(0, cut)), "journal-damaged");
    }
  });
});
