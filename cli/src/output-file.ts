import { randomBytes } from "node:crypto";
import { close, fchmod, fchown, fsync, openSync, type Stats, unlinkSync } from "node:fs";
import { link, lstat, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { atExit } from "./at-exit.js";
import { CliError, errnoOf, outputExists, outputFault } from "./cli-error.js";
import { writeAll } from "./descriptor.js";
import type { Sink } from "./sink.js";

export interface OutputFileOptions {
  /** Replace what is there. */
  readonly force: boolean;
  /** Permissions of a new file, before the umask. */
  readonly mode: number;
  /** Take over permissions and owner of the file that is replaced. */
  readonly keepOwner?: boolean;
}

/**
 * Opens an output that appears under its name whole or not at all: it is written under a temporary name in the same
 * folder, flushed to the disk, then renamed. A device or a pipe has no content to protect and is written directly.
 *
 * @throws CliError `output-exists`, `output-unwritable`, `disk-full`.
 */
export async function createOutputFile(path: string, options: OutputFileOptions): Promise<Sink> {
  try {
    const present = await statIfPresent(path);
    checkPresent(path, present, options);
    if (present && !present.isFile()) return new DirectOutput(path, openSync(path, "w"));
    // Through a symbolic link, its target is replaced and the link stays.
    const output = new TemporaryFile(path, present ? await realpath(path) : path, options);
    if (present && options.keepOwner) await output.takeOver(present);
    return output;
  } catch (error) {
    throw outputFault(path, error);
  }
}

/** Fails early, before any work is done for an output that would be refused at its end. */
export async function checkOutput(path: string, options: { readonly force: boolean }): Promise<void> {
  try {
    checkPresent(path, await statIfPresent(path), options);
  } catch (error) {
    throw outputFault(path, error);
  }
}

function checkPresent(
  path: string,
  present: Stats | undefined,
  { force }: { readonly force: boolean },
): void {
  if (present?.isDirectory()) {
    throw new CliError("output-unwritable", `cannot write ${path}: it is a directory`);
  }
  if (present?.isFile() && !force) throw outputExists(path);
}

/** Whether two paths name the same file. */
export async function isSameFile(left: string, right: string): Promise<boolean> {
  const [one, other] = await Promise.all([left, right].map((path) => stat(path).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A device or a pipe. */
class DirectOutput implements Sink {
  readonly isStdout = false;
  readonly name: string;
  protected readonly descriptor: number;
  bytesWritten = 0;
  #open = true;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.descriptor = descriptor;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await writeAll(this.descriptor, chunk);
      this.bytesWritten += chunk.length;
    } catch (error) {
      throw outputFault(this.name, error);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      throw outputFault(this.name, error);
    }
  }

  async discard(): Promise<void> {
    await this.close().catch(() => {});
  }

  protected async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await promisify(close)(this.descriptor);
  }
}

class TemporaryFile extends DirectOutput {
  readonly #target: string;
  readonly #temporary: string;
  readonly #force: boolean;
  readonly #forget: () => void;

  constructor(name: string, target: string, { force, mode }: OutputFileOptions) {
    const temporary = join(dirname(target), `.blindreel-${randomBytes(6).toString("hex")}.partial`);
    // Synchronously, so that no signal comes between the file and the note to remove it.
    super(name, openSync(temporary, "wx", mode));
    this.#forget = atExit(() => unlinkSync(temporary));
    this.#temporary = temporary;
    this.#target = target;
    this.#force = force;
  }

  async takeOver({ mode, uid, gid }: Stats): Promise<void> {
    try {
      await promisify(fchown)(this.descriptor, uid, gid).catch(() => {});
      await promisify(fchmod)(this.descriptor, mode & 0o7777);
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  override async commit(): Promise<void> {
    try {
      await promisify(fsync)(this.descriptor);
      await this.close();
      await (this.#force ? rename : publish)(this.#temporary, this.#target);
      this.#forget();
    } catch (error) {
      await this.discard();
      throw outputFault(this.name, error);
    }
    await syncFolder(dirname(this.#target));
  }

  override async discard(): Promise<void> {
    await super.discard();
    await unlink(this.#temporary).catch(() => {});
    this.#forget();
  }
}

/** What `link` fails with where the file system has no hard links (FAT, some network shares). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** Gives the file its name without ever replacing one that appeared in the meantime, which `rename` would. */
async function publish(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (!NO_LINKS.includes(errnoOf(error) ?? "")) throw error;
    const isPresent = await lstat(target).then(
      () => true,
      () => false,
    );
    if (isPresent) throw outputExists(target);
    return rename(temporary, target);
  }
  await unlink(temporary);
}

/** Makes the new name itself durable, where the system can. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows and some network shares cannot; the content is safe already.
  }
}
