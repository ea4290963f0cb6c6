import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../src/formats/bytes.js";
import { SegmentEnd } from "../../src/formats/constants.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { directoryJournal } from "../../src/storage/directory.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { backends } from "../helpers/backends.js";
import { expectBytes, pattern } from "../helpers/bytes.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { readRecording, StorageServer } from "./storage-server.js";

refuseUnhandledRejections();

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-recording-"));
});
afterAll(() => rm(root, { recursive: true }));

const stores = [
  ["memory", () => memoryJournal()],
  ["a directory", () => directoryJournal(join(root, `j${Math.random()}`))],
] as const;

describe.each(backends)("with $name", (crypto) => {
  describe.each(stores)("with a journal in %s", (_, makeStore) => {
    it("a recording of three tracks is read back as it was written", async () => {
      const identity = await generateIdentity();
      const store = makeStore();
      const server = new StorageServer();
      const metadata = { exam: "algebra" };
      const recording = await startRecording({ to: identity.recipient, metadata, journal: store, crypto });
      const uploading = server.upload(recording);
      const camera = recording.track("camera");
      const content = pattern(300_000);
      for (let at = 0; at < content.length; at += 70_000) await camera.write(content.slice(at, at + 70_000));
      await recording.track("chat").write("hello ");
      await recording.track("chat").write("wörld");
      await recording.track("screen").write(new Blob([pattern(50_000, 2)]));
      await recording.flush();
      await camera.write(pattern(20_000, 3));
      const finished = await recording.finish("submitted");
      expect(finished.undrained).toEqual([]);
      await uploading;
      const read = await readRecording(server, recording, identity, finished.manifest!.bytes);
      expect(read.metadata).toEqual(metadata);
      expect(Object.keys(read.tracks)).toEqual(["camera", "chat", "screen"]);
      expectBytes(read.tracks.camera![0]!.content, concatBytes(content, pattern(20_000, 3)));
      expectBytes(read.tracks.chat![0]!.content, utf8("hello wörld"));
      expectBytes(read.tracks.screen![0]!.content, pattern(50_000, 2));
      expect(read.manifest).toMatchObject({ state: 1, reason: "submitted" });
      expect(read.manifest.entries.map(({ track, index, end }) => [track, index, end])).toEqual([
        [1, 0, SegmentEnd.final],
        [1, 1, SegmentEnd.final],
        [2, 0, SegmentEnd.final],
        [3, 0, SegmentEnd.final],
      ]);
      expect(await listJournals(store)).toHaveLength(1);
      finished.acknowledge();
      await expect.poll(() => listJournals(store)).toEqual([]);
    });

    it("goes on after it was closed: a new take, the next segment", async () => {
      const identity = await generateIdentity();
      const store = makeStore();
      const server = new StorageServer();
      const recording = await startRecording({ to: identity.recipient, journal: store, crypto });
      await recording.track("camera").write(pattern(100_000));
      await recording.close();
      const [journal] = await listJournals(store);
      const resumed = await resumeRecording(journal!, { crypto });
      expect(resumed.canSign).toBe(true);
      expect(resumed.coreHash).toBe(recording.coreHash);
      await resumed.track("camera").write(pattern(50_000, 2));
      const { manifest, acknowledge } = await resumed.finish("submitted");
      await server.upload(resumed, 2 ** 20);
      const read = await readRecording(server, resumed, identity, manifest!.bytes);
      expect(read.tracks.camera).toHaveLength(2);
      expectBytes(read.tracks.camera![0]!.content, pattern(100_000));
      expectBytes(read.tracks.camera![1]!.content, pattern(50_000, 2));
      acknowledge();
      await expect.poll(() => listJournals(store)).toEqual([]);
    });
  });
});
