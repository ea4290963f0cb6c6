/** A review page in a browser that has little room, or that is of another kind. */
import {
  compared,
  original,
  painted,
  pause,
  playing,
  RATE,
  reviewOf,
  runTask,
  untilPainted,
  untilTrue,
} from "./page-kit.js";

const asked = async (): Promise<string[]> => (await fetch("/asked")).json() as Promise<string[]>;

/** Errors that source buffers threw, by name. The platform's own: they are noted on their way. */
function notedRefusals(): readonly string[] {
  const refusals: string[] = [];
  const { appendBuffer } = SourceBuffer.prototype;
  SourceBuffer.prototype.appendBuffer = function (bytes) {
    try {
      appendBuffer.call(this, bytes);
    } catch (error) {
      refusals.push((error as Error).name);
      throw error;
    }
  };
  return refusals;
}

await runTask({
  /** A minute is asked for ahead and behind, and the browser has room for a third of that. */
  async room() {
    const refusals = notedRefusals();
    const review = await reviewOf("webm");
    const { video, player, at, gaps } = await playing(review, { bufferAhead: 60, bufferBehind: 60 });
    const ahead = (): number => video.buffered.end(video.buffered.length - 1) - video.currentTime;
    await untilTrue("a refusal", () => refusals.length > 0);
    await pause(500);
    const first = ahead();
    video.playbackRate = RATE;
    await video.play();
    await untilTrue("progress", () => video.currentTime > 45);
    video.pause();
    // What the browser dropped is fetched again.
    const dropped = video.buffered.start(0);
    await asked();
    await untilPainted(video, () => player.seek(at(3.52)));
    const again = await asked();
    const one = painted(video);
    const clear = await original("webm");
    const frame = await compared(one, clear, 3.52);
    const { state } = player;
    await player.close();
    return { refusals: [...new Set(refusals)], first, dropped, again, frame, state, gaps: gaps() };
  },

  /**
   * As iPhones have it. No browser here does: a managed source is the real one, and the page says when it streams.
   * Of the real kind are elements, buffers and pictures; of our making are the property and its two events.
   */
  async managed() {
    let source!: Managed;
    class Managed extends MediaSource {
      streaming = false;
      constructor() {
        super();
        source = this;
      }
      turn(streaming: boolean): void {
        this.streaming = streaming;
        this.dispatchEvent(new Event(streaming ? "startstreaming" : "endstreaming"));
      }
    }
    Object.assign(globalThis, { ManagedMediaSource: Managed, MediaSource: undefined });
    const review = await reviewOf("webm");
    await asked();
    const opening = playing(review);
    await pause(700);
    const before = await asked();
    source.turn(true);
    const { video, player, at } = await opening;
    await untilTrue("some seconds", () => video.buffered.length > 0 && video.buffered.end(0) > 8);
    source.turn(false);
    // A request may be under way.
    await pause(500);
    const end = video.buffered.end(0);
    await asked();
    await pause(1000);
    const silent = { asked: await asked(), more: video.buffered.end(0) - end, state: player.state };
    source.turn(true);
    await untilTrue("more", () => video.buffered.end(0) > end + 4);
    await untilPainted(video, () => player.seek(at(45.52)));
    const one = painted(video);
    const { disableRemotePlayback } = video;
    await player.close();
    const clear = await original("webm");
    return { before, silent, disableRemotePlayback, frame: await compared(one, clear, 45.52) };
  },
});
