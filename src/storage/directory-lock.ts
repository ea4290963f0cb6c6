import { nobleDigest } from "../crypto/noble-hash.js";
import { utf8 } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { absent, journalInUse, journalLost } from "./faults.js";
import { type NodeFiles, writeDurably } from "./node-files.js";

/** A lock shows that its owner lives by being touched this often, in milliseconds. */
const HEARTBEAT = 10_000;
/** Who takes a lock over moves it aside to look at it, and may put it back: milliseconds, and how often to wait. */
const ASIDE = 20;
const ASIDE_LOOKS = 5;

/** The namespace of process ids that Linux begins with: `PROC_PID_INIT_INO` of its proc_fs.h. */
const NO_CONTAINER = `pid:[${0xefff_fffc}]`;

/** Tokens of the locks that this thread holds, of every copy of the SDK in it. */
const HELD = Symbol.for("blindreel.locks");

export interface FolderLock {
  /** @throws BlindreelError `journal-in-use` where somebody took it over; `journal-lost` where the folder is gone. */
  check(): Promise<void>;
  /** Lets go. No error where somebody took it over. */
  release(): Promise<void>;
  /** Whether whoever had it may still be there, and know nothing of it yet. */
  readonly isForced: boolean;
}

/** What a lock says of its owner. What the system does not tell is left out, and proves nothing. */
interface LockOwner {
  readonly host: string | undefined;
  /** A digest, because the number itself is not to be shown around; of no container. */
  readonly machine: string | undefined;
  readonly boot: string | undefined;
  /** Of process ids: in each container they begin with 1. */
  readonly namespace: string | undefined;
  readonly pid: number;
  /** Process ids are used again. */
  readonly started: string | undefined;
  readonly thread: number | undefined;
  readonly token: string;
}

interface FoundLock {
  readonly content: string;
  /** Undefined where it cannot be read: such a lock is somebody's, too. */
  readonly owner: LockOwner | undefined;
  readonly aliveAt: Date;
}

/**
 * Locks a folder by a file in it that says who has it, and that is touched as long as they have it. It is taken over
 * where they are proved to be gone, or where the caller says so.
 *
 * @throws BlindreelError `journal-in-use`.
 */
export async function lockFolder(
  node: NodeFiles,
  place: string,
  name: string,
  { takeOver = false }: { readonly takeOver?: boolean } = {},
): Promise<FolderLock> {
  const { fs, path, timers } = node;
  const file = path.join(place, "lock");
  const held = locksHeld();
  const self = await identify(node);
  const { token } = self;
  const content = JSON.stringify(self);

  const inUse = (lock: FoundLock | undefined) =>
    journalInUse(name, { is: lock?.owner && described(lock.owner), aliveAt: lock?.aliveAt });
  /** By a link, so that the file never stands there without its content. */
  const claim = async (): Promise<boolean> => {
    const draft = `${file}-${token}`;
    try {
      await writeDurably(node, draft, utf8(content));
      await fs.link(draft, file);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === "EEXIST") return false;
      throw error;
    } finally {
      await fs.rm(draft, { force: true });
    }
  };
  /** Of those who find the same lock, one moves it aside; who moves another one than they looked at puts it back. */
  const moveAside = async (found: FoundLock): Promise<void> => {
    const aside = `${file}-aside-${token}`;
    await fs.rename(file, aside).catch(absent(undefined));
    const moved = await readLock(node, aside);
    if (moved && moved.content !== found.content) await fs.link(aside, file).catch(() => {});
    await fs.rm(aside, { recursive: true, force: true });
    if (moved && moved.content !== found.content) throw inUse(moved);
  };

  let isForced = false;
  held.add(token);
  try {
    const found = await readLock(node, file);
    if (found) {
      isForced = !(await isGone(node, self, found.owner));
      if (isForced && !takeOver) throw inUse(found);
      await moveAside(found);
    }
    if (!(await claim())) throw inUse(await readLock(node, file));
  } catch (error) {
    held.delete(token);
    throw error;
  }

  const current = async (): Promise<FoundLock | undefined> => {
    for (let looks = 1; ; looks++) {
      const lock = await readLock(node, file);
      if (lock || looks === ASIDE_LOOKS) return lock;
      await new Promise((resolve) => timers.setTimeout(resolve, ASIDE));
    }
  };
  const isOurs = (lock: FoundLock | undefined): boolean => held.has(token) && lock?.owner?.token === token;
  const beat = async (): Promise<void> => {
    const now = new Date();
    if (isOurs(await readLock(node, file))) await fs.utimes(file, now, now);
  };
  /** The file's marks when its content was last looked at, and ours. */
  let seen: string | undefined;
  const heart = timers.setInterval(() => beat().catch(() => {}), HEARTBEAT);
  heart.unref();

  return {
    isForced,
    async check() {
      if (held.has(token)) {
        const before = await marksOf(node, file);
        if (before !== undefined && before === seen) return;
        if ((await fs.readFile(file, "utf8").catch(absent(""))) === content) {
          seen = before;
          return;
        }
      }
      const lock = await current();
      if (isOurs(lock)) return;
      if (!(await fs.stat(place).catch(absent(undefined)))) throw journalLost(`the journal ${name}`);
      throw inUse(lock);
    },
    async release() {
      timers.clearInterval(heart);
      const isStillOurs = isOurs(await readLock(node, file));
      held.delete(token);
      if (isStillOurs) await fs.rm(file, { force: true });
    },
  };
}

function locksHeld(): Set<string> {
  const shared = globalThis as { [HELD]?: Set<string> };
  shared[HELD] ??= new Set();
  return shared[HELD];
}

/** What changes whenever a lock's file is replaced, and costs one call where reading it costs five. */
async function marksOf({ fs }: NodeFiles, file: string): Promise<string | undefined> {
  const status = await fs.stat(file, { bigint: true }).catch(absent(undefined));
  return status && [status.dev, status.ino, status.size, status.mtimeNs, status.birthtimeNs].join(" ");
}

async function readLock({ fs }: NodeFiles, file: string): Promise<FoundLock | undefined> {
  const status = await fs.stat(file).catch(absent(undefined));
  if (!status) return undefined;
  const content = status.isFile() ? await fs.readFile(file, "utf8").catch(absent(undefined)) : "";
  return content === undefined ? undefined : { content, owner: parsed(content), aliveAt: status.mtime };
}

function parsed(content: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(content);
    return typeof owner.token === "string" && Number.isSafeInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function described({ pid, thread, host }: LockOwner): string {
  return `process ${pid}, thread ${thread ?? "unknown"}, on ${host ?? "an unknown host"}`;
}

/** This thread, with a new token. Where a system has no such thing, its stand-in is the same for all its processes. */
async function identify(node: NodeFiles): Promise<LockOwner> {
  const { fs, os, threads } = node;
  const none = process.platform === "linux" ? undefined : "none";
  const tell = async (file: string): Promise<string | undefined> =>
    fs.readFile(file, "utf8").then(
      (text) => text.trim() || undefined,
      () => undefined,
    );
  const namespace = await fs.readlink("/proc/self/ns/pid").catch(() => none);
  // Containers on two machines may be of one image, and have one name.
  const machine = namespace === NO_CONTAINER ? await tell("/etc/machine-id") : undefined;
  return {
    host: hostName(os),
    machine: machine && encodeHex(nobleDigest("SHA-256", utf8(machine)).subarray(0, 8)),
    boot: (await tell("/proc/sys/kernel/random/boot_id")) ?? none,
    namespace,
    pid: process.pid,
    started: await startTime(node, process.pid),
    // Deno's web workers all have the number of the main thread.
    thread: threads.threadId === 0 && "WorkerGlobalScope" in globalThis ? undefined : threads.threadId,
    token: globalThis.crypto.randomUUID(),
  };
}

/** Deno may forbid to ask. */
function hostName(os: NodeFiles["os"]): string | undefined {
  try {
    return os.hostname();
  } catch {
    return undefined;
  }
}

/** Whether a lock's owner is proved to be gone. */
async function isGone(node: NodeFiles, self: LockOwner, owner: LockOwner | undefined): Promise<boolean> {
  if (!owner) return false;
  const agree = (...facts: (keyof LockOwner)[]): boolean =>
    facts.every((fact) => owner[fact] !== undefined && owner[fact] === self[fact]);
  const differ = (fact: keyof LockOwner, now: unknown): boolean =>
    owner[fact] !== undefined && now !== undefined && owner[fact] !== now;

  if (!agree("host")) return false;
  if (agree("machine") && differ("boot", self.boot)) return true;
  if (!agree("boot", "namespace")) return false;
  if (owner.pid === self.pid) {
    if (differ("started", self.started)) return true;
    return agree("thread") && !locksHeld().has(owner.token);
  }
  return !isAlive(owner.pid) || differ("started", await startTime(node, owner.pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== "ESRCH";
  }
}

/** When a process started, where the system tells (Linux), and tells of the processes that this one means by their ids. */
async function startTime({ fs }: NodeFiles, pid: number): Promise<string | undefined> {
  try {
    if ((await fs.readlink("/proc/self")) !== String(process.pid)) return undefined;
    const status = await fs.readFile(`/proc/${pid}/stat`, "utf8");
    // The second field, in parentheses, may hold spaces.
    return status.slice(status.lastIndexOf(")")).split(" ")[20];
  } catch {
    return undefined;
  }
}
