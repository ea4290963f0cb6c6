/** R1, R10, L8: the cost of any signed log is linear in its length. A recording far longer than any exam. */
import { describe, expect, it } from "vitest";
import { Seeded } from "../vectors/forge.js";
import { forgeRecording, type Step } from "../vectors/recording-forge.js";
import { reviewOf } from "./reader.js";

const data = new Seeded("tiny").bytes(40);
const POINTS = Array.from({ length: 16 }, (_, i) => [10 * i, i] as const);

function* script(size: number): Generator<Step> {
  const tracks = Array.from({ length: 50 }, (_, i) => `${i}`.padStart(64, "n"));
  for (let left = size; left > 0; left -= 10) {
    const track = tracks[left % 50]!;
    yield { take: track, type: "t".repeat(128) };
    for (let i = 0; i < 4; i++) yield { segment: track, data, points: POINTS };
    yield { lost: 1, track, count: 1000 };
    for (let i = 0; i < 4; i++) yield { lost: 4, track };
  }
}

async function secondsFor(size: number): Promise<number> {
  const forged = forgeRecording({ script: script(size), hasNoSegments: true });
  const before = process.cpuUsage();
  const review = await reviewOf(forged);
  const verdict = await review.verify();
  for (const { takes } of review.tracks) for (const { points } of takes) expect(points).toHaveLength(64);
  // Processor time, independent of other load.
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  expect(verdict.state).toBe("truncated");
  expect(verdict.losses).toHaveLength(size / 2);
  expect(verdict.gaps.length).toBe(size / 2);
  await review.close();
  return seconds;
}

describe("a log of 10^5 entries", () => {
  it("fault R1, fault R10, L8 is read and judged in time linear in it", async () => {
    await secondsFor(1000);
    const [small, large] = [await secondsFor(10_000), await secondsFor(100_000)];
    expect(large).toBeLessThan(25 * small + 1);
    expect(large).toBeLessThan(20);
  }, 300_000);
});
