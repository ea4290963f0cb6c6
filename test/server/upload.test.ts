/** An upload's check: whole pieces or nothing, on from what is stored, and the object that its name says. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import {
  canReplace,
  type ExportableIdentity,
  generateIdentity,
  inspect,
  isBlindreelError,
  open,
  rewrap,
} from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";
import {
  inspectStructure,
  type ObjectName,
  parseObjectName,
  resumeUpload,
  type UploadCheck,
  uploadCheck,
  uploadStream,
} from "../../src/server/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import { cut, drain } from "../helpers/bytes.js";
import { expectCode, expectErrorCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { readableOf } from "../helpers/readable.js";
import { CHUNK, everyObject, randomBytes, SEALED_CHUNK, sealedFile, segment } from "../opacity/objects.js";

let objects: Readonly<Record<string, Bytes>>;
/** A real recording, by the names of its objects. */
const recorded = new Map<string, Bytes>();
let recordingId: string;
beforeAll(async () => {
  objects = await everyObject();
  const { recipient } = await generateIdentity();
  const recording = await startRecording({ to: recipient });
  recordingId = recording.recordingId;
  const uploading = recording.upload(async (name, bytes) => void recorded.set(name, bytes.slice()));
  for (let i = 0; i < 70; i++) {
    await recording.track(i % 2 ? "camera" : "chat").write(new Uint8Array(1000 + i));
    await recording.flush();
  }
  await recording.finish("submitted");
  await uploading;
});

const refusal = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!isBlindreelError(error)) throw error;
    return error.code;
  }
};

describe("a refused piece", () => {
  it("changes nothing: at any offset the same range can be sent again, rightly", async () => {
    const junk = randomBytes(20_000);
    for (const [name, bytes] of Object.entries(objects)) {
      let check = uploadCheck({ maxLength: bytes.length + 30_000 });
      let refused = 0;
      for (const piece of cut(bytes, Math.ceil(bytes.length / 50))) {
        const { offset } = check;
        for (const wrong of [
          concatBytes(piece, junk),
          junk.subarray(0, 40),
          new Uint8Array(40_000 + bytes.length),
        ]) {
          // In ciphertext nothing can be known wrong.
          if (refusal(() => check.push(wrong)) === undefined)
            check = await resumeUpload(bytes.subarray(0, offset), { maxLength: bytes.length + 30_000 });
          else refused++;
          expect(check.offset, name).toBe(offset);
        }
        check.push(piece);
      }
      expect(refused, name).toBeGreaterThan(45);
      expect(check.finish(), name).toEqual(await inspectStructure(bytes));
    }
  });

  it("in the head leaves slots, fields and the head's bytes as they were", async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => generateIdentity()));
    const file = await sealedFile(randomBytes(9), {
      to: people.map(({ recipient }) => recipient.anonymous()),
    });
    const expected = await inspectStructure(file);
    const check = uploadCheck();
    for (let at = 0; at < file.length; at += 37) {
      const piece = file.subarray(at, at + 37);
      const wrong = concatBytes(
        piece.map((byte) => ~byte),
        file.subarray(0, 3000),
      );
      if (at < inspect(file).envelopeLength) expect(refusal(() => check.push(wrong))).toBeDefined();
      check.push(piece);
    }
    expect(check.finish()).toEqual(expected);
  });

  it("and an early finish too: the rest may follow", () => {
    for (const [name, bytes] of Object.entries(objects)) {
      const check = uploadCheck();
      check.push(bytes.subarray(0, 70));
      expect(
        refusal(() => check.finish()),
        name,
      ).toBe("truncated");
      check.push(bytes.subarray(70));
      expect(check.finish().length).toBe(bytes.length);
    }
  });
});

describe("an upload that broke off", () => {
  it("goes on from what is stored, at any offset, from bytes, a Blob or a source", async () => {
    for (const [name, bytes] of Object.entries(objects)) {
      const expected = await inspectStructure(bytes);
      const step = Math.ceil(bytes.length / 25);
      for (let at = 0; at <= bytes.length; at += step) {
        const stored = bytes.slice(0, at);
        for (const prefix of [stored, new Blob([stored]), bytesSource(stored)]) {
          const check: UploadCheck = await resumeUpload(prefix);
          expect(check.offset, name).toBe(at);
          for (const piece of cut(bytes.subarray(at), 5000)) check.push(piece);
          expect(check.finish(), name).toEqual(expected);
        }
      }
    }
  });

  it("reads the head alone of what is stored", async () => {
    const file = await sealedFile(randomBytes(100));
    let read = 0;
    const source: ByteSource = {
      size: async () => 2 ** 30,
      async read(start, end) {
        read += end - start;
        return concatBytes(file.subarray(start, end), new Uint8Array(end - start)).subarray(0, end - start);
      },
    };
    expect((await resumeUpload(source)).offset).toBe(2 ** 30);
    expect(read).toBeLessThanOrEqual(4096);
  });

  it("goes on through a second stream with the same check, after a refused piece", async () => {
    const bytes = objects["sealed file of chunks"]!;
    const check = uploadCheck();
    const bad = [bytes.subarray(0, 16), bytes.subarray(16, 30).map((byte) => byte ^ 1), bytes.subarray(30)];
    const first = await drain(readableOf(bad as Bytes[]).pipeThrough(uploadStream(check)));
    const { offset } = check;
    expect([first.released.length, offset]).toEqual([16, 16]);
    expectErrorCode(first.error, "malformed");
    const { structure, ...pair } = uploadStream(check);
    await drain(readableOf(cut(bytes.subarray(offset), 999)).pipeThrough(pair));
    expect((await structure).length).toBe(bytes.length);
  });

  it("of something else is refused when it is looked at", async () => {
    await expectCode(() => resumeUpload(randomBytes(100)), "not-an-envelope");
    await expectCode(() => resumeUpload(objects.segment!, { accept: "page" }), "wrong-kind");
    await expectWrongType(() => resumeUpload("BLINDREEL" as never));
  });
});

describe("the expected object", () => {
  it("of every name of a recording is what is stored there, and nothing else is", () => {
    expect(recorded.size).toBeGreaterThan(70);
    const kinds = new Set<string>();
    for (const [name, bytes] of recorded) {
      kinds.add(parseObjectName(recordingId, name)!.kind);
      const check = uploadCheck({ expected: { name } });
      for (const piece of cut(bytes, 500)) check.push(piece);
      check.finish();
      for (const [other, wrong] of [...recorded].filter(([each]) => each !== name).slice(0, 12)) {
        const code = refusal(() => uploadCheck({ expected: { name } }).push(wrong));
        expect(["wrong-kind", "malformed"], `${other} as ${name}`).toContain(code);
      }
    }
    expect([...kinds].sort()).toEqual(["envelope", "manifest", "page", "segment"]);
  });

  it("of another recording is refused in its header", async () => {
    const other = "ab".repeat(16);
    for (const [name, bytes] of recorded) {
      const moved = name.replace(recordingId, other);
      for (const expected of [{ name: moved }, { recordingId: other }])
        expect(
          refusal(() => uploadCheck({ expected }).push(bytes)),
          name,
        ).toBe("wrong-recording");
    }
    const receipt = objects.receipt!;
    expect(refusal(() => uploadCheck({ expected: { recordingId: other } }).push(receipt))).toBe(
      "wrong-recording",
    );
    expect(refusal(() => uploadCheck({ expected: { name: `${other}/envelope` } }).push(receipt))).toBe(
      "wrong-kind",
    );
  });

  it("is refused at the first byte of another kind, and no file's envelope is a recording's", async () => {
    const id = inspect(objects.envelope!).recordingId;
    const check = uploadCheck({ expected: { name: `${id}/page-00000000` } });
    check.push(objects.segment!.subarray(0, 3));
    expect(refusal(() => check.push(objects.segment!.subarray(3, 4)))).toBe("wrong-kind");
    const envelope = uploadCheck({ expected: { name: `${id}/envelope` } });
    expect(refusal(() => envelope.push(objects.envelope!))).toBe("wrong-kind");
  });

  it("holds to its options", async () => {
    await expectOutOfRange(() => uploadCheck({ expected: { name: "camera.webm" } }));
    await expectOutOfRange(() => uploadCheck({ expected: { recordingId: "AB".repeat(16) } }));
    const name = `${recordingId}/envelope`;
    await expectOutOfRange(() => uploadCheck({ expected: { name, recordingId: "ab".repeat(16) } }));
    await expectOutOfRange(() => uploadCheck({ accept: [] as readonly ObjectName[] }));
    await expectWrongType(() => uploadCheck({ expect: { name } } as never));
    await expectWrongType(() => uploadCheck({ expected: { path: name } } as never));
    await expectWrongType(() => uploadStream({} as never));
  });
});

describe("ceilings", () => {
  it("a recording's segment has at most 512 chunks", async () => {
    const head = (await segment(randomBytes(10))).subarray(0, 86);
    const most = 512 * SEALED_CHUNK;
    const check = uploadCheck();
    check.push(head);
    check.push(new Uint8Array(most));
    expect(check.finish()).toMatchObject({ segment: { chunks: 512, isCut: true } });
    expectErrorCode(await caughtFrom(() => check.push(new Uint8Array(1))), "limit-exceeded");
    expect(check.offset).toBe(86 + most);
  });

  it("has at least one chunk, is of a track from 1 on, and is never cut where it is padded", async () => {
    const bytes = await segment(randomBytes(2 * CHUNK));
    await expectCode(() => inspectStructure(bytes.slice(0, 86)), "truncated");
    await expectCode(() => inspectStructure(bytes.map((byte, i) => (i === 23 ? 0 : byte))), "malformed");
    const padded = await segment(randomBytes(2 * CHUNK + 100), { flags: 1 });
    await expectCode(() => inspectStructure(padded.slice(0, 86 + SEALED_CHUNK)), "truncated");
  });
});

const caughtFrom = async (action: () => unknown): Promise<unknown> => {
  try {
    return action();
  } catch (error) {
    return error;
  }
};

describe("fault S4 a server cannot check a MAC", () => {
  let alice: ExportableIdentity;
  let file: Bytes;
  let envelope: Bytes;
  beforeAll(async () => {
    alice = await generateIdentity();
    file = await sealedFile(randomBytes(100), { to: alice.recipient });
    envelope = file.slice(0, inspect(file).envelopeLength);
  });
  /** What anybody who may write can make, without a key. @param change offset from the end, where it is altered. */
  const forged = (change: number, epoch = 7): Bytes => {
    const made = envelope.slice();
    const epochAt = made.length - 32 - (2 + 16 + 2 + 80) - 6;
    new DataView(made.buffer).setUint32(epochAt, epoch);
    made[made.length - change]! ^= 1;
    return made;
  };

  it.each([1, 32, 33, 60, 100])(
    "fault S4 an altered epoch and byte %i from the end pass for newer",
    async (at) => {
      expect(canReplace(envelope, forged(at))).toEqual({ allowed: true, reason: "newer" });
      const locked = concatBytes(forged(at), file.subarray(envelope.length));
      await expect(open(locked, { identities: alice })).rejects.toThrow();
    },
  );

  it("fault S4 the earlier epoch, which the server kept, opens; and the next honest one is older than the forged", async () => {
    const kept = envelope;
    expect(canReplace(kept, forged(1)).allowed).toBe(true);
    const { data } = await open(file, { identities: alice });
    expect(data.length).toBe(100);
    const next = await rewrap(kept, { to: alice.recipient, identities: alice });
    expect(canReplace(forged(1), next)).toEqual({ allowed: false, reason: "older" });
    expect(canReplace(kept, next)).toEqual({ allowed: true, reason: "newer" });
  });

  it("fault S4 and says so where it is used", async () => {
    const { readFileSync } = await import("node:fs");
    const source = readFileSync(new URL("../../src/envelope/rewrap.ts", import.meta.url), "utf8");
    const docs = readFileSync(new URL("../../docs/server.md", import.meta.url), "utf8");
    for (const text of [source, docs])
      expect(text.replace(/\s+(\* )?/g, " ")).toMatch(/keeps? (the )?earlier epochs? until/i);
  });
});
