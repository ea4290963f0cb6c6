/** `blindreel/ranges` in real browsers, over HTTP from a server that holds sealed objects. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Engine, type EngineSettings, engines } from "../runtimes/contexts/engines.js";
import { FILM, type RangeSite, serveRangeSite } from "./site.js";

let site: RangeSite;
beforeAll(async () => {
  site = await serveRangeSite();
}, 60_000);
afterAll(() => site?.close());

/** Firefox's: longer than a sign of life takes to come, which is 5 s. */
const WORKER_IDLE = 6000;

const KINDS = ["classic", "module"] as const;
type Kind = (typeof KINDS)[number];

/** Last part of the latest task's host. */
let latest = 0;

/**
 * A browser for the tests of a `describe`. Each task has an origin of its own: requests that a page leaves open, and workers that outlive
 * it, would be in the way of the next.
 */
function engineFor(start: (settings: EngineSettings) => Promise<Engine>) {
  const downloads = mkdtempSync(join(tmpdir(), "blindreel-ranges-"));
  let engine: Engine;
  let host = "";
  beforeAll(async () => {
    engine = await start({ downloads, workerIdle: WORKER_IDLE });
  });
  afterAll(async () => {
    await engine?.close();
    rmSync(downloads, { recursive: true });
  });

  async function run(task: string, kind: Kind = "module"): Promise<unknown> {
    const id = String(++latest);
    const { port } = new URL(site.origin);
    host = `127.0.0.${latest}:${port}`;
    site.stopWorkers.set(host, () => engine.stopWorkers?.() ?? sleep(2 * WORKER_IDLE + 2000));
    await engine.open(`http://${host}/${kind}/page.html?${new URLSearchParams({ task, name: id })}`);
    const result = (await site.told(id)) as { failed?: string } | null;
    if (result?.failed) throw new Error(result.failed);
    return result;
  }
  /** Whether the browser broke off a response of the latest task. */
  const brokeOff = (): boolean => site.brokenOff.has(host);
  return { run, downloads, brokeOff };
}

const HTTP = {
  "bytes=0-9": [206, "bytes 0-9/1000000", 10, true],
  "bytes=999990-": [206, "bytes 999990-999999/1000000", 10, true],
  "bytes=-10": [206, "bytes 999990-999999/1000000", 10, true],
  "bytes=600000-1999999": [206, "bytes 600000-999999/1000000", 400_000, true],
  "bytes=1000000-": [416, "bytes */1000000", 0, true],
  "bytes=0-1,5-6": [200, null, 1_000_000, true],
  "bytes=9-0": [200, null, 1_000_000, true],
  "lines=0-5": [200, null, 1_000_000, true],
  whole: [{ status: 200, range: null, length: "1000000", type: "audio/webm" }, 1_000_000, true],
  headers: ["no-store", "nosniff", "bytes", "attachment; filename*=UTF-8''chat%20%281%29.webm"],
  head: [{ status: 200, range: null, length: "1000000", type: "audio/webm" }, 0],
  post: 405,
  fragment: 200,
  capped: {
    status: 206,
    range: "bytes 5-300004/1000000",
    length: "300000",
    type: "application/octet-stream",
  },
  html: "application/octet-stream",
  empty: [
    { status: 200, range: null, length: "0", type: "application/octet-stream" },
    { status: 416, range: "bytes */0", length: null, type: null },
  ],
  closed: 404,
};

for (const [name, start] of Object.entries(engines)) {
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  // Browsers at the same time, each with one test after the other.
  const where = start ? name : `${name} (missing: npm run setup)`;
  describe.concurrent(where, { skip: !start }, () => {
    const { run, downloads, brokeOff } = engineFor(start!);

    test.sequential.each(KINDS)("a %s worker answers as RFC 9110 says", async (kind) => {
      expect(await run("http", kind)).toEqual(HTTP);
    });

    test.sequential("a video element plays and seeks, and paints what the original has", async () => {
      const { duration, found } = (await run("video")) as {
        duration: number;
        found: [number, number, number][];
      };
      expect(duration).toBe(90);
      expect(found.map(([time]) => time)).toEqual([45, 88, 3]);
      for (const [time, same, other] of found) {
        expect(same, `at ${time} s`).toBeLessThan(2);
        expect(other, `the frame a second after ${time} s`).toBeGreaterThan(4);
      }
    });

    // WebKitGTK's elements take the end of a capped answer for the end of the file.
    const goesOn = "a video element goes on from capped answers, and plays to the end";
    test.sequential(goesOn, { skip: name === "webkit" }, async () => {
      expect(await run("capped")).toBe(90);
    });

    test.sequential("a video element takes what it buffers, and nothing once it is gone", async () => {
      const { loaded, later } = (await run("taken")) as { loaded: number; later: number };
      expect(loaded).toBeLessThan(150_000_000);
      expect(later).toBe(0);
    });

    test.sequential("fetch gets the whole", async () => {
      const length = String(FILM.length);
      const shown = { status: 200, range: null, length, type: "video/webm;codecs=vp8,opus" };
      expect(await run("download")).toEqual({ shown, isWhole: true });
    });

    // MiniBrowser asks a person where to.
    test.sequential("a download is the same file", { skip: name === "webkit" }, async () => {
      await run("save");
      await vi.waitFor(
        () => {
          const files = readdirSync(downloads).map((file) => readFileSync(join(downloads, file)));
          expect(files.some((file) => file.equals(FILM))).toBe(true);
        },
        { timeout: 20_000, interval: 100 },
      );
    });

    test.sequential("an abort and a cancelled body end the read, and the network below", async () => {
      expect(await run("abort")).toEqual({ aborted: "AbortError", readsAfterCancel: 0 });
      expect(await run("network")).toBe("AbortError");
      // WebKitGTK was not seen to tell its worker, while nothing of the body had come: the request goes on.
      if (name !== "webkit") await vi.waitFor(() => expect(brokeOff()).toBe(true), 5000);
    });

    test.sequential("takes of the source what is read, and little more", async () => {
      const [whole, capped] = (await run("pressure")) as [number, number];
      // Firefox and WebKit read bodies of workers as fast as they come.
      if (name === "chromium") expect(whole).toBeLessThan(24);
      expect(capped).toBeLessThanOrEqual(4);
    });

    test.sequential("a failure is a network error and no short body", async () => {
      const { altered, before, closed, errors } = (await run("failures")) as Record<string, unknown>;
      // The error of a body that breaks off is the browser's.
      for (const error of [altered, closed]) expect(["TypeError", "AbortError"]).toContain(error);
      expect([before, errors]).toEqual([100_000, ["authentication-failed"]]);
    });

    test.sequential("two pages serve at the same time", async () => {
      expect(await run("tabs")).toEqual({ found: [1000, 2000], gone: 404, mine: 1000 });
    });
  });

  // WebKit has no way to stop a worker while its page is open. A browser of its own: workers take long to stop.
  describe.concurrent(`${where}, its worker`, { skip: !start || name === "webkit" }, () => {
    const { run } = engineFor(start!);

    test.sequential("is stopped and started, and goes on", async () => {
      const found = { before: 10, after: 10, isOther: true, isWholeOrFailed: true };
      expect(await run("restart")).toEqual(found);
    });

    test.sequential("goes on with a body that takes longer than it lives without work", async () => {
      expect(await run("slow")).toEqual([20_000_000, true]);
    });
  });
}
