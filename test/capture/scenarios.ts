/** What happens to captures, in a page. */
import type { Capture, CaptureOptions } from "../../src/capture/index.js";
import type { RecordingEvent } from "../../src/recording/events.js";
import type { Recording } from "../../src/recording/recording.js";

export const seconds = (number: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 1000 * number));

async function until(condition: () => boolean, most = 20): Promise<void> {
  for (const end = performance.now() + 1000 * most; !condition(); await seconds(0.02))
    if (performance.now() > end) throw new Error(`waited in vain: ${condition}`);
}

const camera = (audio = true): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180, frameRate: 15 }, audio });

/** A canvas of one colour, that may stand still. */
function canvas(): { readonly stream: MediaStream; paint(colour: string): void } {
  const element = document.createElement("canvas");
  [element.width, element.height] = [320, 180];
  const context = element.getContext("2d")!;
  const paint = (colour: string): void => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 320, 180);
  };
  const stream = element.captureStream(25);
  paint("black");
  return { stream, paint };
}

interface Generator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}
declare const MediaStreamTrackGenerator: new (init: { readonly kind: "video" }) => Generator;

/** A camera that stalls, and that is unplugged, when told to. */
function device(): { readonly track: MediaStreamTrack; isStalled: boolean; unplug(): Promise<void> } {
  const track = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = track.writable.getWriter();
  const picture = new OffscreenCanvas(320, 180);
  picture.getContext("2d")!.fillRect(0, 0, 9, 9);
  const unplug = (): Promise<void> => {
    clearInterval(timer);
    return writer.close();
  };
  const own = { track, isStalled: false, unplug };
  const timer = setInterval(() => {
    if (!own.isStalled)
      writer.write(new VideoFrame(picture, { timestamp: 1000 * performance.now() })).catch(() => {});
  }, 66);
  return own;
}

const Encoder = globalThis.VideoEncoder;
const encoders: VideoEncoder[] = [];
if (Encoder)
  globalThis.VideoEncoder = class extends Encoder {
    constructor(init: VideoEncoderInit) {
      super(init);
      encoders.push(this);
    }
  };

const SoundEncoder = globalThis.AudioEncoder;
/** How many of the next encoders of sound keep what they encode to themselves. */
let silentEncoders = 0;
if (SoundEncoder)
  globalThis.AudioEncoder = class extends SoundEncoder {
    constructor(init: AudioEncoderInit) {
      super(silentEncoders-- > 0 ? { ...init, output: () => {} } : init);
    }
  };

export interface Room {
  readonly recording: Recording;
  readonly events: readonly RecordingEvent[];
  readonly notes: Record<string, unknown>;
  capture(name: string, stream: MediaStream, options?: CaptureOptions): Capture;
}

/** Options of all captures of a scenario come from the test. */
export const scenarios = {
  /** A camera, and a canvas beside it. */
  async plain({ capture }: Room, options: CaptureOptions) {
    capture("camera", await camera(), options);
    const { stream, paint } = canvas();
    const timer = setInterval(() => paint(`hsl(${Math.random() * 360} 80% 50%)`), 40);
    capture("screen", stream, options);
    await seconds(6);
    clearInterval(timer);
  },

  async pauses({ capture }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await seconds(3);
    running.pause();
    await seconds(1);
    running.resume();
    await seconds(3);
    await running.stop();
  },

  /** Black and white, at times that are told. */
  async clock({ capture, notes }: Room, options: CaptureOptions) {
    const { stream, paint } = canvas();
    stream.addTrack((await camera()).getAudioTracks()[0]!);
    capture("screen", stream, options);
    const changes: number[] = [];
    let shown = "black";
    // A recorder gives a frame when the next one comes.
    const timer = setInterval(() => paint(shown), 40);
    await seconds(1.5);
    for (const colour of ["white", "black", "white", "black"]) {
      await new Promise(requestAnimationFrame);
      shown = colour;
      paint(colour);
      changes.push(performance.timeOrigin + performance.now());
      await seconds(0.9);
    }
    clearInterval(timer);
    notes.changes = changes;
  },

  async still({ capture }: Room, options: CaptureOptions) {
    const { stream } = canvas();
    stream.addTrack((await camera()).getAudioTracks()[0]!);
    capture("screen", stream, options);
    await seconds(7);
  },

  /** Sound goes on while the picture stalls, and the picture comes back. */
  async stalls({ capture, events }: Room, options: CaptureOptions) {
    const own = device();
    const [sound] = (await camera()).getAudioTracks();
    capture("camera", new MediaStream([own.track, sound!]), { ...options, silentAfter: 2500 });
    await seconds(3);
    own.isStalled = true;
    await until(() => events.some(({ type }) => type === "silent"));
    own.isStalled = false;
    await until(() => events.some(({ type }) => type === "restored"));
    await seconds(3);
  },

  async unplugged({ capture }: Room, options: CaptureOptions) {
    const own = device();
    const [sound] = (await camera()).getAudioTracks();
    const running = capture("camera", new MediaStream([own.track, sound!]), options);
    await seconds(3);
    await own.unplug();
    await seconds(2);
    running.replace(new MediaStream([device().track, sound!]));
    await seconds(3);
  },

  async lastUnplugged({ capture }: Room, options: CaptureOptions) {
    const own = device();
    const running = capture("camera", new MediaStream([own.track]), options);
    await seconds(3);
    await own.unplug();
    await running.done.catch(() => {});
  },

  async stoppedByPage({ capture }: Room, options: CaptureOptions) {
    const stream = await camera();
    const running = capture("camera", stream, options);
    await seconds(3);
    for (const track of stream.getTracks()) track.stop();
    await running.done;
  },

  async addsTrack({ capture }: Room, options: CaptureOptions) {
    const whole = await camera();
    const stream = new MediaStream(whole.getVideoTracks());
    capture("camera", stream, options);
    await seconds(3);
    stream.addTrack(whole.getAudioTracks()[0]!);
    await seconds(3);
  },

  async lostEncoder({ capture }: Room, options: CaptureOptions) {
    encoders.length = 0;
    capture("camera", await camera(), options);
    await seconds(3);
    encoders[0]!.close();
    await seconds(3);
  },

  /** Every encoder dies at once. */
  async deadEncoders({ capture }: Room, options: CaptureOptions) {
    encoders.length = 0;
    const running = capture("camera", await camera(), options);
    let isOver = false;
    running.done.catch(() => {}).finally(() => (isOver = true));
    while (!isOver) {
      for (const encoder of encoders) if (encoder.state !== "closed") encoder.close();
      await seconds(0.02);
    }
  },

  async busy({ capture }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await seconds(2);
    for (const end = performance.now() + 3000; performance.now() < end; );
    await seconds(2);
    await running.stop();
  },

  /** From when the test hides the page, to the end. */
  async hidden({ capture, notes }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await until(() => document.hidden);
    await seconds(6);
    await running.stop();
    notes.hidden = document.hidden;
  },

  /** The page is busy until its end: what came meanwhile it never read. */
  async heldAtTheEnd({ capture }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await seconds(2);
    for (const end = performance.now() + 4000; performance.now() < end; );
    await running.stop();
  },

  /** The page stops one device before it asks for the other. */
  async changesDeviceInPause({ capture }: Room, options: CaptureOptions) {
    const first = await camera();
    const running = capture("camera", first, options);
    await seconds(2.5);
    running.pause();
    running.pause();
    for (const track of first.getTracks()) track.stop();
    await seconds(0.5);
    running.replace(await camera());
    running.resume();
    running.resume();
    await seconds(2.5);
  },

  async unpluggedInPause({ capture }: Room, options: CaptureOptions) {
    const own = device();
    const running = capture("camera", new MediaStream([own.track]), options);
    await seconds(2.5);
    running.pause();
    await own.unplug();
    await seconds(0.5);
    running.resume();
    await running.done.catch(() => {});
  },

  async halfUnpluggedInPause({ capture }: Room, options: CaptureOptions) {
    const own = device();
    const [sound] = (await camera()).getAudioTracks();
    const running = capture("camera", new MediaStream([own.track, sound!]), options);
    await seconds(2.5);
    running.pause();
    await own.unplug();
    await seconds(0.5);
    running.resume();
    await seconds(2.5);
  },

  /** Every call at once, and each again behind the end. */
  async everyCallAtOnce({ capture }: Room, options: CaptureOptions) {
    const stream = await camera();
    const running = capture("camera", stream, options);
    await seconds(2.5);
    const calls = (): Promise<void> => {
      running.pause();
      running.resume();
      running.replace(stream);
      for (const track of stream.getTracks()) track.stop();
      return running.stop();
    };
    await Promise.all([calls(), calls()]);
    await calls();
    running.resume();
    await running.done;
  },

  /** The first encoder of sound gives nothing. */
  async deadSound({ capture, events }: Room, options: CaptureOptions) {
    silentEncoders = 1;
    capture("camera", await camera(), options);
    await until(() => events.some(({ type }) => type === "restarted"));
    await seconds(3);
  },

  /** The recorder does not hear that it is to stop. */
  async endlessRecorder({ capture }: Room, options: CaptureOptions) {
    MediaRecorder.prototype.stop = () => {};
    const running = capture("camera", await camera(), options);
    await seconds(4.5);
    await running.stop();
  },

  /** Times of frames that go back, stand still and leap. */
  async leaps({ capture }: Room, options: CaptureOptions) {
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = track.writable.getWriter();
    const picture = new OffscreenCanvas(320, 180);
    picture.getContext("2d")!.fillRect(0, 0, 9, 9);
    capture("camera", new MediaStream([track]), options);
    for (let n = 0; n < 60; n++) {
      const timestamp = [1e6 * n, 5e6, 1e12 - 7e6 * n, 66_000 * n][n % 4]!;
      await writer.write(new VideoFrame(picture, { timestamp }));
      await seconds(0.066);
    }
  },

  async nothing({ capture, events }: Room, options: CaptureOptions) {
    const own = device();
    own.isStalled = true;
    capture("camera", new MediaStream([own.track]), { ...options, silentAfter: 400 });
    await until(() => events.some(({ type }) => type === "silent"));
  },

  /** Whatever takes the bytes is slower than the encoder. */
  async full({ capture, events }: Room, options: CaptureOptions) {
    capture("camera", await camera(), { ...options, maxBuffered: 1000 });
    await until(() => events.some(({ type }) => type === "restarted"));
    await seconds(1);
  },

  async closed({ capture, recording }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await seconds(2.5);
    await recording.flush();
    await seconds(1);
    await recording.close();
    await running.done;
  },

  async aborted({ capture, recording }: Room, options: CaptureOptions) {
    const running = capture("camera", await camera(), options);
    await seconds(1);
    await recording.abort();
    await running.done.catch(() => {});
  },
} satisfies Record<string, (room: Room, options: CaptureOptions) => Promise<void>>;
export type Scenario = keyof typeof scenarios;
