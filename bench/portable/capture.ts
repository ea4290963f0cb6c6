/** A page that records its camera, its microphone and a screen, sealed into a journal in IndexedDB. */
import { generateIdentity } from "blindreel";
import { type Capture, type CaptureEncoder, capture } from "blindreel/capture";
import { startRecording } from "blindreel/recording";
import { openRecording } from "blindreel/review";
import { bytesSource } from "blindreel/source";
import { indexedDbJournal } from "blindreel/storage";

/** Frames a second, of both. */
const RATE = 15;
const [WIDTH, HEIGHT] = [1280, 720];

export interface Captured {
  readonly state: string;
  /** Given, and not encoded. */
  readonly frames: Readonly<Record<"camera" | "screen", Capture["frames"]>>;
  /** Of sealed segments. */
  readonly bytes: number;
}

const seconds = (number: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 1000 * number));

/** Text that scrolls: a canvas in memory, so that no graphics card is waited for. */
function screen(): { readonly stream: MediaStream; end(): void } {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.font = "16px monospace";
  let line = 0;
  const paint = (): void => {
    context.drawImage(canvas, 0, -1);
    context.fillStyle = "white";
    context.fillRect(0, HEIGHT - 1, WIDTH, 1);
    if (++line % 20 > 0) return;
    context.fillRect(0, HEIGHT - 20, WIDTH, 20);
    context.fillStyle = "black";
    context.fillText(`${line}: what is asked, and what is answered ${Math.random()}`, 8, HEIGHT - 5);
  };
  context.fillStyle = "white";
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const timer = setInterval(paint, 1000 / RATE);
  return { stream: canvas.captureStream(RATE), end: () => clearInterval(timer) };
}

const camera = (): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({
    video: { width: WIDTH, height: HEIGHT, frameRate: RATE },
    audio: true,
  });

export const captureCalls = {
  /** For `length` seconds; nothing is captured without an encoder. @throws Error where a track has no picture. */
  async run({
    encoder,
    length,
  }: {
    readonly encoder: CaptureEncoder | undefined;
    readonly length: number;
  }): Promise<Captured | undefined> {
    const [own, shown] = [await camera(), screen()];
    const stop = (): void => {
      shown.end();
      for (const track of [own, shown.stream].flatMap((stream) => stream.getTracks())) track.stop();
    };
    if (!encoder) {
      await seconds(length);
      stop();
      return undefined;
    }
    const identity = await generateIdentity();
    const recording = await startRecording({
      to: identity.recipient,
      journal: indexedDbJournal(),
    });
    const objects = new Map<string, Uint8Array>();
    let bytes = 0;
    const uploading = recording.upload((name, object, { kind }) => {
      objects.set(name, object.slice());
      if (kind === "segment") bytes += object.length;
    });
    const captures = {
      camera: capture(own, recording.track("camera"), { encoder }),
      screen: capture(shown.stream, recording.track("screen"), { encoder }),
    };
    await seconds(length);
    await recording.finish("submitted", { timeout: 30_000 });
    await uploading;
    stop();
    const review = await openRecording(objects.get(`${recording.recordingId}/envelope`)!, {
      identities: identity,
      objects: (name) => (objects.has(name) ? bytesSource(objects.get(name)!) : null),
      list: (prefix) => [...objects.keys()].filter((name) => name.startsWith(prefix)),
    });
    const { state } = await review.verify();
    for (const name of ["camera", "screen"] as const)
      if (review.track(name).takes.length === 0 || captures[name].frames.out === 0)
        throw new Error(`the ${name} has no picture`);
    await review.close();
    return { state, frames: { camera: captures.camera.frames, screen: captures.screen.frames }, bytes };
  },
};
Object.assign(globalThis, { captureCalls });
