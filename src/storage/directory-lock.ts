import { journalInUse } from "./faults.js";
import type { NodeFiles } from "./node-files.js";

/** Locks this process holds, by their random tokens: its number alone may have been another process's before. */
const held = new Set<string>();

/**
 * Locks a folder by a file in it that names its process. Where that process is gone, a crash left the file and the
 * lock is taken over.
 *
 * @returns how to let go.
 * @throws BlindreelError `journal-in-use`.
 */
export async function lockFolder(
  { fs, path }: NodeFiles,
  place: string,
  name: string,
): Promise<() => Promise<void>> {
  const file = path.join(place, "lock");
  const token = globalThis.crypto.randomUUID();
  const mine = `${process.pid} ${await startTime(fs, process.pid)} ${token}`;
  /** By a link, so that the file never stands there without its content. */
  const claim = async (): Promise<boolean> => {
    const draft = `${file}-${token}`;
    await fs.writeFile(draft, mine, { mode: 0o600 });
    try {
      await fs.link(draft, file);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === "EEXIST") return false;
      throw error;
    } finally {
      await fs.rm(draft, { force: true });
    }
  };

  if (!(await claim())) {
    if (await isHeld(fs, await read(fs, file))) throw journalInUse(name);
    // Moved aside first: between reading and removing, somebody else may have taken the lock over.
    const aside = `${file}-aside-${token}`;
    await fs.rename(file, aside).catch(() => {});
    if (await isHeld(fs, await read(fs, aside))) {
      await fs.link(aside, file).catch(() => {});
      await fs.rm(aside, { force: true });
      throw journalInUse(name);
    }
    await fs.rm(aside, { force: true });
    if (!(await claim())) throw journalInUse(name);
  }
  held.add(token);
  return async () => {
    if (held.delete(token)) await fs.rm(file, { force: true });
  };
}

async function read(fs: NodeFiles["fs"], file: string): Promise<string> {
  return fs.readFile(file, "utf8").catch(() => "");
}

async function isHeld(fs: NodeFiles["fs"], content: string): Promise<boolean> {
  const [pid, started, token] = content.split(" ");
  // Empty: the file is gone meanwhile.
  if (!token) return false;
  if (Number(pid) === process.pid) return held.has(token);
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return false;
  }
  return (await startTime(fs, Number(pid))) === started;
}

/** When a process started, where the system tells (Linux): numbers of processes are used again. */
async function startTime(fs: NodeFiles["fs"], pid: number): Promise<string> {
  const status = await read(fs, `/proc/${pid}/stat`);
  // The second field, in parentheses, may hold spaces.
  return status.slice(status.lastIndexOf(")")).split(" ")[20] ?? "-";
}
