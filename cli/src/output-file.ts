import {
  type BigIntStats,
  closeSync,
  fchmod,
  fchown,
  fdatasync,
  fsync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { open, realpath } from "node:fs/promises";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { atExit } from "./at-exit.js";
import { CliError, errnoOf, outputExists, outputFault } from "./cli-error.js";
import { closeDescriptor, openPipe, writeAll, writeStream } from "./descriptor.js";
import { checkOutside, checkUnprotected, statIfPresent } from "./protected.js";
import type { RegularOutput, Sink } from "./sink.js";
import { isUnchanged, type Stamp } from "./stamp.js";

export interface OutputFileOptions {
  /** Replace what is there. */
  readonly force: boolean;
  /** Permissions of a new file, before the umask. */
  readonly mode: number;
  /** The name was not chosen by the user but comes from a file: nothing that is there is written to, whatever it is. */
  readonly isForeign?: boolean;
  /** In place: the one input that is replaced, with its permissions and owner, if it is still as it was read. */
  readonly replaces?: Stamp | undefined;
}

/**
 * Opens an output that appears under its name whole or not at all: it is written under a temporary name in the same
 * folder, flushed to the disk, then renamed. A device or a pipe has no content to protect and is written directly.
 *
 * @throws CliError `output-exists`, `output-unwritable`, `disk-full`, `usage` for a file that is read.
 */
export async function createOutputFile(path: string, options: OutputFileOptions): Promise<Sink> {
  try {
    const present = checkTarget(path, options);
    if (present?.isFIFO()) return new PipeOutput(path, await openPipe(path));
    if (present && !present.isFile()) return new DirectOutput(path, openSync(path, "w"));
    // Through a symbolic link, its target is replaced and the link stays.
    const output = new TemporaryFile(path, present ? await realpath(path) : path, options);
    if (present && options.replaces) await output.takeOver(present);
    return output;
  } catch (error) {
    throw outputFault(path, error);
  }
}

/**
 * What can be refused before any work, and is looked at again at its end.
 *
 * @returns what is there.
 */
export function checkTarget(
  path: string,
  { force, isForeign, replaces }: Omit<OutputFileOptions, "mode">,
): BigIntStats | undefined {
  try {
    if (isForeign && isNameTaken(path)) throw outputExists(path);
    checkOutside(path);
    const present = statIfPresent(path);
    if (present) checkUnprotected(path, present, replaces);
    if (present?.isDirectory()) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" });
    if ((present?.isFile() || present?.isBlockDevice()) && !force) throw outputExists(path);
    return present;
  } catch (error) {
    throw outputFault(path, error);
  }
}

/** By anything, a link to nothing included. */
function isNameTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A device. */
class DirectOutput implements Sink {
  readonly isStdout = false;
  readonly isIrrevocable: boolean = true;
  readonly name: string;
  protected readonly descriptor: number;
  bytesWritten = 0;
  #open = true;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.descriptor = descriptor;
  }

  get isTerminal(): boolean {
    return isatty(this.descriptor);
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
    await closeDescriptor(this.descriptor);
  }
}

/** A named pipe. */
class PipeOutput implements Sink {
  readonly isStdout = false;
  readonly isIrrevocable = true;
  readonly isTerminal = false;
  readonly name: string;
  readonly #pipe: Socket;
  bytesWritten = 0;

  constructor(name: string, pipe: Socket) {
    this.name = name;
    this.#pipe = pipe;
    // The callback of each write reports the error as well; without a listener it would end the process.
    pipe.on("error", () => {});
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await writeStream(this.#pipe, chunk);
      this.bytesWritten += chunk.length;
    } catch (error) {
      throw outputFault(this.name, error);
    }
  }

  async commit(): Promise<void> {
    await new Promise<void>((resolve) => this.#pipe.end(resolve));
  }

  async discard(): Promise<void> {
    this.#pipe.destroy();
  }
}

/** Bytes between two flushes, at least. */
const FLUSH_INTERVAL = 64 * 2 ** 20;

/** A file under a temporary name. `commit` is `finish` and `publish`. */
export class TemporaryFile extends DirectOutput {
  override readonly isIrrevocable = false;
  readonly #target: string;
  readonly #temporary: string;
  readonly #options: OutputFileOptions;
  readonly #forget: () => void;
  /** Bytes that the last flush includes. */
  #flushed = 0;
  #flushing: Promise<void> | undefined;
  #flushFailure: { readonly error: unknown } | undefined;

  constructor(name: string, target: string, options: OutputFileOptions) {
    const temporary = join(dirname(target), `.blindreel-${randomHex()}.partial`);
    // Synchronously, so that no signal comes between the file and the note to remove it.
    super(name, openSync(temporary, "wx", options.mode));
    this.#forget = atExit(() => unlinkSync(temporary));
    this.#temporary = temporary;
    this.#target = target;
    this.#options = options;
  }

  /** Starts to make content durable while more is made: at the end there is less to wait for. */
  override async write(chunk: Uint8Array): Promise<void> {
    if (this.#flushFailure) throw outputFault(this.name, this.#flushFailure.error);
    await super.write(chunk);
    this.#flushBehind();
  }

  readonly file: RegularOutput = {
    descriptor: this.descriptor,
    reached: (bytes) => {
      this.bytesWritten = bytes;
      this.#flushBehind();
    },
  };

  #flushBehind(): void {
    if (this.bytesWritten - this.#flushed < FLUSH_INTERVAL || this.#flushing) return;
    this.#flushed = this.bytesWritten;
    this.#flushing = promisify(fdatasync)(this.descriptor)
      .catch((error: unknown) => {
        // Linux reports such a failure to one caller, so that the last `fsync` may not see it.
        this.#flushFailure ??= { error };
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  async takeOver({ mode, uid, gid }: BigIntStats): Promise<void> {
    try {
      await promisify(fchown)(this.descriptor, Number(uid), Number(gid)).catch(() => {});
      await promisify(fchmod)(this.descriptor, Number(mode) & 0o7777);
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** Makes the content durable. */
  async finish(): Promise<void> {
    try {
      await this.#flushing;
      await promisify(fsync)(this.descriptor);
      if (this.#flushFailure) throw this.#flushFailure.error;
      await this.close();
    } catch (error) {
      await this.discard();
      throw outputFault(this.name, error);
    }
  }

  /** Synchronously: no signal comes between the name that appears and the one that goes. */
  publish(): void {
    const { force, replaces } = this.#options;
    try {
      const present = checkTarget(this.#target, this.#options);
      if (replaces && !(present && isUnchanged(replaces, present))) throw inputReplaced(this.name);
      (force ? renameSync : publishNew)(this.#temporary, this.#target);
    } catch (error) {
      this.#remove();
      throw outputFault(this.name, error);
    }
    this.#forget();
  }

  /** Takes back what `publish` did, where that replaced nothing. */
  unpublish(): void {
    unlinkSync(this.#target);
  }

  override async commit(): Promise<void> {
    await this.finish();
    this.publish();
    await syncFolder(dirname(this.#target));
  }

  override async discard(): Promise<void> {
    await this.#flushing;
    await super.discard();
    this.#remove();
  }

  #remove(): void {
    try {
      unlinkSync(this.#temporary);
    } catch {
      // It is gone, or cannot be removed.
    }
    this.#forget();
  }
}

/** An `import` of `node:crypto` would load WebCrypto as well, which takes a tenth of a start. */
function randomHex(): string {
  return process.getBuiltinModule("node:crypto").randomBytes(6).toString("hex");
}

function inputReplaced(name: string): CliError {
  const message = `${name} changed while it was rewrapped and was left as it is now. Try again when nothing else writes to it.`;
  return new CliError("input-changed", message);
}

/** What `link` fails with where the file system has no hard links (FAT, some network shares). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** Gives the file its name without ever replacing one that appeared in the meantime, which `rename` would. */
function publishNew(temporary: string, target: string): void {
  try {
    linkSync(temporary, target);
    unlinkSync(temporary);
  } catch (error) {
    if (!NO_LINKS.includes(errnoOf(error) ?? "")) throw error;
    // The name is taken by an empty file first: what `rename` replaces is that.
    closeSync(openSync(target, "wx"));
    try {
      renameSync(temporary, target);
    } catch (failure) {
      unlinkSync(target);
      throw failure;
    }
  }
}

/** Makes the new name itself durable, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows and some network shares cannot; the content is safe already.
  }
}
