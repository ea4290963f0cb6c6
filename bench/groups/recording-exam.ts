import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { memoryJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { MemoryServer } from "../lib/recordings.js";
import { valueAtMost } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
/** Seconds. */
const EXAM = 12 * 60 * 60;
const SEGMENT = 10;
const CHECKPOINT = 30;
/** Bytes a second: 240 and 270 kbit/s of video, 40 of speech, 2.9 GB in twelve hours. */
const MEDIA = { camera: 30_000, screen: 33_000, microphone: 5_000 };
/** Something is in every segment: the most that they can cost. */
const TEXTS = { chat: "A message of a few words.", events: '{"type":"focus","window":"exam"}' };

/** The SDK asks this clock for monotonic time: an exam of twelve hours passes as fast as it can be sealed. */
function exposeClock(): { advance(milliseconds: number): void; restore(): void } {
  const { performance } = globalThis;
  const real = performance.now;
  let now = real.call(performance);
  performance.now = () => now;
  return {
    advance: (milliseconds) => {
      now += milliseconds;
    },
    restore: () => {
      performance.now = real;
    },
  };
}

export const group: Group = {
  title: "What an exam of twelve hours stores",
  about:
    "Five tracks in segments of ten seconds, media written once a second as a recorder gives it, something in every segment of chat and events, a checkpoint every 30 seconds; sealed whole, on a clock that runs as fast as that. Padding is of the text tracks.",

  async run(scale) {
    const { recipient: to } = await generateIdentity();
    const seconds = scale.name === "smoke" ? 60 : scale.count(EXAM);
    const clock = exposeClock();
    try {
      const recording = await startRecording({
        to,
        journal: memoryJournal(),
        segmentEvery: Number.POSITIVE_INFINITY,
        checkpointEvery: Number.POSITIVE_INFINITY,
      });
      const server = new MemoryServer(false);
      const storing = server.store(recording);
      const media = Object.entries(MEDIA).map(([name, rate]) => ({ name, piece: samplePiece(rate) }));
      let text = 0;
      for (let second = 1; second <= seconds; second++) {
        await Promise.all(media.map(({ name, piece }) => recording.track(name).write(piece)));
        clock.advance(1000);
        if (second % SEGMENT !== 0) continue;
        for (const [name, message] of Object.entries(TEXTS)) {
          recording.track(name).write(message);
          text += message.length;
        }
        await recording.flush();
        while (recording.unacknowledgedBytes > 0) await new Promise((resolve) => setImmediate(resolve));
        if (second % CHECKPOINT === 0 && !(await recording.checkpoint())) throw new Error("nothing to cover");
      }
      await recording.finish("done");
      await storing;
      const [segments, pages, checkpoints] = (["segment", "page", "checkpoint"] as const).map((kind) =>
        server.of(kind),
      );
      const mediaContent = media.reduce((sum, { piece }) => sum + piece.length * seconds, 0);
      const padding = segments!.bytes - mediaContent - text;
      const share = (bytes: number): number => (100 * bytes) / server.bytes;
      const { bytes: final } = server.of("manifest");
      return [
        { what: "stored", value: server.bytes / MIB, unit: "MiB" },
        { what: `segments (${segments!.count})`, value: segments!.bytes / MIB, unit: "MiB" },
        { what: `pages (${pages!.count})`, value: pages!.bytes / MIB, unit: "MiB" },
        { what: `checkpoints (${checkpoints!.count})`, value: checkpoints!.bytes / MIB, unit: "MiB" },
        {
          what: "pages and manifests, of what is stored",
          value: share(pages!.bytes + checkpoints!.bytes + final),
          unit: "%",
          target: valueAtMost(0.6),
        },
        { what: "padding, heads and tags of segments, of what is stored", value: share(padding), unit: "%" },
      ];
    } finally {
      clock.restore();
    }
  },
};
