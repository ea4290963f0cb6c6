import { parseArgs } from "node:util";
import { removeFolders } from "../test/fixture.js";
import { runLoad } from "./run.js";

/** `npm run load [-- --recordings 500 --rate 100 --seconds 300 --kills 2 --generators 1]`: docs/load.md. */
const { values } = parseArgs({
  options: {
    recordings: { type: "string", default: "500" },
    /** kB a second of one recording. */
    rate: { type: "string", default: "100" },
    seconds: { type: "string", default: "300" },
    kills: { type: "string", default: "2" },
    generators: { type: "string", default: "1" },
  },
});

/** Milliseconds. */
const P99 = 250;

const numbers = Object.fromEntries(
  Object.entries(values).map(([name, text]) => {
    if (!/^\d{1,6}$/.test(text)) throw new RangeError(`--${name} must be a whole number`);
    return [name, Number(text)];
  }),
) as Record<keyof typeof values, number>;

try {
  const wanted = (numbers.recordings * numbers.rate) / 1000;
  const result = await runLoad({ ...numbers, rate: numbers.rate * 1000 });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const complete = result.verdicts.complete ?? 0;
  const checks = [
    [`${complete} of ${numbers.recordings} recordings complete`, complete === numbers.recordings],
    [`${result.lost.length} objects lost`, result.lost.length === 0],
    [`${result.unchecked.length} objects stored unchecked`, result.unchecked.length === 0],
    [`p99 of a put ${result.p99.toFixed(0)} ms, at most ${P99}`, result.p99 <= P99],
    [
      `${result.megabytesPerSecond.toFixed(1)} MB/s, wanted ${wanted}`,
      result.megabytesPerSecond >= 0.9 * wanted,
    ],
  ] as const;
  for (const [what, isMet] of checks) process.stdout.write(`${isMet ? "met   " : "MISSED"} ${what}\n`);
  if (checks.some(([, isMet]) => !isMet)) process.exitCode = 1;
} finally {
  removeFolders();
}
