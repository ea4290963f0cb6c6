import { mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { atExit } from "./at-exit.js";
import { outputFault } from "./cli-error.js";
import { checkTarget, foreignTarget, PRIVATE_MODE } from "./output.js";
import { syncFolder, TemporaryFile } from "./output-file.js";
import { checkOutside, statIfPresent } from "./protected.js";
import type { Sink } from "./sink.js";

/** Opened recordings are for their owner. */
const FOLDER_MODE = 0o700;

/** New files that appear all together or not at all: some of them would pass for all. None replaces anything. */
export class OutputSet {
  readonly #files: { readonly path: string; readonly file: TemporaryFile }[] = [];

  /** Fills one file, which has no name yet. @throws CliError `output-unwritable`, `disk-full`; what `fill` throws. */
  async write(path: string, mode: number, fill: (sink: Sink) => Promise<void>): Promise<void> {
    const file = createTemporary(path, mode);
    this.#files.push({ path, file });
    await fill(file);
    await file.finish();
  }

  /** Gives all files their names. @throws CliError `output-exists`, where one was taken meanwhile; none is left then. */
  async commit(): Promise<void> {
    const done: TemporaryFile[] = [];
    try {
      for (const { file } of this.#files) {
        file.publish();
        done.push(file);
      }
    } catch (error) {
      for (const file of done) file.unpublish();
      throw error;
    }
    for (const folder of new Set(this.#files.map(({ path }) => dirname(path)))) await syncFolder(folder);
  }

  /** Removes what was written. Never throws. */
  async discard(): Promise<void> {
    for (const { file } of this.#files) await file.discard();
  }
}

function createTemporary(path: string, mode: number): TemporaryFile {
  try {
    return new TemporaryFile(path, path, { force: false, isForeign: true, mode });
  } catch (error) {
    throw outputFault(path, error);
  }
}

/** An output set in a folder, which is made where it is not there. */
export class OutputFolder {
  readonly #path: string;
  readonly #set = new OutputSet();
  #keep: () => unknown = () => undefined;

  /**
   * @param names of the files, which come from elsewhere: none may be there.
   * @throws CliError `output-exists`, `output-unwritable`; `usage` for a folder that is read.
   */
  constructor(path: string, names: readonly string[]) {
    this.#path = path;
    try {
      checkOutside(path);
      const stat = statIfPresent(path);
      if (stat && !stat.isDirectory()) throw Object.assign(new Error("it is no folder"), { code: "ENOTDIR" });
      for (const name of names) checkTarget(foreignTarget(join(path, name)));
      if (stat) return;
      mkdirSync(path, { mode: FOLDER_MODE });
    } catch (error) {
      throw outputFault(path, error);
    }
    // Fails, and is to fail, where something else was put there meanwhile.
    this.#keep = atExit(() => rmdirSync(path));
  }

  write(name: string, fill: (sink: Sink) => Promise<void>): Promise<void> {
    return this.#set.write(join(this.#path, name), PRIVATE_MODE, fill);
  }

  async commit(): Promise<void> {
    await this.#set.commit();
    this.#keep();
    await syncFolder(dirname(this.#path));
  }

  /** Removes the files; the folder goes with the process. */
  discard(): Promise<void> {
    return this.#set.discard();
  }
}
