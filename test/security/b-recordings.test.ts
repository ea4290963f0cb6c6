import { describe, expect, it } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { backends } from "../helpers/backends.js";
import { pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { readRecording, StorageServer } from "../recording/storage-server.js";

refuseUnhandledRejections();

/** `provider`, and every pair of key and nonce that it encrypted under. */
function watched(provider: CryptoProvider): { crypto: CryptoProvider; pairs: string[] } {
  const pairs: string[] = [];
  const crypto: CryptoProvider = {
    ...provider,
    importAesGcmKey: async (key) => {
      const name = toHex(key);
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
  return { crypto, pairs };
}

describe.each(backends.slice(0, 2))("with $name", (provider) => {
  it("B1 a thousand writes at once, flushes among them: no pair of key and nonce twice, every byte in order", async () => {
    const identity = await generateIdentity();
    const { crypto, pairs } = watched(provider);
    const recording = await startRecording({ to: identity.recipient, crypto });
    const server = new StorageServer();
    const uploading = server.upload(recording);
    const written: Bytes[][] = [[], [], [], []];
    const pending: Promise<void>[] = [];
    for (let i = 0; i < 1000; i++) {
      const piece = pattern(1 + ((i * 7919) % 3000), i);
      written[i % 4]!.push(piece);
      pending.push(recording.track(`track ${i % 4}`).write(piece));
      if (i % 250 === 200) pending.push(recording.flush());
      if (i % 300 === 100) pending.push(recording.checkpoint().then(() => {}));
    }
    await Promise.all(pending);
    const { manifest } = await recording.finish("done");
    await uploading;
    expect(pairs.length).toBeGreaterThan(90);
    expect(new Set(pairs).size).toBe(pairs.length);
    const read = await readRecording(server, recording, identity, manifest!.bytes);
    for (const [i, pieces] of written.entries()) {
      expect(toHex(read.tracks[`track ${i}`]![0]!.content)).toBe(toHex(Buffer.concat(pieces)));
    }
  });

  it("B2 the same writes after every resume: no pair twice", async () => {
    const identity = await generateIdentity();
    const { crypto, pairs } = watched(provider);
    const store = memoryJournal();
    const first = await startRecording({ to: identity.recipient, crypto, journal: store });
    const content = pattern(50_000);
    await first.track("camera").write(content);
    await first.close();
    for (let i = 0; i < 5; i++) {
      const [journal] = await listJournals(store);
      const resumed = await resumeRecording(journal!, { crypto });
      await resumed.track("camera").write(content);
      await resumed.close();
    }
    expect(new Set(pairs).size).toBe(pairs.length);
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
    // A clone of the recording is a plain object without anything that seals.
    const shown = JSON.stringify({ recording, track });
    expect(Object.keys(JSON.parse(shown).recording).sort()).toEqual(["coreHash", "envelope", "recordingId"]);
    const copy = Object.assign(Object.create(Object.getPrototypeOf(recording)), recording);
    expect(() => copy.track("camera")).toThrow(TypeError);
    await recording.abort();
  });

  it("is not in a journal: nothing there opens or goes on with a segment but through the two keys", async () => {
    const { recipient } = await generateIdentity();
    const { crypto } = watched(backends[0]!);
    const keys: string[] = [];
    const noting: CryptoProvider = {
      ...crypto,
      importAesGcmKey: (key) => {
        keys.push(toHex(key));
        return crypto.importAesGcmKey(key);
      },
    };
    const store = memoryJournal();
    const seen: string[] = [];
    const recording = await startRecording({
      to: recipient,
      crypto: noting,
      journal: {
        ...store,
        async open(name, mode) {
          const { journal, ...found } = await store.open(name, mode);
          return {
            ...found,
            journal: {
              ...journal,
              commit: (changes) => {
                const parts = [
                  ...(changes.facts ?? []),
                  ...(changes.tail ?? []),
                  ...(changes.blobs ?? []).flatMap((blob) => blob.parts),
                ];
                seen.push(...parts.map(toHex));
                return journal.commit(changes);
              },
            },
          };
        },
      },
    });
    await recording.track("camera").write(pattern(100_000));
    await recording.flush();
    const everything = seen.join("|");
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) expect(everything.includes(key)).toBe(false);
    expect(everything.includes(toHex(pattern(100_000).subarray(0, 64)))).toBe(false);
    await recording.abort();
  });
});

describe("B6 a broken random source", () => {
  it("that gives zeros, at whichever call, starts no recording and seals no segment", async () => {
    const { recipient } = await generateIdentity();
    const provider = backends[0]!;
    for (let failing = 0; failing < 5; failing++) {
      let calls = 0;
      const crypto: CryptoProvider = {
        ...provider,
        getRandomBytes: (length) =>
          calls++ === failing ? new Uint8Array(length) : provider.getRandomBytes(length),
      };
      await expectCode(async () => {
        const recording = await startRecording({ to: recipient, crypto });
        try {
          await recording.track("chat").write("hello");
          await recording.flush();
          await recording.checkpoint();
        } finally {
          await recording.abort();
        }
      }, "bad-random");
    }
  });
});
