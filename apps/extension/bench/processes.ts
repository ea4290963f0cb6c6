import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { CHROMIUM_FLAGS } from "../../../scripts/launch-chromium.js";
import { findChromium } from "../../../scripts/runtimes.js";

/** Without DevTools, whose copies of what pages send cost more than all that is measured here. */
export function startBrowser(profile: string, address: string, flags: readonly string[]): ChildProcess {
  const found = findChromium();
  if (!found) throw new Error("Chromium is missing: npm run setup");
  const args = [...CHROMIUM_FLAGS, ...flags, "--headless=new", `--user-data-dir=${profile}`, address];
  return spawn(found.path, args, { stdio: "ignore" });
}

/** Clock ticks of Linux in a second, as `proc(5)` counts processor time. */
const TICKS = 100;

interface LinuxProcess {
  readonly parent: number;
  /** Seconds. */
  readonly used: number;
}

function processOf(id: string): LinuxProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), used: (Number(fields[11]) + Number(fields[12])) / TICKS };
  } catch {
    return undefined;
  }
}

/** Renderer, GPU, a utility's service, or the browser itself. */
function roleOf(id: string): string {
  const line = readFileSync(`/proc/${id}/cmdline`, "utf8");
  const service = /--utility-sub-type=(?:\w+\.)*(\w+)/.exec(line)?.[1];
  return service ?? /--type=([\w-]+)/.exec(line)?.[1] ?? "browser";
}

/** All processes of a browser, by their ids. */
function familyOf(root: number): Map<string, LinuxProcess> {
  const all = new Map<string, LinuxProcess>();
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const found = processOf(id);
    if (found) all.set(id, found);
  }
  const isOf = (id: string): boolean => {
    if (Number(id) === root) return true;
    const parent = all.get(id)?.parent;
    return parent !== undefined && parent > 1 && isOf(`${parent}`);
  };
  return new Map([...all].filter(([id]) => isOf(id)));
}

/** Processor seconds by role, so far. */
export function processorSeconds(root: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const [id, { used }] of familyOf(root)) {
    const role = roleOf(id);
    times.set(role, (times.get(role) ?? 0) + used);
  }
  return times;
}

/** Bytes of memory of all processes, shared pages by their share. */
export function memoryOf(root: number): number {
  let total = 0;
  for (const id of familyOf(root).keys())
    total += 1024 * Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  return total;
}

/** Ends it with all its processes: one that still writes would keep its profile from being removed. */
export async function endBrowser(browser: ChildProcess): Promise<void> {
  const ids = [...familyOf(browser.pid!).keys()];
  browser.kill();
  while (ids.some((id) => processOf(id))) await new Promise((resolve) => setTimeout(resolve, 20));
}
