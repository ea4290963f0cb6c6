import { PassThrough } from "node:stream";
import { expect, it, vi } from "vitest";
import { startProgress } from "../src/progress.js";

/** Enough of a terminal for the bar: it asks for nothing more. */
function terminal({ isTTY }: { isTTY: boolean }) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream;
  return { stream, shown: () => String((stream as unknown as PassThrough).read() ?? "") };
}

it("shows bar, rate and remaining time on a terminal", async () => {
  const { stream, shown } = terminal({ isTTY: true });
  const progress = startProgress({ verb: "sealing", total: 4_000_000, stream, patience: 0 });
  progress.add(1_000_000);
  await vi.waitFor(() => {
    progress.add(0);
    expect(shown()).toMatch(/sealing =+-+ 25% \| 1 MB of 4 MB \| .*B\/s \| .* left/);
  });
  progress.stop();
});

it("shows bytes and rate where the length is not known", async () => {
  const { stream, shown } = terminal({ isTTY: true });
  const progress = startProgress({ verb: "opening", total: undefined, stream, patience: 0 });
  progress.add(1_000_000);
  await vi.waitFor(() => {
    progress.add(0);
    expect(shown()).toMatch(/opening 1 MB \| .*B\/s/);
  });
  progress.stop();
});

it.each([
  ["no terminal", { isTTY: false, json: false, patience: 0 }],
  ["--json", { isTTY: true, json: true, patience: 0 }],
  ["what is over at once", { isTTY: true, json: false, patience: 10_000 }],
])("shows nothing for %s", async (_what, { isTTY, ...options }) => {
  const { stream, shown } = terminal({ isTTY });
  const progress = startProgress({ verb: "sealing", total: 10, stream, ...options });
  await import("cli-progress");
  progress.add(5);
  progress.stop();
  expect(shown()).toBe("");
});
