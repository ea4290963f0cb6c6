/** The recording side, in a page: camera and canvas through MediaRecorder, and a chat. */
import { importRecipient } from "../../src/keywrap/import.js";
import type { RecordingEvent } from "../../src/recording/events.js";
import type { MediaRecorderLike, RecordOptions } from "../../src/recording/media-recorder.js";
import type { Recording } from "../../src/recording/recording.js";
import { listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import { indexedDbJournal } from "../../src/storage/indexeddb.js";

let recording: Recording | undefined;
let uploading: Promise<unknown> | undefined;
const events: RecordingEvent[] = [];
/** What `record()` of each track settled with: a code, or "done". */
const outcomes: Record<string, string> = {};
const recorders: Record<string, MediaRecorder> = {};

async function put(path: string, body: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(path, { method: "PUT", body });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
}

/**
 * A media recorder of which everything is with the test before the recording gets it, in its order: so whatever the recording has
 * of a page that crashes, the test has too. A copy that was sent beside it could be behind (fault M6).
 */
class ToldRecorder implements MediaRecorderLike {
  readonly #recorder: MediaRecorder;
  readonly #name: string;
  readonly #wrapped = new Map<unknown, (event: Event) => void>();
  #before: Promise<unknown> = Promise.resolve();
  #number = 0;

  /** @param name "track/run". */
  constructor(recorder: MediaRecorder, name: string) {
    this.#recorder = recorder;
    this.#name = name;
  }

  get state(): RecordingState {
    return this.#recorder.state;
  }

  get mimeType(): string {
    return this.#recorder.mimeType;
  }

  stop = (): void => this.#recorder.stop();
  pause = (): void => this.#recorder.pause();
  resume = (): void => this.#recorder.resume();
  requestData = (): void => this.#recorder.requestData();

  addEventListener(type: string, listener: (event: unknown) => void): void {
    const wrapped = (event: Event): void => {
      const { data } = event as BlobEvent;
      const path = `/given/${this.#name}/${this.#number}`;
      if (type === "dataavailable") this.#number++;
      this.#before = this.#before
        .then(() => (type === "dataavailable" ? put(path, data) : undefined))
        .then(() => listener(event));
    };
    this.#wrapped.set(listener, wrapped);
    this.#recorder.addEventListener(type, wrapped);
  }

  removeEventListener(type: string, listener: (event: unknown) => void): void {
    const wrapped = this.#wrapped.get(listener);
    if (wrapped) this.#recorder.removeEventListener(type, wrapped);
  }
}

async function cameraStream(): Promise<MediaStream> {
  return navigator.mediaDevices.getUserMedia({ video: true, audio: true });
}

function canvasStream(): MediaStream {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  setInterval(() => {
    context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
    context.fillRect(Math.random() * 300, Math.random() * 150, 40, 40);
  }, 20);
  return canvas.captureStream(25);
}

/** Records what a media recorder gives, told to the test as "track/run". */
function record(track: string, run: number, mediaRecorder: MediaRecorder, options?: RecordOptions): void {
  recorders[track] = mediaRecorder;
  const told = new ToldRecorder(mediaRecorder, `${track}/${run}`);
  recording!
    .track(track)
    .record(told, options)
    .then(
      () => {
        outcomes[track] = "done";
      },
      (error) => {
        outcomes[track] = error.code;
      },
    );
  mediaRecorder.start(100);
}

async function recordAll(run: number): Promise<void> {
  const bitsPerSecond = 2_000_000;
  const camera = new MediaRecorder(await cameraStream(), {
    mimeType: "video/webm;codecs=vp8,opus",
    bitsPerSecond,
  });
  record("camera", run, camera);
  record("screen", run, new MediaRecorder(canvasStream(), { mimeType: "video/webm;codecs=vp8" }));
  await recording!.track("chat").write(`run ${run}: hello\n`);
}

const SETTINGS = {
  checkpointEvery: 300,
  segmentEvery: 700,
  onEvent: (event: RecordingEvent): void => void events.push(event),
};

function upload(): void {
  uploading = recording!.upload((name, bytes) => put(`/objects/${name}`, bytes), { firstDelay: 20 });
  uploading.catch(() => {});
}

const tools = {
  async start(
    recipient: object,
    isBare = false,
  ): Promise<{ coreHash: string; isResumable: boolean; recordingId: string }> {
    recording = await startRecording({
      ...SETTINGS,
      to: await importRecipient(recipient as never),
      metadata: { exam: "algebra-2" },
      journal: indexedDbJournal(),
      label: "algebra-2, room 7",
    });
    upload();
    if (!isBare) await recordAll(0);
    const { coreHash, isResumable, recordingId } = recording;
    return { coreHash, isResumable, recordingId };
  },

  flush: () => recording!.flush(),

  async resume(run: number): Promise<{ journals: readonly string[]; canSign: boolean }> {
    const journals = await listJournals(indexedDbJournal());
    recording = await resumeRecording(journals[0]!, SETTINGS);
    upload();
    await recordAll(run);
    return { journals: journals.map(({ label }) => label), canSign: recording.canSign };
  },

  async finish(): Promise<{ undrained: readonly string[]; outcome: unknown; left: number; rows: number }> {
    const { undrained } = await recording!.finish("submitted", { timeout: 60_000 });
    const outcome = await uploading;
    const left = (await listJournals(indexedDbJournal())).length;
    return { undrained, outcome, left, rows: await storedRows() };
  },

  /** A track is added to the stream while it is recorded; Chromium's recorder then fails, and gives what it has. */
  async addTrack(): Promise<void> {
    const stream = canvasStream();
    record("screen", 0, new MediaRecorder(stream, { mimeType: "video/webm;codecs=vp8" }));
    await seconds(1);
    const failed = new Promise((resolve) => recorders.screen!.addEventListener("error", resolve));
    stream.addTrack((await cameraStream()).getAudioTracks()[0]!);
    await failed;
    while (!outcomes.screen) await seconds(0.05);
  },

  /** A recorder that nobody told a type. @returns what it says before it starts. */
  async noType(): Promise<string> {
    const recorder = new MediaRecorder(canvasStream());
    const before = recorder.mimeType;
    record("screen", 0, recorder);
    await seconds(1);
    return before;
  },

  /** A camera that gives nothing. */
  async silence(): Promise<void> {
    const canvas = document.createElement("canvas");
    // Of a canvas that nobody draws to there is no picture.
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
    record("camera", 0, recorder, { silentAfter: 300 });
    while (!events.some(({ type }) => type === "silent")) await seconds(0.05);
    // It has nothing to give, and is not waited for.
    await recording!.flush();
  },

  seen: () => ({ events, outcomes, type: recorders.screen?.mimeType }),

  /** Whether it is media that plays: its length and its size. */
  async plays(content: string): Promise<{ width: number; time: number }> {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    const video = document.createElement("video");
    video.muted = true;
    video.src = URL.createObjectURL(new Blob([bytes], { type: "video/webm" }));
    await video.play();
    while (video.currentTime === 0 && !video.ended) await seconds(0.02);
    return { width: video.videoWidth, time: video.currentTime };
  },
};
export type RecorderTools = typeof tools;

function seconds(number: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * number));
}

/** Everything that is left in the journals' database. */
async function storedRows(): Promise<number> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open("blindreel-journals");
    request.onsuccess = () => resolve(request.result);
  });
  let rows = 0;
  for (const name of database.objectStoreNames) {
    const request = database.transaction(name).objectStore(name).count();
    rows += await new Promise<number>((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
  }
  database.close();
  return rows;
}

Object.assign(globalThis, { tools });
