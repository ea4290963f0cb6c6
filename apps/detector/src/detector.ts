/** What is looked at; whoever gets one closes it. */
export type Frame = ImageBitmap | VideoFrame;

/** Counts the faces in one picture at a time. It knows nobody: it compares no face with another. */
export interface Detector {
  /** What looks, with its version and settings, for those who read the flags. */
  readonly name: string;
  /**
   * Takes the frame over and closes it.
   *
   * @throws DetectorError
   */
  inspect(frame: Frame): Promise<{ readonly faces: number }>;
  close(): void;
}

export class DetectorError extends Error {
  override readonly name = "DetectorError";
  readonly code: "detector-closed" | "detector-failed";

  constructor(code: DetectorError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where the worker calculates: on the graphics processor, or where a page gets none, on one core. */
export type Backend = "webgl" | "cpu";

export interface FaceDetectorOptions {
  /**
   * Makes a worker of `blindreel-detector/worker.js`. A function, since under Trusted Types a worker's address has to
   * come from a policy of the page's own.
   */
  readonly createWorker: () => Worker;
  /** The first that there is; unless given, `webgl`, then `cpu`. */
  readonly backends?: readonly Backend[];
}

export interface WorkerOrder {
  readonly id: number;
  readonly backends: readonly Backend[];
  readonly frame: Frame;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly faces?: number;
  readonly problem?: string;
}

interface Waiting {
  resolve(found: { faces: number }): void;
  reject(error: DetectorError): void;
}

/**
 * face-api's Tiny Face Detector, in a worker: no page is held up by it. The worker holds its model, asks the network
 * for nothing, and needs neither `eval` nor WebAssembly.
 */
export function faceDetector({ createWorker, backends = ["webgl", "cpu"] }: FaceDetectorOptions): Detector {
  const waiting = new Map<number, Waiting>();
  let ids = 0;
  let over: DetectorError | undefined;
  const worker = createWorker();
  const end = (error: DetectorError): void => {
    if (over) return;
    over = error;
    worker.terminate();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({ data: { id, faces, problem } }: MessageEvent<WorkerAnswer>) => {
    if (faces === undefined) end(new DetectorError("detector-failed", `The detector failed: ${problem}`));
    waiting.get(id)?.resolve({ faces: faces! });
    waiting.delete(id);
  };
  worker.onerror = ({ message }) =>
    end(new DetectorError("detector-failed", `The detector's worker failed: ${message}`));
  return {
    name: "face-api 1.7.15, Tiny Face Detector, 320 and 416 px, score 0.5",
    inspect(frame) {
      return new Promise((resolve, reject) => {
        if (over) {
          frame.close();
          reject(over);
          return;
        }
        const order: WorkerOrder = { id: ids++, backends, frame };
        waiting.set(order.id, { resolve, reject });
        worker.postMessage(order, [frame]);
      });
    },
    close: () => end(new DetectorError("detector-closed", "The detector is closed")),
  };
}
