import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { type ExportableIdentity, generateIdentity } from "../../src/keywrap/import.js";
import type { RecordingPart } from "../../src/recording/outbox.js";
import type { Recording } from "../../src/recording/recording.js";
import { discardJournal, listJournals, resumeRecording } from "../../src/recording/resume.js";
import { openRecording } from "../../src/recording/review.js";
import { type StartRecordingOptions, startRecording } from "../../src/recording/start.js";
import { bytesSource } from "../../src/source/bytes.js";
import { directoryJournal } from "../../src/storage/directory.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";
import { expectBytes, pattern, toHex } from "../helpers/bytes.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { readRecording, StorageServer } from "./storage-server.js";

refuseUnhandledRejections();

let identity: ExportableIdentity;
let root = "";
beforeAll(async () => {
  identity = await generateIdentity();
  root = await mkdtemp(join(tmpdir(), "blindreel-behaviour-"));
});
afterAll(() => rm(root, { recursive: true }));

const start = (options: Partial<StartRecordingOptions> = {}): Promise<Recording> =>
  startRecording({ to: identity.recipient, ...options });
const place = (): string => join(root, `j${Math.random()}`);

/** `store` with calls of `method` failing once `isFailing` says so. */
function failing(
  store: JournalStore,
  method: keyof OpenJournal,
  isFailing: () => Error | undefined,
): JournalStore {
  return {
    keyForm: store.keyForm,
    list: () => store.list(),
    async open(name, mode) {
      const opened = await store.open(name, mode);
      const original = opened.journal[method] as (...given: unknown[]) => Promise<unknown>;
      const journal = {
        ...opened.journal,
        [method]: async (...given: unknown[]) => {
          const error = isFailing();
          if (error) throw error;
          return original(...given);
        },
      };
      return { ...opened, journal };
    },
  };
}

async function takeParts(recording: Recording, minSize: number): Promise<RecordingPart[]> {
  const parts: RecordingPart[] = [];
  for await (const part of recording.parts({ minSize })) {
    parts.push(part);
    part.acknowledge();
  }
  return parts;
}

describe("parts", () => {
  it.each([1, 20_000, 100_000, 5 * 2 ** 20])(
    "of at least %i bytes, but an object's last",
    async (minSize) => {
      const recording = await start();
      const track = recording.track("camera");
      const content = pattern(700_000);
      for (let at = 0; at < content.length; at += 50_000) await track.write(content.slice(at, at + 50_000));
      await recording.finish("done");
      const parts = await takeParts(recording, minSize);
      expect(parts.slice(0, -1).every(({ bytes, isLast }) => bytes.length >= minSize && !isLast)).toBe(true);
      expect(parts.at(-1)!.isLast).toBe(true);
      let offset = 0;
      for (const part of parts) {
        expect(part).toMatchObject({ track: 1, index: 0, offset, objectName: parts[0]!.objectName });
        offset += part.bytes.length;
      }
      expect(offset).toBe(86 + 700_000 + 16 * 43);
    },
  );

  it("B4 come again byte for byte when retried, in any order, though the caller changed the bytes", async () => {
    const recording = await start();
    await recording.track("camera").write(pattern(400_000));
    await recording.track("camera").write(pattern(400_000, 2));
    await recording.finish("done");
    const first: RecordingPart[] = [];
    for await (const part of recording.parts({ minSize: 30_000 })) {
      first.push(part);
      if (part.isLast) break;
    }
    const before = first.map(({ offset, bytes }) => [offset, toHex(bytes)]);
    for (const { bytes } of first) bytes.fill(0);
    const again: unknown[][] = [];
    const tries = new Map<number, number>();
    for await (const part of recording.parts({ minSize: 123 })) {
      const count = (tries.get(part.offset) ?? 0) + 1;
      tries.set(part.offset, count);
      if (count < 3) {
        part.bytes.fill(1);
        part.retry();
        part.retry();
        continue;
      }
      again.push([part.offset, toHex(part.bytes)]);
      part.acknowledge();
      part.retry();
    }
    expect(again.sort((a, b) => (a[0] as number) - (b[0] as number))).toEqual(before);
    expect(recording.unacknowledgedBytes).toBe(0);
  });

  it("are acknowledged in any order, are shared by several loops, and leave as soon as chunks fill", async () => {
    const recording = await start();
    const loops = [recording.parts(), recording.parts(), recording.parts()];
    const track = recording.track("camera");
    const nexts = loops.map((loop) => loop.next());
    await track.write(pattern(40_000));
    const early = await Promise.race(nexts);
    expect(early.value!.bytes.length).toBe(86 + 2 * 16_400);
    const collected: RecordingPart[] = [];
    const collect = async (
      first: Promise<IteratorResult<RecordingPart>>,
      loop: AsyncIterator<RecordingPart>,
    ) => {
      for (let next = await first; !next.done; next = await loop.next()) {
        collected.push(next.value);
        const part = next.value;
        setTimeout(() => part.acknowledge(), Math.random() * 20);
      }
    };
    const done = nexts.map((next, i) => collect(next, loops[i]!));
    for (let i = 0; i < 10; i++) await track.write(pattern(20_000, i));
    await recording.finish("done");
    await Promise.all(done);
    const offsets = collected.map(({ offset }) => offset).sort((a, b) => a - b);
    expect(new Set(offsets).size).toBe(offsets.length);
    expect(collected.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(86 + 240_000 + 16 * 15);
    await expectOutOfRange(() => recording.parts({ minSize: -1 }));
  });
});

describe("queues", () => {
  it("refuse what exceeds maxQueued, and nothing of it was taken", async () => {
    const recording = await start({ maxQueued: 100_000 });
    const track = recording.track("camera");
    const first = track.write(pattern(90_000));
    const error = await expectCode(() => track.write(pattern(20_000)), "queue-full");
    expect(error.details).toEqual({ limit: 100_000 });
    await first;
    await track.write(pattern(20_000, 2));
    const { manifest } = await recording.finish("done");
    const server = new StorageServer();
    await server.upload(recording);
    const read = await readRecording(server, recording, identity, manifest!.bytes);
    expectBytes(read.tracks.camera![0]!.content, concatBytes(pattern(90_000), pattern(20_000, 2)));
  });

  it("wait while too much is not uploaded", async () => {
    const recording = await start({ maxUnacknowledged: 300_000 });
    const track = recording.track("camera");
    let written = 0;
    const writing = (async () => {
      for (; written < 20; written++) await track.write(pattern(100_000, written));
    })();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).toBeLessThan(6);
    expect(recording.unacknowledgedBytes).toBeLessThan(600_000);
    const uploading = takeParts(recording, 0);
    await writing;
    await recording.finish("done");
    expect((await uploading).reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeGreaterThan(2_000_000);
  });

  it("flush by themselves what fills no chunk, and begin a new object where one is full", async () => {
    const recording = await start({ flushAfter: 50, maxSegmentBytes: 2 ** 20 });
    const parts = recording.parts();
    await recording.track("chat").write("hello");
    const { value } = await parts.next();
    expect(value).toMatchObject({ track: 1, index: 0, isLast: true });
    value!.acknowledge();
    for (let i = 0; i < 5; i++) await recording.track("camera").write(pattern(500_000, i));
    const { manifest } = await recording.finish("done");
    const server = new StorageServer();
    server.putPart(value!);
    await parts.return!();
    await server.upload(recording);
    const read = await readRecording(server, recording, identity, manifest!.bytes);
    expectBytes(
      read.tracks.camera![0]!.content,
      concatBytes(...[0, 1, 2, 3, 4].map((i) => pattern(500_000, i))),
    );
    const camera = read.manifest.entries.filter(({ track }) => track === 2);
    expect(camera.length).toBe(3);
    expect(camera.every(({ chunks }) => chunks <= 64)).toBe(true);
  });
});

describe("ending", () => {
  it("B5 nothing is written, finished or flushed after the end", async () => {
    for (const end of ["finish", "abort", "close"] as const) {
      const recording = await start();
      const track = recording.track("chat");
      await track.write("hello");
      await (end === "finish" ? recording.finish("done") : recording[end]());
      await expectCode(() => track.write("more"), "closed");
      await expectCode(() => recording.track("chat"), "closed");
      await expectCode(() => track.startTake(), "closed");
      await expectCode(() => recording.finish("again"), "closed");
      await expectCode(() => recording.flush(), "closed");
      await expectCode(() => recording.checkpoint(), "closed");
      await recording.abort();
      await recording.abort();
      await recording.close();
    }
  });

  it("names the tracks that do not hand over everything in time, and does not hang", async () => {
    const recording = await start();
    const stuck = {
      ...{ state: "recording" as const, mimeType: "video/webm" },
      ...{
        stop() {},
        pause() {},
        resume() {},
        requestData() {},
        addEventListener() {},
        removeEventListener() {},
      },
    };
    await recording.track("chat").write("hello");
    const recorded = recording.track("camera").record(stuck);
    recorded.catch(() => {});
    await recording.track("camera").write(pattern(40_000));
    const { manifest, undrained } = await recording.finish("timeout", { timeout: 50 });
    expect(undrained).toEqual(["camera"]);
    const server = new StorageServer();
    await server.upload(recording);
    const read = await readRecording(server, recording, identity, manifest!.bytes);
    expect(read.manifest.undrained).toEqual([2]);
    expect(read.manifest.entries.map(({ track, end, chunks }) => [track, end, chunks])).toEqual([
      [1, 1, 1],
      [2, 0, 2],
    ]);
    expectBytes(read.tracks.camera![0]!.content, pattern(32_768));
  });

  it("an abort erases the journal, a discard too, and a checkpoint makes an unfinished recording readable", async () => {
    const store = directoryJournal(place());
    const recording = await start({ journal: store });
    await recording.track("camera").write(pattern(100_000));
    const checkpoint = await recording.checkpoint();
    const server = new StorageServer();
    const parts = recording.parts();
    server.putPart((await parts.next()).value!);
    const review = await openRecording(recording.envelope.bytes, {
      identities: identity,
      manifest: checkpoint.bytes,
      objects: (name) => (server.objects.has(name) ? bytesSource(server.objects.get(name)!) : null),
    });
    expect((await review.verify()).state).toBe("unfinished");
    const source = review.tracks[0]!.takes[0]!.source();
    expectBytes(await source.read(0, source.size), pattern(98_304));
    await recording.abort();
    expect(await listJournals(store)).toEqual([]);
    const other = await start({ journal: store });
    await other.close();
    const [stored] = await listJournals(store);
    await discardJournal(stored!);
    expect(await listJournals(store)).toEqual([]);
    await expectCode(() => resumeRecording(stored!), "journal-lost");
  });

  it("makes checkpoints by itself, numbered one after the other", async () => {
    const names: string[] = [];
    const recording = await start({
      checkpointEvery: 20,
      onCheckpoint: ({ objectName }) => names.push(objectName),
    });
    await recording.track("chat").write("hello");
    await expect.poll(() => names.length).toBeGreaterThan(2);
    const { manifest } = await recording.finish("done");
    const numbers = [...names, manifest!.objectName].map((name) => Number.parseInt(name.slice(-8), 16));
    expect(numbers).toEqual(numbers.map((_, i) => i));
  });
});

describe("journals", () => {
  it("that fail stop the recording with a named error, or are gone on without", async () => {
    let error: Error | undefined;
    const full = Object.assign(new Error("disk"), { code: "ENOSPC" });
    const store = failing(directoryJournal(place()), "commit", () => error);
    const stopping = await start({ journal: store });
    await stopping.track("camera").write(pattern(50_000));
    error = full;
    await expectCode(() => stopping.track("camera").write(pattern(50_000)), "storage-full");
    await expectCode(() => stopping.track("chat").write("x"), "storage-full");
    await expectCode(() => stopping.finish("done"), "storage-full");
    expect(stopping.journalFailure!.code).toBe("storage-full");
    await stopping.close().catch(() => {});

    error = undefined;
    const going = await start({ journal: store, onJournalFailure: "continue-in-memory" });
    await going.track("camera").write(pattern(50_000));
    expect(going.isResumable).toBe(true);
    error = full;
    await going.track("camera").write(pattern(50_000, 2));
    expect([going.isResumable, going.journalFailure!.code]).toEqual([false, "storage-full"]);
    const { manifest } = await going.finish("done");
    const server = new StorageServer();
    await server.upload(going);
    const read = await readRecording(server, going, identity, manifest!.bytes);
    expectBytes(read.tracks.camera![0]!.content, concatBytes(pattern(50_000), pattern(50_000, 2)));
  });

  it("of another recording, damaged, in use, without keys: each has its name", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const make = async () => {
      const recording = await start({ journal: store });
      await recording.track("camera").write(pattern(50_000));
      await recording.close();
      return recording.recordingId;
    };
    const [one, other] = [await make(), await make()];
    await rename(join(folder, other), join(folder, "other"));
    await rename(join(folder, one), join(folder, other));
    await expectCode(() => resumeRecording({ store, recordingId: other }), "wrong-recording");
    await rename(join(folder, other), join(folder, one));
    await rename(join(folder, "other"), join(folder, other));

    const held = await resumeRecording({ store, recordingId: one });
    await expectCode(() => resumeRecording({ store, recordingId: one }), "journal-in-use");
    await held.close();

    const facts = join(folder, other, "facts");
    const whole = await readFile(facts);
    const damaged = Buffer.from(whole);
    damaged[60]! ^= 1;
    await writeFile(facts, damaged);
    await expectCode(() => resumeRecording({ store, recordingId: other }), "journal-damaged");
    await writeFile(facts, whole);

    const blob = (await readdir(join(folder, other))).find((name) => name.startsWith("blob-"))!;
    const bytes = await readFile(join(folder, other, blob));
    bytes[100]! ^= 1;
    await writeFile(join(folder, other, blob), bytes);
    const resumed = await resumeRecording({ store, recordingId: other });
    await expectCode(() => resumed.parts({ minSize: 10 ** 6 }).next(), "journal-damaged");
    await resumed.close();

    await rm(join(folder, one, "keys"));
    await expectCode(() => resumeRecording({ store, recordingId: one }), "journal-lost");
    const rest = await resumeRecording({ store, recordingId: one }, { uploadOnly: true });
    await expectCode(() => rest.track("camera"), "closed");
    const parts = await takeParts(rest, 0);
    expect(parts.at(-1)!.isLast).toBe(true);
    await expect.poll(() => listJournals(store)).toHaveLength(1);
    await expectWrongType(() => resumeRecording({ store, recordingId: 3 as never }));
  });

  it("that lost the session key go on unsigned: the recording ends without a manifest", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const recording = await start({ journal: store });
    await recording.close();
    const file = join(folder, recording.recordingId, "keys");
    const keys = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ readKey: keys.readKey }));
    const resumed = await resumeRecording({ store, recordingId: recording.recordingId });
    expect([resumed.canSign, resumed.isResumable]).toEqual([false, false]);
    await resumed.track("chat").write("hello");
    await expectCode(() => resumed.checkpoint(), "journal-lost");
    const { manifest } = await resumed.finish("done");
    expect(manifest).toBeUndefined();
    expect(await takeParts(resumed, 0)).toHaveLength(1);
    await expect.poll(() => listJournals(store)).toEqual([]);
  });

  it("read their index to resume, not their ciphertext: under 64 KiB for 64 MiB", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const recording = await start({ journal: store });
    const piece = pattern(2 ** 20);
    for (let i = 0; i < 64; i++) await recording.track("camera").write(piece);
    await recording.close();
    const names = await readdir(join(folder, recording.recordingId));
    const index = names.filter((name) => !name.startsWith("blob-"));
    const sizes = await Promise.all(
      index.map(async (name) => (await readFile(join(folder, recording.recordingId, name))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(32 * 1024);
  });
});

describe("arguments", () => {
  it("that are wrong are named, and nothing is made", async () => {
    const store = directoryJournal(place());
    await expectOutOfRange(() => start({ journal: store, flushAfter: 0 }));
    await expectOutOfRange(() => start({ journal: store, maxQueued: Number.NaN }));
    await expectOutOfRange(() => start({ journal: store, maxSegmentBytes: 1000 }));
    await expectWrongType(() => start({ journal: store, onCheckpoint: 3 as never }));
    await expectWrongType(() => start({ journal: store, onJournalFailure: "ignore" as never }));
    await expectWrongType(() => start({ journal: store, now: new Date() as never }));
    await expectCode(() => start({ journal: store, to: [] }), "invalid-recipients");
    expect(await listJournals(store)).toEqual([]);
    const recording = await start();
    await expectWrongType(() => recording.track(3 as never));
    await expectOutOfRange(() => recording.track(""));
    await expectOutOfRange(() => recording.track("x".repeat(256)));
    await expectWrongType(() => recording.track("a").write(3 as never));
    await expectWrongType(() => recording.track("a").startTake({ type: 3 as never }));
    await expectWrongType(() => recording.finish(undefined as never));
    await expectOutOfRange(() => recording.finish(""));
    await expectOutOfRange(() => recording.finish("ä".repeat(200)));
    expect(recording.track("a").id).toBe(1);
    await recording.abort();
  });
});

describe("I3 bytes that the caller changes", () => {
  it("as soon as write has returned were copied or sealed already", async () => {
    for (const size of [100, 5000, 16_384, 70_000, 262_144, 300_000]) {
      const recording = await start();
      const track = recording.track("camera");
      const written: Uint8Array[] = [];
      const pending: Promise<void>[] = [];
      for (let i = 0; i < 8; i++) {
        const piece = pattern(size, i);
        written.push(piece.slice());
        pending.push(track.write(piece));
        piece.fill(0);
        // Some of them find the track idle, and some do not.
        if (i % 3 !== 0) await pending.at(-1);
      }
      await Promise.all(pending);
      const { manifest } = await recording.finish("done");
      const server = new StorageServer();
      await server.upload(recording);
      const read = await readRecording(server, recording, identity, manifest!.bytes);
      expectBytes(read.tracks.camera![0]!.content, concatBytes(...written));
    }
  });
});
