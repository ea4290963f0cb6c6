import { existsSync } from "node:fs";
import { generateIdentity, sealFrom } from "blindreel";
import { startRecording } from "blindreel/recording";
import { directoryJournal, type JournalStore, memoryJournal, type OpenJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { inFolder, MemoryServer } from "../lib/recordings.js";
import { type Row, ratioAtLeast, throughputRow, valueAtMost } from "../lib/row.js";
import { drain, expectBytes, repeat, samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
/** Writes that wait for the journal at the same time: a recorder's blobs do not wait for each other. */
const IN_FLIGHT = 32;
const TMPFS = "/dev/shm";

/** Keeps what is read back, and no segments: what is left is sealing, hashing and the log. */
function forgetfulJournal(): JournalStore {
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  let kept = {};
  const journal: OpenJournal = {
    async commit({ pieces = [] }) {
      for (const { blob, parts } of pieces) {
        if (!blob.startsWith("segment")) blobs.set(blob, parts[0]!.slice());
      }
    },
    blob: async (name) => blobs.get(name),
    dropBlobs: async () => {},
    saveKeys: async (keys) => {
      kept = { ...keys };
    },
    keys: async () => kept,
    eraseKeys: async () => {},
    erase: async () => {},
    close: async () => {},
  };
  return {
    keyForm: "any",
    list: async () => [],
    create: async () => journal,
    open: () => Promise.reject(new Error("nothing is kept")),
    discard: async () => {},
  };
}

/** The same contenders, and the processor time of every run in milliseconds. */
function watched(spent: Map<string, number[]>, contenders: readonly Contender[]): Contender[] {
  return contenders.map(({ name, run }) => ({
    name,
    run: async () => {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      spent.set(name, [...(spent.get(name) ?? []), (user + system) / 1000]);
    },
  }));
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

export const group: Group = {
  title: "A recording's track, in Node",
  about:
    "One track, pieces of 256 KiB, up to 32 of them on their way into the journal: sealed, hashed and journalled to the end of the last segment; *stored* is with the whole upload to a server that answers at once and copies nothing, to the last manifest. Ratios are to sealing the same bytes as one file, in throughput; below that in processor time of the whole process, its threads and collections included, which tells more where other work runs.",

  async run(scale) {
    const { recipient: to } = await generateIdentity();
    const total = scale.bytes(128 * MIB);
    const piece = samplePiece(Math.min(256 * 1024, total));
    const pieces = total / piece.length;

    const record = async (journal: JournalStore, isStored = false): Promise<void> => {
      const recording = await startRecording({ to, journal });
      const server = new MemoryServer(false);
      const storing = isStored ? server.store(recording) : undefined;
      const track = recording.track("camera");
      const writing: Promise<void>[] = [];
      for (let i = 0; i < pieces; i++) {
        writing.push(track.write(piece));
        if (writing.length === IN_FLIGHT) await writing.shift();
      }
      await track.flush();
      if (!isStored) return recording.abort();
      await recording.finish("done");
      await storing;
      await expectBytes(Promise.resolve(server.bytes), total);
    };

    return inFolder((folder) =>
      inFolder(
        async (fast) => {
          const journals: [string, () => JournalStore][] = [
            ["sealed and hashed", forgetfulJournal],
            ["journalled, memory", memoryJournal],
            ...(existsSync(TMPFS)
              ? [
                  ["journalled, directory on tmpfs", () => directoryJournal(fast)] as [
                    string,
                    () => JournalStore,
                  ],
                ]
              : []),
            ["journalled, directory on disk", () => directoryJournal(folder)],
          ];
          const spent = new Map<string, number[]>();
          const results = await measure(
            watched(spent, [
              {
                name: "sealFrom, one file",
                run: () => expectBytes(drain(sealFrom(repeat(piece, pieces), { to })), total),
              },
              ...journals.map(([name, make]) => ({ name, run: () => record(make()) })),
              { name: "stored, memory", run: () => record(memoryJournal(), true) },
              { name: "stored, directory on disk", run: () => record(directoryJournal(folder), true) },
            ]),
            { ...scale, sample: 0 },
          );
          const reference = { bytes: total, result: resultOf(results, "sealFrom, one file") };
          const processor = (name: string): number => medianOf(spent.get(name)!);
          return [
            ...results.map((result): Row => {
              const target = result.name.startsWith("journalled, directory") && { target: ratioAtLeast(0.5) };
              return throughputRow(result.name, total, result, reference, target || {});
            }),
            ...results.map(
              ({ name }): Row => ({
                what: `${name}: processor time`,
                value: processor(name),
                unit: "ms",
                ratio: processor(reference.result.name) / processor(name),
              }),
            ),
          ];
        },
        existsSync(TMPFS) ? TMPFS : undefined,
      ),
    );
  },
};

const TRACKS = ["camera", "screen", "microphone", "events"];
/** What four tracks give in a second, in bytes: 10 MB. */
const RATE = 10_000_000;
const TICK = 100;

export const load: Group = {
  title: "Four tracks at 10 MB/s, in Node",
  about:
    "A tenth of a second of each track at a time, by the clock, journalled in a directory and uploaded to a server that answers at once. The share is the processor time of the whole process, its threads and collections included, over the whole run.",

  async run(scale) {
    const seconds = scale.count(30);
    const { recipient: to } = await generateIdentity();
    const piece = samplePiece(RATE / TRACKS.length / (1000 / TICK));
    return inFolder(async (folder) => {
      const play = async (ticks: number): Promise<number> => {
        const recording = await startRecording({ to, journal: directoryJournal(folder) });
        const storing = new MemoryServer(false).store(recording);
        const start = performance.now();
        const before = process.cpuUsage();
        for (let tick = 1; tick <= ticks; tick++) {
          for (const name of TRACKS) recording.track(name).write(piece);
          await new Promise((resolve) => setTimeout(resolve, start + tick * TICK - performance.now()));
        }
        const { user, system } = process.cpuUsage(before);
        const elapsed = performance.now() - start;
        await recording.finish("done");
        await storing;
        return (100 * (user + system)) / 1000 / elapsed;
      };
      await play(Math.min(20, (seconds * 1000) / TICK));
      const share = await play((seconds * 1000) / TICK);
      // The same bytes, sealed as one file and thrown away: what a busy machine's processor makes of them.
      const before = process.cpuUsage();
      const pieces = (seconds * 1000 * TRACKS.length) / TICK;
      await expectBytes(drain(sealFrom(repeat(piece, pieces), { to })), pieces * piece.length);
      const { user, system } = process.cpuUsage(before);
      const alone = (user + system) / 10_000 / seconds;
      return [
        { what: "sealFrom, the same bytes at once", value: alone, unit: "%", ratio: 1 },
        { what: "four tracks", value: share, unit: "%", ratio: share / alone, target: valueAtMost(4) },
      ];
    });
  },
};
