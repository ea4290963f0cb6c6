import type * as NodeFs from "node:fs/promises";
import type * as NodeOs from "node:os";
import type * as NodePath from "node:path";
import type * as NodeTimers from "node:timers";
import type * as NodeThreads from "node:worker_threads";
import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";

export const FILE_MODE = 0o600;

/** Modules of Node for directories. */
export interface NodeFiles {
  readonly fs: typeof NodeFs;
  readonly path: typeof NodePath;
  readonly os: typeof NodeOs;
  readonly timers: typeof NodeTimers;
  readonly threads: typeof NodeThreads;
}

/** @throws BlindreelError `unsupported-runtime` in browsers. */
export function nodeFiles(): NodeFiles {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const library = {
    fs: process?.getBuiltinModule?.("node:fs/promises"),
    path: process?.getBuiltinModule?.("node:path"),
    os: process?.getBuiltinModule?.("node:os"),
    timers: process?.getBuiltinModule?.("node:timers"),
    threads: process?.getBuiltinModule?.("node:worker_threads"),
  };
  if (Object.values(library).every(Boolean)) return library as NodeFiles;
  const operation = "process.getBuiltinModule";
  throw new BlindreelError("unsupported-runtime", "this runtime has no directories", { operation });
}

/** Writes a whole file to the disk. */
export async function writeDurably({ fs }: NodeFiles, file: string, bytes: Bytes): Promise<void> {
  const handle = await fs.open(file, "w", FILE_MODE);
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Windows cannot sync a folder, and need not; one that may be written to and not read cannot be opened for it. */
const NO_FOLDER_SYNC: readonly unknown[] = ["EPERM", "EISDIR", "EINVAL", "EACCES"];

/** A new name is durable only when its folder is. */
export async function syncFolder({ fs }: NodeFiles, place: string): Promise<void> {
  let handle: NodeFs.FileHandle | undefined;
  try {
    handle = await fs.open(place, "r");
    await handle.sync();
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes((error as { code?: unknown }).code)) throw error;
  } finally {
    await handle?.close();
  }
}
