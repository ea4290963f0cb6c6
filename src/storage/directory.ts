import type { FileHandle } from "node:fs/promises";
import { wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { lockFolder } from "./directory-lock.js";
import { guarded, journalLost, withStorageFaults } from "./faults.js";
import { type Folder, keyFile, openFolderJournal } from "./folder-journal.js";
import { type NodeFiles, nodeFiles } from "./node-files.js";
import type { JournalStore } from "./store.js";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** A journal that is being removed: what a crash leaves of it is nobody's any more. */
const ERASED = ".erased";

/**
 * Journals in a directory, for Node, Deno and Bun: one folder each. Writes are flushed to the disk before they count.
 * The recording's keys lie in it **as raw bytes**, in a file that only its owner may read (mode 0600), until the
 * recording is finished: choose a place for them as you would for a private key.
 *
 * @param root is made if need be.
 * @throws TypeError; BlindreelError `unsupported-runtime` in browsers.
 */
export function directoryJournal(root: string): JournalStore {
  if (typeof root !== "string" || root === "") throw wrongType("root", "the path of a directory", root);
  const node = nodeFiles();
  const { fs, path } = node;

  return {
    keyForm: "bytes",
    list: () =>
      withStorageFaults(async () => {
        const names: string[] = [];
        for (const entry of await entriesOf(node, root)) {
          if (entry.endsWith(ERASED)) await fs.rm(path.join(root, entry), { recursive: true, force: true });
          else if (await exists(node, path.join(root, entry, "facts"))) names.push(entry);
        }
        return names.sort();
      }),
    open: (name, mode) =>
      withStorageFaults(async () => {
        const place = path.join(root, name);
        if (mode === "create") await fs.mkdir(place, { recursive: true, mode: FOLDER_MODE });
        else if (!(await exists(node, path.join(place, "facts")))) throw journalLost(`the journal ${name}`);
        const unlock = await lockFolder(node, place, name);
        try {
          const folder = folderAt(node, place, unlock);
          return guarded(await openFolderJournal(folder, keyFile(folder)));
        } catch (error) {
          await unlock();
          throw error;
        }
      }),
  };
}

async function entriesOf({ fs }: NodeFiles, place: string): Promise<string[]> {
  return fs.readdir(place).catch(absent([]));
}

async function exists({ fs }: NodeFiles, place: string): Promise<boolean> {
  return fs.stat(place).then(() => true, absent(false));
}

/** What a missing file means; any other failure is one. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as { code?: unknown }).code === "ENOENT") return value;
    throw error;
  };
}

function folderAt({ fs, path }: NodeFiles, place: string, unlock: () => Promise<void>): Folder {
  const at = (name: string): string => path.join(place, name);

  /** A new name is durable only when its folder is. */
  async function syncFolder(): Promise<void> {
    const handle = await fs.open(place, "r");
    try {
      await handle.sync();
    } catch (error) {
      // Windows has no such thing, and needs none.
      if (!["EPERM", "EISDIR", "EINVAL"].includes((error as { code: string }).code)) throw error;
    } finally {
      await handle.close();
    }
  }

  return {
    list: () => fs.readdir(place),
    read: (name) => fs.readFile(at(name)).then((bytes) => new Uint8Array(bytes), absent(undefined)),
    async write(name, parts) {
      const handle = await fs.open(at(name), "w", FILE_MODE);
      try {
        for (const part of parts) await writeAll(handle, part);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await syncFolder();
    },
    remove: (name) => fs.rm(at(name), { force: true }),
    async openLog(name, length) {
      const handle = await fs.open(at(name), "a", FILE_MODE);
      await handle.truncate(length);
      await handle.datasync();
      await syncFolder();
      return {
        async append(bytes) {
          await writeAll(handle, bytes);
          await handle.datasync();
        },
        close: () => handle.close(),
      };
    },
    async erase() {
      const erased = `${place}${ERASED}`;
      await fs.rename(place, erased);
      await unlock();
      await fs.rm(erased, { recursive: true, force: true });
    },
    close: unlock,
  };
}

/** A write may take less than it is given. */
async function writeAll(handle: FileHandle, bytes: Bytes): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    offset += (await handle.write(bytes, offset)).bytesWritten;
  }
}
