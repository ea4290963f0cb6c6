import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { generateIdentity, sealFrom } from "blindreel";
import { type Recording, resumeRecording, startRecording } from "blindreel/recording";
import { directoryJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { throughputRow, valueAtMost } from "../lib/row.js";
import { drain, expectBytes, repeat, samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
const TRACKS = ["camera", "screen", "microphone", "events"];
/** What four tracks give in a second, in bytes: 10 MB. */
const RATE = 10_000_000;

/** Acknowledges all parts as a server would that is never behind. @returns bytes of ciphertext. */
async function upload(recording: Recording): Promise<number> {
  let bytes = 0;
  for await (const part of recording.parts({ minSize: MIB })) {
    bytes += part.bytes.length;
    part.acknowledge();
  }
  return bytes;
}

export const group: Group = {
  title: "Recording four tracks, in Node",
  about:
    "Pieces of 256 KiB, a tenth of a second each, to four tracks in turn, sealed, hashed, journalled in memory and handed out in parts of 1 MiB, to the closing manifest. The share of a core is what 10 MB/s take at that throughput.",

  async run(scale) {
    const { recipient: to } = await generateIdentity();
    const total = scale.bytes(256 * MIB);
    const piece = samplePiece(256 * 1024);
    const pieces = total / piece.length;
    const record = async (): Promise<void> => {
      const recording = await startRecording({ to });
      const uploading = upload(recording);
      for (let i = 0; i < pieces; i++) await recording.track(TRACKS[i % TRACKS.length]!).write(piece);
      const finished = await recording.finish("done");
      const uploaded = await uploading;
      finished.acknowledge();
      if (uploaded < total) throw new Error(`${uploaded} bytes were uploaded of ${total}`);
    };
    const results = await measure(
      [
        {
          name: "sealFrom, one file",
          run: () => expectSealed(drain(sealFrom(repeat(piece, pieces), { to })), total),
        },
        { name: "a recording", run: record },
      ],
      scale,
    );
    const recorded = resultOf(results, "a recording");
    const reference = { bytes: total, result: resultOf(results, "sealFrom, one file") };
    const share = (100 * RATE) / ((total / recorded.median) * 1000);
    return [
      ...results.map((result) => throughputRow(result.name, total, result, reference)),
      { what: "share of one core at 10 MB/s", value: share, unit: "%", target: valueAtMost(5) },
    ];
  },
};

async function expectSealed(bytes: Promise<number>, content: number): Promise<void> {
  if ((await bytes) <= content) throw new Error("less came out than went in");
}

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL("../lib/recording-memory-child.ts", import.meta.url));

export const memory: Group = {
  title: "Memory while recording",
  about:
    "Four tracks, uploaded beside it, each length in a process of its own. Above idle is the peak of heap and array buffers, garbage included.",

  async run(scale) {
    const [small, large] = [scale.count(1024), scale.count(8192)];
    const rows = [];
    for (const [what, mebibytes] of [
      ["1 GiB", small],
      ["8 GiB", large],
    ] as const) {
      const { stdout } = await run(process.execPath, [
        "--expose-gc",
        "--import",
        "tsx",
        CHILD,
        String(mebibytes),
      ]);
      const { idle, peak, rss } = JSON.parse(stdout) as { idle: number; peak: number; rss: number };
      rows.push({ what, above: peak - idle, rss });
    }
    return [
      ...rows.map(({ what, above }) => ({ what: `above idle, ${what}`, value: above, unit: "MiB" as const })),
      {
        what: "peak RSS, 8 GiB above that of 1 GiB",
        value: rows[1]!.rss - rows[0]!.rss,
        unit: "MiB",
        target: valueAtMost(10),
      },
    ];
  },
};

export const resume: Group = {
  title: "Resuming a recording",
  about:
    "A journal in a directory with that much ciphertext which nobody has acknowledged. What is read is its index.",

  async run(scale) {
    const folder = await mkdtemp(join(tmpdir(), "blindreel-bench-"));
    try {
      const { recipient: to } = await generateIdentity();
      const total = scale.bytes(1024 * MIB);
      const store = directoryJournal(folder);
      const recording = await startRecording({ to, journal: store });
      const piece = samplePiece(MIB);
      for (let written = 0; written < total; written += MIB) await recording.track("camera").write(piece);
      await recording.close();
      const { recordingId } = recording;
      const names = await readdir(join(folder, recordingId));
      let [index, ciphertext] = [0, 0];
      for (const name of names) {
        const { size } = await stat(join(folder, recordingId, name));
        if (name.startsWith("blob-")) ciphertext += size;
        else index += size;
      }
      await expectBytes(Promise.resolve(Math.min(ciphertext, total)), total);
      const [timed] = await measure(
        [
          {
            name: "resume",
            run: async () => (await resumeRecording({ store, recordingId })).close(),
          },
        ],
        { ...scale, sample: 0 },
      );
      return [
        { what: "index, which is read", value: index, unit: "bytes", target: valueAtMost(64 * 1024) },
        { what: "ciphertext, which is not", value: ciphertext / MIB, unit: "MiB" },
        { what: "resumed and closed in", value: timed!.median, unit: "ms", times: timed!.times },
      ];
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};
