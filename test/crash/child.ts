/**
 * One process of a recording that dies. The first starts the recording and writes; the next resumes it and goes on. Everything
 * it does that a later check needs is in a log, line by line.
 */
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { nodeProvider } from "../../src/crypto/node.js";
import { webCryptoProvider } from "../../src/crypto/webcrypto.js";
import { isBlindreelError } from "../../src/errors.js";
import { importRecipient } from "../../src/keywrap/import.js";
import type { Recording } from "../../src/recording/recording.js";
import { discardJournal, listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import type { RecordingTrack } from "../../src/recording/tracks.js";
import { uploadRefused } from "../../src/recording/upload.js";
import { directoryJournal } from "../../src/storage/directory.js";
import { generator } from "../helpers/bytes.js";
import { BLOCK, blocks, planCase, planRun, type Step } from "./schedule.js";
import { type Death, makeSeams, watchedCrypto, watchedStore } from "./seams.js";

export interface ChildOptions {
  readonly folder: string;
  readonly recipient: string;
  readonly seed: number;
  readonly run: number;
  readonly isLast: boolean;
  /** A recording was begun: where its journal is gone, all of it is stored. */
  readonly isBegun: boolean;
  readonly death: Death | undefined;
}

const { folder, recipient, seed, run, isLast, isBegun, death } = JSON.parse(process.argv[2]!) as ChildOptions;
const { tracks, provider } = planCase(seed);
const plan = planRun(seed, run, isLast);
const seams = makeSeams(join(folder, "log"), death, () => {
  process.kill(process.pid, "SIGKILL");
  // The signal comes between two instructions, and nothing more is to be done before it.
  for (;;);
});
const crypto = watchedCrypto(provider === "node" ? nodeProvider()! : webCryptoProvider, seams);
const store = watchedStore(directoryJournal(join(folder, "journal")), seams);
/** What a server does is no part of the schedule: uploads come in any order. */
const random = generator(seed + 15485863 * (run + 1));

/** Stores an object as a server does that has it on disk when it answers, whole or not at all. */
async function put(name: string, bytes: Uint8Array): Promise<void> {
  seams.log(`handed ${name} ${createHash("sha256").update(bytes).digest("hex")}`);
  if (plan.uploadDelay > 0) await pause(random() * plan.uploadDelay);
  if (random() < plan.refusing) {
    seams.log(`refused ${name}`);
    throw uploadRefused("a test");
  }
  if (random() < plan.failing) throw new Error("the server is not there");
  seams.around(() => {
    const file = join(folder, "server", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.part`, bytes);
    renameSync(`${file}.part`, file);
  });
  if (random() < plan.failing) throw new Error("the server's answer is lost");
  seams.log(`stored ${name}`);
}

/** Uploads that can be left. */
class Uploading {
  readonly #stop = new AbortController();
  readonly #done: Promise<"stored" | "closed" | "left">;

  constructor(recording: Recording) {
    this.#done = plan.isByHand ? this.#byHand(recording) : this.#byLoop(recording);
    this.#done.catch(() => {});
  }

  /** A loop by hand is left when it gets the next object, which then is out. */
  leave(): void {
    this.#stop.abort();
  }

  get done(): Promise<"stored" | "closed" | "left"> {
    return this.#done;
  }

  async #byLoop(recording: Recording): Promise<"stored" | "closed" | "left"> {
    const { signal } = this.#stop;
    for (;;) {
      try {
        return await recording.upload(put, {
          concurrency: plan.concurrency,
          firstDelay: 1,
          longestDelay: 4,
          signal,
        });
      } catch (error) {
        if (signal.aborted) return "left";
        // An envelope or a last manifest that was refused: the next loop tries it again.
        if (!isBlindreelError(error) || error.code !== "upload-refused") throw error;
      }
    }
  }

  async #byHand(recording: Recording): Promise<"stored" | "closed" | "left"> {
    const { signal } = this.#stop;
    for (;;) {
      try {
        for await (const object of recording.objects()) {
          // Left with an object that is out.
          if (signal.aborted) return "left";
          try {
            await put(object.name, object.bytes);
            object.acknowledge();
          } catch (error) {
            if (isBlindreelError(error)) object.refuse(error);
            else object.retry();
            await pause(1);
          }
        }
        return recording.state === "closed" ? "stored" : "closed";
      } catch (error) {
        if (!isBlindreelError(error) || error.code !== "upload-refused") throw error;
      }
    }
  }
}

interface Written {
  readonly track: RecordingTrack;
  blocks: number;
}

async function record(recording: Recording): Promise<void> {
  let uploading = new Uploading(recording);
  const written = tracks.map(
    ({ name, options }): Written => ({ track: recording.track(name, options), blocks: 0 }),
  );
  const pending: Promise<unknown>[] = [];
  const note = (what: string, of: readonly Written[], work: Promise<unknown>): Promise<void> => {
    const lines = of.map(({ track, blocks: number }) => `${what} ${track.name} ${run} ${number}`);
    return work.then(() => lines.forEach((line) => void seams.log(line)));
  };
  const act = (step: Step): Promise<unknown> => {
    switch (step.kind) {
      case "write": {
        const { name, isText } = tracks[step.track]!;
        const to = written[step.track]!;
        const text = blocks(name, run, to.blocks, to.blocks + step.blocks);
        to.blocks += step.blocks;
        return note("wrote", [to], to.track.write(isText ? text : Buffer.from(text)));
      }
      case "flush": {
        if (step.track === undefined) return note("flushed", written, recording.flush());
        const one = written[step.track]!;
        return note("flushed", [one], one.track.flush());
      }
      case "checkpoint":
        return recording.checkpoint();
      case "take":
        // One with a cadence is a single take.
        if (!tracks[step.track]!.options?.cadence)
          written[step.track]!.track.startTake({ type: "video/webm" });
        return Promise.resolve();
      case "pause":
        return pause(step.delay);
      case "reload":
        uploading.leave();
        uploading = new Uploading(recording);
        return Promise.resolve();
    }
  };
  for (const step of plan.steps) {
    const isAwaited = !("isAwaited" in step) || step.isAwaited;
    const work = act(step);
    if (isAwaited) await work;
    else {
      // Looked at when all are made: a deadline may end some of them.
      work.catch(() => {});
      pending.push(work);
    }
  }
  if (plan.timeout === undefined) await Promise.all(pending);
  if (plan.end === "close") {
    await note("flushed", written, recording.close());
    seams.log(`closed ${run}`);
    await uploading.done;
    return;
  }
  const { undrained } = await recording.finish(`run ${run}`, plan.timeout ? { timeout: plan.timeout } : {});
  await Promise.allSettled(pending);
  seams.log(`finished ${run} ${undrained.length}`);
  await uploaded(await uploading.done);
}

async function uploaded(outcome: string): Promise<void> {
  if (outcome !== "stored") throw new Error(`the upload ended as "${outcome}"`);
  const left = await listJournals(store);
  if (left.length > 0) throw new Error("all is stored, and the journal is there");
}

async function main(): Promise<void> {
  process.stdout.write("ready\n");
  const settings = { segmentEvery: plan.segmentEvery, checkpointEvery: plan.checkpointEvery, crypto };
  const journals = await listJournals(store);
  if (journals.length > 1) throw new Error("two journals");
  for (const journal of journals) {
    let recording: Recording;
    try {
      recording = await resumeRecording(journal, settings);
    } catch (error) {
      // It died before `startRecording` was done: nobody has heard of that recording.
      if (!isBlindreelError(error) || error.code !== "journal-lost") throw error;
      seams.log(`lost ${journal.recordingId}`);
      await discardJournal(journal);
      continue;
    }
    seams.log(`resumed ${recording.recordingId} ${recording.state}`);
    if (recording.state === "recording") return record(recording);
    return uploaded(await new Uploading(recording).done);
  }
  if (isBegun) return;
  const to = await importRecipient(recipient);
  const recording = await startRecording({ ...settings, to, journal: store, label: `case ${seed}` });
  seams.log(`started ${recording.recordingId}`);
  await record(recording);
}

if (BLOCK !== 16) throw new Error("blocks are 16 bytes");
await main();
seams.log(`ended ${run}`);
process.stdout.write(`calls ${seams.calls}\n`);
seams.close();
