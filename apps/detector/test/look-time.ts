import { cpus } from "node:os";
import { openExtension } from "./extension.js";
import type { DetectorTools, Shown } from "./page.js";

declare const tools: DetectorTools;

/** `npm run look-time -w apps/detector`: milliseconds of a look in Chromium, by backend, with one face and with none. */
const LOOKS = 9;
const extension = await openExtension();
try {
  process.stdout.write(`${cpus()[0]?.model}, ${cpus().length} processors\n`);
  for (const backend of ["cpu", "webgl"] as const) {
    await extension.page.evaluate((name) => tools.open([name]), backend);
    for (const picture of ["astronaut.jpg", "coffee.jpg"]) {
      const run = { shown: [picture] as readonly Shown[], looks: LOOKS };
      const { first, each, longest } = await extension.page.evaluate(
        ({ shown, looks }) => tools.time(shown, looks),
        run,
      );
      const sorted = each.sort((one, other) => one - other).map(Math.round);
      const middle = sorted[(LOOKS - 1) / 2];
      process.stdout.write(
        `${backend} ${picture}: first ${Math.round(first)} ms, then ${sorted[0]}–${sorted.at(-1)} ms, median ${middle}; page's longest task ${Math.round(longest)} ms\n`,
      );
    }
    await extension.page.evaluate(() => tools.close());
  }
} finally {
  await extension.close();
}
