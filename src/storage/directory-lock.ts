import { utf8 } from "../formats/bytes.js";
import { absent, journalInUse, journalLost } from "./faults.js";
import { currentOwner, describeOwner, isGone, type LockOwner, locksHeld, parseOwner } from "./lock-owner.js";
import { type NodeFiles, writeDurably } from "./node-files.js";

/** Interval of touching a lock, as a sign of life, in milliseconds. */
const HEARTBEAT = 10_000;
/** A take-over moves the lock aside to look at it, and may put it back: milliseconds, and how often to wait. */
const ASIDE = 20;
const ASIDE_LOOKS = 5;

interface FoundLock {
  readonly content: string;
  /** Undefined where it cannot be read: such a lock has an owner, too. */
  readonly owner: LockOwner | undefined;
  readonly aliveAt: Date;
}

/**
 * Locks a folder by a file in it that names the owner, and that is touched as long as the owner lives. It is taken over
 * where the owner is proved to be gone, or where the caller says so.
 *
 * @throws BlindreelError `journal-in-use`.
 */
export async function lockFolder(
  node: NodeFiles,
  place: string,
  name: string,
  { takeOver = false }: { readonly takeOver?: boolean } = {},
): Promise<FolderLock> {
  const self = await currentOwner(node);
  const lock = new FolderLock(node, place, name, self);
  locksHeld().add(self.token);
  try {
    await lock.take(takeOver);
    return lock;
  } catch (error) {
    locksHeld().delete(self.token);
    throw error;
  }
}

/** A lock of this thread. Made by {@link lockFolder}. */
export class FolderLock {
  readonly #node: NodeFiles;
  readonly #place: string;
  /** Of the journal. */
  readonly #name: string;
  readonly #self: LockOwner;
  readonly #content: string;
  readonly #file: string;
  #isForced = false;
  #heart: ReturnType<typeof setInterval> | undefined;
  /** Marks of the file when its content was last read, and this lock's. */
  #seen: string | undefined;

  constructor(node: NodeFiles, place: string, name: string, self: LockOwner) {
    this.#node = node;
    this.#place = place;
    this.#name = name;
    this.#self = self;
    this.#content = JSON.stringify(self);
    this.#file = node.path.join(place, "lock");
  }

  /** Whether an owner that may still live, and not know of it yet, was taken over. */
  get isForced(): boolean {
    return this.#isForced;
  }

  /** To be called once. @throws BlindreelError `journal-in-use`. */
  async take(takeOver: boolean): Promise<void> {
    const found = await this.#find(this.#file);
    if (found) {
      this.#isForced = !(await isGone(this.#node, this.#self, found.owner));
      if (this.#isForced && !takeOver) throw this.#inUse(found);
      await this.#moveAside(found);
    }
    if (!(await this.#claim())) throw this.#inUse(await this.#find(this.#file));
    this.#heart = this.#node.timers.setInterval(() => this.#beat().catch(() => {}), HEARTBEAT);
    (this.#heart as { unref?: () => void }).unref?.();
  }

  /** @throws BlindreelError `journal-in-use` where it was taken over; `journal-lost` where the folder is gone. */
  async check(): Promise<void> {
    const { fs } = this.#node;
    if (locksHeld().has(this.#self.token)) {
      const marks = await this.#marks();
      if (marks !== undefined && marks === this.#seen) return;
      if ((await fs.readFile(this.#file, "utf8").catch(absent(""))) === this.#content) {
        this.#seen = marks;
        return;
      }
    }
    let lock = await this.#find(this.#file);
    for (let looks = 1; !lock && looks < ASIDE_LOOKS; looks++) {
      await new Promise((resolve) => this.#node.timers.setTimeout(resolve, ASIDE));
      lock = await this.#find(this.#file);
    }
    if (this.#isOurs(lock)) return;
    if (!(await fs.stat(this.#place).catch(absent(undefined))))
      throw journalLost(`the journal ${this.#name}`);
    throw this.#inUse(lock);
  }

  /** No error where it was taken over. */
  async release(): Promise<void> {
    const { fs, timers } = this.#node;
    timers.clearInterval(this.#heart);
    const isOurs = this.#isOurs(await this.#find(this.#file));
    locksHeld().delete(this.#self.token);
    if (isOurs) await fs.rm(this.#file, { force: true });
  }

  /** By a link: the file is never there without its content. */
  async #claim(): Promise<boolean> {
    const { fs } = this.#node;
    const draft = `${this.#file}-${this.#self.token}`;
    try {
      await writeDurably(this.#node, draft, utf8(this.#content));
      await fs.link(draft, this.#file);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === "EEXIST") return false;
      throw error;
    } finally {
      await fs.rm(draft, { force: true });
    }
  }

  /** Of several that find the same lock, one moves it aside; another lock than the one found is put back. */
  async #moveAside({ content }: FoundLock): Promise<void> {
    const { fs } = this.#node;
    const aside = `${this.#file}-aside-${this.#self.token}`;
    await fs.rename(this.#file, aside).catch(absent(undefined));
    const moved = await this.#find(aside);
    const isOther = moved !== undefined && moved.content !== content;
    if (isOther) await fs.link(aside, this.#file).catch(() => {});
    await fs.rm(aside, { recursive: true, force: true });
    if (isOther) throw this.#inUse(moved);
  }

  async #beat(): Promise<void> {
    const now = new Date();
    if (this.#isOurs(await this.#find(this.#file))) await this.#node.fs.utimes(this.#file, now, now);
  }

  async #find(file: string): Promise<FoundLock | undefined> {
    const { fs } = this.#node;
    const status = await fs.stat(file).catch(absent(undefined));
    if (!status) return undefined;
    const content = status.isFile() ? await fs.readFile(file, "utf8").catch(absent(undefined)) : "";
    return content === undefined ? undefined : { content, owner: parseOwner(content), aliveAt: status.mtime };
  }

  /** Changes whenever the file is replaced, and costs one call where reading it costs five. */
  async #marks(): Promise<string | undefined> {
    const status = await this.#node.fs.stat(this.#file, { bigint: true }).catch(absent(undefined));
    return status && [status.dev, status.ino, status.size, status.mtimeNs, status.birthtimeNs].join(" ");
  }

  #isOurs(lock: FoundLock | undefined): boolean {
    const { token } = this.#self;
    return locksHeld().has(token) && lock?.owner?.token === token;
  }

  #inUse(lock: FoundLock | undefined) {
    return journalInUse(this.#name, { is: lock?.owner && describeOwner(lock.owner), aliveAt: lock?.aliveAt });
  }
}
