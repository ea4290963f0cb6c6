/** The recording side, in a page: camera and canvas through MediaRecorder, and a chat. */
import { importRecipient } from "../../src/keywrap/import.js";
import type { RecordingPart } from "../../src/recording/outbox.js";
import type { Recording } from "../../src/recording/recording.js";
import { listJournals, resumeRecording } from "../../src/recording/resume.js";
import { startRecording } from "../../src/recording/start.js";
import type { StoredObject } from "../../src/recording/stored-object.js";
import { indexedDbJournal } from "../../src/storage/indexeddb.js";

let recording: Recording | undefined;
const stops: (() => void)[] = [];

async function send(path: string, body: Blob | Uint8Array<ArrayBuffer> | string): Promise<void> {
  const response = await fetch(path, { method: "PUT", body });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
}

const put = ({ objectName, bytes }: StoredObject): Promise<void> => send(`/objects/${objectName}`, bytes);
const putPart = ({ objectName, offset, bytes }: RecordingPart): Promise<void> =>
  send(`/objects/${objectName}?offset=${offset}`, bytes);

/** What the recorder gives also goes to the test, unsealed: it is what the takes are compared with. */
function tell(mediaRecorder: MediaRecorder, track: string, take: number): void {
  let sending = Promise.resolve();
  mediaRecorder.addEventListener("dataavailable", ({ data }) => {
    sending = sending.then(() => send(`/given/${track}/${take}`, data));
  });
  stops.push(() => void sending);
}

async function mediaRecorders(take: number): Promise<{ camera: MediaRecorder; screen: MediaRecorder }> {
  const devices = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  setInterval(() => {
    context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
    context.fillRect(Math.random() * 300, Math.random() * 150, 40, 40);
  }, 20);
  const bitsPerSecond = 2_000_000;
  const camera = new MediaRecorder(devices, { mimeType: "video/webm;codecs=vp8,opus", bitsPerSecond });
  const screen = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
  tell(camera, "camera", take);
  tell(screen, "screen", take);
  return { camera, screen };
}

async function record(take: number): Promise<void> {
  const { camera, screen } = await mediaRecorders(take);
  recording!.track("camera").record(camera);
  camera.start(100);
  screen.start(100);
  recording!.track("screen").record(screen);
  await recording!.track("chat").write(`take ${take}: hello\n`);
  upload();
}

let uploading: Promise<void> | undefined;

function upload(): void {
  uploading = (async () => {
    for await (const part of recording!.parts({ minSize: 32 * 1024 })) {
      await putPart(part);
      part.acknowledge();
    }
  })();
}

const tools = {
  async start(recipient: object): Promise<{ coreHash: string; isResumable: boolean }> {
    recording = await startRecording({
      to: await importRecipient(recipient as never),
      metadata: { exam: "algebra-2" },
      journal: indexedDbJournal(),
      checkpointEvery: 500,
      onCheckpoint: (manifest) => void put(manifest).catch(() => {}),
    });
    await put(recording.envelope);
    await record(0);
    const { coreHash, isResumable } = recording;
    return { coreHash, isResumable };
  },
  flush: () => recording!.flush(),
  async resume(): Promise<{ journals: number; canSign: boolean }> {
    const journals = await listJournals(indexedDbJournal());
    recording = await resumeRecording(journals[0]!);
    await put(recording.envelope);
    await record(1);
    return { journals: journals.length, canSign: recording.canSign };
  },
  async finish(): Promise<{ undrained: readonly string[]; left: number; keys: number }> {
    const { manifest, undrained, acknowledge } = await recording!.finish("submitted");
    await put(manifest!);
    acknowledge();
    await uploading;
    for (let i = 0; i < 100 && (await listJournals(indexedDbJournal())).length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { undrained, left: (await listJournals(indexedDbJournal())).length, keys: await storedRows() };
  },
};
export type RecorderTools = typeof tools;

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
