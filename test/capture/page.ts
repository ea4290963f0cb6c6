/** The recording side, in a page: streams of every kind, captured into a recording whose objects go to the test's server. */
import * as media from "mediabunny";
import { type Capture, type CaptureOptions, capture } from "../../src/capture/index.js";
import { capabilities } from "../../src/crypto/capabilities.js";
import { importIdentity, importRecipient } from "../../src/keywrap/import.js";
import { play } from "../../src/player/index.js";
import type { RecordingEvent } from "../../src/recording/events.js";
import { startRecording } from "../../src/recording/start.js";
import { httpObjects, openRecording } from "../../src/review/index.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { type Scenario, scenarios, seconds } from "./scenarios.js";

export interface Outcome {
  readonly coreHash: string;
  readonly recordingId: string;
  readonly events: readonly RecordingEvent[];
  /** What each capture's `done` settled with: a code, or "done". */
  readonly ends: Readonly<Record<string, string>>;
  readonly frames: Readonly<Record<string, Capture["frames"]>>;
  readonly encoders: readonly string[];
  /** Of the scenario. */
  readonly notes: Readonly<Record<string, unknown>>;
}

const tools = {
  capabilities,

  async run(name: Scenario, recipient: object, options: CaptureOptions = {}): Promise<Outcome> {
    const events: RecordingEvent[] = [];
    const recording = await startRecording({
      to: await importRecipient(recipient as never),
      journal: memoryJournal(),
      segmentEvery: 3000,
      onEvent: (event) => void events.push(event),
    });
    const uploading = recording.upload(async (path, body) => {
      const response = await fetch(`/objects/${path}`, { method: "PUT", body });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
    });
    const ends: Record<string, string> = {};
    const captures: Record<string, Capture> = {};
    const notes = {};
    const streams: MediaStream[] = [];
    await scenarios[name](
      {
        recording,
        events,
        notes,
        capture(track, stream, own) {
          const running = capture(stream, recording.track(track), own);
          captures[track] = running;
          streams.push(stream);
          running.done.then(
            () => (ends[track] = "done"),
            (error) => (ends[track] = error.code),
          );
          return running;
        },
      },
      options,
    );
    if (recording.state === "recording") await recording.finish("submitted", { timeout: 20_000 });
    await uploading;
    for (const track of streams.flatMap((stream) => stream.getTracks())) track.stop();
    const frames = Object.fromEntries(Object.entries(captures).map(([track, each]) => [track, each.frames]));
    const { coreHash, recordingId } = recording;
    const told = events.map((event) => ("error" in event ? { ...event, error: String(event.error) } : event));
    const encoders = Object.values(captures).map(({ encoder }) => encoder);
    return { coreHash, recordingId, events: told, ends, frames, encoders, notes };
  },

  /** Plays a track as a reviewer's page does. @returns brightness of what is painted at the times, in milliseconds since 1970. */
  async watch(
    { coreHash, recordingId }: Pick<Outcome, "coreHash" | "recordingId">,
    identity: object,
    name: string,
    times: readonly number[],
  ): Promise<number[]> {
    const envelope = await (await fetch(`/objects/${recordingId}/envelope`)).arrayBuffer();
    const review = await openRecording(new Uint8Array(envelope), {
      identities: await importIdentity(identity as never),
      expected: { coreHash },
      objects: httpObjects(async (object) => new Request(`${location.origin}/objects/${object}`)),
    });
    const video = Object.assign(document.createElement("video"), { muted: true, width: 320 });
    document.body.append(video);
    const player = await play(video, review.track(name));
    const found: number[] = [];
    for (const time of times) {
      await player.seek(new Date(time));
      await seconds(0.3);
      const picture = new OffscreenCanvas(16, 9).getContext("2d")!;
      picture.drawImage(video, 0, 0, 16, 9);
      found.push(picture.getImageData(8, 4, 1, 1).data[0]!);
    }
    await player.close();
    await review.close();
    video.remove();
    return found;
  },

  /** Decodes a take. @returns seconds of media time and brightness of every frame. */
  async decode(content: string): Promise<{ readonly time: number; readonly light: number }[]> {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    const input = new media.Input({ formats: media.ALL_FORMATS, source: new media.BufferSource(bytes) });
    const track = (await input.getPrimaryVideoTrack())!;
    const found = [];
    for await (const { canvas: picture, timestamp } of new media.CanvasSink(track, {
      width: 16,
    }).canvases()) {
      const { data } = (picture as HTMLCanvasElement).getContext("2d")!.getImageData(4, 4, 1, 1);
      found.push({ time: timestamp, light: data[0]! });
    }
    return found;
  },
};
export type CaptureTools = typeof tools;
Object.assign(globalThis, { tools });
