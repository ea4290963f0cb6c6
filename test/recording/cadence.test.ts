import { expect, it } from "vitest";
import { nodeProvider } from "../../src/crypto/node.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { startRecording } from "../../src/recording/start.js";
import { fakeBlob } from "./fake-media-recorder.js";
import { FaultyJournal } from "./faulty-journal.js";
import { institution, outcome, Server, watched } from "./fixture.js";
import { turn, underVirtualTime, type VirtualTime } from "./virtual-time.js";

const TICK = 16_375;
const SEALED = 30 + 56 + 16_383 + 16;

async function begin(journal = new FaultyJournal(), crypto: CryptoProvider = nodeProvider()!) {
  const recording = await startRecording({
    to: institution.recipient,
    journal,
    crypto,
    checkpointEvery: Number.POSITIVE_INFINITY,
  });
  const server = new Server();
  const uploading = recording.upload(server.put);
  const chat = recording.track("chat", { cadence: 1000 });
  await turn();
  const segments = (): string[] => server.names.filter((name) => name.endsWith(".seg"));
  return { recording, server, uploading, chat, segments, journal };
}

/** Ends it, tick by tick. */
async function end(
  time: VirtualTime,
  { recording, uploading }: Awaited<ReturnType<typeof begin>>,
  timeout?: number,
) {
  const finishing = recording.finish("over", timeout === undefined ? {} : { timeout });
  await time.advance(20_000);
  const result = await finishing;
  await time.advance(1000);
  await uploading;
  return result;
}

it("seals one segment of one chunk per tick, whatever was written", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const { chat, segments, server } = made;
    for (let second = 1; second <= 12; second++) {
      if (second % 3 === 0) await chat.write("x".repeat(second));
      await time.advance(1000);
      expect(segments()).toHaveLength(second);
    }
    for (const [name, bytes] of server.objects) if (name.endsWith(".seg")) expect(bytes.length).toBe(SEALED);
    expect(await end(time, made)).toEqual({ undrained: [] });
    expect((await server.verdict()).state).toBe("complete");
    expect(Buffer.from(await server.content("chat")).toString()).toBe("x".repeat(3 + 6 + 9 + 12));
  }));

it("leaves for the next ticks what does not fit, and flush waits for them", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const { chat, segments, server } = made;
    const content = new Uint8Array(2 * TICK + 1).map((_, i) => i);
    void chat.write(content);
    const flushing = chat.flush();
    const flush = watched(flushing);
    await time.advance(2000);
    expect([segments().length, flush.isSettled]).toEqual([2, false]);
    await time.advance(1000);
    expect([segments().length, flush.isSettled]).toEqual([3, true]);
    await end(time, made);
    expect(Buffer.compare(await server.content("chat"), content)).toBe(0);
  }));

it("keeps the order of Blobs and bytes, and waits for both", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const { chat, server } = made;
    let isReady: (() => void) | undefined;
    const slow = { ...fakeBlob(new Uint8Array(3).fill(1)) } as Blob;
    const bytes = new Uint8Array(3).fill(1);
    Object.assign(slow, {
      size: 3,
      arrayBuffer: () =>
        new Promise((resolve) => {
          isReady = () => resolve(bytes.slice().buffer);
        }),
    });
    void chat.write(slow);
    void chat.write(new Uint8Array(2).fill(2));
    const flush = watched(chat.flush());
    await time.advance(3000);
    expect(flush.isSettled).toBe(false);
    isReady!();
    await time.advance(1000);
    expect(flush.isSettled).toBe(true);
    await end(time, made);
    expect([...(await server.content("chat"))]).toEqual([1, 1, 1, 2, 2]);
    expect((await server.verdict()).state).toBe("complete");
  }));

it("skips ticks that were missed", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const { segments, journal, server } = made;
    await time.advance(1000);
    journal.faults.latency = () => time.sleep(2250);
    await time.advance(10_000);
    delete journal.faults.latency;
    await time.advance(5000);
    // Of the ticks 2 to 16, those that found the journal busy made no segment, and none was made up for later.
    const count = segments().length;
    expect(count).toBeGreaterThanOrEqual(5);
    expect(count).toBeLessThanOrEqual(8);
    await end(time, made);
    const { state, tracks } = await server.verdict();
    expect(state).toBe("complete");
    expect(tracks[0]!.takes).toHaveLength(1);
  }));

it("says what finish could not wait for", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    void made.chat.write(new Uint8Array(5 * TICK));
    await turn();
    expect(await end(time, made, 1500)).toEqual({ undrained: ["chat"] });
    const { state, losses } = await made.server.verdict();
    expect(state).toBe("interrupted");
    expect(losses).toMatchObject([{ what: "undrained", cause: "deadline", track: "chat" }]);
  }));

it("says what could not be read", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const { chat, server } = made;
    const writing = chat.write(fakeBlob(new Uint8Array(9), { isReadable: () => false }));
    expect(await outcome(writing)).toBe("source-failed");
    await outcome(chat.write("still here"));
    expect(await end(time, made)).toEqual({ undrained: [] });
    const { state, losses } = await server.verdict();
    expect(state).toBe("interrupted");
    expect(losses).toMatchObject([{ what: "undrained", cause: "source" }]);
    expect(Buffer.from(await server.content("chat")).toString()).toBe("still here");
  }));

it("takes any number of small writes between two ticks", () =>
  underVirtualTime(async (time) => {
    const made = await begin();
    const one = new Uint8Array(1).fill(7);
    for (let i = 0; i < 150_000; i++) void made.chat.write(one);
    await time.advance(11_000);
    expect(await end(time, made)).toEqual({ undrained: [] });
    expect((await made.server.content("chat")).length).toBe(150_000);
  }));

it("a loss during the first tick does not begin the take later than its segment", () =>
  underVirtualTime(async (time) => {
    let release = (): void => {};
    let isHeld = false;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const crypto: CryptoProvider = {
      ...nodeProvider()!,
      async importAesGcmKey(key) {
        const aead = await nodeProvider()!.importAesGcmKey(key);
        return {
          open: (nonce, ciphertext, data) => aead.open(nonce, ciphertext, data),
          async seal(nonce, plaintext, data) {
            const sealed = await aead.seal(nonce, plaintext, data);
            if (isHeld) await gate;
            return sealed;
          },
        };
      },
    };
    const made = await begin(new FaultyJournal(), crypto);
    isHeld = true;
    await time.advance(1100);
    const written = outcome(made.chat.write(fakeBlob(new Uint8Array(1), { isReadable: () => false })));
    await time.advance(100);
    isHeld = false;
    release();
    await time.advance(1000);
    expect(await written).toBe("source-failed");
    await end(time, made);
    const { state, findings } = await made.server.verdict();
    expect([state, findings]).toEqual(["interrupted", []]);
  }));
