import { generateIdentity, type X25519Identity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { openRecording } from "blindreel/review";
import { memoryJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { MemoryServer } from "../lib/recordings.js";
import { type Row, valueAtMost } from "../lib/row.js";

const KIB = 1024;
/** Doubled time for a doubled length is linear. */
const PER_DOUBLING = 2.3;
export const STEPS = ["record", "upload", "checkpoint", "finish", "open", "verify"] as const;
type Step = (typeof STEPS)[number];

export interface Grown {
  readonly segments: number;
  readonly times: Readonly<Record<Step, number>>;
  /** Bytes of the checkpoint. */
  readonly checkpoint: number;
}

const count = (segments: number): string => `${segments.toLocaleString("en")} segments`;

/**
 * A recording of so many segments of a few bytes each.
 *
 * @param isOnline uploads them as they are sealed, which a log needs to be filled to its ceiling: room is kept for the loss of
 *   whatever waits. Otherwise none is uploaded before all are sealed.
 */
export async function grow(identity: X25519Identity, segments: number, isOnline = false): Promise<Grown> {
  const recording = await startRecording({
    to: identity.recipient,
    journal: memoryJournal(),
    segmentEvery: Number.POSITIVE_INFINITY,
    checkpointEvery: Number.POSITIVE_INFINITY,
  });
  const times = {} as Record<Step, number>;
  const timed = async <T>(step: Step, work: () => Promise<T>): Promise<T> => {
    const start = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(start);
    times[step] = (user + system) / 1000;
    return result;
  };
  const track = recording.track("events", { padding: "none" });
  const piece = new Uint8Array(8);
  const server = new MemoryServer();
  let storing = isOnline ? server.store(recording) : undefined;
  await timed("record", async () => {
    for (let i = 0; i < segments; i++) {
      track.write(piece);
      await track.flush();
    }
  });
  storing ??= server.store(recording);
  await timed("upload", async () => {
    while (recording.unacknowledgedBytes > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  });
  if (!(await timed("checkpoint", () => recording.checkpoint()))) throw new Error("nothing to cover");
  await timed("finish", async () => {
    await recording.finish("done");
    await storing;
  });
  const { bytes: checkpoint } = server.of("checkpoint");
  const review = await timed("open", () =>
    openRecording(server.envelope(), { identities: [identity], objects: server.lookup, list: server.list }),
  );
  const verdict = await timed("verify", () => review.verify());
  if (verdict.state !== "complete") throw new Error(`the verdict was ${verdict.state}`);
  await review.close();
  return { segments, times, checkpoint };
}

export const group: Group = {
  title: "A recording that grows",
  about:
    "Segments of 8 bytes in one track, journalled in memory; none is uploaded before all are sealed. Then all are uploaded, a checkpoint is made, the recording is finished, opened from a server in memory and verified. Times are the processor's, of all threads. The ratio is to the time at half the length: 2 is linear.",

  async run(scale) {
    const identity = await generateIdentity();
    await grow(identity, scale.count(2_000));
    const grown: Grown[] = [];
    for (const segments of [25_000, 50_000, 100_000]) grown.push(await grow(identity, scale.count(segments)));
    const rows: Row[] = [];
    for (const step of STEPS) {
      grown.forEach(({ segments, times }, i) => {
        const before = grown[i - 1];
        // Below that a time is the clock's and the collector's, and no growth.
        const isTold = before && times[step] >= 20;
        rows.push({
          what: `${step}, ${count(segments)}`,
          value: times[step],
          unit: "ms",
          ...(isTold && {
            ratio: times[step] / before.times[step],
            target: { of: "ratio", atMost: PER_DOUBLING } as const,
          }),
        });
      });
    }
    for (const { segments, checkpoint } of grown) {
      const what = `size of a checkpoint, ${count(segments)}`;
      rows.push({ what, value: checkpoint, unit: "bytes", target: valueAtMost(32 * KIB) });
    }
    return rows;
  },
};
