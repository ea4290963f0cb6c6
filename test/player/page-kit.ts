/** What the tasks of review pages have in common. */
import { importIdentity } from "../../src/index.js";
import { type PlayerEvent, type PlayOptions, play } from "../../src/player/index.js";
import { httpObjects, openRecording, type RecordingReview } from "../../src/review/index.js";
import type { Exam, ExamName } from "./site.js";

/** At four times the speed WebKitGTK was seen to pause by itself. */
export const RATE = navigator.vendor.startsWith("Apple") ? 1 : 4;
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @param prefix of the addresses of segments. */
export async function reviewOf(which: ExamName, prefix: () => string = () => ""): Promise<RecordingReview> {
  const { envelope, jwk, names } = ((await (await fetch("/exams")).json()) as Record<ExamName, Exam>)[which];
  const bytes = new Uint8Array(await (await fetch(`/${envelope}`)).arrayBuffer());
  const base = location.origin;
  return openRecording(bytes, {
    identities: await importIdentity(jwk as never),
    objects: httpObjects(
      async (name) => new Request(`${base}${name.endsWith(".seg") ? prefix() : ""}/${name}`),
    ),
    list: () => names,
    retry: { attempts: 1 },
  });
}

export function videoElement(): HTMLVideoElement {
  const video = Object.assign(document.createElement("video"), {
    muted: true,
    playsInline: true,
    width: 320,
  });
  document.body.append(video);
  return video;
}

export async function untilTrue(what: string, test: () => boolean, limit = 20_000): Promise<void> {
  for (let waited = 0; !test(); waited += 20) {
    if (waited > limit) throw new Error(`no ${what}`);
    await pause(20);
  }
}

export async function event(target: HTMLVideoElement, name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    target.addEventListener(name, () => resolve(), { once: true });
    target.addEventListener("error", () => reject(new Error(`${name}: ${target.error?.message}`)));
    setTimeout(() => reject(new Error(`no ${name}`)), 20_000);
  });
}

/** Resolves when the picture of an action is painted: not always when the element says that its seek has ended. */
export async function untilPainted(video: HTMLVideoElement, action: () => Promise<unknown>): Promise<void> {
  const frame = new Promise<void>((resolve) => video.requestVideoFrameCallback?.(() => resolve()));
  await action();
  await Promise.race([frame, pause(1000)]);
  for (let [before, same] = [painted(video), 0]; same < 2; ) {
    await pause(100);
    const now = painted(video);
    same = difference(before, now) === 0 ? same + 1 : 0;
    before = now;
  }
}

/** A small picture of what is painted. */
export function painted(video: HTMLVideoElement): Uint8ClampedArray {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const context = canvas.getContext("2d")!;
  context.drawImage(video, 0, 0, 64, 36);
  return context.getImageData(0, 0, 64, 36).data;
}

/** Mean difference of two pictures, of 255. */
export const difference = (one: Uint8ClampedArray, other: Uint8ClampedArray): number =>
  one.reduce((sum, value, n) => sum + Math.abs(value - other[n]!), 0) / one.length;

/** The film in the clear, or another file. */
export async function original(kind: "webm" | "mp4", address = `/film.${kind}`) {
  const video = videoElement();
  const loaded = event(video, "loadeddata");
  video.preload = "auto";
  video.src = address;
  await loaded;
  return async (time: number): Promise<Uint8ClampedArray> => {
    await untilPainted(video, () => {
      const seeked = event(video, "seeked");
      video.currentTime = time;
      return seeked;
    });
    return painted(video);
  };
}

/** Seconds of a frame of the film. */
const FRAME = 1 / 30;

/** Differences from the original's frames before, at and behind `time`, which lies in the middle of one. */
export async function compared(
  one: Uint8ClampedArray,
  clear: (time: number) => Promise<Uint8ClampedArray>,
  time: number,
): Promise<number[]> {
  const found: number[] = [];
  for (const beside of [-FRAME, 0, FRAME]) found.push(difference(one, await clear(time + beside)));
  return found;
}

/** A player and what it tells. */
export async function playing(review: RecordingReview, options: PlayOptions = {}) {
  const video = videoElement();
  const events: PlayerEvent[] = [];
  const player = await play(video, review.track("camera"), {
    ...options,
    onEvent: (told) => void events.push(told),
  });
  const seconds = (date: Date): number =>
    Math.round((date.getTime() - review.startedAt!.getTime()) / 100) / 10;
  const gaps = (): unknown[] =>
    events.flatMap((told) =>
      told.type === "gap" ? [[seconds(told.gap.from), seconds(told.gap.to), told.gap.cause]] : [],
    );
  const states = (): string[] => events.flatMap((told) => (told.type === "state" ? [told.state] : []));
  const at = (time: number): Date => new Date(review.startedAt!.getTime() + time * 1000);
  return { video, player, events, gaps, states, at, seconds };
}

export const codeOf = (action: () => Promise<unknown>): Promise<string> =>
  action().then(
    () => "none",
    (error: Error & { code?: unknown }) => (typeof error.code === "string" ? error.code : error.name),
  );

/** Does the task in the page's address, and tells the server how that ended. */
export async function runTask(tasks: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  const { task = "", name = "" } = Object.fromEntries(new URLSearchParams(location.search));
  const late = pause(90_000).then(() => Promise.reject(new Error("took longer than 90 s")));
  const result = await Promise.race([tasks[task]!(), late]).catch((error: Error) => ({
    failed: `${error.name}: ${error.message}`,
    elements: [...document.querySelectorAll("video")].map((video) => ({
      at: [video.currentTime, video.duration, video.readyState],
      is: [video.paused, video.seeking, video.ended, video.error?.message],
      buffered: Array.from({ length: video.buffered.length }, (_, n) => [
        video.buffered.start(n),
        video.buffered.end(n),
      ]),
    })),
  }));
  await fetch(`/${name}`, { method: "POST", body: JSON.stringify(result) });
}
