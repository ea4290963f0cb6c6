import { type Capture, capture } from "blindreel/capture";
import type { Recording } from "blindreel/recording";
import { DETECTORS, FLAGS } from "./detectors.js";
import { Problem, type ProblemKind } from "./problems.js";

/** What an instructor can choose that a device gives. */
export const DEVICES = ["camera", "microphone", "screen"] as const;
export type Device = (typeof DEVICES)[number];

export const devicesOf = (tracks: readonly string[]): Device[] =>
  DEVICES.filter((each) => tracks.includes(each));

/** What to ask the page's prompt for; undefined where neither camera nor microphone is chosen. */
export function constraintsOf(devices: readonly Device[]): MediaStreamConstraints | undefined {
  const [video, audio] = [devices.includes("camera"), devices.includes("microphone")];
  if (!video && !audio) return undefined;
  return {
    video: video && { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15, max: 30 } },
    audio,
  };
}

const SCREEN: DisplayMediaStreamOptions = {
  video: { displaySurface: "monitor", width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 5 } },
  audio: false,
};

/** A recording's track with the devices that it holds. */
type Source = "camera" | "microphone" | "screen";

const sourcesOf = (devices: readonly Device[]): Source[] =>
  devices.filter((each) => each !== "microphone" || !devices.includes("camera"));

const holding = (source: Source, devices: readonly Device[]): Device[] =>
  source === "camera" ? devices.filter((each) => each !== "screen") : [source];

/** @throws Problem. */
async function openSource(source: Source, devices: readonly Device[]): Promise<MediaStream> {
  try {
    if (source === "screen") return await navigator.mediaDevices.getDisplayMedia(SCREEN);
    return await navigator.mediaDevices.getUserMedia(constraintsOf(holding(source, devices)));
  } catch (error) {
    throw new Problem(deviceProblem(source, (error as Error).name), (error as Error).message);
  }
}

/** Of a name of a DOMException of Media Capture and Streams. */
export function deviceProblem(source: Source, name: string): ProblemKind {
  if (source === "screen") return "screen-denied";
  if (name === "NotAllowedError" || name === "SecurityError") return "device-denied";
  return name === "NotReadableError" || name === "AbortError" ? "device-busy" : "device-missing";
}

/** What the owner is told. */
export interface MediaEvents {
  /** Something of these devices changed. */
  readonly changed: () => void;
  /** For the track of events. */
  readonly event: (event: Readonly<Record<string, unknown>>) => Promise<void>;
}

/** Camera, microphone and screen of one exam: those that were chosen, and no others. */
export class Media {
  readonly #devices: readonly Device[];
  readonly #events: MediaEvents;
  readonly #streams = new Map<Source, MediaStream>();
  readonly #captures = new Map<Source, Capture>();
  /** Of the detectors. */
  readonly #endings: (() => Promise<void>)[] = [];
  readonly #hasFlags: boolean;
  readonly #change = (): void => void (this.missing.length > 0 && this.reopen(["camera", "microphone"]));
  #recording: Recording | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(tracks: readonly string[], events: MediaEvents) {
    this.#devices = devicesOf(tracks);
    this.#hasFlags = tracks.includes(FLAGS);
    this.#events = events;
  }

  /** Opens everything, the screen first: its picker is the part that can be closed. @throws Problem. */
  async open(): Promise<void> {
    for (const source of sourcesOf(this.#devices).reverse()) await this.#openOne(source);
  }

  async #openOne(source: Source): Promise<void> {
    const stream = await openSource(source, this.#devices);
    for (const track of this.#streams.get(source)?.getTracks() ?? []) track.stop();
    this.#streams.set(source, stream);
    for (const track of stream.getTracks())
      track.addEventListener("ended", () => {
        this.#events.event({ type: "device-ended", device: deviceOf(source, track) });
        this.#events.changed();
      });
    if (this.#recording) this.#capture(source, stream);
  }

  /** Records what is open, and whatever is opened later. */
  record(recording: Recording): void {
    this.#recording = recording;
    for (const [source, stream] of this.#streams) this.#capture(source, stream);
    navigator.mediaDevices.addEventListener("devicechange", this.#change);
  }

  #capture(source: Source, stream: MediaStream): void {
    if (source === "camera") this.#detect(stream);
    const running = this.#captures.get(source);
    if (running) {
      running.replace(stream);
      return;
    }
    const started = capture(stream, this.#recording!.track(source));
    this.#captures.set(source, started);
    started.done
      .catch(() => {})
      .finally(() => {
        this.#captures.delete(source);
        this.#events.changed();
      });
  }

  #detect(stream: MediaStream): void {
    if (!this.#hasFlags) return;
    this.endDetectors();
    for (const detector of DETECTORS) this.#endings.push(detector(stream, this.#events.event));
  }

  /** Before the recording ends: detectors say why they end. */
  async endDetectors(): Promise<void> {
    await Promise.all(this.#endings.splice(0).map((end) => end()));
  }

  /** Devices that were chosen and give nothing. */
  get missing(): Device[] {
    return this.#devices.filter(
      (device) => !this.#tracksOf(device).some(({ readyState }) => readyState === "live"),
    );
  }

  #tracksOf(device: Device): MediaStreamTrack[] {
    const tracks = [...this.#streams].flatMap(([source, stream]) =>
      stream.getTracks().map((track) => ({ track, device: deviceOf(source, track) })),
    );
    return tracks.filter((each) => each.device === device).map(({ track }) => track);
  }

  /** Tries again what is missing among these; one attempt at a time. @returns what failed. */
  async reopen(among: readonly Device[] = DEVICES): Promise<Problem[]> {
    const failures: Problem[] = [];
    this.#opening = this.#opening.then(async () => {
      for (const source of sourcesOf(this.#devices)) {
        const gone = this.missing.filter((each) => among.includes(each));
        if (!holding(source, this.#devices).some((each) => gone.includes(each))) continue;
        await this.#openOne(source).catch((error) => failures.push(error));
      }
    });
    await this.#opening;
    this.#events.changed();
    return failures;
  }

  /** The lights go out. */
  close(): void {
    navigator.mediaDevices.removeEventListener("devicechange", this.#change);
    this.endDetectors();
    for (const stream of this.#streams.values()) for (const track of stream.getTracks()) track.stop();
    this.#streams.clear();
  }
}

const deviceOf = (source: Source, { kind }: MediaStreamTrack): Device =>
  kind === "audio" ? "microphone" : source;
