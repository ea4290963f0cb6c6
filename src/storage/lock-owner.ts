import { nobleSha256 } from "../crypto/noble-hash.js";
import { utf8 } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { NodeFiles } from "./node-files.js";

/** The first namespace of process ids on Linux: `PROC_PID_INIT_INO` of its proc_fs.h. */
const NO_CONTAINER = `pid:[${0xefff_fffc}]`;

/** Tokens of this thread's locks, of every copy of the SDK in it. */
const HELD = Symbol.for("blindreel.locks");

/** Owner of a lock. A fact that the system does not tell is left out, and proves nothing. */
export interface LockOwner {
  readonly host: string | undefined;
  /** A digest, because the number itself is not to be shown around; outside containers only. */
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

export function locksHeld(): Set<string> {
  const shared = globalThis as { [HELD]?: Set<string> };
  shared[HELD] ??= new Set();
  return shared[HELD];
}

/** @returns undefined for what is no owner. */
export function parseOwner(content: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(content);
    return typeof owner.token === "string" && Number.isSafeInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

export function describeOwner({ pid, thread, host }: LockOwner): string {
  return `process ${pid}, thread ${thread ?? "unknown"}, on ${host ?? "an unknown host"}`;
}

/** This thread, with a new token. Where a system has no such thing, its stand-in is the same for all its processes. */
export async function currentOwner(node: NodeFiles): Promise<LockOwner> {
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
    machine: machine && encodeHex(nobleSha256(utf8(machine)).subarray(0, 8)),
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

/** Whether a lock's owner is proved to be gone. @param self as {@link currentOwner}. */
export async function isGone(
  node: NodeFiles,
  self: LockOwner,
  owner: LockOwner | undefined,
): Promise<boolean> {
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

/** Start of a process on Linux, where /proc shows this process's own namespace of ids. */
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
