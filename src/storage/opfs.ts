import { BlindreelError } from "../errors.js";
import { type Bytes, utf8 } from "../formats/bytes.js";
import { absent, journalExists, journalInUse, journalLost } from "./faults.js";
import {
  createFolderJournal,
  decodeLabel,
  type Folder,
  LABEL_FILE,
  LOG_FILE,
  type OpenFile,
  openFolderJournal,
} from "./folder-journal.js";
import { guardedStore, isJournalName } from "./guarded.js";
import { holdJournal, keysIn } from "./held-journal.js";
import {
  type BrowserJournalOptions,
  createWith,
  eraseWith,
  type Reserve,
  reserveBytes,
  reserveOf,
  withReserve,
} from "./reserve.js";
import type { JournalListing, JournalStore, KeyPlace } from "./store.js";
import { PATIENCE } from "./web-lock.js";

/** Of dedicated workers: synchronous, and exclusive. */
interface SyncAccessHandle {
  getSize(): number;
  read(buffer: Bytes, options: { at: number }): number;
  write(buffer: Bytes, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type SyncFileHandle = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncAccessHandle> };
type IterableFolder = FileSystemDirectoryHandle & {
  values(): AsyncIterableIterator<FileSystemDirectoryHandle | FileSystemFileHandle>;
};

/** Interval of attempts to open a file that is in use, in milliseconds. */
const LOOK_AGAIN = 50;

/**
 * Journals in the origin private file system: for dedicated workers, the only place with handles that write through
 * at once. One folder each. Keys are kept in IndexedDB, as non-extractable `CryptoKey`s. Web Locks keep workers apart,
 * and so does the log's exclusive handle: also `takeOver` needs an owner that can still close it.
 *
 * @param name of the folder.
 * @throws BlindreelError `unsupported-runtime` outside dedicated workers.
 */
export function opfsJournal(name = "blindreel-journals", options?: BrowserJournalOptions): JournalStore {
  const bytes = reserveBytes(options);
  const reserveFor = (journal: string): Reserve => reserveOf(`opfs ${name} ${journal}`, bytes);
  const prototype = (globalThis as { FileSystemFileHandle?: { prototype: SyncFileHandle } })
    .FileSystemFileHandle?.prototype;
  if (!prototype || !("createSyncAccessHandle" in prototype)) {
    const message = "this runtime has no synchronous file handles: they are for dedicated workers";
    throw new BlindreelError("unsupported-runtime", message, { operation: "createSyncAccessHandle" });
  }
  const rootFolder = async (): Promise<IterableFolder> => {
    const root = await navigator.storage.getDirectory();
    return (await root.getDirectoryHandle(name, { create: true })) as IterableFolder;
  };

  const holding = <T>(
    journal: string,
    takeOver: boolean | undefined,
    action: (held: HeldFolder) => Promise<T>,
  ): Promise<T> => {
    const handles = new Set<SyncAccessHandle>();
    const onLost = (): void => {
      for (const handle of handles) handle.close();
      handles.clear();
    };
    const options = { database: name, lock: `blindreel opfs ${name} ${journal}`, takeOver, onLost };
    return holdJournal(journal, options, async ({ connection, lock, release }) => {
      const keys = keysIn(connection, journal, async (stores, write) => {
        lock.check();
        await connection.written(stores, write);
      });
      const closeFiles = onLost;
      return action({
        root: await rootFolder(),
        keys,
        handles,
        check: () => lock.check(),
        closeFiles,
        release,
      });
    });
  };

  return guardedStore({
    keyForm: "platform",
    async list() {
      const listings: JournalListing[] = [];
      for await (const entry of (await rootFolder()).values()) {
        if (entry.kind !== "directory" || !isJournalName(entry.name)) continue;
        const label = await readFile(entry, LABEL_FILE).catch(() => undefined);
        listings.push({ name: entry.name, label: decodeLabel(label) });
      }
      return listings;
    },
    create: (journal, { label }) =>
      holding(journal, false, async (held) => {
        const { root, keys, closeFiles } = held;
        if (await root.getDirectoryHandle(journal).catch(absent(undefined))) throw journalExists(journal);
        const place = await root.getDirectoryHandle(journal, { create: true });
        return createWith(
          reserveFor(journal),
          () => createFolderJournal(opfsFolder(held, place), keys, utf8(label)),
          () => {
            closeFiles();
            return root.removeEntry(journal, { recursive: true });
          },
        );
      }),
    open: (journal, options) =>
      holding(journal, options?.takeOver, async (held) => {
        const place = await held.root.getDirectoryHandle(journal).catch(absent(undefined));
        if (!place) throw journalLost(`the journal ${journal}`);
        const found = await openFolderJournal(opfsFolder(held, place), held.keys);
        return { ...found, journal: withReserve(found.journal, reserveFor(journal)) };
      }),
    discard: (journal, options) =>
      holding(journal, options?.takeOver, async (held) => {
        const { root, keys, release } = held;
        const place = await root.getDirectoryHandle(journal).catch(absent(undefined));
        const folder = place && opfsFolder(held, place);
        // The log's handle is exclusive: without it the journal has another owner.
        await folder?.open(LOG_FILE);
        await eraseWith(reserveFor(journal), {
          eraseKeys: () => keys.eraseKeys(),
          erase: () => folder?.erase() ?? keys.eraseKeys(),
        });
        release();
      }),
  });
}

interface HeldFolder {
  readonly root: FileSystemDirectoryHandle;
  readonly keys: KeyPlace;
  /** Of the open files. */
  readonly handles: Set<SyncAccessHandle>;
  /** @throws BlindreelError `journal-in-use` where it was taken over. */
  check(): void;
  closeFiles(): void;
  release(): void;
}

function opfsFolder(
  { root, keys, handles, check, closeFiles, release }: HeldFolder,
  place: FileSystemDirectoryHandle,
): Folder {
  return {
    read: (name) => readFile(place, name),
    async open(name) {
      const handle = await accessHandle(place, name);
      handles.add(handle);
      return openFile(handle, () => handles.delete(handle));
    },
    async syncNames() {},
    remove: (name) => place.removeEntry(name).catch(absent(undefined)),
    check: async () => check(),
    async erase() {
      await keys.eraseKeys();
      closeFiles();
      await root.removeEntry(place.name, { recursive: true });
      release();
    },
    close: async () => release(),
  };
}

async function readFile(place: FileSystemDirectoryHandle, name: string): Promise<Bytes | undefined> {
  const file = await place.getFileHandle(name).catch(absent(undefined));
  return file && new Uint8Array(await (await file.getFile()).arrayBuffer());
}

/** Waits a moment for an owner that was taken over, or that is going, to close the file. */
async function accessHandle(place: FileSystemDirectoryHandle, name: string): Promise<SyncAccessHandle> {
  const file: SyncFileHandle = await place.getFileHandle(name, { create: true });
  for (const patience = Date.now() + PATIENCE; ; ) {
    try {
      return await file.createSyncAccessHandle!();
    } catch (cause) {
      if ((cause as { name?: unknown }).name !== "NoModificationAllowedError") throw cause;
      if (Date.now() > patience) throw journalInUse(place.name, {}, { cause });
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
  }
}

function openFile(handle: SyncAccessHandle, onClose: () => void): OpenFile {
  return {
    isNew: false,
    async read() {
      const bytes = new Uint8Array(handle.getSize());
      for (let at = 0; at < bytes.length; ) {
        const taken = handle.read(bytes.subarray(at), { at });
        if (taken === 0) return bytes.slice(0, at);
        at += taken;
      }
      return bytes;
    },
    async write(parts, offset) {
      let at = offset;
      for (const part of parts) at += writeAll(handle, part, at);
    },
    async truncate(length) {
      handle.truncate(length);
    },
    async sync() {
      handle.flush();
    },
    async close() {
      handle.close();
      onClose();
    },
  };
}

/** A write may be short. */
function writeAll(handle: SyncAccessHandle, bytes: Bytes, at: number): number {
  let written = 0;
  while (written < bytes.length) {
    const taken = handle.write(bytes.subarray(written), { at: at + written });
    if (taken === 0) throw new DOMException("the file system takes no more", "QuotaExceededError");
    written += taken;
  }
  return written;
}
