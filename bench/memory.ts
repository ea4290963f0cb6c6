import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { limitRow, type Row } from "./lib/report.js";

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL("./memory-child.ts", import.meta.url));

/** Heap and array buffers above idle while streaming, and peak resident memory at one and at four GiB. */
export async function memory(): Promise<Row[]> {
  const small = await measureIn(1024);
  const large = await measureIn(4096);
  const mib = (value: number) => `${value.toFixed(1)} MiB`;
  const above = small.peak - small.idle;
  const growth = large.rss - small.rss;
  return [
    limitRow("memory above idle, sealing and opening 1 GiB", mib(above), above, 40),
    limitRow("peak RSS, 4 GiB above 1 GiB", `${mib(large.rss)} - ${mib(small.rss)}`, growth, 10),
  ];
}

async function measureIn(mebibytes: number): Promise<{ idle: number; peak: number; rss: number }> {
  const args = ["--expose-gc", "--import", "tsx", CHILD, String(mebibytes)];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as { idle: number; peak: number; rss: number };
}
