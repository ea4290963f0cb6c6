import { type BigIntStats, fstatSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoOf, usageError } from "./cli-error.js";
import { isSameFile, type Stamp } from "./stamp.js";

/** Every file that was opened for reading: input, keys, metadata. No output may be one of them, under whatever name. */
const files: { readonly what: string; readonly stamp: Stamp }[] = [];

/** @param what for messages: "the input itself". */
export function protect(what: string, stamp: Stamp): void {
  files.push({ what, stamp });
}

/** Folders in which nothing may be written: what is read there is known only by and by. */
const folders: { readonly name: string; readonly stamp: Stamp }[] = [];

export function protectFolder(path: string): void {
  folders.push({ name: path, stamp: statSync(path, { bigint: true }) });
}

/** @throws CliError `usage` for a file or folder that is, or would be, in a folder that is read. */
export function checkOutside(target: string): void {
  for (let path = resolve(target); ; path = dirname(path)) {
    const stat = statIfPresent(path);
    const found = stat && folders.find(({ stamp }) => isSameFile(stamp, stat));
    if (found)
      throw usageError(
        `the output ${target} is in ${found.name}, which is read here; choose another place with -o`,
      );
    if (path === dirname(path)) return;
  }
}

/**
 * @param except the one file that may be replaced: the input of a command that works in place.
 * @throws CliError `usage` where `stamp` is a protected file's.
 */
export function checkUnprotected(target: string, stamp: Stamp, except?: Stamp): void {
  if (except && isSameFile(stamp, except)) return;
  const found = files.find((file) => isSameFile(file.stamp, stamp));
  if (found) throw usageError(`the output ${target} is ${found.what}; choose another name with -o`);
}

/** Standard output may be appended to a file that is read. @throws CliError `usage`. */
export function checkStdout(): void {
  const stat = fstatSync(1, { bigint: true });
  if (stat.isFile()) checkUnprotected("standard output", stat);
}

/** Through links. @returns undefined where there is nothing. */
export function statIfPresent(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
