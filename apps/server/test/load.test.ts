import { afterAll, expect, test } from "vitest";
import { runLoad } from "../load/run.js";
import { removeFolders } from "./fixture.js";

afterAll(removeFolders);

test("40 recordings at 100 kB/s each for 30 seconds over TLS, and a kill -9 of the server: all complete, nothing lost, nothing stored unchecked, memory bounded", async () => {
  const recordings = 40;
  const result = await runLoad({
    recordings,
    rate: 100_000,
    seconds: 30,
    kills: 1,
    generators: 1,
    segmentEvery: 2000,
    checkpointEvery: 5000,
  });
  expect(result.verdicts).toEqual({ complete: recordings });
  expect(result.outcomes).toEqual({ stored: recordings });
  expect([result.lost, result.unchecked]).toEqual([[], []]);
  // The kill was one: puts of then had no answer.
  expect(result.restarts).toHaveLength(1);
  expect(result.statuses["0"]).toBeGreaterThan(0);
  expect(result.objects).toBeGreaterThan(recordings * 10);
  expect(result.bytes).toBeGreaterThan(recordings * 30 * 100_000);
  expect(
    Object.keys(result.statuses).filter((status) => !["0", "200", "201", "503"].includes(status)),
  ).toEqual([]);
  expect(result.memoryPeak).toBeLessThan(600);
}, 300_000);
