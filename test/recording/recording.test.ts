import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExportableIdentity, generateIdentity } from "../../src/keywrap/import.js";
import { countersignReceipt, openReceipt } from "../../src/log/receipt.js";
import { discardJournal, listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { directoryJournal } from "../../src/storage/directory.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { pattern as random } from "../helpers/bytes.js";
import { caught } from "../helpers/errors.js";
import { MemoryServer } from "./server.js";

const QUICK = { firstDelay: 1, longestDelay: 5 };

describe("a recording", () => {
  let identity: ExportableIdentity;
  let folder: string;
  beforeAll(async () => {
    identity = await generateIdentity();
    folder = mkdtempSync(join(tmpdir(), "blindreel-recording-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(["memory", "directory"] as const)(
    "of three tracks is read back as it was written (%s)",
    async (kind) => {
      const journal = kind === "memory" ? memoryJournal() : directoryJournal(join(folder, "journals"));
      const recording = await startRecording({
        to: identity.recipient,
        metadata: { exam: "a" },
        journal,
        label: "exam a",
      });
      expect((await listJournals(journal)).map(({ label }) => label)).toEqual(["exam a"]);
      const server = new MemoryServer();
      server.fault = (_name, put) => {
        if (put % 5 === 0) throw new Error("503");
      };
      const uploading = recording.upload(server.put, QUICK);
      const camera = random(10 * 2 ** 20);
      for (let at = 0; at < camera.length; at += 300_000)
        await recording.track("camera").write(camera.subarray(at, at + 300_000));
      await recording.track("events").write(new Blob([camera.subarray(0, 100)]));
      await recording.track("chat").write("hello \ud83d");
      await recording.track("chat").write("\ude00");
      expect(await recording.finish("submitted")).toEqual({ undrained: [] });
      expect(await uploading).toBe("stored");
      expect(await listJournals(journal)).toEqual([]);
      expect(recording.state).toBe("closed");

      const review = await server.review(recording, {
        identities: identity,
        expected: { coreHash: recording.coreHash },
      });
      const verdict = await review.verify();
      expect([verdict.state, verdict.origin]).toEqual(["complete", "pinned"]);
      const content = async (name: string): Promise<Uint8Array> => {
        const source = review.track(name).takes[0]!.source();
        return source.read(0, source.size);
      };
      expect(Buffer.compare(await content("camera"), camera)).toBe(0);
      expect(new TextDecoder().decode(await content("chat"))).toBe("hello 😀");
      expect((await content("events")).length).toBe(100);
      await review.close();
    },
  );

  it("stores nothing but whole objects, text in whole chunks, and no name in the clear", async () => {
    const recording = await startRecording({ to: identity.recipient });
    const server = new MemoryServer();
    await recording.track("screen").write(random(20_000));
    await recording.track("answers").write("B");
    await recording.finish("submitted");
    await recording.upload(server.put, QUICK);
    const sizes = server.named(/seg$/).map((name) => server.objects.get(name)!.length);
    // 86 + 20,000 bytes in two chunks; one whole chunk that lacks a byte.
    expect(sizes).toEqual([86 + 20_000 + 32, 86 + 16_383 + 16]);
    expect(server.named(/\/(screen|answers)/)).toEqual([]);
  });

  it("hands objects out again when they come back or a loop is left, byte for byte the same", async () => {
    const recording = await startRecording({ to: identity.recipient });
    await recording.track("screen").write(random(50_000));
    await recording.flush();
    const seen: Uint8Array[] = [];
    for await (const object of recording.objects()) {
      if (object.kind !== "segment") object.acknowledge();
      else {
        seen.push(object.bytes.slice());
        // Whoever gets them may do with them what they like.
        object.bytes.fill(0);
        if (seen.length === 1) object.retry();
        else break;
      }
    }
    const again = recording.objects();
    const { value } = await again.next();
    expect(Buffer.compare(seen[0]!, seen[1]!)).toBe(0);
    expect(Buffer.compare(seen[0]!, value!.bytes)).toBe(0);
    await recording.abort();
    expect((await again.next()).done).toBe(true);
  });

  it("makes a checkpoint only of what is stored, and one that is refused is superseded", async () => {
    const recording = await startRecording({ to: identity.recipient });
    const track = recording.track("screen");
    for (let i = 0; i < 3; i++) {
      await track.write(random(100));
      await track.flush();
    }
    expect(await recording.checkpoint()).toBe(false);
    const server = new MemoryServer();
    for await (const object of recording.objects()) {
      server.put(object.name, object.bytes);
      object.acknowledge();
      if (server.named(/seg$/).length === 2) break;
    }
    expect(await recording.checkpoint()).toBe(true);
    for await (const object of recording.objects()) {
      if (object.kind === "checkpoint") {
        object.refuse(new Error("no"));
        break;
      }
    }
    await recording.finish("submitted");
    await recording.upload(server.put, QUICK);
    expect(server.named(/manifest/).map((name) => name.slice(-8))).toEqual(["00000001"]);
    const review = await server.review(recording, { identities: identity });
    expect((await review.verify()).state).toBe("complete");
  });

  it("goes on after it was closed: a new take, the next segment", async () => {
    const journal = memoryJournal();
    const before = await startRecording({ to: identity.recipient, journal });
    await before.track("camera").write(random(40_000));
    await before.close();
    expect(await caught(() => before.finish("late"))).toMatchObject({ code: "closed" });
    const [stored] = await listJournals(journal);
    const after = await resumeRecording(stored!);
    await after.track("camera").write(random(40_000));
    await after.finish("submitted");
    const server = new MemoryServer();
    await after.upload(server.put, QUICK);
    const review = await server.review(after, { identities: identity });
    expect((await review.verify()).state).toBe("complete");
    expect(review.track("camera").takes.length).toBe(2);
  });

  it("that crashed is interrupted, and every whole chunk of the cut segment is there", async () => {
    const journal = memoryJournal();
    const before = await startRecording({ to: identity.recipient, journal });
    const content = random(100_000);
    await before.track("camera").write(content);
    await before.track("chat").write("an awaited line");
    const [stored] = await listJournals(journal);
    const after = await resumeRecording(stored!, { takeOver: true });
    await after.finish("submitted");
    const server = new MemoryServer();
    await after.upload(server.put, QUICK);
    const review = await server.review(after, { identities: identity });
    const verdict = await review.verify();
    expect(verdict.state).toBe("interrupted");
    const [take] = review.track("camera").takes;
    expect(take!.size).toBe(6 * 16_384);
    expect(Buffer.compare(await take!.source().read(0, take!.size), content.subarray(0, take!.size))).toBe(0);
    expect(verdict.losses).toHaveLength(1);
    await before.abort().catch(() => {});
  });

  it("says what a server refused", async () => {
    const recording = await startRecording({ to: identity.recipient });
    const events: unknown[] = [];
    const server = new MemoryServer();
    server.refuse(/0001\/00000001/);
    const track = recording.track("screen");
    for (let i = 0; i < 3; i++) {
      await track.write(random(100));
      await track.flush();
    }
    await recording.finish("submitted");
    expect(await recording.upload(server.put, QUICK)).toBe("stored");
    expect(events).toEqual([]);
    const verdict = await (await server.review(recording, { identities: identity })).verify();
    expect(verdict.state).toBe("interrupted");
    expect(verdict.losses[0]).toMatchObject({ first: 1, count: 1 });
  });

  it("ends an upload whose envelope is refused, and the next one goes on", async () => {
    const recording = await startRecording({ to: identity.recipient });
    const server = new MemoryServer();
    server.refuse(/envelope/);
    await recording.track("screen").write(random(100));
    await recording.finish("submitted");
    expect(await caught(() => recording.upload(server.put, QUICK))).toMatchObject({ code: "upload-refused" });
    server.fault = () => {};
    expect(await recording.upload(server.put, QUICK)).toBe("stored");
    expect((await (await server.review(recording, { identities: identity })).verify()).state).toBe(
      "complete",
    );
  });

  it("gives a receipt, which a server countersigns", async () => {
    const { generateKeyPairSync, sign } = await import("node:crypto");
    const recording = await startRecording({ to: identity.recipient });
    await recording.track("screen").write(random(100));
    const receipt = recording.receipt();
    await recording.finish("submitted");
    await recording.upload(new MemoryServer().put, QUICK);
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = {
      publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32)),
      sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)),
    };
    const now = new Date("2026-11-26T12:00:00Z");
    const witnessed = await countersignReceipt(await receipt, key, { now });
    const opened = await openReceipt(witnessed, { expected: { coreHash: recording.coreHash } });
    expect(opened).toMatchObject({ origin: "pinned", size: 2 });
    expect(opened.witnesses).toEqual([{ publicKey: Buffer.from(key.publicKey).toString("hex"), time: now }]);
    expect(await caught(() => countersignReceipt(witnessed, key))).toMatchObject({ code: "malformed" });
  });

  it("B5 takes nothing after its end", async () => {
    const recording = await startRecording({ to: identity.recipient });
    const track = recording.track("screen");
    await recording.finish("submitted");
    for (const call of [
      () => track.write("x"),
      () => track.flush(),
      () => recording.flush(),
      () => recording.checkpoint(),
      () => recording.finish("again"),
    ]) {
      expect(await caught(call)).toMatchObject({ code: "closed" });
    }
    await recording.abort();
    await recording.abort();
    await recording.close();
  });

  it("refuses what exceeds maxQueued, and nothing of it was taken", async () => {
    const recording = await startRecording({ to: identity.recipient, maxQueued: 100_000 });
    const screen = recording.track("screen");
    const first = screen.write(random(90_000));
    expect(await caught(() => screen.write(random(90_000)))).toMatchObject({ code: "queue-full" });
    await first;
    await screen.write(random(90_000));
    await recording.finish("submitted");
    const server = new MemoryServer();
    await recording.upload(server.put, QUICK);
    const review = await server.review(recording, { identities: identity });
    expect(review.track("screen").takes[0]!.size).toBe(180_000);
  });

  it("whose journal is full goes on to be uploaded, and can then be finished", async () => {
    const journal = memoryJournal({ capacity: 700_000 });
    const recording = await startRecording({ to: identity.recipient, journal });
    const screen = recording.track("screen");
    let error: unknown;
    for (let i = 0; i < 20 && !error; i++) {
      error = await screen
        .write(random(100_000))
        .then(() => screen.flush())
        .catch((reason) => reason);
    }
    expect(error).toMatchObject({ code: "storage-full" });
    expect(recording.state).toBe("failed");
    const server = new MemoryServer();
    expect(await caught(() => recording.upload(server.put, QUICK))).toMatchObject({ code: "storage-full" });
    await recording.finish("submitted");
    expect(await recording.upload(server.put, QUICK)).toBe("stored");
    const verdict = await (await server.review(recording, { identities: identity })).verify();
    expect(verdict.state).toBe("interrupted");
    expect(verdict.gaps.every(({ cause }) => cause !== "missing")).toBe(true);
  });

  it("whose journal lost its keys only uploads what is there, and a discard removes any", async () => {
    const store = memoryJournal();
    const before = await startRecording({ to: identity.recipient, journal: store });
    await before.track("screen").write(random(100));
    await before.close();
    const [stored] = await listJournals(store);
    const { journal } = await store.open(stored!.recordingId);
    await journal.eraseKeys();
    await journal.close();
    expect(await caught(() => resumeRecording(stored!))).toMatchObject({ code: "journal-lost" });
    const after = await resumeRecording(stored!, { uploadOnly: true });
    const server = new MemoryServer();
    expect(await after.upload(server.put, QUICK)).toBe("stored");
    expect(server.named(/seg$/)).toHaveLength(1);
    const verdict = await (await server.review(after, { identities: identity })).verify();
    expect(verdict.state).toBe("unfinished");
    await discardJournal(stored!);
  });
});
