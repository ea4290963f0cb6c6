/** A page that records in a real Chromium, the server it uploads to, and what a reviewer then finds. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { expect } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { type ExportableIdentity, generateIdentity } from "../../src/keywrap/import.js";
import { openRecording } from "../../src/review/review.js";
import type { LossReport, Verdict } from "../../src/review/verdict.js";
import { httpSource } from "../../src/source/http.js";
import { sameBytes } from "../helpers/bytes.js";
import { bundleForBrowser } from "../helpers/page.js";
import { type ObjectServer, startObjectServer } from "./object-server.js";

const PAGE = fileURLToPath(new URL("recorder-page.ts", import.meta.url));

export interface FoundTake {
  readonly type: string;
  readonly content: Bytes;
}

export interface FoundRecording {
  readonly verdict: Verdict;
  readonly losses: readonly Pick<LossReport, "what" | "cause" | "track">[];
  readonly metadata: unknown;
  readonly takes: ReadonlyMap<string, readonly FoundTake[]>;
}

/** Ends a page's process without a word. */
export async function crashPage(browser: BrowserContext, page: Page): Promise<void> {
  const crashed = new Promise((resolve) => page.once("crash", resolve));
  const session = await browser.newCDPSession(page);
  session.send("Page.crash").catch(() => {});
  await crashed;
  await page.close();
}

/** Ends the browser that has this profile: the one process of it that is no other's child. */
export function killBrowser(profile: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    let flags: string[];
    try {
      flags = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    } catch {
      continue;
    }
    const isBrowser = flags.includes(`--user-data-dir=${profile}`);
    if (isBrowser && !flags.some((flag) => flag.startsWith("--type="))) process.kill(Number(pid), "SIGKILL");
  }
}

export class RecorderBench {
  readonly server: ObjectServer;
  readonly identity: ExportableIdentity;

  private constructor(server: ObjectServer, identity: ExportableIdentity) {
    this.server = server;
    this.identity = identity;
  }

  static async start(): Promise<RecorderBench> {
    const html = '<!doctype html><script type="module" src="/page.js"></script>';
    const server = await startObjectServer({ "/page.js": await bundleForBrowser(PAGE), "/index.html": html });
    return new RecorderBench(server, await generateIdentity());
  }

  async openPage(browser: BrowserContext): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${this.server.origin}/index.html`);
    await page.waitForFunction(() => "tools" in globalThis);
    return page;
  }

  /** Waits until a recorder has given so much more than `before`, however slow the machine is. */
  async untilGiven(name: string, bytes: number): Promise<void> {
    while (this.server.given(name).length < bytes) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** What a reviewer finds, over HTTP. */
  async review({
    coreHash,
    recordingId,
  }: {
    readonly coreHash: string;
    readonly recordingId: string;
  }): Promise<FoundRecording> {
    const { objects, origin, conflicts } = this.server;
    expect(conflicts).toEqual([]);
    const review = await openRecording(objects.get(`${recordingId}/envelope`)!, {
      identities: this.identity,
      expected: { coreHash },
      objects: (name) => (objects.has(name) ? httpSource(`${origin}/objects/${name}`) : null),
      list: (prefix) => [...objects.keys()].filter((name) => name.startsWith(prefix)),
    });
    try {
      const verdict = await review.verify();
      const takes = new Map<string, FoundTake[]>();
      for (const track of review.tracks) {
        const own: FoundTake[] = [];
        takes.set(track.name, own);
        for (const take of track.takes) {
          const source = take.source();
          own.push({ type: take.type, content: (await source.read(0, take.size)) as Bytes });
          await source.close();
        }
      }
      const losses = verdict.losses.map(({ what, cause, track }) => ({ what, cause, track }));
      return { verdict, losses, metadata: review.metadata, takes };
    } finally {
      await review.close();
    }
  }

  /** Every object that the server has is one that was signed. */
  expectAllKnown(recordingId: string, { tracks }: Verdict): void {
    const known = tracks.flatMap(({ takes }) =>
      takes.flatMap(({ segments }) =>
        segments.filter(({ state }) => state === "authentic").map(({ object }) => object),
      ),
    );
    const stored = [...this.server.objects.keys()].filter(
      (name) => name.startsWith(recordingId) && name.endsWith(".seg"),
    );
    expect(stored.filter((name) => !known.includes(name))).toEqual([]);
  }

  /**
   * Of which run each take is: its content is a beginning of what that run's recorder gave. Runs that were killed before anything
   * was sealed have none.
   *
   * @throws Error where a take is nothing that was given.
   */
  runsOf(track: string, takes: readonly FoundTake[], runs: number): number[] {
    let next = 0;
    return takes.map(({ content }, take) => {
      for (let run = next; run < runs; run++) {
        const given = this.server.given(`${track}/${run}`);
        if (content.length > given.length || !sameBytes(content, given.subarray(0, content.length))) continue;
        next = run + 1;
        return run;
      }
      const lengths = Array.from({ length: runs }, (_, run) => this.server.given(`${track}/${run}`).length);
      throw new Error(
        `take ${take} of ${track}, ${content.length} bytes, is no beginning of what was given: ${lengths}`,
      );
    });
  }
}
