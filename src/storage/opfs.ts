import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { keysIn, openDatabase } from "./database.js";
import { guarded, journalInUse, withStorageFaults } from "./faults.js";
import { type Folder, openFolderJournal } from "./folder-journal.js";
import type { JournalStore } from "./store.js";

/** What dedicated workers have: reads and writes at once, and nobody else has the file. */
interface SyncAccessHandle {
  getSize(): number;
  read(buffer: Bytes, options: { at: number }): number;
  write(buffer: Bytes, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type SyncFileHandle = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncAccessHandle> };
type IterableFolder = FileSystemDirectoryHandle & { keys(): AsyncIterableIterator<string> };

/**
 * Journals in the origin private file system: for dedicated workers, the only place with handles that write through
 * at once. One folder each. Keys are kept in IndexedDB, as non-extractable `CryptoKey`s.
 *
 * @param name of the folder.
 * @throws BlindreelError `unsupported-runtime` outside dedicated workers.
 */
export function opfsJournal(name = "blindreel-journals"): JournalStore {
  const prototype = (globalThis as { FileSystemFileHandle?: { prototype: SyncFileHandle } })
    .FileSystemFileHandle?.prototype;
  if (!prototype || !("createSyncAccessHandle" in prototype)) {
    const message = "this runtime has no synchronous file handles: they are for dedicated workers";
    throw new BlindreelError("unsupported-runtime", message, { operation: "createSyncAccessHandle" });
  }
  const rootFolder = async (): Promise<FileSystemDirectoryHandle> =>
    (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });

  return {
    keyForm: "platform",
    list: () =>
      withStorageFaults(async () => {
        const root = (await rootFolder()) as IterableFolder;
        const names: string[] = [];
        for await (const entry of root.keys()) {
          if (await exists(await root.getDirectoryHandle(entry), "facts")) names.push(entry);
        }
        return names.sort();
      }),
    open: (journal, mode) =>
      withStorageFaults(async () => {
        const root = await rootFolder();
        const place = await root.getDirectoryHandle(journal, { create: mode === "create" });
        const lock = await accessHandle(place, "lock").catch((cause) => {
          const isTaken = (cause as { name?: unknown }).name === "NoModificationAllowedError";
          throw isTaken ? journalInUse(journal, { cause }) : cause;
        });
        let database: IDBDatabase | undefined;
        const release = (): void => {
          database?.close();
          lock.close();
        };
        try {
          database = await openDatabase(name);
          const folder = folderAt(root, place, release);
          return guarded(await openFolderJournal(folder, keysIn(database, journal)));
        } catch (error) {
          release();
          throw error;
        }
      }),
  };
}

async function accessHandle(place: FileSystemDirectoryHandle, name: string): Promise<SyncAccessHandle> {
  const file: SyncFileHandle = await place.getFileHandle(name, { create: true });
  return file.createSyncAccessHandle!();
}

async function exists(place: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  return place.getFileHandle(name).then(() => true, absent(false));
}

/** What a missing file means; any other failure is one. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as { name?: unknown }).name === "NotFoundError") return value;
    throw error;
  };
}

function folderAt(root: FileSystemDirectoryHandle, place: IterableFolder, release: () => void): Folder {
  return {
    async list() {
      const names: string[] = [];
      for await (const name of place.keys()) names.push(name);
      return names;
    },
    async read(name) {
      const file = await place.getFileHandle(name).catch(absent(undefined));
      return file && new Uint8Array(await (await file.getFile()).arrayBuffer());
    },
    async write(name, parts) {
      const handle = await accessHandle(place, name);
      try {
        handle.truncate(0);
        let offset = 0;
        for (const part of parts) offset += writeAll(handle, part, offset);
        handle.flush();
      } finally {
        handle.close();
      }
    },
    remove: (name) => place.removeEntry(name).catch(absent(undefined)),
    async openLog(name, length) {
      const handle = await accessHandle(place, name);
      handle.truncate(length);
      handle.flush();
      let end = length;
      return {
        async append(bytes) {
          end += writeAll(handle, bytes, end);
          handle.flush();
        },
        close: async () => handle.close(),
      };
    },
    async erase() {
      // The facts first: without them nobody takes the rest for a journal.
      await place.removeEntry("facts").catch(absent(undefined));
      release();
      await root.removeEntry(place.name, { recursive: true });
    },
    close: async () => release(),
  };
}

/** A write may take less than it is given. */
function writeAll(handle: SyncAccessHandle, bytes: Bytes, at: number): number {
  let written = 0;
  while (written < bytes.length) {
    const taken = handle.write(bytes.subarray(written), { at: at + written });
    if (taken === 0) throw new DOMException("the file system takes no more", "QuotaExceededError");
    written += taken;
  }
  return written;
}
