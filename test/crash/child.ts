/**
 * One process of a recording that dies. The first starts the recording and writes; the next resumes it and ends it.
 * Everything it does that a later check needs is in a log, line by line.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeProvider } from "../../src/crypto/node.js";
import { isBlindreelError } from "../../src/errors.js";
import { importRecipient } from "../../src/keywrap/import.js";
import type { Recording } from "../../src/recording/recording.js";
import { discardJournal, listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { directoryJournal } from "../../src/storage/directory.js";
import { type Death, makeSeams, watchedCrypto, watchedStore } from "./seams.js";

export interface ChildOptions {
  readonly folder: string;
  readonly recipient: string;
  readonly run: number;
  readonly death: Death | undefined;
}

const { folder, recipient, run, death } = JSON.parse(process.argv[2]!) as ChildOptions;
const seams = makeSeams(join(folder, "log"), death, () => process.kill(process.pid, "SIGKILL"));
const crypto = watchedCrypto(nodeProvider()!, seams);
const store = watchedStore(directoryJournal(join(folder, "journal")), seams);

/** What the run writes to a track: `length` bytes that no other run or track has. */
function content(track: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + run * 101 + track.length) % 251;
  return bytes;
}

/** Stores a part of an object in a file, as a server does that has it on disk when it answers. */
function put(objectName: string, offset: number, bytes: Uint8Array): void {
  const file = join(folder, "server", objectName);
  mkdirSync(dirname(file), { recursive: true });
  const handle = openSync(file, existsSync(file) ? "r+" : "w");
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

async function upload(recording: Recording): Promise<void> {
  seams.around("upload envelope", () => put(recording.envelope.objectName, 0, recording.envelope.bytes));
  for await (const { objectName, offset, bytes, acknowledge } of recording.parts({ minSize: 20_000 })) {
    seams.around("upload part", () => put(objectName, offset, bytes));
    const digest = createHash("sha256").update(bytes).digest("hex");
    seams.log(`acknowledged ${objectName} ${offset} ${bytes.length} ${digest}`);
    acknowledge();
  }
}

async function record(recording: Recording): Promise<void> {
  const uploading = upload(recording);
  const camera = recording.track("camera");
  const chat = recording.track("chat");
  const media = content("camera", 90_000);
  await camera.write(media.slice(0, 40_000));
  await chat.write(content("chat", 100));
  await recording.flush();
  seams.log(`flushed ${run}`);
  await Promise.all([camera.write(media.slice(40_000, 70_000)), chat.write(content("chat", 50))]);
  const checkpoint = await recording.checkpoint();
  seams.around("upload checkpoint", () => put(checkpoint.objectName, 0, checkpoint.bytes));
  await camera.write(media.slice(70_000));
  await finish(recording, uploading);
}

async function finish(recording: Recording, uploading: Promise<void>): Promise<void> {
  const finished = recording.finished ?? (await recording.finish(`run ${run}`));
  const { objectName, bytes } = finished.manifest!;
  seams.around("upload manifest", () => put(objectName, 0, bytes));
  seams.log(`finished ${objectName}`);
  finished.acknowledge();
  await uploading;
}

async function main(): Promise<void> {
  if (run === 0) {
    const to = await importRecipient(recipient);
    const recording = await startRecording({ to, journal: store, crypto });
    seams.log(`started ${recording.recordingId}`);
    await record(recording);
  } else {
    for (const journal of await listJournals(store)) {
      let recording: Recording;
      try {
        recording = await resumeRecording(journal, { crypto });
      } catch (error) {
        // It died before `startRecording` was done: nobody has heard of that recording.
        if (!isBlindreelError(error) || error.code !== "journal-lost") throw error;
        seams.log(`lost ${journal.recordingId}`);
        await discardJournal(journal);
        continue;
      }
      seams.log(`resumed ${recording.recordingId}`);
      if (recording.finished) await finish(recording, upload(recording));
      else await record(recording);
    }
  }
  // The journal goes when everything is acknowledged; its folder is empty then.
  for (let i = 0; i < 200 && (await listJournals(store)).length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  seams.log(`ended ${run}`);
  process.stdout.write(`${seams.calls}\n`);
  seams.close();
}

await main();
