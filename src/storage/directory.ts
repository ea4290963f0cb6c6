import type { FileHandle } from "node:fs/promises";
import { wrongType } from "../errors.js";
import { type Bytes, utf8 } from "../formats/bytes.js";
import { type FolderLock, lockFolder } from "./directory-lock.js";
import { absent, isStorageFull, journalExists, journalLost } from "./faults.js";
import {
  createFolderJournal,
  decodeLabel,
  type Folder,
  KEYS_FILE,
  keyFile,
  LABEL_FILE,
  LOG_FILE,
  type OpenFile,
  openFolderJournal,
} from "./folder-journal.js";
import { guardedStore, isJournalName } from "./guarded.js";
import { FILE_MODE, type NodeFiles, nodeFiles, syncFolder, writeDurably } from "./node-files.js";
import type { JournalListing, JournalStore } from "./store.js";

const FOLDER_MODE = 0o700;
/** Suffix of a journal that is being removed, also by a run that died. */
const ERASED = ".erased";

/**
 * Journals in a directory, for Node, Deno and Bun: one folder each. Writes are flushed to the disk before they count.
 * The recording's keys lie in it **as raw bytes**, in a file that only its owner may read (mode 0600), until the
 * recording is finished: choose a place for them as you would for a private key.
 *
 * A journal that a crash left is taken over where its process is proved to be gone: it was on this machine, before this
 * boot or among this process's neighbours. Of another container or another host nothing can be proved: say `takeOver`.
 *
 * @param root of the journals; made if missing.
 * @throws TypeError; BlindreelError `unsupported-runtime` in browsers.
 */
export function directoryJournal(root: string): JournalStore {
  if (typeof root !== "string" || root === "") throw wrongType("root", "the path of a directory", root);
  const node = nodeFiles();
  const { fs, path } = node;
  const base = path.resolve(root);
  const placeOf = (name: string): string => path.join(base, name);
  const isThere = async (name: string): Promise<boolean> =>
    (await fs.lstat(placeOf(name)).catch(absent(undefined)))?.isDirectory() === true;

  return guardedStore({
    keyForm: "bytes",
    async list() {
      const listings: JournalListing[] = [];
      for (const entry of await fs.readdir(base, { withFileTypes: true }).catch(absent([]))) {
        const { name } = entry;
        if (!entry.isDirectory()) continue;
        if (name.endsWith(ERASED)) {
          if (!isJournalName(name.slice(0, -ERASED.length))) continue;
          await fs.rm(placeOf(name), { recursive: true, force: true }).catch(() => {});
        } else if (isJournalName(name)) {
          const label = await fs.readFile(path.join(base, name, LABEL_FILE)).catch(() => undefined);
          listings.push({ name, label: decodeLabel(label && new Uint8Array(label)) });
        }
      }
      return listings;
    },
    async create(name, { label }) {
      const place = placeOf(name);
      const made = await fs.mkdir(base, { recursive: true, mode: FOLDER_MODE });
      await fs.mkdir(place, { mode: FOLDER_MODE }).catch((error) => {
        throw (error as { code?: unknown }).code === "EEXIST" ? journalExists(name) : error;
      });
      let lock: FolderLock | undefined;
      try {
        for (let folder = base; made !== undefined && folder.length >= made.length; ) {
          folder = path.dirname(folder);
          await syncFolder(node, folder);
        }
        await syncFolder(node, base);
        lock = await lockFolder(node, place, name);
        const folder = nodeFolder(node, place, lock);
        return await createFolderJournal(folder, keyFile(folder), utf8(label));
      } catch (error) {
        await lock?.release().catch(() => {});
        await fs.rm(place, { recursive: true, force: true }).catch(() => {});
        throw error;
      }
    },
    async open(name, options) {
      if (!(await isThere(name))) throw journalLost(`the journal ${name}`);
      const place = placeOf(name);
      const lock = await lockFolder(node, place, name, options);
      try {
        if (lock.isForced) await renewFile(node, path.join(place, LOG_FILE));
        const folder = nodeFolder(node, place, lock);
        return await openFolderJournal(folder, keyFile(folder));
      } catch (error) {
        await lock.release().catch(() => {});
        throw error;
      }
    },
    async discard(name, options) {
      if (!(await isThere(name))) return;
      const lock = await lockFolder(node, placeOf(name), name, options).catch((error) => {
        // A full disk may have no room for a lock; `journal-in-use` comes before.
        if (isStorageFull(error)) return undefined;
        throw error;
      });
      try {
        await removeFolder(node, placeOf(name));
      } finally {
        await lock?.release();
      }
    },
  });
}

/** Puts a copy in a file's place: an earlier owner writes to the old one, which is not read any more. */
async function renewFile(node: NodeFiles, file: string): Promise<void> {
  const { fs, path } = node;
  const copy = `${file}-copy`;
  await writeDurably(node, copy, new Uint8Array(await fs.readFile(file)));
  await fs.rename(copy, file);
  await syncFolder(node, path.dirname(file));
}

async function removeFolder(node: NodeFiles, place: string): Promise<void> {
  const { fs, path } = node;
  const erased = `${place}${ERASED}`;
  await fs.rm(path.join(place, KEYS_FILE), { recursive: true, force: true });
  await fs.rm(erased, { recursive: true, force: true });
  await fs.rename(place, erased);
  await syncFolder(node, path.dirname(place));
  // On failure the next listing tries again.
  await fs.rm(erased, { recursive: true, force: true }).catch(() => {});
}

function nodeFolder(node: NodeFiles, place: string, lock: FolderLock): Folder {
  const { fs, path } = node;
  const at = (name: string): string => path.join(place, name);
  const read = async (name: string): Promise<Bytes> => new Uint8Array(await fs.readFile(at(name)));
  return {
    read: (name) => read(name).catch(absent(undefined)),
    async open(name) {
      const found = await fs.open(at(name), "r+").catch(absent(undefined));
      const handle = found ?? (await fs.open(at(name), "wx+", FILE_MODE));
      return { isNew: !found, read: () => read(name), ...writingTo(handle) };
    },
    syncNames: () => syncFolder(node, place),
    remove: (name) => fs.rm(at(name), { force: true }),
    check: () => lock.check(),
    async erase() {
      await removeFolder(node, place);
      await lock.release();
    },
    close: () => lock.release(),
  };
}

function writingTo(handle: FileHandle): Omit<OpenFile, "isNew" | "read"> {
  return {
    async write(parts, offset) {
      let position = offset;
      for (let left = parts.filter(({ length }) => length > 0); left.length > 0; ) {
        const { bytesWritten } = await handle.writev(left, position);
        position += bytesWritten;
        left = behind(left, bytesWritten);
      }
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/** The rest of `parts` behind `taken` bytes: a write may be short. */
function behind(parts: readonly Bytes[], taken: number): Bytes[] {
  let skip = taken;
  return parts.flatMap((part) => {
    const start = Math.min(skip, part.length);
    skip -= start;
    return start < part.length ? [part.subarray(start)] : [];
  });
}
