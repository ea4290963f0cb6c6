/** A review page in one of the three engines. */
import { showExcerpt, showTrack } from "example:playing";
import { saveExcerpt } from "example:saving";
import { indexTake } from "../../src/media-index.js";
import { type PlayOptions, play } from "../../src/player/index.js";
import type { RecordingReview } from "../../src/review/index.js";
import {
  codeOf,
  compared,
  event,
  original,
  painted,
  pause,
  playing,
  RATE,
  reviewOf,
  runTask,
  untilPainted,
  untilTrue,
  videoElement,
} from "./page-kit.js";
import type { Exam, ExamName } from "./site.js";
import { pairOf, togetherTasks } from "./together.js";

/** The film: seeks to the middle of a frame in its middle, at its end and back, beside those of the same file in the clear. */
async function seeks(kind: "webm" | "mp4", review: RecordingReview, options: PlayOptions = {}) {
  const { video, player, at } = await playing(review, options);
  const clear = await original(kind);
  const found: unknown[] = [];
  for (const time of [45.52, 88.52, 3.52]) {
    await untilPainted(video, () => player.seek(at(time)));
    const one = painted(video);
    const shown = Math.round(video.currentTime * 100) / 100;
    found.push([shown, await compared(one, clear, time)]);
  }
  await player.close();
  await review.close();
  return found;
}

const tasks = {
  webm: async () => seeks("webm", await reviewOf("webm")),
  mp4: async () => seeks("mp4", await reviewOf("mp4")),

  /** Over what is missing and altered, playing and seeking. */
  async gaps() {
    const review = await reviewOf("faulty");
    const { video, player, at, gaps, seconds } = await playing(review, {
      from: new Date(review.startedAt!.getTime() + 18_500),
    });
    const begun = Math.round(video.currentTime * 10) / 10;
    video.playbackRate = RATE;
    await video.play();
    await untilTrue("progress", () => video.currentTime > 27);
    video.pause();
    const played = gaps().splice(0);
    await player.seek(at(40.5));
    const behind = Math.round(video.currentTime * 10) / 10;
    await player.seek(at(22));
    const back = Math.round(video.currentTime * 10) / 10;
    await player.seek(at(51));
    const last = Math.round(video.currentTime * 10) / 10;
    const known = player.gaps.map(({ from, to, cause }) => [seconds(from), seconds(to), cause]);
    await player.close();
    return { begun, played, behind, back, last, known, all: gaps() };
  },

  /** Takes of two types, the pauses between them passed over. */
  async takes() {
    const review = await reviewOf("takes");
    const { video, player, gaps } = await playing(review, {
      from: new Date(review.startedAt!.getTime() + 8000),
    });
    const ended = event(video, "ended");
    video.playbackRate = RATE;
    await video.play();
    await ended;
    const end = Math.round(video.currentTime * 10) / 10;
    await player.close();
    return { gaps: gaps(), end, error: video.error?.message };
  },

  /** Closed at any moment. */
  async closes() {
    let prefix = "";
    const review = await reviewOf("webm", () => prefix);
    const { video, player, at, states } = await playing(review);
    prefix = "/stalls";
    const sought = codeOf(() => player.seek(at(60)));
    await pause(300);
    const state = player.state;
    await player.close();
    const stalled = videoElement();
    const stop = new AbortController();
    const aborted = codeOf(() => play(stalled, review.track("camera"), { signal: stop.signal }));
    await pause(300);
    stop.abort(new DOMException("enough", "AbortError"));
    prefix = "/silent";
    const silent = new AbortController();
    const unanswered = codeOf(() => play(videoElement(), review.track("camera"), { signal: silent.signal }));
    await pause(300);
    silent.abort(new DOMException("enough", "AbortError"));
    return {
      state,
      sought: await sought,
      aborted: await aborted,
      unanswered: await unanswered,
      sources: [video.getAttribute("src"), stalled.getAttribute("src")],
      later: await codeOf(() => player.seek(at(1))),
      last: states().at(-1),
    };
  },

  /** What is asked of the server, from the envelope to the first picture, and by seeks. */
  async requests() {
    const asked = async (): Promise<string[]> => (await fetch("/asked")).json() as Promise<string[]>;
    await asked();
    const review = await reviewOf("webm");
    const opening = await asked();
    const { player, at } = await playing(review, { bufferAhead: 2 });
    await pause(500);
    const first = await asked();
    const seeks: string[][] = [];
    for (const time of [61, 31, 81]) {
      await player.seek(at(time));
      seeks.push(await asked());
      await pause(500);
      await asked();
    }
    await player.close();
    await review.close();
    return { opening, first, seeks };
  },

  /** Half a minute, without a key: played by the guide's function, and as the file that the guide saves. */
  async excerpt() {
    const review = await reviewOf("webm");
    const at = (time: number): Date => new Date(review.startedAt!.getTime() + time * 1000);
    const excerpt = await review.excerpt("camera", { from: at(30), to: at(60) });
    await review.close();
    const { coreHash } = ((await (await fetch("/exams")).json()) as Record<ExamName, Exam>).webm;
    const clear = await original("webm");
    const video = videoElement();
    const player = await showExcerpt(video, excerpt, coreHash);
    const link = await saveExcerpt(excerpt, coreHash);
    // From the server: WebKitGTK plays no blob.
    await fetch("/saved.webm", { method: "POST", body: await (await fetch(link.href)).blob() });
    const file = await original("webm", "/saved.webm");
    const begin = video.currentTime;
    const found: unknown[] = [];
    for (const time of [45.52, 58.52, 33.52]) {
      await untilPainted(video, () => player.seek(at(time)));
      const [seen, saved] = [painted(video), await file(time - begin)];
      found.push([time, await compared(seen, clear, time)]);
      found.push([time, await compared(saved, clear, time)]);
    }
    await player.close();
    return { begin: Math.round(begin), name: link.download, found };
  },

  /** A file as a recorder gave it. */
  async foreign() {
    const review = await reviewOf("foreign");
    const refused = await codeOf(() => play(videoElement(), review.track("camera")));
    const guided = await showTrack(videoElement(), review, "camera");
    await guided.close();
    const source = review.track("camera").takes[0]!.source();
    const index = JSON.parse(JSON.stringify(await indexTake(source)));
    await source.close();
    return { refused, found: await seeks("webm", review, { index }) };
  },
};

/** Of two tracks: each task has elements of its own. */
async function withPair(task: keyof typeof togetherTasks): Promise<unknown> {
  const review = await reviewOf("together");
  const pair = await pairOf(review, [videoElement(), videoElement()]);
  try {
    return await togetherTasks[task](pair);
  } finally {
    await pair.close();
  }
}

const ofPairs = Object.keys(togetherTasks).map(
  (task) => [task, () => withPair(task as keyof typeof togetherTasks)] as const,
);
await runTask({ ...tasks, ...Object.fromEntries(ofPairs) });
