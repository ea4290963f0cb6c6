import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Group } from "../lib/group.js";
import { type Row, valueAtMost } from "../lib/row.js";

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL("../lib/memory-child.ts", import.meta.url));

export const group: Group = {
  title: "Memory while streaming",
  about:
    "Sealing and opening in one pipe, each length in a process of its own. Above idle is the peak of heap and array buffers, garbage included.",

  async run(scale) {
    const small = await measureIn(scale.count(1024));
    const large = await measureIn(scale.count(4096));
    return [
      above("1 GiB", small),
      above("4 GiB", large),
      { what: "peak RSS, 1 GiB", value: small.rss, unit: "MiB" },
      {
        what: "peak RSS, 4 GiB above that of 1 GiB",
        value: large.rss - small.rss,
        unit: "MiB",
        target: valueAtMost(10),
      },
    ];
  },
};

interface Sample {
  readonly idle: number;
  readonly peak: number;
  readonly rss: number;
}

function above(what: string, { idle, peak }: Sample): Row {
  return { what: `above idle, ${what}`, value: peak - idle, unit: "MiB", target: valueAtMost(40) };
}

async function measureIn(mebibytes: number): Promise<Sample> {
  const args = ["--expose-gc", "--import", "tsx", CHILD, String(mebibytes)];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as Sample;
}
