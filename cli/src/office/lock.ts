import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { atExit } from "../at-exit.js";
import { CliError, errnoOf, outputFault } from "../cli-error.js";

/** One administrator at a time changes an office: two would sign two statements of one sequence. */

export const LOCK = "office.lock";

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/**
 * Locks an office's folder until it is released or this process ends. The lock of a process of this machine that is gone is taken over.
 *
 * @returns releases it.
 * @throws CliError `office-in-use`, `output-unwritable`, `disk-full`.
 */
export function lockOffice(folder: string): () => void {
  const path = join(folder, LOCK);
  try {
    if (!create(path)) takeOver(path);
  } catch (error) {
    throw outputFault(path, error);
  }
  const keep = atExit(() => unlinkSync(path));
  return () => {
    keep();
    unlinkSync(path);
  };
}

/** @returns false where there is one. */
function create(path: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", 0o600);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
  try {
    const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeSync(descriptor, JSON.stringify(owner));
    return true;
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Under a second lock, held for this moment alone: who looked before could remove the lock of who came between. */
function takeOver(path: string): void {
  const guard = `${path}.taken`;
  if (!create(guard)) throw inUse(guard);
  try {
    if (isAlive(path)) throw inUse(path);
    unlinkSync(path);
    if (!create(path)) throw inUse(path);
  } finally {
    unlinkSync(guard);
  }
}

/** A lock that says nothing is somebody's: it is being written. */
function isAlive(path: string): boolean {
  const owner = ownerOf(path);
  if (!owner || owner.host !== hostname()) return true;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

function ownerOf(path: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, "utf8")) as Partial<Owner>;
    return Number.isSafeInteger(owner.pid) && owner.pid! > 0 ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

function inUse(path: string): CliError {
  const owner = ownerOf(path);
  const who = owner ? `process ${owner.pid} on ${owner.host}, since ${owner.since}` : "another process";
  const message = `the office is being changed by ${who}. Try again when it is done; if nothing runs there, delete ${path}.`;
  return new CliError("office-in-use", message);
}
