import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium } from "../../../test/helpers/browsers.js";
import { type Extension, openExtension } from "./extension.js";
import type { DetectorTools, Part, Shown } from "./page.js";

declare const tools: DetectorTools;

const part = (picture: string, ...shares: Part): Shown => ({ picture, part: shares });
const ASTRONAUT = part("astronaut.jpg", 0.15, 0, 0.8, 0.65);
const PHOTOGRAPHER = part("camera.jpg", 0.2, 0.05, 0.7, 0.5);

const ONE: readonly (readonly Shown[])[] = [
  ["astronaut.jpg"],
  ["camera.jpg"],
  [part("sample3.jpg", 0.17, 0.05, 0.5, 0.95)],
  [part("sample3.jpg", 0.45, 0, 0.73, 0.8)],
  [part("sample6.jpg", 0, 0.1, 0.32, 0.9)],
  [part("sample6.jpg", 0.74, 0, 1, 0.8)],
  [part("sample5.jpg", 0.12, 0.5, 0.4, 1)],
  ["astronaut.jpg", "chelsea.jpg"],
];
const TWO: readonly (readonly Shown[])[] = [
  [ASTRONAUT, PHOTOGRAPHER],
  [part("sample3.jpg", 0.17, 0, 0.72, 0.95)],
  [part("sample6.jpg", 0.54, 0, 1, 0.8)],
];
const NONE: readonly (readonly Shown[])[] = [["chelsea.jpg"], ["coffee.jpg"]];

describeChromium("a detector in an extension's page", () => {
  let extension: Extension;
  beforeAll(async () => {
    extension = await openExtension();
    await extension.page.evaluate(() => tools.open(["cpu"]));
  });
  afterAll(async () => {
    await extension?.close();
  });
  const count = (shown: readonly Shown[]): Promise<number> =>
    extension.page.evaluate((pictures) => tools.count(pictures), shown);
  async function countAll(all: readonly (readonly Shown[])[]): Promise<number[]> {
    const counts: number[] = [];
    for (const shown of all) counts.push(await count(shown));
    return counts;
  }

  it("finds one face", async () => {
    expect(await countAll(ONE)).toEqual(ONE.map(() => 1));
  });

  it("finds two faces, side by side or of one picture", async () => {
    expect(await countAll(TWO)).toEqual(TWO.map(() => 2));
  });

  it("finds none in a cat, a cup, and frames of a film", async () => {
    expect(await countAll(NONE)).toEqual([0, 0]);
    expect(await extension.page.evaluate(() => tools.countInFilm("film.webm", 2))).toEqual([0, 0]);
  });

  it("writes what it saw three times in a row, and what looked", async () => {
    const scenes = [
      { shown: ["astronaut.jpg"], looks: 1 },
      { shown: ["coffee.jpg"], looks: 4 },
      { shown: ["astronaut.jpg"], looks: 1 },
      { shown: [ASTRONAUT, PHOTOGRAPHER], looks: 2 },
      { shown: ["astronaut.jpg"], looks: 1 },
      { shown: [ASTRONAUT, PHOTOGRAPHER], looks: 3 },
    ];
    const { lines, why, state } = await extension.page.evaluate(
      (shown) => tools.watch(shown, { end: "close" }),
      scenes,
    );
    expect(why).toBe("closed");
    expect(state).toBe("live");
    const time = expect.stringMatching(/^20\d\d-.*Z$/);
    expect(lines).toEqual([
      { at: time, type: "detector", name: expect.stringContaining("face-api"), every: 0.05, inARow: 3 },
      { at: time, type: "flag", what: "no-face", frames: 3, until: time },
      { at: time, type: "flag-end", what: "no-face", frames: 4 },
      { at: time, type: "flag", what: "two-faces", frames: 3, until: time },
      { at: time, type: "flag-end", what: "two-faces", frames: 3 },
      { at: time, type: "detector-end", why: "closed", looks: 12, blind: 0 },
    ]);
    const times = lines.map(({ at }) => at);
    expect(times).toEqual([...times].sort());
  });

  it("looks no more when the camera has ended, or its lines cannot be written", async () => {
    const scenes = [{ shown: ["astronaut.jpg"], looks: 1 }];
    await extension.page.evaluate(() => tools.open(["cpu"]));
    const ended = await extension.page.evaluate((shown) => tools.watch(shown, { end: "camera" }), scenes);
    expect(ended.why).toBe("camera-ended");
    expect(ended.lines.at(-1)).toMatchObject({ type: "detector-end", why: "camera-ended", looks: 1 });
    await extension.page.evaluate(() => tools.open(["cpu"]));
    const full = await extension.page.evaluate(
      (shown) => tools.watch(shown, { end: "camera", failsAt: 0 }),
      scenes,
    );
    expect(full).toMatchObject({ lines: [], why: "not-written" });
  });

  it("says when it is closed or its worker is missing, and closes the frames that it gets then", async () => {
    const after = (end: "close" | "no-such-worker"): Promise<unknown> =>
      extension.page.evaluate((how) => tools.after(how), end);
    expect(await after("close")).toEqual({ code: "detector-closed", width: 0 });
    expect(await after("no-such-worker")).toEqual({ code: "detector-failed", width: 0 });
  });

  it("finds the same on the graphics processor", async () => {
    await extension.page.evaluate(() => tools.open(["webgl"]));
    expect(await countAll([["astronaut.jpg"], [ASTRONAUT, PHOTOGRAPHER]])).toEqual([1, 2]);
  });

  it("asks for nothing but the extension's files, and for nothing that its policy forbids", async () => {
    const origin = new URL(".", extension.page.url()).href;
    expect(extension.requests.length).toBeGreaterThan(5);
    expect(extension.requests.filter((url) => !url.startsWith(origin) && !url.startsWith("blob:"))).toEqual(
      [],
    );
    expect(await extension.page.evaluate(() => tools.violations())).toEqual([]);
  });
});
