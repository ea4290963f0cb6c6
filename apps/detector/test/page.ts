import { type Backend, type Detector, faceDetector, type WatchLine, watchCamera } from "../src/index.js";

/** A part of a picture, as shares of its width and height. */
export type Part = readonly [left: number, top: number, right: number, bottom: number];
/** A picture of the extension, or a part of one. */
export type Shown = string | { readonly picture: string; readonly part: Part };

declare const trustedTypes: {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
};

const policy = trustedTypes.createPolicy("blindreel-detector", { createScriptURL: (url) => url });
const violations: string[] = [];
const worker = new BroadcastChannel("violations");
worker.onmessage = ({ data }) => violations.push(data as string);
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  violations.push(`${violatedDirective} ${blockedURI}`),
);

let detector: Detector;
const open = (backends: readonly Backend[], script = "worker.js"): Detector =>
  faceDetector({ createWorker: () => new Worker(policy.createScriptURL(script)), backends });

async function bitmapOf(shown: Shown): Promise<ImageBitmap> {
  const {
    picture,
    part: [left, top, right, bottom],
  } = typeof shown === "string" ? { picture: shown, part: [0, 0, 1, 1] } : shown;
  const image = await createImageBitmap(await (await fetch(`pictures/${picture}`)).blob());
  const [wide, high] = [image.width, image.height];
  return createImageBitmap(
    image,
    left! * wide,
    top! * high,
    (right! - left!) * wide,
    (bottom! - top!) * high,
  );
}

/** As a camera sees it: all of what is shown, side by side, in 640 × 480. */
async function paint(canvas: HTMLCanvasElement | OffscreenCanvas, shown: readonly Shown[]): Promise<void> {
  const bitmaps = await Promise.all(shown.map(bitmapOf));
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.fillRect(0, 0, 640, 480);
  const wide = bitmaps.reduce((sum, { width, height }) => sum + width / height, 0) * 480;
  const scale = Math.min(1, 640 / wide);
  let x = (640 - wide * scale) / 2;
  for (const bitmap of bitmaps) {
    const width = (bitmap.width / bitmap.height) * 480 * scale;
    context.drawImage(bitmap, x, (480 - 480 * scale) / 2, width, 480 * scale);
    x += width;
  }
}

const tools = {
  open: (backends: readonly Backend[]) => {
    detector = open(backends);
  },
  close: () => detector.close(),
  violations: () => violations,

  async count(shown: readonly Shown[]): Promise<number> {
    const canvas = new OffscreenCanvas(640, 480);
    await paint(canvas, shown);
    return (await detector.inspect(canvas.transferToImageBitmap())).faces;
  },

  /** Faces in frames of a film, a second apart. */
  async countInFilm(film: string, frames: number): Promise<number[]> {
    const video = document.createElement("video");
    video.src = film;
    const counts: number[] = [];
    for (let i = 0; i < frames; i++) {
      video.currentTime = i + 0.5;
      await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
      counts.push((await detector.inspect(new VideoFrame(video, { timestamp: 0 }))).faces);
    }
    return counts;
  },

  /** The code of what a second look fails with, and whether its frame is closed. */
  async after(end: "close" | "no-such-worker"): Promise<{ code: string; width: number }> {
    const ended = open(["cpu"], end === "close" ? "worker.js" : "none.js");
    const first = createFrame();
    const looked = ended.inspect(first).catch((error: { code: string }) => error.code);
    if (end === "close") ended.close();
    await looked;
    const second = createFrame();
    const code = await ended.inspect(second).then(String, (error: { code: string }) => error.code);
    return { code, width: second.width };
  },

  /**
   * A camera that shows each of `scenes` while the detector looks `looks` times; it then ends, or the watch is closed,
   * or `write` throws at the line that `failsAt` counts.
   */
  async watch(
    scenes: readonly { readonly shown: readonly Shown[]; readonly looks: number }[],
    { end, failsAt }: { readonly end: "camera" | "close"; readonly failsAt?: number },
  ): Promise<{ lines: WatchLine[]; why: string; state: string }> {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 640, height: 480 });
    await paint(canvas, scenes[0]!.shown);
    const track = canvas.captureStream(30).getVideoTracks()[0]!;
    const source = detector;
    let looks = 0;
    let scene = 0;
    let isOver = (): void => {};
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const repaint = setInterval(() => canvas.getContext("2d")!.drawImage(canvas, 0, 0), 30);
    const counted: Detector = {
      ...source,
      async inspect(frame) {
        const found = await source.inspect(frame);
        if (++looks === scenes[scene]!.looks) {
          looks = 0;
          if (++scene === scenes.length) isOver();
          else await paint(canvas, scenes[scene]!.shown);
          // What was painted has to get to the track.
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
        return found;
      },
    };
    const lines: WatchLine[] = [];
    const watch = watchCamera(track, {
      detector: counted,
      every: 0.05,
      inARow: 3,
      write: async (line) => {
        if (lines.length === failsAt) throw new Error("full");
        lines.push(line);
      },
    });
    await Promise.race([over, watch.ended]);
    if (end === "close") await watch.close();
    else {
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }
    const { why } = await watch.ended;
    clearInterval(repaint);
    return { lines, why, state: track.readyState };
  },

  /** Milliseconds of each of so many looks, behind a first one, and the page's longest task meanwhile. */
  async time(
    shown: readonly Shown[],
    looks: number,
  ): Promise<{ first: number; each: number[]; longest: number }> {
    let longest = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    });
    const times: number[] = [];
    for (let i = 0; i <= looks; i++) {
      const canvas = new OffscreenCanvas(640, 480);
      await paint(canvas, shown);
      const frame = canvas.transferToImageBitmap();
      if (i === 1) observer.observe({ type: "longtask" });
      const start = performance.now();
      await detector.inspect(frame);
      times.push(performance.now() - start);
    }
    observer.disconnect();
    return { first: times[0]!, each: times.slice(1), longest };
  },
};

function createFrame(): ImageBitmap {
  const canvas = new OffscreenCanvas(64, 48);
  canvas.getContext("2d")!.fillRect(0, 0, 64, 48);
  return canvas.transferToImageBitmap();
}

export type DetectorTools = typeof tools;
Object.assign(globalThis, { tools });
