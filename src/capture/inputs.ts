import { CaptureInput } from "./input.js";
import type { CaptureStream, CaptureTrack } from "./stream.js";

/** Milliseconds behind which a page was held up, and those that what waits is then given to arrive. A hidden page's timers are a second apart. */
const HELD_UP = 1200;
const GRACE = 700;
/** Samples that wait for a page that is busy: half a second of frames, ten seconds of sound. */
const WAITING = { video: 8, audio: 1000 } as const;

/** Chromium's; unknown to TypeScript's declarations. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame | AudioData>;
}
declare const MediaStreamTrackProcessor: {
  new (init: { readonly track: MediaStreamTrack; readonly maxBufferSize: number }): TrackProcessor;
};

interface InputEvents {
  readonly onSample: (input: CaptureInput, sample: VideoFrame | AudioData, now: number) => void;
  /** A track ended by itself; it is no input any more. */
  readonly onEnded: () => void;
}

/** The first live picture and the first live sound of a stream, as they come, go and give. */
export class CaptureInputs {
  stream: CaptureStream;
  readonly #events: InputEvents;
  readonly #inputs = new Map<CaptureInput, () => void>();
  #lookedAt = performance.now();

  constructor(stream: CaptureStream, events: InputEvents) {
    this.stream = stream;
    this.#events = events;
  }

  get all(): readonly CaptureInput[] {
    return [...this.#inputs.keys()];
  }

  giving(now: number): CaptureInput[] {
    return this.all.filter((input) => input.gives(now));
  }

  /** Looks at the stream's tracks: no event tells of those that a page adds, removes or stops. */
  update(isRead: boolean): void {
    const live = this.stream.getTracks().filter(({ readyState }) => readyState === "live");
    const wanted = ["video", "audio"].flatMap((kind) =>
      live.filter((track) => track.kind === kind).slice(0, 1),
    );
    for (const input of this.all) {
      const isSame = input.isRead === isRead && wanted.includes(input.track as CaptureTrack);
      if (!isSame) this.#remove(input);
    }
    for (const track of wanted) {
      if (!this.all.some((input) => input.track === (track as unknown))) this.#add(track, isRead);
    }
  }

  checkSilence(
    now: number,
    silentAfter: number,
  ): (readonly [kind: "audio" | "video", "silent" | "restored"])[] {
    if (now - this.#lookedAt > HELD_UP) for (const input of this.all) input.excuse(now, GRACE);
    this.#lookedAt = now;
    return this.all.flatMap((input) => {
      const change = input.checkSilence(now, silentAfter);
      return change ? [[input.kind, change] as const] : [];
    });
  }

  close(): void {
    for (const input of this.all) this.#remove(input);
  }

  #add(track: CaptureTrack, isRead: boolean): void {
    const input = new CaptureInput(track, isRead, performance.now(), () => {
      this.#remove(input);
      this.#events.onEnded();
    });
    this.#inputs.set(input, isRead ? this.#read(input) : () => {});
  }

  #remove(input: CaptureInput): void {
    this.#inputs.get(input)?.();
    this.#inputs.delete(input);
    input.close();
  }

  /** @returns its end. */
  #read(input: CaptureInput): () => void {
    const { readable } = new MediaStreamTrackProcessor({
      track: input.track,
      maxBufferSize: WAITING[input.kind],
    });
    const reader = readable.getReader();
    const read = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        try {
          const now = performance.now();
          input.saw(now, value);
          if (this.#inputs.has(input)) this.#events.onSample(input, value, now);
        } finally {
          value.close();
        }
      }
    };
    read().catch(() => {});
    return () => void reader.cancel().catch(() => {});
  }
}
