/** B1 to B6 for recordings: whatever a caller, a crash, a server or a random source does, no key and nonce is used twice. */
import { describe, expect, it } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { isBlindreelError } from "../../src/errors.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import type { RecordingObject } from "../../src/recording/outbox.js";
import type { Recording } from "../../src/recording/recording.js";
import { listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import type { RecordingReview } from "../../src/review/review.js";
import { memoryJournal } from "../../src/storage/memory.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";
import { backends } from "../helpers/backends.js";
import { expectBytes, pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { MemoryServer } from "../recording/server.js";

refuseUnhandledRejections();

/** `provider`, and every pair of key and nonce that it encrypted under. */
function watched(provider: CryptoProvider): { crypto: CryptoProvider; pairs: string[]; keys: string[] } {
  const pairs: string[] = [];
  const keys: string[] = [];
  const crypto: CryptoProvider = {
    ...provider,
    importAesGcmKey: async (key) => {
      const name = toHex(key);
      keys.push(name);
      const aead = await provider.importAesGcmKey(key);
      return {
        ...aead,
        open: aead.open.bind(aead),
        seal: (nonce, plaintext, aad) => {
          pairs.push(`${name} ${toHex(nonce)}`);
          return aead.seal(nonce, plaintext, aad);
        },
        ...(aead.sealInto && {
          sealInto: (nonce: Bytes, plaintext: Bytes, output: Bytes, offset: number) => {
            pairs.push(`${name} ${toHex(nonce)}`);
            aead.sealInto!(nonce, plaintext, output, offset);
          },
        }),
      };
    },
  };
  return { crypto, pairs, keys };
}

async function contentOf(review: RecordingReview, track: string, take = 0): Promise<Bytes> {
  const { size, source } = {
    size: review.track(track).takes[take]!.size,
    source: review.track(track).takes[take]!.source(),
  };
  const bytes = await source.read(0, size);
  await source.close();
  return bytes as Bytes;
}

async function onlyJournal(store: JournalStore) {
  const journals = await listJournals(store);
  expect(journals.length).toBe(1);
  return journals[0]!;
}

/** `store`, and every byte that is put into its journals. */
function overheard(store: JournalStore): { store: JournalStore; seen: () => string } {
  const seen: string[] = [];
  const listen = (journal: OpenJournal): OpenJournal => ({
    ...journal,
    commit: (changes) => {
      for (const { parts } of changes.pieces ?? []) seen.push(...parts.map(toHex));
      seen.push(...(changes.records ?? []).map(toHex));
      return journal.commit(changes);
    },
  });
  const watchedStore: JournalStore = {
    ...store,
    create: async (name, options) => listen(await store.create(name, options)),
    async open(name, options) {
      const { journal, records } = await store.open(name, options);
      return { journal: listen(journal), records };
    },
  };
  return { store: watchedStore, seen: () => seen.join("|") };
}

describe.each(backends.slice(0, 2))("with $name", (provider) => {
  it("B1 a thousand writes at once, flushes and checkpoints among them: no pair of key and nonce twice, every byte in order", async () => {
    const identity = await generateIdentity();
    const { crypto, pairs } = watched(provider);
    const recording = await startRecording({ to: identity.recipient, crypto });
    const server = new MemoryServer();
    const uploading = recording.upload(server.put);
    const written: Bytes[][] = [[], [], [], []];
    const pending: Promise<unknown>[] = [];
    for (let i = 0; i < 1000; i++) {
      const piece = pattern(1 + ((i * 7919) % 3000), i);
      written[i % 4]!.push(piece);
      pending.push(recording.track(`track ${i % 4}`).write(piece));
      if (i % 250 === 200) pending.push(recording.flush());
      if (i % 300 === 100) pending.push(recording.checkpoint());
    }
    await Promise.all(pending);
    await recording.finish("done");
    expect(await uploading).toBe("stored");
    expect(pairs.length).toBeGreaterThan(90);
    expect(new Set(pairs).size).toBe(pairs.length);
    const review = await server.review(recording, { identities: identity });
    expect((await review.verify()).state).toBe("complete");
    for (const [i, pieces] of written.entries())
      expectBytes(await contentOf(review, `track ${i}`), Buffer.concat(pieces), `track ${i}`);
    await review.close();
  });

  it("B2 the same writes after every resume, closed or let fall: no pair, no index and no sequence twice", async () => {
    const identity = await generateIdentity();
    const { crypto, pairs } = watched(provider);
    const store = memoryJournal();
    const server = new MemoryServer();
    const content = pattern(50_000);
    const fallen: Recording[] = [];
    let recording = await startRecording({ to: identity.recipient, crypto, journal: store });
    for (let i = 0; i < 6; i++) {
      // The server refuses every name that comes with other bytes.
      const uploading = recording.upload(server.put);
      await recording.track("camera").write(content);
      await recording.track("chat").write("the same text");
      await recording.flush();
      await recording.checkpoint();
      await recording.track("camera").write(content);
      if (i === 5) {
        await recording.finish("done");
        expect(await uploading).toBe("stored");
        continue;
      }
      // Every second one is let fall, as by a crash, and hears that it was taken over when it is closed at last.
      if (i % 2 === 0) {
        await recording.close();
        expect(await uploading).toBe("closed");
      } else {
        uploading.catch(() => {});
        fallen.push(recording);
      }
      recording = await resumeRecording(await onlyJournal(store), { crypto, takeOver: i % 2 === 1 });
    }
    expect(new Set(pairs).size).toBe(pairs.length);
    const review = await server.review(recording, { identities: identity });
    const { state, losses, findings } = await review.verify();
    expect({ state, findings }).toEqual({ state: "interrupted", findings: [] });
    expect(losses.every(({ what, cause }) => what === "unsealed" && cause === "crash")).toBe(true);
    for (const take of [0, 1, 2, 3, 4, 5])
      expectBytes((await contentOf(review, "camera", take)).subarray(0, 50_000), content, `take ${take}`);
    await review.close();
    await Promise.allSettled(fallen.map((each) => each.close()));
  });
});

describe("B3 the state of an encryptor", () => {
  it("cannot be cloned, serialised or read from a recording and its tracks", async () => {
    const { recipient } = await generateIdentity();
    const recording = await startRecording({ to: recipient });
    const track = recording.track("camera");
    await track.write(pattern(20_000));
    expect(() => structuredClone(track)).toThrow();
    expect(() => structuredClone({ track })).toThrow();
    // What can be seen of a recording is nothing that seals.
    const shown = JSON.stringify({ recording, track });
    expect(Object.keys(JSON.parse(shown).recording).sort()).toEqual(["coreHash", "label", "recordingId"]);
    const copy: Recording = Object.assign(Object.create(Object.getPrototypeOf(recording)), recording);
    expect(() => copy.track("camera")).toThrow(TypeError);
    await recording.abort();
  });

  it("is not in a journal: nothing there opens or goes on with a segment but through the two keys", async () => {
    const { recipient } = await generateIdentity();
    const { crypto, keys } = watched(backends[0]!);
    const { store, seen } = overheard(memoryJournal());
    const recording = await startRecording({ to: recipient, crypto, journal: store });
    await recording.track("camera").write(pattern(100_000));
    await recording.track("chat").write("a text of a length that nobody mistakes");
    await recording.flush();
    await recording.checkpoint();
    const everything = seen();
    expect(everything.length).toBeGreaterThan(200_000);
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) expect(everything.includes(key)).toBe(false);
    expect(everything.includes(toHex(pattern(100_000).subarray(0, 64)))).toBe(false);
    expect(everything.includes(toHex(Buffer.from("nobody mistakes")))).toBe(false);
    await recording.abort();
  });

  it("is not reused: what a closed recording's tracks had open is never gone on with", async () => {
    const { recipient } = await generateIdentity();
    const store = memoryJournal();
    const first = await startRecording({ to: recipient, journal: store });
    const old = first.track("camera");
    await old.write(pattern(20_000));
    await first.close();
    const second = await resumeRecording(await onlyJournal(store));
    await expectCode(() => old.write(pattern(10)), "closed");
    await expectCode(() => old.flush(), "closed");
    expect(() => old.startTake()).toThrow(/closed/);
    await second.abort();
  });
});

describe("B4 an upload that is tried again", () => {
  it("is the same, byte for byte: after failures, in a second loop, from a journal, and where the caller changed what it was given", async () => {
    const identity = await generateIdentity();
    const store = memoryJournal();
    const first = new Map<string, string>();
    let handed = 0;
    const same = ({ name, bytes }: Pick<RecordingObject, "name" | "bytes">): void => {
      handed++;
      const hex = toHex(bytes);
      expect(first.get(name) ?? hex).toBe(hex);
      first.set(name, hex);
      bytes.fill(0xff);
    };
    let recording = await startRecording({ to: identity.recipient, journal: store });
    for (let round = 0; round < 3; round++) {
      await recording.track("camera").write(pattern(40_000, round));
      await recording.track("chat").write(`round ${round}`);
      await recording.flush();
      for (let loop = 0; loop < 2; loop++) {
        let taken = 0;
        for await (const object of recording.objects()) {
          same(object);
          if (++taken > 2 * (round + 1)) break;
          object.retry();
        }
      }
      await recording.close();
      recording = await resumeRecording(await onlyJournal(store));
    }
    const server = new MemoryServer();
    let tries = 0;
    const uploading = recording.upload(
      (name, bytes) => {
        const copy = bytes.slice();
        same({ name, bytes: copy });
        if (++tries % 3 !== 0) throw new Error("not now");
        server.put(name, bytes);
      },
      { firstDelay: 0, longestDelay: 1 },
    );
    await recording.finish("done");
    expect(await uploading).toBe("stored");
    expect(handed).toBeGreaterThan(2 * first.size);
    const review = await server.review(recording, { identities: identity });
    expect((await review.verify()).state).toBe("complete");
    await review.close();
  });
});

describe("B5 after its end", () => {
  const calls: readonly [string, (recording: Recording) => unknown][] = [
    ["track", (recording) => recording.track("another")],
    ["flush", (recording) => recording.flush()],
    ["checkpoint", (recording) => recording.checkpoint()],
    ["finish", (recording) => recording.finish("again")],
  ];

  async function ended(how: "finish" | "finished and stored" | "close" | "abort") {
    const { recipient } = await generateIdentity();
    const { crypto, pairs } = watched(backends[0]!);
    const recording = await startRecording({ to: recipient, crypto });
    const track = recording.track("camera");
    await track.write(pattern(20_000));
    const server = new MemoryServer();
    if (how === "finished and stored") {
      const uploading = recording.upload(server.put);
      await recording.finish("done");
      await uploading;
    } else if (how === "finish") await recording.finish("done");
    else await recording[how]();
    return { recording, track, pairs, server };
  }

  it.each(["finish", "finished and stored", "close", "abort"] as const)(
    "by %s, nothing is written, begun, signed or ended any more",
    async (how) => {
      const { recording, track, pairs } = await ended(how);
      const before = pairs.length;
      await expectCode(() => track.write(pattern(30_000)), "closed");
      await expectCode(() => track.flush(), "closed");
      for (const [, call] of calls) await expectCode(async () => call(recording), "closed");
      expect(pairs.length).toBe(before);
      await recording.abort();
      await recording.close();
    },
  );

  it("writes, flushes and checkpoints under way settle when the end comes, and seal nothing behind it", async () => {
    for (const end of ["finish", "close", "abort"] as const) {
      const identity = await generateIdentity();
      const { crypto, pairs } = watched(backends[1]!);
      const recording = await startRecording({ to: identity.recipient, crypto });
      const server = new MemoryServer();
      const uploading = recording.upload(server.put);
      const track = recording.track("camera");
      const work = Array.from({ length: 20 }, (_, i) => [
        track.write(pattern(30_000, i)),
        i % 5 ? undefined : recording.flush(),
        i % 7 ? undefined : recording.checkpoint(),
      ]).flat();
      const over = end === "finish" ? recording.finish("done") : recording[end]();
      const settled = Promise.allSettled(work);
      await over;
      const after = pairs.length;
      for (const each of await settled) {
        if (each.status === "rejected")
          expect(isBlindreelError(each.reason) && each.reason.code).toBe("closed");
      }
      expect(await uploading).toBe(end === "finish" ? "stored" : "closed");
      // But for the last page and manifest.
      expect(pairs.length - after).toBeLessThanOrEqual(end === "finish" ? 1 : 0);
      expect(new Set(pairs).size).toBe(pairs.length);
      if (end !== "finish") continue;
      const review = await server.review(recording, { identities: identity });
      expect((await review.verify()).state).toBe("complete");
      await review.close();
    }
  });
});

describe("B6 a broken random source", () => {
  const broken: readonly [string, (length: number) => unknown][] = [
    ["zeros", (length) => new Uint8Array(length)],
    ["too little", (length) => backends[0]!.getRandomBytes(length - 1)],
    ["nothing", () => undefined],
  ];

  it.each(broken)(
    "that gives %s, at whichever call, starts no recording and seals nothing",
    async (_, answer) => {
      const { recipient } = await generateIdentity();
      const provider = backends[0]!;
      let failing = 0;
      for (let isReached = true; isReached; failing++) {
        let calls = 0;
        const { crypto, pairs } = watched({
          ...provider,
          getRandomBytes: (length) =>
            calls++ === failing ? (answer(length) as Bytes) : provider.getRandomBytes(length),
        });
        const server = new MemoryServer();
        let recording: Recording | undefined;
        try {
          recording = await startRecording({ to: recipient, crypto });
          const uploading = recording.upload(server.put);
          uploading.catch(() => {});
          await recording.track("camera").write(pattern(20_000));
          await recording.track("chat").write("hello");
          await recording.flush();
          await recording.finish("done");
          await uploading;
          isReached = false;
        } catch (error) {
          expect(isBlindreelError(error) && error.code).toBe("bad-random");
        } finally {
          await recording?.abort();
        }
        expect(new Set(pairs).size).toBe(pairs.length);
        if (isReached)
          expect([...server.objects.keys()].some((name) => name.includes("manifest"))).toBe(false);
      }
      // Id, keys and metadata at the start; a salt for each segment, entry and manifest.
      expect(failing).toBeGreaterThan(9);
    },
  );
});
