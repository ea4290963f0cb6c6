import { importIdentity } from "blindreel";
import { type Player, type PlayOptions, play } from "blindreel/player";
import { httpObjects, openRecording, type RecordingReview } from "blindreel/review";
import type { PlayedExam } from "../lib/player-site.js";

/** A page that plays a sealed recording, or the same in the clear. Driven from outside. */
let video: HTMLVideoElement;
let review: RecordingReview | undefined;
let player: Player | undefined;
/** Milliseconds of tasks of more than 50 ms. */
const long: number[] = [];
new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({
  type: "longtask",
});

const bytesOf = async (address: string, headers: HeadersInit = {}): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await fetch(address, { headers })).arrayBuffer());

function newVideo(): void {
  video = Object.assign(document.createElement("video"), { muted: true, width: 640 });
  document.body.replaceChildren(video);
}

function untilPicture(): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", () => resolve(), { once: true });
    video.addEventListener("error", () => reject(new Error(video.error?.message)));
  });
}

const dateAt = (seconds: number): Date => new Date(review!.startedAt!.getTime() + seconds * 1000);

const calls = {
  /** From the address of a recording to its first picture. @returns milliseconds. */
  async open({ exam, options }: { exam: PlayedExam; options?: PlayOptions }): Promise<number> {
    newVideo();
    const identities = await importIdentity(exam.jwk as never);
    const start = performance.now();
    const [envelope, manifest] = await Promise.all([
      bytesOf(`/${exam.id}/envelope`),
      bytesOf(`/${exam.manifest}`),
    ]);
    const objects = httpObjects(location.origin);
    review = await openRecording(envelope, { identities, objects, manifest });
    player = await play(video, review.track("camera"), options);
    return performance.now() - start;
  },

  /** The file in the clear, by its address. @returns milliseconds. */
  async openClear({ address }: { address: string }): Promise<number> {
    newVideo();
    const start = performance.now();
    const shown = untilPicture();
    Object.assign(video, { preload: "auto", src: address });
    await shown;
    const time = performance.now() - start;
    video.removeAttribute("src");
    video.load();
    return time;
  },

  /** The same by a plain source buffer: initialisation part and first unit with one request, appended at once. */
  async appendClear({ address, exam }: { address: string; exam: PlayedExam }): Promise<number> {
    newVideo();
    const start = performance.now();
    const shown = untilPicture();
    const range = { range: `bytes=0-${exam.init + exam.firstUnit - 1}` };
    const source = new MediaSource();
    const opened = new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
    video.src = URL.createObjectURL(source);
    const [bytes] = await Promise.all([bytesOf(address, range), opened]);
    source.addSourceBuffer(exam.type).appendBuffer(bytes);
    await shown;
    return performance.now() - start;
  },

  /** @returns milliseconds until the picture is there. */
  async seek({ to }: { to: number }): Promise<number> {
    const start = performance.now();
    await player!.seek(dateAt(to));
    return performance.now() - start;
  },

  /** Plays up to `to` seconds, at `rate`. @returns the longest task; the most that was buffered, in milliseconds. */
  async playTo({ to, rate }: { to: number; rate: number }): Promise<{ longest: number; buffered: number }> {
    long.length = 0;
    let buffered = 0;
    video.playbackRate = rate;
    await video.play();
    while (video.currentTime < to && !video.ended) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (video.error) throw new Error(video.error.message);
      let sum = 0;
      for (let n = 0; n < video.buffered.length; n++) sum += video.buffered.end(n) - video.buffered.start(n);
      buffered = Math.max(buffered, 1000 * sum);
    }
    video.pause();
    return { longest: Math.max(0, ...long), buffered };
  },

  async close(): Promise<void> {
    await player?.close();
    await review?.close();
    document.body.replaceChildren();
  },
};

export type PlayerCalls = typeof calls;
Object.assign(globalThis, { playerCalls: calls });
