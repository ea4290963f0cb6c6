import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Whether the kernel offers huge pages to all memory (Linux, `transparent_hugepage/enabled` is `always`). */
  readonly hugePages: boolean;
  readonly date: string;
}

const HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled";

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    hugePages: existsSync(HUGE_PAGES) && readFileSync(HUGE_PAGES, "utf8").includes("[always]"),
    date: new Date().toISOString().slice(0, 10),
  };
}
