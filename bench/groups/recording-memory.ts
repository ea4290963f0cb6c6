import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Group } from "../lib/group.js";
import { inFolder } from "../lib/recordings.js";
import { type Row, valueAtMost } from "../lib/row.js";

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL("../lib/recording-memory-child.ts", import.meta.url));

export const group: Group = {
  title: "Memory while recording",
  about:
    "Four tracks, each length in a process of its own: a journal in memory with a server that answers at once, and a journal in a directory with one that takes 0.3 seconds for an object, three at a time, so that most of the recording waits there. Above idle is the peak of heap and array buffers, garbage included.",

  async run(scale) {
    const lengths = [scale.count(1024), scale.count(8192)] as const;
    const sizes = lengths.map((mebibytes) =>
      mebibytes < 1024 ? `${mebibytes} MiB` : `${mebibytes / 1024} GiB`,
    );
    const rows: Row[] = [];
    for (const server of ["prompt", "slow"] as const) {
      const [short, long] = [await used(lengths[0], server), await used(lengths[1], server)];
      rows.push(
        { what: `${server} server: above idle, ${sizes[0]}`, value: short.peak - short.idle, unit: "MiB" },
        { what: `${server} server: above idle, ${sizes[1]}`, value: long.peak - long.idle, unit: "MiB" },
        {
          what: `${server} server: peak RSS, ${sizes[1]} above that of ${sizes[0]}`,
          value: long.rss - short.rss,
          unit: "MiB",
          target: valueAtMost(10),
        },
      );
    }
    return rows;
  },
};

async function used(mebibytes: number, server: string) {
  return inFolder(async (folder) => {
    const args = ["--expose-gc", "--import", "tsx", CHILD, String(mebibytes), server, folder];
    const { stdout } = await run(process.execPath, args);
    return JSON.parse(stdout) as { idle: number; peak: number; rss: number };
  });
}
