import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExportableIdentity, Recipients } from "blindreel";
import { type Recording, startRecording, uploadRefused } from "blindreel/recording";

/** A recorded exam in a folder, with times that are the same in every run. */

export const MEDIA = fileURLToPath(new URL("../../../demo/recording.webm", import.meta.url));
const BEGAN = new Date("2026-05-04T09:00:00Z");
/** Of what the recorder names in sealed metadata, and what is said in the exam: none of it may be readable outside. */
export const METADATA = { exam: "Organic Chemistry II" } as const;
export const CHAT = [
  [1, "Is question 3 about esters?"],
  [4, "Yes, about all of them."],
  [15, "I was away: the network broke."],
] as const;
const FLAGS = [
  [3, "gaze", "Looked away from the screen for 2 s"],
  [11, "network", "No connection for 6 s"],
  [16, "tab", "Another tab was in front"],
] as const;

export interface Exam {
  /** Where the objects are, by their names. */
  readonly folder: string;
  readonly recordingId: string;
  readonly coreHash: string;
  /** As the test taker keeps it, without a witness. */
  readonly receipt: Uint8Array;
}

/** The moving picture in whole clusters: the part of initialisation, then what begins with a key frame at so many milliseconds. */
async function clusters(): Promise<{ readonly time: number; readonly bytes: Uint8Array<ArrayBuffer> }[]> {
  const file = new Uint8Array(await readFile(MEDIA));
  // By `grep -abo` of the cluster's id; all of them begin with a key frame.
  const starts = [589, 192_294, 389_699, 402_857, 591_494, 605_980, 617_097];
  const times = [7, 2007, 4007, 4090, 6090, 6174, 6257];
  const units = starts.map((start, i) => ({ time: times[i]!, bytes: file.slice(start, starts[i + 1]) }));
  return [{ time: 0, bytes: file.slice(0, starts[0]!) }, ...units];
}

/**
 * Camera and screen for 8 s, the camera again from 12 s to 20 s, chat, answers and flags.
 *
 * @param change what else is done before it ends; `at` sets the clock on, in seconds since the beginning.
 */
export async function recordExam(
  folder: string,
  to: ExportableIdentity | Recipients,
  {
    policy = {},
    began = BEGAN,
    refused,
    change,
  }: {
    readonly policy?: Readonly<Record<string, unknown>>;
    readonly began?: Date;
    /** How the name of an object ends that the server never takes. */
    readonly refused?: string;
    readonly change?: (recording: Recording, at: (seconds: number) => void) => Promise<void>;
  } = {},
): Promise<Exam> {
  const real = performance.now;
  const origin = real.call(performance);
  const at = (seconds: number): void => {
    performance.now = () => origin + seconds * 1000;
  };
  at(0);
  try {
    const recipients = "recipient" in to ? to.recipient : to;
    const recording = await startRecording({ to: recipients, metadata: METADATA, policy, now: () => began });
    const uploading = recording.upload(async (name, bytes) => {
      if (refused && name.endsWith(refused)) throw uploadRefused("too large");
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    });
    await writeExam(recording, at, began);
    await change?.(recording, at);
    await recording.finish("submitted");
    await uploading;
    const { recordingId, coreHash } = recording;
    return { folder, recordingId, coreHash, receipt: await recording.receipt() };
  } finally {
    performance.now = real;
  }
}

async function writeExam(recording: Recording, at: (seconds: number) => void, began: Date): Promise<void> {
  const units = await clusters();
  const camera = recording.track("camera");
  const screen = recording.track("screen");
  const takes = [
    [camera, 0],
    [screen, 0],
    [camera, 12],
  ] as const;
  const events = [
    ...takes.map(([track, start]) => ({
      time: start,
      run: async () => {
        track.startTake({ type: 'video/webm;codecs="vp8,opus"' });
      },
    })),
    ...takes.flatMap(([track, start]) =>
      units.map(({ time, bytes }, i) => ({
        time: start + time / 1000,
        run: () => track.write(bytes, { startsSegment: i > 0 }),
      })),
    ),
    ...CHAT.map(([time, text]) => line("chat", time, { type: "message", text })),
    ...FLAGS.map(([time, type, text]) => line("flags", time, { type, text, flag: true })),
    line("answers", 6, { type: "answer", question: 3, text: "C4H8O2" }),
  ];
  for (const { time, run } of events.sort((one, other) => one.time - other.time)) {
    at(time);
    await run();
  }
  at(20);

  function line(track: string, time: number, value: object) {
    const stamp = new Date(began.getTime() + time * 1000).toISOString();
    // Both names are read.
    const text = `${JSON.stringify({ [track === "chat" ? "time" : "at"]: stamp, ...value })}\n`;
    return { time, run: () => recording.track(track).write(text) };
  }
}
