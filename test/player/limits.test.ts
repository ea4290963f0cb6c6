/** `blindreel/player` where a browser has little room for media, and where it has managed sources. In Chromium. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findChromium } from "../../scripts/runtimes.js";
import { launchChromium } from "../helpers/browsers.js";
import { type Compared, expectFrame } from "./frames.js";
import { type PlayerSite, servePlayerSite } from "./site.js";

vi.setConfig({ testTimeout: 120_000 });
const isThere = findChromium() !== undefined;
if (!isThere && process.env.CI) throw new Error("chromium is missing: npm run setup");

describe.skipIf(!isThere)(`a player${isThere ? "" : " (chromium is missing: npm run setup)"}`, () => {
  let site: PlayerSite;
  beforeAll(async () => {
    site = await servePlayerSite("limits-page.ts");
  }, 60_000);
  afterAll(() => site?.close());

  async function run(task: string, args: readonly string[] = []): Promise<unknown> {
    const told = site.told(task);
    const browser = await launchChromium({ args });
    try {
      await (await browser.newPage()).goto(`${site.origin}/?${new URLSearchParams({ task, name: task })}`);
      const result = (await told) as { failed?: string };
      if (result.failed) throw new Error(JSON.stringify(result));
      return result;
    } finally {
      await browser.close();
    }
  }

  test("goes on with less ahead where the browser has no room, and fetches again what it dropped", async () => {
    // 2 MB are 18 s of the film.
    const limits = ["--mse-video-buffer-size-limit-mb=2", "--mse-audio-buffer-size-limit-mb=1"];
    const { refusals, first, dropped, again, frame, state, gaps } = (await run("room", limits)) as {
      refusals: string[];
      first: number;
      dropped: number;
      again: string[];
      frame: Compared;
      state: string;
      gaps: unknown[];
    };
    expect(refusals).toEqual(["QuotaExceededError"]);
    expect(first).toBeGreaterThan(5);
    expect(first).toBeLessThan(40);
    expect(dropped).toBeGreaterThan(3.52);
    expect(again[0]).toMatch(/\/0001\/00000002\.seg$/);
    expectFrame(frame, "at 3.52 s");
    expect(["filling", "waiting"]).toContain(state);
    expect(gaps).toEqual([]);
  });

  test("of a managed source fetches nothing while the browser wants nothing", async () => {
    const { frame, ...rest } = (await run("managed")) as { frame: Compared };
    expect(rest).toEqual({
      before: [],
      silent: { asked: [], more: 0, state: "waiting" },
      disableRemotePlayback: true,
    });
    expectFrame(frame, "at 45.52 s");
  });
});
