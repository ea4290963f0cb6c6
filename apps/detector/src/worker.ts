/// <reference lib="webworker" />
import { env, nets, TinyFaceDetectorOptions, tf } from "@vladmandic/face-api";
import weights from "@vladmandic/face-api/model/tiny_face_detector_model.bin";
import manifest from "@vladmandic/face-api/model/tiny_face_detector_model-weights_manifest.json";
import type { Backend, Frame, WorkerAnswer, WorkerOrder } from "./detector.js";

/**
 * Pixels of the network's picture. The first misses a face of less than about an eighth of the frame's width, the
 * second some that fill much of it: where the first finds none, the second has to agree.
 */
const SIZES = [320, 416] as const;
/** Below it, what looks like a face is no face. */
const SCORE = 0.5;

/** What face-api's declarations leave out. */
const engine = tf as unknown as { setBackend(backend: Backend): Promise<boolean>; ready(): Promise<void> };
let ready: Promise<void> | undefined;

async function load(backends: readonly Backend[]): Promise<void> {
  const none = (): never => {
    throw new Error("not in a worker");
  };
  // face-api knows pages and Node, and asks for none of this where it is given tensors.
  env.setEnv({
    Canvas: OffscreenCanvas as never,
    CanvasRenderingContext2D: OffscreenCanvasRenderingContext2D as never,
    Image: class {} as never,
    ImageData,
    Video: class {} as never,
    createCanvasElement: none,
    createImageElement: none,
    createVideoElement: none,
    fetch: none,
    readFile: none,
  });
  if (!(await firstOf(backends))) throw new Error(`none of ${backends.join(", ")} is available`);
  await engine.ready();
  const specs = manifest[0]!.weights as never;
  nets.tinyFaceDetector.loadFromWeightMap(tf.io.decodeWeights(weights.slice().buffer, specs));
}

async function firstOf(backends: readonly Backend[]): Promise<boolean> {
  for (const backend of backends) if (await engine.setBackend(backend).catch(() => false)) return true;
  return false;
}

async function countFaces(frame: Frame): Promise<number> {
  for (const size of SIZES) {
    const pixels = pixelsOf(frame, size);
    try {
      const options = new TinyFaceDetectorOptions({ inputSize: size, scoreThreshold: SCORE });
      const { length } = await nets.tinyFaceDetector.locateFaces(pixels, options);
      if (length > 0) return length;
    } finally {
      pixels.dispose();
    }
  }
  return 0;
}

/** Of the frame, made smaller where it is larger. */
function pixelsOf(frame: Frame, size: number): tf.Tensor3D {
  const wide = "displayWidth" in frame ? frame.displayWidth : frame.width;
  const high = "displayHeight" in frame ? frame.displayHeight : frame.height;
  const scale = Math.min(1, size / Math.max(wide, high));
  const canvas = new OffscreenCanvas(Math.ceil(wide * scale), Math.ceil(high * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(frame, 0, 0, canvas.width, canvas.height);
  return tf.browser.fromPixels(context.getImageData(0, 0, canvas.width, canvas.height));
}

self.onmessage = async ({ data: { id, backends, frame } }: MessageEvent<WorkerOrder>): Promise<void> => {
  const answer = (rest: Omit<WorkerAnswer, "id">): void => self.postMessage({ id, ...rest });
  try {
    ready ??= load(backends);
    await ready;
    answer({ faces: await countFaces(frame) });
  } catch (error) {
    answer({ problem: String(error) });
  } finally {
    frame.close();
  }
};
