import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { atExit } from "../at-exit.js";
import { errnoOf, outputFault } from "../cli-error.js";
import { createOutputFile, syncFolder } from "../output-file.js";
import { filling } from "../sink.js";

/**
 * Several files of an office that change together. They are written and flushed below `changes.partial`, which one rename turns
 * into `changes`: from then on they are what the office says, and are moved to their places, after a crash by the next command.
 */

export const PARTIAL = "changes.partial";
export const COMMITTED = "changes";

/** Where a file of the office is now: readers look where it is going first. */
export function placeOf(folder: string, name: string): string {
  const committed = join(folder, COMMITTED, name);
  return existsSync(committed) ? committed : join(folder, name);
}

/** Names in a folder of the office, wherever they are now. */
export function namesIn(folder: string, name: string, uncommitted: readonly string[] = []): string[] {
  const places = [...uncommitted, join(folder, COMMITTED, name), join(folder, name)];
  return [...new Set(places.filter(existsSync).flatMap((place) => readdirSync(place)))].sort();
}

/** Files that were written and are not committed yet. Of a folder that is locked. */
export class Change {
  readonly #folder: string;
  #keep: (() => unknown) | undefined;
  /** Of the folder's lock. */
  readonly release: () => void;

  /** Finishes what another command committed, and drops what it did not. */
  static async begin(folder: string, release: () => void): Promise<Change> {
    try {
      rmSync(join(folder, PARTIAL), { recursive: true, force: true });
      if (existsSync(join(folder, COMMITTED))) await moveAll(folder);
    } catch (error) {
      throw outputFault(folder, error);
    }
    return new Change(folder, release);
  }

  private constructor(folder: string, release: () => void) {
    this.#folder = folder;
    this.release = release;
  }

  /** Where a file is now, as this change has it. */
  placeOf(name: string): string {
    const written = join(this.#folder, PARTIAL, name);
    return existsSync(written) ? written : placeOf(this.#folder, name);
  }

  namesIn(name: string): string[] {
    return namesIn(this.#folder, name, [join(this.#folder, PARTIAL, name)]);
  }

  /** @throws CliError `output-unwritable`, `disk-full`; the office stays as it was. */
  async write(name: string, content: Uint8Array, mode: number): Promise<void> {
    const partial = join(this.#folder, PARTIAL);
    const path = join(partial, name);
    this.#keep ??= atExit(() => rmSync(partial, { recursive: true, force: true }));
    try {
      // The place itself, too: what is committed needs no room any more.
      for (const place of [path, join(this.#folder, name)])
        mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw outputFault(join(this.#folder, name), error);
    }
    const sink = await createOutputFile(path, { force: true, mode });
    await filling(sink, () => sink.write(content));
  }

  /** All that was written, or nothing. */
  async commit(): Promise<void> {
    if (!this.#keep) return;
    try {
      await syncTree(join(this.#folder, PARTIAL));
      renameSync(join(this.#folder, PARTIAL), join(this.#folder, COMMITTED));
      this.#keep();
      this.#keep = undefined;
      await syncFolder(this.#folder);
      await moveAll(this.#folder);
    } catch (error) {
      throw outputFault(this.#folder, error);
    }
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncTree(join(folder, entry.name));
  await syncFolder(folder);
}

/** Moves committed files to their places. It can be stopped anywhere, and done again. */
async function moveAll(office: string, folder = join(office, COMMITTED)): Promise<void> {
  const target = join(office, relative(join(office, COMMITTED), folder));
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const from = join(folder, entry.name);
    if (entry.isDirectory()) await moveAll(office, from);
    else await move(from, join(target, entry.name));
  }
  await syncFolder(target);
  rmdirSync(folder);
}

/** Through a symbolic link: a key on another disk is replaced there, and the link stays. */
async function move(from: string, to: string): Promise<void> {
  const target = existsSync(to) ? realpathSync(to) : to;
  try {
    renameSync(from, target);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    const beside = `${target}.partial`;
    copyFileSync(from, beside);
    const file = await open(beside, "r+");
    await file.sync().finally(() => file.close());
    renameSync(beside, target);
    await syncFolder(dirname(target));
    unlinkSync(from);
  }
}
