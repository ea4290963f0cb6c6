import { describe, expect, it } from "vitest";
import { defaultProvider } from "../../src/crypto/default.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import { LIMITS } from "../../src/formats/constants.js";
import { openManifest } from "../../src/log/manifest.js";
import { entryRecord, lostEntry } from "../../src/recording/journal/entries.js";
import { JournalState } from "../../src/recording/journal/state.js";
import { discardJournal, listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { uploadRefused } from "../../src/recording/upload.js";
import type { JournalChanges, JournalStore } from "../../src/storage/store.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { FakeMediaRecorder, fakeBlob } from "./fake-media-recorder.js";
import { diskFull, FaultyJournal } from "./faulty-journal.js";
import { institution, listener, outcome, Server, watched } from "./fixture.js";
import { turn, underVirtualTime } from "./virtual-time.js";

/** One test or more for each fault of a recording that was found: what it was is in the row of that name. */
refuseUnhandledRejections();

const to = institution.recipient;
const NEVER = Number.POSITIVE_INFINITY;

/** The manifests that a journal was given, handed out or not. */
function manifestsOf(journal: FaultyJournal): Uint8Array<ArrayBuffer>[] {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const { create } = journal.inner;
  journal.inner.create = async (name, options) => {
    const opened = await create(name, options);
    const commit = async (changes: JournalChanges): Promise<void> => {
      for (const { blob, parts } of changes.pieces ?? [])
        if (blob.startsWith("manifest-")) found.push(Buffer.concat([...parts]) as never);
      await opened.commit(changes);
    };
    return { ...opened, commit };
  };
  return found;
}

async function reopen(journal: JournalStore, options: Parameters<typeof resumeRecording>[1] = {}) {
  const [stored] = await listJournals(journal);
  return resumeRecording(stored!, { takeOver: true, ...options });
}

describe("L: life cycle", () => {
  for (const end of ["close", "abort"] as const) {
    for (const call of ["checkpoint", "finish"] as const) {
      it(`fault L1 ${call} runs while ${end} comes: nothing is sealed under a key of zeros`, async () => {
        for (let gap = 0; gap < 40; gap++) {
          const journal = new FaultyJournal();
          const manifests = manifestsOf(journal);
          journal.faults.latency = () => (gap % 3 === 0 ? turn() : undefined);
          const recording = await startRecording({ to, journal });
          const server = new Server();
          void recording.upload(server.put);
          await recording.track("camera").write("one");
          await recording.track("camera").flush();
          await turn();
          const calling = outcome(call === "finish" ? recording.finish("over") : recording.checkpoint());
          for (let i = 0; i < gap; i++) await undefined;
          const ending = recording[end]();
          await Promise.all([calling, ending]);
          const { recordingId, sender } = decodeEnvelope(recording.envelope, LIMITS).core;
          const coreHash = new Uint8Array(Buffer.from(recording.coreHash, "hex"));
          for (const bytes of manifests) {
            const binding = { recordingId, sender, coreHash, manifestKey: new Uint8Array(32) };
            expect(
              await outcome(openManifest(defaultProvider(), binding, new Uint8Array(bytes))),
            ).not.toHaveProperty("value");
          }
        }
      });
    }
  }

  it("fault L2 a last chunk in flight when finish gives up: nothing is written behind the end", () =>
    underVirtualTime(async (time) => {
      const journal = new FaultyJournal();
      const recording = await startRecording({ to, journal });
      const camera = recording.track("camera");
      await camera.write(new Uint8Array(40_000).fill(1));
      journal.faults.latency = () => time.sleep(50);
      const writing = outcome(camera.write(new Uint8Array(40_000).fill(2)));
      const finishing = recording.finish("over", { timeout: 1 });
      await time.advance(10_000);
      expect(await finishing).toEqual({ undrained: ["camera"] });
      await writing;
      delete journal.faults.latency;
      journal.crash();
      const again = await reopen(journal);
      const server = new Server();
      const uploading = again.upload(server.put);
      await time.advance(1000);
      expect(await uploading).toBe("stored");
      const { state, losses } = await server.verdict();
      expect([state, losses.map(({ what }) => what)]).toEqual(["interrupted", ["undrained"]]);
      // What was sealed in time is there.
      expect((await server.content("camera")).length).toBeGreaterThanOrEqual(32_768);
    }));

  it("fault L2 segments that the end cuts are uploaded without a restart", () =>
    underVirtualTime(async (time) => {
      const journal = new FaultyJournal();
      const recording = await startRecording({ to, journal });
      const server = new Server();
      const uploading = recording.upload(server.put);
      const camera = recording.track("camera");
      await camera.write(new Uint8Array(40_000).fill(1));
      journal.faults.latency = () => time.sleep(50);
      const finishing = recording.finish("over", { timeout: 1 });
      await time.advance(10_000);
      await finishing;
      expect(await uploading).toBe("stored");
      expect((await server.verdict()).state).toBe("interrupted");
    }));

  for (const end of ["finish", "close", "abort"] as const) {
    it(`fault L3 a write that waits for room is settled by ${end}`, () =>
      underVirtualTime(async (time) => {
        const recording = await startRecording({ to, maxUnacknowledged: 1 });
        const camera = recording.track("camera");
        await camera.write(new Uint8Array(100));
        await camera.flush();
        const waiting = camera.write(new Uint8Array(100));
        const write = watched(waiting);
        await time.advance(5000);
        expect(write.isSettled).toBe(false);
        const server = new Server();
        const ending = end === "finish" ? recording.finish("over") : recording[end]();
        const uploading = end === "finish" ? recording.upload(server.put) : Promise.resolve("stored");
        await time.advance(20_000);
        await ending;
        expect(write.isSettled).toBe(true);
        expect(await uploading).toBe("stored");
        if (end === "finish") expect((await server.verdict()).state).toBe("complete");
      }));
  }

  it("fault L4 a recording of 13,800 segments can be finished and verified", async () => {
    const recording = await startRecording({ to, segmentEvery: NEVER });
    const server = new Server();
    const tracks = ["a", "b", "c"].map((name) => recording.track(name, { padding: "none" }));
    const uploading = recording.upload(server.put, { concurrency: 8 });
    for (let i = 0; i < 4_600; i++) {
      for (const track of tracks) void track.write(Uint8Array.of(i));
      await Promise.all(tracks.map((track) => track.flush()));
    }
    await recording.finish("over");
    expect(await uploading).toBe("stored");
    expect(server.names.filter((name) => name.endsWith(".seg"))).toHaveLength(13_800);
    expect((await server.verdict()).state).toBe("complete");
  }, 300_000);

  it("fault L4 the log's state takes 100,000 entries in linear time", () => {
    const crypto = defaultProvider();
    const grow = (entries: number): number => {
      const state = new JournalState();
      const [recordingId, coreHash] = [new Uint8Array(16), new Uint8Array(32)];
      state.apply({
        kind: "start",
        version: 2,
        recordingId,
        coreHash,
        started: 1,
        envelope: new Uint8Array(1),
      });
      state.apply({ kind: "settled", object: 0, track: 0, number: 0 });
      state.apply({ kind: "track", track: 1, name: "camera" });
      const loss = { what: 4, cause: 3, track: 1, first: 0, count: 0, time: 1 } as const;
      const begin = performance.now();
      for (let n = 0; n < entries; n++) {
        state.apply(entryRecord(crypto, lostEntry(loss)));
        if (state.isPageDue) {
          const page = state.pages;
          expect(state.head.page(page)).toHaveLength(64);
          state.apply({ kind: "page", page, length: 1, digest: new Uint8Array(32) });
          state.apply({ kind: "settled", object: 2, track: 0, number: page });
        }
      }
      expect(state.coverable()).toBe(entries);
      expect(state.head.at(entries).tail).toHaveLength(entries % 64);
      return performance.now() - begin;
    };
    grow(1000);
    const [short, long] = [grow(12_500), grow(100_000)];
    expect(long / short).toBeLessThan(40);
  }, 120_000);

  it("fault L5 finish fails on a full disk, is called again, and the loop goes on", async () => {
    const journal = new FaultyJournal();
    const { events, onEvent } = listener();
    const recording = await startRecording({ to, journal, onEvent });
    const server = new Server();
    await recording.track("camera").write("one");
    let full = true;
    journal.faults.fail = (call) => (full && call === "commit" ? diskFull() : undefined);
    expect(await outcome(recording.finish("over"))).toBe("storage-full");
    expect(recording.state).toBe("failed");
    expect(events.map(({ type }) => type)).toEqual(["journal-failed", "failed"]);
    full = false;
    const { undrained } = await recording.finish("over");
    expect(undrained).toEqual(["camera"]);
    expect(await recording.upload(server.put, { firstDelay: 1 })).toBe("stored");
    expect((await server.verdict()).state).toBe("interrupted");
  });

  it("fault L5 what a failed commit had sealed is uploaded once the store takes it", async () => {
    const journal = new FaultyJournal();
    const recording = await startRecording({ to, journal });
    const server = new Server();
    const camera = recording.track("camera");
    await camera.write("one");
    let left = 1;
    journal.faults.fail = (call) => (call === "commit" && left-- > 0 ? diskFull() : undefined);
    expect(await outcome(camera.flush())).toBe("storage-full");
    await recording.finish("over");
    expect(await recording.upload(server.put)).toBe("stored");
    expect(Buffer.from(await server.content("camera")).toString()).toBe("one");
  });

  it("fault L5 the last manifest fails to be written, and is written by the next finish", async () => {
    const journal = new FaultyJournal();
    const recording = await startRecording({ to, journal });
    const server = new Server();
    await recording.track("camera").write("one");
    await recording.finish("over");
    let isFull = false;
    journal.faults.fail = (call) => (isFull && call === "commit" ? diskFull() : undefined);
    const uploading = outcome(
      recording.upload((name, bytes, details) => {
        server.put(name, bytes, details);
        if (name.endsWith(".seg")) isFull = true;
      }),
    );
    expect(await uploading).toBe("storage-full");
    isFull = false;
    await recording.finish("over");
    expect(await recording.upload(server.put)).toBe("stored");
    expect((await server.verdict()).state).toBe("complete");
    expect((await recording.receipt()).length).toBeGreaterThan(0);
  });

  it("fault L6 two flushes at once while a recorder runs settle", () =>
    underVirtualTime(async (time) => {
      const recording = await startRecording({ to });
      const fake = new FakeMediaRecorder({ give: () => new Uint8Array(10) });
      void recording.track("camera").record(fake);
      fake.start();
      await time.advance(10);
      const flushes = [recording.flush(), recording.flush(), recording.track("camera").flush()].map(watched);
      await time.advance(100);
      expect(flushes.map(({ isSettled }) => isSettled)).toEqual([true, true, true]);
      await recording.abort();
    }));

  for (const end of ["finish", "close", "abort"] as const) {
    it(`fault L6 record() of a recorder that never starts settles at ${end}`, () =>
      underVirtualTime(async (time) => {
        const recording = await startRecording({ to });
        const fake = new FakeMediaRecorder({ give: () => new Uint8Array(10) });
        const recorded = watched(recording.track("camera").record(fake));
        const ended = watched(end === "finish" ? recording.finish("over") : recording[end]());
        await time.advance(1000);
        expect([recorded.isSettled, ended.isSettled]).toEqual([true, true]);
        await recording.abort();
      }));
  }

  it("fault L7 checkpoints on a full disk, and uploads that nobody listens to, reject nowhere", () =>
    underVirtualTime(async (time) => {
      const journal = new FaultyJournal();
      const { events, onEvent } = listener();
      const recording = await startRecording({ to, journal, checkpointEvery: 1000, onEvent });
      const server = new Server();
      let isDown = true;
      const put: typeof server.put = (name, bytes, details) => {
        if (isDown && name.includes("manifest")) throw new Error("503");
        return server.put(name, bytes, details);
      };
      void recording.upload(put);
      void recording.receipt();
      await recording.track("camera").write("one");
      await recording.flush();
      await time.advance(30_000);
      isDown = false;
      await time.advance(60_000);
      expect(server.names.some((name) => name.startsWith("manifest-"))).toBe(true);
      journal.faults.fail = (call) => (call === "commit" ? diskFull() : undefined);
      void recording.track("camera").write("two");
      void recording.flush();
      await time.advance(90_000);
      void recording.flush();
      void recording.checkpoint();
      expect(events.filter(({ type }) => type === "failed")).toHaveLength(1);
      await recording.close();
    }));

  it("fault L8 many tracks, a tiny limit and a server that fails one put in five: nobody waits for nobody", async () => {
    const recording = await startRecording({ to, maxUnacknowledged: 1, maxQueued: 2 ** 30 });
    const server = new Server();
    let puts = 0;
    const put: typeof server.put = (name, bytes, details) => {
      if (++puts % 5 === 0) throw new Error("503");
      return server.put(name, bytes, details);
    };
    const uploading = recording.upload(put, { firstDelay: 0, longestDelay: 1 });
    const content = new Uint8Array(64 * 1024);
    const write = async (i: number): Promise<void> => {
      const track = recording.track(`track ${i}`, i % 2 === 0 ? {} : { padding: "padme" });
      for (let n = 0; n < 40; n++) {
        await track.write(content);
        if (n % 4 === 0) await track.flush();
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => write(i)));
    await recording.finish("over");
    expect(await uploading).toBe("stored");
    expect(server.conflicts).toEqual([]);
    expect((await server.verdict()).state).toBe("complete");
  }, 120_000);

  it("fault L9 Infinity and more than 2^31 - 1 milliseconds mean what they say", () =>
    underVirtualTime(async (time) => {
      for (const long of [NEVER, 2 ** 40]) {
        const journal = new FaultyJournal();
        const recording = await startRecording({ to, journal, checkpointEvery: long, segmentEvery: long });
        const server = new Server();
        void recording.upload(server.put);
        const camera = recording.track("camera");
        for (let i = 0; i < 10; i++) {
          await camera.write(new Uint8Array(10));
          await time.advance(10_000);
        }
        expect(server.names).toEqual(["envelope"]);
        journal.faults.latency = () => time.sleep(60_000);
        const finishing = watched(recording.finish("over", { timeout: long }));
        await time.advance(30_000);
        expect(finishing.isSettled).toBe(false);
        await time.advance(1_000_000);
        expect(finishing.isSettled).toBe(true);
        expect((await server.verdict()).state).toBe("complete");
      }
    }));

  it("fault L10 one unreadable Blob: its track says so, the others go on", async () => {
    const recording = await startRecording({ to });
    const server = new Server();
    const uploading = recording.upload(server.put);
    const [camera, screen] = [recording.track("camera"), recording.track("screen")];
    await camera.write("before ");
    expect(await outcome(camera.write(fakeBlob(new Uint8Array(9), { isReadable: () => false })))).toBe(
      "source-failed",
    );
    await screen.write("screen");
    await camera.write("after");
    await recording.finish("over");
    await uploading;
    const { state, losses } = await server.verdict();
    expect(state).toBe("interrupted");
    expect(losses).toMatchObject([{ what: "undrained", cause: "source", track: "camera" }]);
    expect(Buffer.from(await server.content("camera")).toString()).toBe("before after");
    expect(Buffer.from(await server.content("screen")).toString()).toBe("screen");
  });

  it("fault L11 what becomes ready while a loop begins to wait is handed out without another write", async () => {
    for (let round = 0; round < 400; round++) {
      const recording = await startRecording({ to });
      const objects = recording.objects();
      (await objects.next()).value!.acknowledge();
      const camera = recording.track("camera");
      void camera.write(new Uint8Array(10));
      const next = watched(objects.next());
      for (let i = 0; i < round % 40; i++) await undefined;
      await camera.flush();
      for (let i = 0; i < 20 && !next.isSettled; i++) await turn();
      expect(next.isSettled).toBe(true);
      await recording.abort();
    }
  });
});

describe("M: media recorders", () => {
  async function recorded(
    drive: (fake: FakeMediaRecorder, time: import("./virtual-time.js").VirtualTime) => Promise<void>,
    give = () => new Uint8Array(100).fill(5),
  ) {
    return underVirtualTime(async (time) => {
      const { events, onEvent } = listener();
      const recording = await startRecording({ to, onEvent });
      const server = new Server();
      const uploading = recording.upload(server.put);
      const fake = new FakeMediaRecorder({ give });
      const done = outcome(recording.track("camera").record(fake, { silentAfter: 5000 }));
      await drive(fake, time);
      const finishing = recording.finish("over");
      await time.advance(60_000);
      await finishing;
      await uploading;
      return {
        verdict: await server.verdict(),
        content: await server.content("camera"),
        done: await done,
        events,
        server,
      };
    });
  }

  it("fault M1 error, then data, then stop: the data is there, and the loss is told", async () => {
    const { verdict, content, done } = await recorded(async (fake, time) => {
      fake.start();
      await time.advance(3000);
      fake.fail("InvalidModificationError");
      await time.advance(100);
    });
    expect(content.length).toBe(100);
    expect(done).toBe("source-failed");
    expect(verdict.state).toBe("interrupted");
    expect(verdict.losses).toMatchObject([{ what: "undrained", cause: "source", track: "camera" }]);
  });

  it("fault M1 a recorder whose last blob never comes: undrained, and not complete", async () => {
    const { verdict, done } = await recorded(async (fake, time) => {
      fake.start(1000);
      await time.advance(3500);
      fake.die();
    });
    expect(done).toBe("closed");
    expect(verdict.state).toBe("interrupted");
    expect(verdict.losses).toMatchObject([{ what: "undrained", cause: "deadline", track: "camera" }]);
  });

  it("fault M2 a recorder that runs already is refused", async () => {
    const recording = await startRecording({ to });
    const fake = new FakeMediaRecorder({ give: () => new Uint8Array(1) });
    fake.start(1000);
    expect(() => recording.track("camera").record(fake)).toThrow(RangeError);
    fake.stop();
    await recording.abort();
  });

  it("fault M3 the same recorder is bound once at a time", () =>
    underVirtualTime(async (time) => {
      const recording = await startRecording({ to });
      const other = await startRecording({ to });
      const fake = new FakeMediaRecorder({ give: () => new Uint8Array(1) });
      const first = watched(recording.track("camera").record(fake));
      expect(() => recording.track("camera").record(fake)).toThrow(RangeError);
      expect(() => recording.track("screen").record(fake)).toThrow(RangeError);
      expect(() => other.track("camera").record(fake)).toThrow(RangeError);
      fake.start();
      await time.advance(10);
      fake.stop();
      await time.advance(10);
      expect(first.isSettled).toBe(true);
      void other.track("camera").record(fake);
      await Promise.all([recording.abort(), other.abort()]);
    }));

  it("fault M4 the take has the type that the recorder has when it runs", async () => {
    const { server } = await recorded(async (fake, time) => {
      expect(fake.mimeType).toBe("");
      fake.start(1000);
      await time.advance(3500);
    });
    const review = await server.review();
    expect(review.track("camera").takes[0]!.type).toBe("video/webm;codecs=vp8");
    await review.close();
  });

  it("fault M4 a type longer than the log takes ends without its codecs", () =>
    underVirtualTime(async (time) => {
      const recording = await startRecording({ to });
      const server = new Server();
      const fake = new FakeMediaRecorder({
        give: () => new Uint8Array(1),
        mimeType: `video/webm;codecs=${"a".repeat(200)}`,
      });
      void recording.track("camera").record(fake);
      fake.start(100);
      await time.advance(1000);
      const finishing = recording.finish("over");
      await time.advance(1000);
      await finishing;
      await recording.upload(server.put);
      const review = await server.review();
      expect(review.track("camera").takes[0]!.type).toBe("video/webm");
      await review.close();
    }));

  it("fault M5 a camera that gives nothing: told while it happens, and in the verdict", async () => {
    let isSilent = true;
    const silent = await recorded(
      async (fake, time) => {
        fake.start(1000);
        await time.advance(6000);
      },
      () => new Uint8Array(),
    );
    expect(silent.events.map(({ type }) => type)).toEqual(["silent"]);
    expect(silent.verdict.state).toBe("interrupted");
    expect(silent.verdict.losses).toMatchObject([{ what: "silent", cause: "silence", track: "camera" }]);
    const restored = await recorded(
      async (fake, time) => {
        fake.start(1000);
        await time.advance(6000);
        isSilent = false;
        await time.advance(3000);
      },
      () => new Uint8Array(isSilent ? 0 : 10),
    );
    expect(restored.events.map(({ type }) => type)).toEqual(["silent", "restored"]);
    expect(restored.verdict.state).toBe("complete");
  });
});

describe("J: journals", () => {
  it("an object that the storage fails to read is tried again by upload, and ends a loop by hand", async () => {
    const journal = new FaultyJournal();
    const before = await startRecording({ to, journal });
    await before.track("camera").write(new Uint8Array(40_000));
    await before.close();
    const recording = await reopen(journal);
    let failures = 4;
    journal.faults.fail = (call) => (call === "blob" && failures-- > 0 ? new Error("I/O") : undefined);
    const names: string[] = [];
    const loop = async (): Promise<void> => {
      for await (const { name } of recording.objects()) names.push(name.slice(33));
    };
    expect(await outcome(loop())).toBe("storage-failed");
    expect(names).toEqual(["envelope"]);
    const server = new Server();
    const uploading = recording.upload(server.put, { firstDelay: 1 });
    await recording.finish("over");
    expect(await uploading).toBe("stored");
    expect(failures).toBeLessThan(0);
    expect((await server.verdict()).state).toBe("complete");
    expect((await server.content("camera")).length).toBe(40_000);
  });

  it("fault J2 what went on in memory is not resumed from the old journal, which only uploads", async () => {
    const journal = new FaultyJournal();
    const { events, onEvent } = listener();
    const recording = await startRecording({ to, journal, onJournalFailure: "continue-in-memory", onEvent });
    const server = new Server();
    const camera = recording.track("camera");
    await camera.write(new Uint8Array(20_000).fill(1));
    await camera.flush();
    await camera.write(new Uint8Array(20_000).fill(2));
    journal.faults.fail = (call) => (call === "commit" ? diskFull() : undefined);
    await camera.write(new Uint8Array(20_000).fill(3));
    await camera.flush();
    await camera.write(new Uint8Array(20_000).fill(4));
    await camera.flush();
    expect(events).toMatchObject([{ type: "journal-failed", goesOn: true }]);
    expect(recording.isResumable).toBe(false);
    const abort = new AbortController();
    const uploading = outcome(recording.upload(server.put, { signal: abort.signal }));
    for (let i = 0; i < 20; i++) await turn();
    abort.abort(new Error("crash"));
    await uploading;
    expect(server.names).toContain("0001/00000002.seg");
    journal.crash();
    journal.faults = {};
    expect(await outcome(reopen(journal))).toBe("journal-lost");
    const again = await reopen(journal, { uploadOnly: true });
    expect(await again.upload(server.put)).toBe("stored");
    expect(server.conflicts).toEqual([]);
    expect((await server.verdict()).state).toBe("unfinished");
  });

  it("fault J2 where the platform lost the keys, whole chunks of open segments are uploaded all the same", async () => {
    const journal = new FaultyJournal();
    const recording = await startRecording({ to, journal });
    await recording.track("camera").write(new Uint8Array(40_000).fill(1));
    journal.crash();
    journal.faults.keys = () => ({ readKey: null, sessionKey: null });
    expect(await outcome(reopen(journal))).toBe("journal-lost");
    const again = await reopen(journal, { uploadOnly: true });
    const server = new Server();
    expect(await again.upload(server.put)).toBe("stored");
    expect(server.objects.get(`${recording.recordingId}/0001/00000000.seg`)).toHaveLength(86 + 2 * 16_400);
    const { state, uncovered } = await server.verdict();
    expect([state, uncovered.map(({ size }) => size)]).toEqual(["unfinished", [32_768]]);
  });

  it("fault J5 an awaited line that a crash takes is a gap, and not complete", async () => {
    const journal = new FaultyJournal();
    const recording = await startRecording({ to, journal });
    await recording.track("chat").write("hello");
    journal.crash();
    const again = await reopen(journal);
    const server = new Server();
    await again.finish("over");
    expect(await again.upload(server.put)).toBe("stored");
    const { state, losses, gaps } = await server.verdict();
    expect(state).toBe("interrupted");
    expect(losses).toMatchObject([{ what: "unsealed", cause: "crash", track: "chat", first: 0, count: 1 }]);
    expect(gaps).toMatchObject([{ track: "chat", segment: 0, cause: "lost" }]);
  });

  it("fault J5 closing is no crash: nothing is taken while it seals, and no index is spent twice", () =>
    underVirtualTime(async (time) => {
      const journal = new FaultyJournal();
      const recording = await startRecording({ to, journal });
      const [camera, screen] = [recording.track("camera"), recording.track("screen")];
      await camera.write("one");
      journal.faults.latency = () => time.sleep(10);
      const closing = recording.close();
      expect(await outcome(screen.write(new Uint8Array(20_000)))).toBe("closed");
      await time.advance(1000);
      await closing;
      delete journal.faults.latency;
      const again = await reopen(journal);
      await again.track("screen").write("two");
      await again.finish("over");
      const server = new Server();
      expect(await again.upload(server.put)).toBe("stored");
      expect((await server.verdict()).state).toBe("complete");
    }));

  it("fault J7 no storage at all and continue-in-memory: starts, and says so", async () => {
    const journal = new FaultyJournal();
    journal.faults.fail = (call) => (call === "create" ? new Error("no storage") : undefined);
    expect(await outcome(startRecording({ to, journal }))).toBe("storage-failed");
    const { events, onEvent } = listener();
    const recording = await startRecording({ to, journal, onJournalFailure: "continue-in-memory", onEvent });
    expect(recording.isResumable).toBe(false);
    expect(recording.journalFailure).toMatchObject({ code: "storage-failed" });
    expect(events).toMatchObject([{ type: "journal-failed", goesOn: true }]);
    const server = new Server();
    await recording.track("camera").write("one");
    await recording.finish("over");
    expect(await recording.upload(server.put)).toBe("stored");
    expect((await server.verdict()).state).toBe("complete");
  });

  it("fault J7 a beginning that fails is gone on with in memory only where its keys are not left for a resume", async () => {
    const failing = async (...calls: readonly string[]): Promise<readonly [unknown, FaultyJournal]> => {
      const journal = new FaultyJournal();
      journal.faults.fail = (call) => (calls.includes(call) ? diskFull() : undefined);
      const started = startRecording({ to, journal, onJournalFailure: "continue-in-memory" });
      const heard = await outcome(started.then(({ isResumable }) => isResumable));
      journal.faults = {};
      return [heard, journal];
    };
    const inMemory = { value: false };
    expect((await failing("keys"))[0]).toEqual(inMemory);
    expect((await failing("keys", "erase"))[0]).toEqual(inMemory);
    expect((await failing("commit", "erase", "eraseKeys"))[0]).toEqual(inMemory);
    const [heard, journal] = await failing("keys", "erase", "eraseKeys");
    expect(heard).toBe("storage-full");
    // Nobody holds it: it is resumed as one that crashed.
    const server = new Server();
    const again = await reopen(journal);
    await again.track("camera").write("one");
    await again.finish("over");
    expect(await again.upload(server.put)).toBe("stored");
    expect((await server.verdict()).state).toBe("complete");
  });
});

describe("O: options and arguments", () => {
  const misspelt = { misspelt: 1 } as object;

  it("fault O2 unknown options are refused by name", async () => {
    const journal = new FaultyJournal();
    const recording = await startRecording({ to, journal });
    const camera = recording.track("camera");
    const fake = new FakeMediaRecorder({ give: () => new Uint8Array() });
    const calls: (() => unknown)[] = [
      () => startRecording({ to, ...misspelt }),
      () => startRecording({ to, policy: new Map() as never }),
      () => recording.track("screen", misspelt),
      () => camera.write("one", misspelt),
      () => camera.startTake(misspelt),
      () => camera.record(fake, misspelt),
      () => recording.finish("over", misspelt),
      () => recording.upload(() => {}, misspelt),
      () => resumeRecording({ store: journal, recordingId: recording.recordingId }, misspelt),
      () => discardJournal({ store: journal, recordingId: recording.recordingId }, misspelt),
    ];
    for (const call of calls) {
      const error = await (async () => call())().catch((thrown: Error) => thrown);
      expect([String(call), error]).toEqual([String(call), expect.objectContaining({ code: "wrong-type" })]);
      if (!String(call).includes("policy")) expect((error as Error).message).toContain("misspelt");
    }
    expect(recording.state).toBe("recording");
    await recording.abort();
  });

  it("fault O3 calls without arguments, or with others, get errors of ours that name them", async () => {
    const recording = await startRecording({ to });
    const camera = recording.track("camera");
    const calls: readonly (readonly [string, (...given: never[]) => unknown])[] = [
      ["options", startRecording],
      ["journal", resumeRecording],
      ["store", listJournals],
      ["journal", discardJournal],
      ["name", (...given) => recording.track(...(given as unknown as [string]))],
      ["reason", (...given) => recording.finish(...(given as unknown as [string]))],
      ["put", (...given) => recording.upload(...(given as unknown as [never]))],
      ["data", (...given) => camera.write(...(given as unknown as [string]))],
      ["mediaRecorder", (...given) => camera.record(...(given as unknown as [never]))],
    ];
    for (const [name, call] of calls) {
      for (const given of [[], [null], [7], [{}]]) {
        const error = await (async () => call(...(given as never[])))().catch((thrown: unknown) => thrown);
        expect([name, given, error]).toEqual([
          name,
          given,
          expect.objectContaining({
            code: expect.stringMatching(/wrong-type|out-of-range|invalid-recipients/),
          }),
        ]);
        expect((error as Error).message).toMatch(new RegExp(`${name}|to |store|recipient|recordingId|name`));
      }
    }
    expect(recording.state).toBe("recording");
    await recording.abort();
  });

  it("fault O5 half a surrogate pair is refused at the call, and joined where it is split", async () => {
    const half = "a\ud83d";
    const recording = await startRecording({ to });
    const chat = recording.track("chat");
    const calls: (() => unknown)[] = [
      () => startRecording({ to, label: half }),
      () => recording.track(half),
      () => chat.startTake({ type: half }),
      () => recording.finish(half),
      () => chat.write("\ude00"),
      () => chat.write("\ud83da"),
    ];
    for (const call of calls)
      expect(await outcome((async () => call())())).toMatch(/out-of-range|wrong-type/);
    await chat.write("one \ud83d");
    await chat.write("\ude00 two");
    const server = new Server();
    await recording.finish("over");
    await recording.upload(server.put);
    expect(Buffer.from(await server.content("chat")).toString()).toBe("one 😀 two");
    expect((await server.verdict()).state).toBe("complete");
  });

  it("fault O5 half a pair that is never completed is a loss", async () => {
    const recording = await startRecording({ to });
    await recording.track("chat").write("one \ud83d");
    const server = new Server();
    await recording.finish("over");
    await recording.upload(server.put);
    expect(Buffer.from(await server.content("chat")).toString()).toBe("one ");
    expect((await server.verdict()).state).toBe("interrupted");
  });

  it("fault O8 a demand that is inherited counts", async () => {
    const journal = new FaultyJournal();
    journal.faults.fail = (call) => (call === "create" ? new Error("no storage") : undefined);
    const options = Object.create({ journal, onJournalFailure: "continue-in-memory" });
    const recording = await startRecording(Object.assign(options, { to }));
    expect(recording.journalFailure).toMatchObject({ code: "storage-failed" });
    const timeout = Object.create({ timeout: "soon" });
    expect(await outcome(recording.finish("over", timeout))).toBe("wrong-type");
    await recording.abort();
  });

  it("an envelope that is refused ends the loops and leaves the journal", async () => {
    const recording = await startRecording({ to });
    await recording.finish("over");
    const refused = uploadRefused("wrong region");
    const error = await recording.upload(() => Promise.reject(refused)).catch((thrown) => thrown);
    expect(error).toBe(refused);
    const server = new Server();
    expect(await recording.upload(server.put)).toBe("stored");
    expect((await server.verdict()).state).toBe("complete");
  });
});
