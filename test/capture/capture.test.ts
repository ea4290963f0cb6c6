import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CaptureOptions } from "../../src/capture/index.js";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { CaptureBench, type Captured, type CapturedTake, expectPlayable, largestStep } from "./bench.js";
import type { CaptureTools, Outcome } from "./page.js";
import type { Scenario } from "./scenarios.js";

declare const tools: CaptureTools;

const WEBCODECS: CaptureOptions = { encoder: "webcodecs" };
const RECORDER: CaptureOptions = { encoder: "media-recorder" };

describeChromium("a captured stream", () => {
  let bench: CaptureBench;
  let browser: BrowserContext;
  beforeAll(async () => {
    bench = await CaptureBench.start();
    browser = await launchChromium({ fakeMedia: true });
  });
  afterAll(async () => {
    await browser?.close();
    await bench?.server.close();
  });

  /** In a page of its own, so that several capture at the same time. */
  async function inPage<T>(use: (page: Page) => Promise<T>): Promise<T> {
    const page = await browser.newPage();
    try {
      await page.goto(`${bench.server.origin}/index.html`);
      await page.waitForFunction(() => "tools" in globalThis);
      return await use(page);
    } finally {
      await page.close();
    }
  }
  function run(scenario: Scenario, options: CaptureOptions = {}): Promise<Outcome> {
    const given = [scenario, bench.recipient, options] as const;
    return inPage((page) => page.evaluate(([name, to, own]) => tools.run(name, to, own), given));
  }
  async function captured(scenario: Scenario, options?: CaptureOptions): Promise<Outcome & Captured> {
    const outcome = await run(scenario, options);
    return { ...outcome, ...(await bench.review(outcome)) };
  }
  /** Containers and tracks of takes: "webm va". */
  async function kindsOf(takes: readonly CapturedTake[] = []): Promise<string[]> {
    const kinds: string[] = [];
    for (const take of takes) {
      const { video, audio } = await expectPlayable(take);
      const container = /^(?:video|audio)\/(\w+)/.exec(take.type)![1];
      kinds.push(`${container} ${video.length > 0 ? "v" : ""}${audio.length > 0 ? "a" : ""}`);
    }
    return kinds;
  }
  /** What was told, without what any busy machine tells. */
  const eventsOf = ({ events }: Outcome) => events.filter(({ type }) => type !== "dropped");
  const told = (outcome: Outcome): string[] => eventsOf(outcome).map(({ type }) => type);
  const SOURCE = { what: "undrained", cause: "source", track: "camera" };
  const OVERFLOW = { what: "undrained", cause: "overflow", track: "camera" };

  const BOTH: [string, CaptureOptions][] = [
    ["WebCodecs", {}],
    ["a recorder", RECORDER],
  ];

  describe.concurrent.each(BOTH)("by %s", (_, options) => {
    it("is an initialisation part, then segments that begin at key frames and have their times; a canvas beside the camera", async () => {
      const outcome = await captured("plain", options);
      expect(outcome.verdict).toMatchObject({ state: "complete", origin: "pinned", gaps: [], losses: [] });
      expect(outcome.ends).toEqual({ camera: "done", screen: "done" });
      expect(outcome.encoders).toEqual(Array(2).fill(options.encoder ?? "webcodecs"));
      for (const name of ["camera", "screen"]) {
        const [take, ...more] = outcome.takes[name]!;
        expect(more).toEqual([]);
        const { video, audio } = await expectPlayable(take!);
        const { in: given, out, dropped } = outcome.frames[name]!;
        expect(video.length).toBe(out);
        expect(given).toBe(out + dropped);
        expect(video.length).toBeGreaterThan(30);
        expect(video.at(-1)!.timestamp).toBeGreaterThan(4.5);
        expect(video.filter(({ type }) => type === "key").length).toBeGreaterThanOrEqual(2);
        expect(audio.length > 0).toBe(name === "camera");
      }
      expect(outcome.takes.camera![0]!.segments.length).toBeGreaterThanOrEqual(3);
    });

    it("has two takes where it was paused, and nothing between them", async () => {
      const { verdict, takes, ends } = await captured("pauses", options);
      expect([verdict.state, ends.camera]).toEqual(["complete", "done"]);
      expect(await kindsOf(takes.camera)).toEqual(["webm va", "webm va"]);
      const [first, second] = takes.camera!;
      const { video } = await expectPlayable(first!);
      const end = first!.startedAt + 1000 * video.at(-1)!.timestamp;
      expect(second!.startedAt - end).toBeGreaterThan(700);
      expect(second!.startedAt - end).toBeLessThan(3000);
    });

    it("goes on with what is left of a stream of which a track ends, and with what takes its place; the loss is named", async () => {
      const outcome = await captured("unplugged", options);
      expect(outcome.verdict.state).toBe("interrupted");
      expect(outcome.losses).toEqual([SOURCE]);
      expect(told(outcome)).toEqual(["restarted"]);
      expect(await kindsOf(outcome.takes.camera)).toEqual(["webm va", "webm a", "webm va"]);
    });

    it("ends with the last of its tracks, which is a loss; not where the page stopped them", async () => {
      const [unplugged, stopped] = await Promise.all([
        captured("lastUnplugged", options),
        captured("stoppedByPage", options),
      ]);
      expect([unplugged.ends.camera, unplugged.losses]).toEqual(["source-failed", [SOURCE]]);
      expect([stopped.ends.camera, stopped.verdict.state]).toEqual(["done", "complete"]);
      expect(await kindsOf(stopped.takes.camera)).toEqual(["webm va"]);
    });

    it("takes up a track that is added to its stream", async () => {
      const { verdict, takes } = await captured("addsTrack", options);
      expect(verdict.state).toBe("complete");
      expect(await kindsOf(takes.camera)).toEqual(["webm v", "webm va"]);
    });

    it("tells of a camera that gives nothing, and the log has it", async () => {
      const outcome = await captured("nothing", options);
      expect(eventsOf(outcome)).toEqual([{ type: "silent", track: "camera", kind: "video" }]);
      expect(outcome.losses).toEqual([{ what: "silent", cause: "silence", track: "camera" }]);
      expect(outcome.verdict.state).toBe("interrupted");
    });

    it("goes on with another device, for which it was paused, and nothing is lost", async () => {
      const { verdict, takes, ends } = await captured("changesDeviceInPause", options);
      expect([verdict.state, ends.camera]).toEqual(["complete", "done"]);
      expect(await kindsOf(takes.camera)).toEqual(["webm va", "webm va"]);
    });

    it("is told, when it goes on, that its only device was unplugged in a pause", async () => {
      const { losses, takes, ends } = await captured("unpluggedInPause", options);
      expect([ends.camera, losses]).toEqual(["source-failed", [SOURCE]]);
      expect(await kindsOf(takes.camera)).toEqual(["webm v"]);
    });

    it("goes on without what was unplugged in a pause, and the loss is named", async () => {
      const { losses, takes, ends } = await captured("halfUnpluggedInPause", options);
      expect([ends.camera, losses]).toEqual(["done", [SOURCE]]);
      expect(await kindsOf(takes.camera)).toEqual(["webm va", "webm a"]);
    });

    it("ends once, whatever is called at the same time and behind its end", async () => {
      const { verdict, ends, takes } = await captured("everyCallAtOnce", options);
      expect([verdict.state, ends.camera]).toEqual(["complete", "done"]);
      expect((await kindsOf(takes.camera))[0]).toBe("webm va");
    });

    it("ends with the recording: flushed, closed, aborted", async () => {
      const [closed, aborted] = await Promise.all([run("closed", options), run("aborted", options)]);
      expect([closed.ends.camera, aborted.ends.camera]).toEqual(["done", "closed"]);
    });
  });

  describe.concurrent("by WebCodecs alone", () => {
    it("is a fragmented MP4 where it is H.264", async () => {
      const { verdict, takes } = await captured("plain", { codec: "avc" });
      expect(verdict.state).toBe("complete");
      expect(await kindsOf(takes.camera)).toEqual(["mp4 va"]);
      expect(await kindsOf(takes.screen)).toEqual(["mp4 v"]);
    });

    it("repeats a picture that stands still, once a second, beside the sound", async () => {
      const { verdict, takes } = await captured("still");
      expect(verdict.state).toBe("complete");
      const { video, audio } = await expectPlayable(takes.screen![0]!);
      expect(video.length).toBeGreaterThanOrEqual(5);
      expect(video.length).toBeLessThanOrEqual(10);
      expect(largestStep(video)).toBeLessThan(1.6);
      expect(largestStep(audio)).toBeLessThan(0.2);
    });

    it("goes on with the sound of a camera that stalls, and with both when it gives again", async () => {
      const outcome = await captured("stalls");
      expect(eventsOf(outcome)).toEqual(
        ["silent", "restored"].map((type) => ({ type, track: "camera", kind: "video" })),
      );
      expect(await kindsOf(outcome.takes.camera)).toEqual(["webm va", "webm a", "webm va"]);
    });

    it("begins a take where its encoder is lost, and the loss is named", async () => {
      const outcome = await captured("lostEncoder", WEBCODECS);
      expect(told(outcome)).toEqual(["restarted"]);
      expect([outcome.ends.camera, outcome.losses]).toEqual(["done", [SOURCE]]);
      const kinds = await kindsOf(outcome.takes.camera);
      expect(kinds).toEqual(["webm va", "webm va"]);
    });

    it("begins a take where its encoder of sound gives nothing, and the loss is named", async () => {
      const outcome = await captured("deadSound", WEBCODECS);
      expect(told(outcome)).toEqual(["restarted"]);
      expect([outcome.ends.camera, outcome.losses]).toEqual(["done", [SOURCE]]);
      expect(await kindsOf(outcome.takes.camera)).toEqual(["webm v", "webm va"]);
    });

    it("has rising times of a source whose times go back, stand still and leap", async () => {
      const outcome = await captured("leaps");
      expect(outcome.verdict.state).toBe("complete");
      const [take, ...more] = outcome.takes.camera!;
      const { video } = await expectPlayable(take!);
      expect([more.length, video.length]).toEqual([0, outcome.frames.camera!.out]);
      expect(largestStep(video)).toBeLessThan(2);
    });

    it("gives up where every encoder is lost", async () => {
      const outcome = await captured("deadEncoders", WEBCODECS);
      expect(outcome.ends.camera).toBe("source-failed");
      // What waited in them is lost too.
      const losses = outcome.losses.filter(({ cause }) => cause !== "overflow");
      expect(losses).toEqual(Array(6).fill(SOURCE));
    });

    it("waits where the recording cannot take more, and the loss is named", async () => {
      const outcome = await captured("full");
      expect(outcome.ends.camera).toBe("done");
      expect(outcome.losses.length).toBeGreaterThan(0);
      for (const loss of outcome.losses) expect(loss).toEqual(OVERFLOW);
      await kindsOf(outcome.takes.camera);
    });
  });

  it.concurrent("ends also where its recorder does not, and the loss is named", async () => {
    const outcome = await captured("endlessRecorder", RECORDER);
    expect([outcome.ends.camera, outcome.losses]).toEqual(["done", [SOURCE]]);
    expect(await kindsOf(outcome.takes.camera)).toEqual(["webm va"]);
  });

  // With nothing beside it that takes time.
  describe.each(BOTH)("by %s, alone", (_, options) => {
    it("has a picture at the time at which it was seen, read and played", async () => {
      const outcome = await captured("clock", options);
      const { takes, notes } = outcome;
      const [take] = takes.screen!;
      await expectPlayable(take!);
      const content = Buffer.from(take!.content).toString("base64");
      const frames = await inPage((page) => page.evaluate((bytes) => tools.decode(bytes), content));
      const changes = frames
        .filter(({ light }, i) => i > 0 && light > 128 !== frames[i - 1]!.light > 128)
        .map(({ time }) => take!.startedAt + 1000 * time);
      const painted = notes.changes as number[];
      expect(changes.length).toBe(painted.length);
      // All of a take is later by one time: its time 0 is the arrival of the first frame, and a busy machine delays that.
      const late = changes.map((change, i) => change - painted[i]!);
      for (const time of late) expect(Math.abs(time)).toBeLessThan(250);
      // Within a take, a frame at 15 a second.
      expect(Math.max(...late) - Math.min(...late)).toBeLessThan(67 + 1);

      // By a reviewer's page, from sealed objects alone; back as well as forth.
      const times = painted.map((change) => change + 400).reverse();
      const [given, key, at] = [{ ...outcome, takes: undefined }, bench.identity.toJwk() as object, times];
      const lights = await inPage((page) =>
        page.evaluate(([seen, jwk, when]) => tools.watch(seen as unknown as Outcome, jwk, "screen", when), [
          given,
          key,
          at,
        ] as const),
      );
      expect(lights.map((light) => light > 128)).toEqual([false, true, false, true]);
    });

    it("tells of frames that a busy machine drops, and too many are a loss; sound and picture stay together", async () => {
      const outcome = await captured("busy", { ...options, maxDropped: 0.05 });
      expect(outcome.events).toContainEqual(expect.objectContaining({ type: "dropped" }));
      expect(outcome.frames.camera!.dropped).toBeGreaterThan(10);
      expect(outcome.losses.length).toBeGreaterThan(0);
      for (const loss of outcome.losses) expect(loss).toEqual(OVERFLOW);
      const [take] = outcome.takes.camera!;
      const { video, audio } = await expectPlayable(take!);
      expect(Math.abs(video.at(-1)!.timestamp - audio.at(-1)!.timestamp)).toBeLessThan(0.3);
    });

    it("names what a page that was busy to the end did not read", async () => {
      const outcome = await captured("heldAtTheEnd", options);
      expect(outcome.events).toContainEqual(expect.objectContaining({ type: "dropped" }));
      expect(outcome.losses).toEqual([OVERFLOW]);
    });
  });
});
