import type { MediaRecorderLike } from "../../src/recording/media-recorder.js";

/** Bytes as a `Blob` that takes no event loop to read, and may fail to. */
export function fakeBlob(bytes: Uint8Array, options: { readonly isReadable?: () => boolean } = {}): Blob {
  const { isReadable = () => true } = options;
  const blob = {
    size: bytes.length,
    type: "",
    slice: (start = 0, end = bytes.length) => fakeBlob(bytes.subarray(start, end), options),
    async arrayBuffer() {
      if (!isReadable()) throw new DOMException("The requested file could not be read", "NotReadableError");
      return bytes.slice().buffer;
    },
  };
  return blob as unknown as Blob;
}

export interface FakeRecorderOptions {
  /** What the source gave since the last blob; nothing: a silent source. */
  readonly give: () => Uint8Array;
  readonly blob?: (bytes: Uint8Array) => Blob;
  /** Runs an event's task. */
  readonly task?: (task: () => void) => void;
  readonly mimeType?: string;
  /** Told of every blob that is given to somebody who listens. */
  readonly onGiven?: (bytes: Uint8Array) => void;
}

/** A `MediaRecorder` in the order of the standard (mediastream-recording): state at once, events as tasks. */
export class FakeMediaRecorder implements MediaRecorderLike {
  state: "inactive" | "recording" | "paused" = "inactive";
  mimeType = "";
  readonly #options: FakeRecorderOptions;
  readonly #listeners = new Map<string, Set<(event: unknown) => void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FakeRecorderOptions) {
    this.#options = options;
  }

  start(timeslice?: number): void {
    if (this.state !== "inactive") throw new DOMException("started", "InvalidStateError");
    this.state = "recording";
    this.#task(() => {
      this.mimeType = this.#options.mimeType ?? "video/webm;codecs=vp8";
      this.#dispatch("start", {});
    });
    const slice = (): void => {
      this.#timer = setTimeout(() => {
        if (this.state === "inactive") return;
        if (this.state === "recording") this.#give();
        slice();
      }, timeslice);
    };
    if (timeslice !== undefined) slice();
  }

  stop(): void {
    if (this.state === "inactive") return;
    this.#inactivate();
    this.#task(() => {
      this.#give();
      this.#dispatch("stop", {});
    });
  }

  pause(): void {
    if (this.state === "inactive") throw new DOMException("not started", "InvalidStateError");
    if (this.state === "paused") return;
    this.state = "paused";
    this.#task(() => this.#dispatch("pause", {}));
  }

  resume(): void {
    if (this.state === "inactive") throw new DOMException("not started", "InvalidStateError");
    if (this.state === "recording") return;
    this.state = "recording";
    this.#task(() => this.#dispatch("resume", {}));
  }

  requestData(): void {
    if (this.state === "inactive") throw new DOMException("not started", "InvalidStateError");
    this.#task(() => this.#give());
  }

  /** A source fails, or a track is added: error, then all that was recorded, then stop. */
  fail(name = "UnknownError"): void {
    if (this.state === "inactive") return;
    this.#inactivate();
    this.#task(() => {
      this.#dispatch("error", { error: new DOMException("The recorder failed", name) });
      this.#give();
      this.#dispatch("stop", {});
    });
  }

  /** What a garbage collector, or a browser that gives up, leaves: no event any more. */
  die(): void {
    this.#inactivate();
    this.#listeners.clear();
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }

  get isListenedTo(): boolean {
    return (this.#listeners.get("dataavailable")?.size ?? 0) > 0;
  }

  #inactivate(): void {
    this.state = "inactive";
    clearTimeout(this.#timer);
  }

  #give(): void {
    const bytes = this.#options.give();
    if (this.isListenedTo && bytes.length > 0) this.#options.onGiven?.(bytes);
    this.#dispatch("dataavailable", { data: (this.#options.blob ?? fakeBlob)(bytes) });
  }

  #task(task: () => void): void {
    (this.#options.task ?? ((run) => void setTimeout(run, 0)))(task);
  }

  #dispatch(type: string, event: object): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }
}
