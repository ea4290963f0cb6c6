import { describe, expect, it } from "vitest";
import type { TrackOptions } from "../../src/recording/options.js";
import { startRecording } from "../../src/recording/start.js";
import { institution, Server } from "./fixture.js";

const WHOLE_CHUNK = 30 + 56 + 16_383 + 16;

/** Lengths of the stored segments, and what they say. */
async function stored(options: TrackOptions | undefined, ...writes: readonly (string | Uint8Array)[]) {
  const recording = await startRecording({ to: institution.recipient });
  const server = new Server();
  const track = recording.track("answers", options);
  for (const write of writes) {
    await track.write(write);
    await track.flush();
  }
  const uploading = recording.upload(server.put);
  await recording.finish("over");
  await uploading;
  const lengths = [...server.objects]
    .filter(([name]) => name.endsWith(".seg"))
    .map(([, bytes]) => bytes.length);
  expect((await server.verdict()).state).toBe("complete");
  return { lengths, content: Buffer.from(await server.content("answers")).toString("latin1") };
}

describe("padding", () => {
  it("hides the lengths of text", async () => {
    const short = await stored(undefined, "B");
    const long = await stored(undefined, "none of these");
    expect(short).toEqual({ lengths: [WHOLE_CHUNK], content: "B" });
    expect(long).toEqual({ lengths: [WHOLE_CHUNK], content: "none of these" });
  });

  it("leaves bytes as long as they are", async () => {
    expect((await stored(undefined, new Uint8Array(5))).lengths).toEqual([30 + 56 + 5 + 16]);
  });

  it("hides the lengths of a track that is told so, and of none that is told not", async () => {
    expect((await stored({ padding: "chunk" }, new Uint8Array(5))).lengths).toEqual([WHOLE_CHUNK]);
    expect((await stored({ padding: "none" }, "text")).lengths).toEqual([30 + 56 + 4 + 16]);
    expect((await stored({ padding: "padme" }, new Uint8Array(100))).lengths[0]).toBeLessThan(30 + 56 + 200);
  });

  it("begins a segment of its own where text follows bytes", async () => {
    const recording = await startRecording({ to: institution.recipient });
    const server = new Server();
    const track = recording.track("mixed");
    await track.write(new Uint8Array([1, 2]));
    await track.write("B");
    await track.write(new Uint8Array([3]));
    const uploading = recording.upload(server.put);
    await recording.finish("over");
    await uploading;
    const lengths = [...server.objects]
      .filter(([name]) => name.endsWith(".seg"))
      .map(([, { length }]) => length);
    expect(lengths).toEqual([30 + 56 + 2 + 16, WHOLE_CHUNK]);
    expect([...(await server.content("mixed"))]).toEqual([1, 2, 66, 3]);
    expect((await server.verdict()).state).toBe("complete");
  });

  it("is a chunk longer where the length's field does not fit, and fills whole segments", async () => {
    expect((await stored({ padding: "chunk" }, new Uint8Array(16_375))).lengths).toEqual([WHOLE_CHUNK]);
    expect((await stored({ padding: "chunk" }, new Uint8Array(16_376))).lengths).toEqual([
      WHOLE_CHUNK + 16_400,
    ]);
  });

  it("takes any number of small writes into one segment", async () => {
    const recording = await startRecording({
      to: institution.recipient,
      segmentEvery: Number.POSITIVE_INFINITY,
    });
    const server = new Server();
    const track = recording.track("keys");
    for (let i = 0; i < 150_000; i++) {
      const writing = track.write("k");
      if (i % 1000 === 0) await writing;
    }
    const uploading = recording.upload(server.put);
    await recording.finish("over", { timeout: 60_000 });
    await uploading;
    expect((await server.content("keys")).length).toBe(150_000);
    expect((await server.verdict()).state).toBe("complete");
  });
});
