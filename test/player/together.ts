/** In the page: two tracks together, looked at in every way that a reviewer moves them. */
import { playTogether, type Together } from "../../src/player/index.js";
import type { RecordingReview } from "../../src/review/index.js";

/** Where two elements are, in seconds of the recording. */
export interface Look {
  readonly time: number;
  /** Seconds between them. */
  readonly apart: number;
  /** Which of them run. */
  readonly running: readonly boolean[];
}

/** What a test sees of two tracks. */
export interface Pair {
  readonly together: Together;
  readonly videos: readonly HTMLVideoElement[];
  at(seconds: number): Date;
  now(): Look;
  /** Looks every 20 ms for so many milliseconds. */
  watch(milliseconds: number): Promise<Look[]>;
  /** Resolves when the time is behind these seconds, or all of it stands still. */
  until(seconds: number): Promise<Look[]>;
  close(): Promise<void>;
}

export async function pairOf(
  review: RecordingReview,
  videos: readonly [HTMLVideoElement, HTMLVideoElement],
): Promise<Pair> {
  const [camera, screen] = videos;
  const together = await playTogether([
    [camera, review.track("camera")],
    [screen, review.track("screen")],
  ]);
  const began = review.startedAt!.getTime();
  const now = (): Look => ({
    time: (together.time.getTime() - began) / 1000,
    apart: Math.abs(camera.currentTime - screen.currentTime),
    running: videos.map(({ paused }) => !paused),
  });
  const looks = async (isDone: (look: Look, waited: number) => boolean): Promise<Look[]> => {
    const seen = [now()];
    for (const start = performance.now(); !isDone(seen.at(-1)!, performance.now() - start); ) {
      if (performance.now() - start > 25_000) throw new Error(`stands still: ${JSON.stringify(now())}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      seen.push(now());
    }
    return seen;
  };
  return {
    ...{ together, videos, now },
    at: (seconds) => new Date(began + seconds * 1000),
    watch: (milliseconds) => looks((_look, waited) => waited > milliseconds),
    until: (seconds) => looks(({ time }) => time >= seconds || !together.isPlaying),
    async close() {
      await together.close();
      await review.close();
    },
  };
}

/** Tracks of 16 s; the second one was recorded from 3 to 7 s, and from 9 to 17 s. */
export const togetherTasks = {
  /** After a seek both show the moment, paused and playing. */
  async "in step after seeks"(pair: Pair) {
    const sought: Look[] = [];
    for (const seconds of [11, 4.5, 14, 5]) {
      await pair.together.seek(pair.at(seconds));
      sought.push(pair.now());
    }
    await pair.together.play();
    const playing: Look[][] = [];
    for (const seconds of [10, 4, 12]) {
      await pair.together.seek(pair.at(seconds));
      playing.push(await pair.watch(1500));
    }
    return { sought, playing };
  },

  /** Through the gaps of the second track, at its borders and in a gap of it. */
  async "through gaps"(pair: Pair) {
    await pair.together.seek(pair.at(8));
    const inside = pair.now();
    await pair.together.seek(pair.at(1.5));
    await pair.together.play();
    const seen = await pair.until(12);
    return { inside, seen };
  },

  async "at every rate"(pair: Pair) {
    const seen: Record<string, Look[]> = {};
    for (const rate of [0.5, 1, 2, 4]) {
      await pair.together.seek(pair.at(9.5));
      pair.together.playbackRate = rate;
      await pair.together.play();
      seen[rate] = await pair.until(9.5 + Math.min(6, 2 * rate));
      pair.together.pause();
    }
    return seen;
  },

  /** To the end, where it stops. */
  async "to the end"(pair: Pair) {
    await pair.together.seek(pair.at(15));
    await pair.together.play();
    const seen = await pair.until(60);
    return { end: seen.at(-1), isPlaying: pair.together.isPlaying };
  },
};
