import { expect, test } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { webCryptoProvider } from "../../src/crypto/webcrypto.js";
import { generateIdentity } from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";
import { MemoryServer } from "./server.js";

test("fault L5: a segment that finish cuts at its deadline is stored like others, and the upload ends", async () => {
  const recording = await startRecording({ to: (await generateIdentity()).recipient });
  const stored: string[] = [];
  const uploading = recording.upload((name, _bytes, { kind }) => {
    stored.push(`${kind} ${name.slice(33)}`);
  });
  const screen = recording.track("screen");
  await screen.write(new Uint8Array(100_000));
  const never = new Blob([new Uint8Array(5)]);
  never.arrayBuffer = () => new Promise(() => {});
  const late = screen.write(never).catch((error) => error.code);

  expect(await recording.finish("submitted", { timeout: 50 })).toEqual({ undrained: ["screen"] });
  expect(await late).toBe("closed");
  expect(await uploading).toBe("stored");
  expect(stored).toEqual(["envelope envelope", "segment 0001/00000000.seg", "manifest manifest-00000000"]);
  expect(recording.state).toBe("closed");
});

test("fault L2: a segment that ends at the moment of the deadline is stored as the log says, whole or cut", async () => {
  const identity = await generateIdentity();
  const states = new Set<string>();
  for (let round = 0; round < 60; round++) {
    // Hashes that take as long as the deadline, more or less: the end is sealed, and not yet in the journal.
    const crypto: CryptoProvider = {
      ...webCryptoProvider,
      digestBulk: async (hash, message) => {
        if (message.length > 16_384) await new Promise((resolve) => setTimeout(resolve, 3 * (round % 6)));
        return webCryptoProvider.digestBulk(hash, message);
      },
    };
    const server = new MemoryServer();
    const recording = await startRecording({ to: identity.recipient, crypto });
    const uploading = recording.upload(server.put);
    const screen = recording.track("screen");
    await screen.write(new Uint8Array(100_000 + (round % 7) * 16_384));
    screen.flush().catch(() => {});
    await recording.finish("submitted", { timeout: 1 + (round % 5) });
    expect(await uploading).toBe("stored");
    const review = await server.review(recording, { identities: identity });
    const { state, findings } = await review.verify();
    expect({ round, state, findings }).toEqual({
      round,
      state: state === "interrupted" ? "interrupted" : "complete",
      findings: [],
    });
    states.add(state);
    await review.close();
  }
  expect(states.size).toBe(2);
});

test.each(["a track with a cadence", "a track"])(
  "fault L2: what %s seals at the moment of the deadline is refused by the journal, and fails nothing else",
  async (kind) => {
    const identity = await generateIdentity();
    const pause = (delay: number) => new Promise((resolve) => setTimeout(resolve, delay));
    for (let delay = 5; delay <= 40; delay += 5) {
      const crypto: CryptoProvider = {
        ...webCryptoProvider,
        digestBulk: async (hash, message) => {
          await pause(delay);
          return webCryptoProvider.digestBulk(hash, message);
        },
        importAesGcmKey: async (key) => {
          const aead = await webCryptoProvider.importAesGcmKey(key);
          return {
            open: (...given) => aead.open(...given),
            // Like WebCrypto, it takes its input at the call.
            seal: async (nonce, plaintext, ...rest) => {
              const taken = plaintext.slice();
              if (taken.length > 10_000) await pause(delay);
              return aead.seal(nonce, taken, ...rest);
            },
          };
        },
      };
      const server = new MemoryServer();
      const events: unknown[] = [];
      const recording = await startRecording({
        to: identity.recipient,
        crypto,
        onEvent: (event) => void events.push(event),
      });
      const uploading = recording.upload(async (name, bytes) => {
        await pause(30);
        server.put(name, bytes);
      });
      const track = recording.track("flags", kind === "a track" ? {} : { cadence: 100 });
      if (kind === "a track") track.write(new Uint8Array(400_000)).catch(() => {});
      else {
        await track.write("hello");
        await pause(101);
      }
      const { undrained } = await recording.finish("submitted", { timeout: 12 });
      expect(await uploading).toBe("stored");
      expect(events).toEqual([]);
      const review = await server.review(recording, { identities: identity });
      const { state, findings } = await review.verify();
      const expected = undrained.length > 0 ? "interrupted" : "complete";
      expect({ delay, state, findings }).toEqual({ delay, state: expected, findings: [] });
      await review.close();
    }
  },
);
