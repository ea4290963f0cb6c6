/** `blindreel/player` in real browsers, over HTTP from a server that holds sealed objects. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Engine, engines } from "../runtimes/contexts/engines.js";
import { type Compared, expectFrame } from "./frames.js";
import { type PlayerSite, servePlayerSite } from "./site.js";

vi.setConfig({ testTimeout: 120_000 });
let site: PlayerSite;
beforeAll(async () => {
  site = await servePlayerSite();
}, 60_000);
afterAll(() => site?.close());

for (const [name, start] of Object.entries(engines)) {
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  describe.skipIf(!start)(start ? name : `${name} (missing: npm run setup)`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start!();
    });
    afterAll(() => engine?.close());

    async function run(task: string, again = ""): Promise<unknown> {
      const id = `${name}-${task}${again}`;
      const told = site.told(id);
      await engine.open(`${site.origin}/?${new URLSearchParams({ task, name: id })}`);
      const result = (await told) as { failed?: string };
      // A fault of WebKitGTK's now and then, of source buffers of every kind (docs/runtimes.md).
      if (name === "webkit" && !again && result.failed?.includes("Failed to push buffer"))
        return run(task, "-again");
      if (result.failed) throw new Error(JSON.stringify(result));
      return result;
    }

    type Found = readonly (readonly [time: number, compared: Compared])[];
    function expectFrames(found: Found, times: readonly number[]): void {
      expect(found.map(([time]) => time)).toEqual(times);
      for (const [time, compared] of found) expectFrame(compared, `at ${time} s`);
    }
    /** In the middle of a frame: in the middle, at the end, at the beginning. */
    const SOUGHT = [45.52, 88.52, 3.52];

    // Not asked of WebKitGTK: in H.264 it ended with "Failed to push buffer", or was slower than the test waits.
    const kinds = name === "webkit" ? ["webm"] : ["webm", "mp4"];
    test.each(kinds)("seeks in %s paint what the original has", async (kind) => {
      expectFrames((await run(kind)) as Found, SOUGHT);
    });

    test("what is missing or altered is passed over, told, and around it everything plays", async () => {
      expect(await run("gaps")).toEqual({
        begun: 18.5,
        played: [[20, 24, "missing"]],
        behind: 42,
        back: 24,
        last: 50,
        known: [
          [20, 24, "missing"],
          [40, 42, "altered"],
          [50, 52, "missing"],
        ],
        all: [
          [20, 24, "missing"],
          [40, 42, "altered"],
          [20, 24, "missing"],
        ],
      });
    });

    test("takes of two types are one timeline", async () => {
      // WebKitGTK has no changeType.
      const gap = name === "webkit" ? [10, 24, "unsupported"] : [10, 20.1, "unrecorded"];
      expect(await run("takes")).toEqual({ gaps: [gap], end: 28 });
    });

    test("a player closes at any moment, and ends its requests", async () => {
      const before = site.brokenOff.length;
      expect(await run("closes")).toEqual({
        state: "seeking",
        sought: "closed",
        aborted: "AbortError",
        unanswered: "AbortError",
        sources: [null, null],
        later: "closed",
        last: "closed",
      });
      // Bodies that had begun, and requests that got no answer at all.
      const after = (): readonly string[] => site.brokenOff.slice(before);
      await expect
        .poll(() => after().filter((path) => path.startsWith("/stalls/")).length)
        .toBeGreaterThanOrEqual(2);
      await expect
        .poll(() => after().filter((path) => path.startsWith("/silent/")).length)
        .toBeGreaterThanOrEqual(1);
    });

    test("opening, the first picture and a seek ask for little", async () => {
      const { opening, first, seeks } = (await run("requests")) as Record<"opening" | "first", string[]> & {
        seeks: string[][];
      };
      const kind = (name: string): string => name.slice(name.indexOf("/") + 1);
      expect(opening.map(kind)).toEqual(["envelope", "manifest-00000000"]);
      // The initialisation part beside the first unit, then those that `bufferAhead` asks for.
      expect(first.map(kind).sort()).toEqual([0, 1, 2].map((n) => `0001/0000000${n}.seg`));
      expect(seeks.map(([name]) => kind(name!))).toEqual(
        ["1f", "10", "29"].map((n) => `0001/000000${n}.seg`),
      );
      // A second one where the moment is close to its unit's end.
      for (const seek of seeks) expect(seek.length).toBeLessThanOrEqual(2);
    });

    test("an excerpt plays without a key, and as the file that it becomes", async () => {
      const { found, ...rest } = (await run("excerpt")) as { found: Found };
      expect(rest).toEqual({ begin: 28, name: "camera.webm" });
      // Played, and as the file.
      const times = [45.52, 58.52, 33.52];
      expectFrames(
        found,
        times.flatMap((time) => [time, time]),
      );
    });

    test("a recorder's file is not played without an index, and with one as any other", async () => {
      const { refused, found } = (await run("foreign")) as { refused: string; found: Found };
      expect(refused).toBe("unplayable");
      expectFrames(found, SOUGHT);
    });
  });
}
