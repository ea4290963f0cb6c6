import type { CDPSession, Page } from "playwright";
import { launchChromium } from "../../scripts/launch-chromium.js";
import type { Group } from "../lib/group.js";
import { longestTask } from "../lib/longest-task.js";
import { type Asked, CLEAR, type PlayerSite, servePlayer } from "../lib/player-site.js";
import { type Row, valueAtMost } from "../lib/row.js";
import type { PlayerCalls } from "../portable/player.js";

const MIB = 2 ** 20;
/** Milliseconds of a simulated round trip: as in the field, and so long that a busy machine cannot hide one behind another. */
const ROUND_TRIP = 50;
const LONG_ROUND_TRIP = 500;
/** Seconds of media, at this speed. */
const HOUR = 3600;
const RATE = 16;
/** Milliseconds of a task that a user notices (W3C Long Tasks). */
const LONG_TASK = 50;

type Call = <Name extends keyof PlayerCalls>(
  name: Name,
  given: Parameters<PlayerCalls[Name]>[0],
) => ReturnType<PlayerCalls[Name]>;

export const group: Group = {
  title: "Playing",
  about:
    "A recording of 1 GiB in units of two seconds, played in Chromium from a server over HTTP/2, every answer 50 ms late. In the clear: the same media from the same server, by its address, and by a plain source buffer that gets initialisation part and first unit with one request. The hour is played at 16 times the speed. Tasks are in time of the processor, by the browser's trace: a machine with other work holds them longer by the clock. The heap is that of the page behind a collection of garbage, array buffers included.",

  async run(scale) {
    const site = await servePlayer(scale.bytes(1024 * MIB));
    const context = await launchChromium({ args: ["--ignore-certificate-errors"] });
    try {
      const page = await context.newPage();
      const call = await callsOf(page, site.origin);
      const rows = [
        ...(await firstPictures(site, call, scale.rounds)),
        ...(await seeks(site, call)),
        ...(await anHour(site, call, await context.newCDPSession(page), scale.count(HOUR))),
      ];
      const agent = await page.evaluate(() => navigator.userAgent);
      return { rows, runtime: `Chromium ${/Chrome\/(\d+)/.exec(agent)?.[1]}` };
    } finally {
      await context.close();
      site.close();
    }
  },
};

async function callsOf(page: Page, origin: string): Promise<Call> {
  await page.goto(origin);
  await page.addScriptTag({ type: "module", url: "/player.js" });
  await page.waitForFunction("globalThis.playerCalls");
  return ((name: string, given: unknown) =>
    page.evaluate(
      ([call, argument]) =>
        (globalThis as unknown as { playerCalls: Record<string, (given: unknown) => unknown> }).playerCalls[
          call as string
        ]!(argument),
      [name, given],
    )) as Call;
}

async function firstPictures(site: PlayerSite, call: Call, rounds: number): Promise<Row[]> {
  const { exam, asked } = site;
  site.delay = LONG_ROUND_TRIP;
  asked.length = 0;
  await call("open", { exam });
  const log = [...asked];
  await call("close", undefined as never);
  const segment = `/${exam.id}/0001/0000000`;
  const needed = [`${segment}0.seg`, `${segment}1.seg`].map((name) => tripsTo(log, name));

  site.delay = ROUND_TRIP;
  const times: Record<"sealed" | "byAddress" | "appended", number[]> = {
    sealed: [],
    byAddress: [],
    appended: [],
  };
  for (let round = 0; round < rounds; round++) {
    // Another one each time: browsers keep media that they had.
    const address = `${CLEAR}?${round}`;
    times.byAddress.push(await call("openClear", { address }));
    times.appended.push(await call("appendClear", { address, exam }));
    times.sealed.push(await call("open", { exam }));
    await call("close", undefined as never);
  }
  const [sealed, byAddress, appended] = [times.sealed, times.byAddress, times.appended].map(median);
  const allowed = 3 * ROUND_TRIP + 100;
  const pages = log.filter(({ name }) => name.includes("/page-")).length;
  return [
    { what: "first picture: pages of the log", value: pages, unit: "×" },
    {
      what: "first picture: round trips, one after another",
      value: Math.max(...needed),
      unit: "×",
      target: valueAtMost(4),
    },
    { what: "first picture in the clear, by its address", value: byAddress!, unit: "ms" },
    { what: "first picture in the clear, appended", value: appended!, unit: "ms" },
    { what: "first picture, sealed", value: sealed!, unit: "ms", times: times.sealed },
    {
      what: "first picture, sealed: later than in the clear by its address",
      value: sealed! - byAddress!,
      unit: "ms",
      target: valueAtMost(allowed),
    },
    {
      what: "first picture, sealed: later than in the clear appended",
      value: sealed! - appended!,
      unit: "ms",
      target: valueAtMost(allowed),
    },
  ];
}

/** The longest chain of requests, each asked for behind the answer of the one before, that ends with `name`. */
function tripsTo(log: readonly Asked[], name: string): number {
  const trips = ({ start }: Asked): number =>
    1 + Math.max(0, ...log.filter(({ end }) => end <= start).map(trips));
  const asked = log.find((each) => each.name === name);
  if (!asked) throw new Error(`${name} was not asked for`);
  return trips(asked);
}

async function seeks(site: PlayerSite, call: Call): Promise<Row[]> {
  const { exam, asked } = site;
  site.delay = ROUND_TRIP;
  await call("open", { exam });
  const requests: number[] = [];
  const times: number[] = [];
  for (const part of [0.5, 0.01, 0.97, 0.333, 0.75]) {
    await untilQuiet(asked);
    times.push(await call("seek", { to: part * exam.duration }));
    requests.push(asked.length);
  }
  await call("close", undefined as never);
  times.sort((left, right) => left - right);
  return [
    {
      what: "a seek: requests until its picture, at most",
      value: Math.max(...requests),
      unit: "×",
      target: valueAtMost(2),
    },
    { what: "a seek", value: median(times), unit: "ms", times },
  ];
}

/** Forgets the requests for the place before, when there are no more. */
async function untilQuiet(asked: Asked[]): Promise<void> {
  do {
    asked.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 10 * ROUND_TRIP));
  } while (asked.length > 0);
}

/** @param seconds of media. */
async function anHour(site: PlayerSite, call: Call, cdp: CDPSession, seconds: number): Promise<Row[]> {
  const { exam } = site;
  site.delay = 0;
  const end = Math.min(seconds, exam.duration);
  const heap = async (): Promise<number> => {
    await cdp.send("HeapProfiler.collectGarbage");
    const usage = (await cdp.send("Runtime.getHeapUsage")) as {
      usedSize: number;
      backingStorageSize?: number;
    };
    return (usage.usedSize + (usage.backingStorageSize ?? 0)) / MIB;
  };
  await call("open", { exam });
  const slow = await longestTask(cdp, () => call("playTo", { to: Math.min(20, end / 20), rate: 1 }));
  const fast = await longestTask(cdp, () => call("playTo", { to: end / 10, rate: RATE }));
  const before = await heap();
  const rest = await call("playTo", { to: end, rate: RATE });
  const after = await heap();
  await call("close", undefined as never);
  return [
    {
      what: "playing: longest task of the page's main thread",
      value: slow.longest,
      unit: "ms",
      target: valueAtMost(LONG_TASK),
    },
    {
      what: `playing at ${RATE} times the speed: the same`,
      value: fast.longest,
      unit: "ms",
      target: valueAtMost(LONG_TASK),
    },
    {
      what: "playing: longest task by the clock, of those over 50 ms",
      value: slow.result.longest,
      unit: "ms",
    },
    { what: "playing: buffered at most", value: rest.buffered, unit: "ms" },
    { what: "heap after six minutes", value: before, unit: "MiB" },
    { what: "heap after an hour", value: after, unit: "MiB" },
    { what: "heap: grown", value: after - before, unit: "MiB", target: valueAtMost(2) },
  ];
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}
