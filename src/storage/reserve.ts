import { isBlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Checks, readOptions } from "../formats/options.js";
import { absent, isStorageFull, storageFull } from "./faults.js";
import type { OpenJournal } from "./store.js";

/** Options of the journals of browsers. */
export interface BrowserJournalOptions {
  /**
   * Bytes that each journal holds back, in a file of the origin's file system: 0 unless given. On a full disk Chromium cannot erase a
   * journal's keys, so that memory cannot take its place, and the recording stops; with 8 MiB held back it goes on in memory.
   * Safari before 26 holds nothing back.
   */
  readonly reserve?: number;
}

const OPTION_CHECKS: Checks<BrowserJournalOptions> = {
  reserve(name, value) {
    if (typeof value !== "number") throw wrongType(name, "a number of bytes", value);
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, "a whole number of bytes", value);
    return value;
  },
};

/** @throws TypeError, RangeError. */
export const reserveBytes = (options: BrowserJournalOptions | undefined): number =>
  readOptions<BrowserJournalOptions>("options", options, OPTION_CHECKS).reserve ?? 0;

/** A file of the origin's own file system: on a full disk a file can be removed, and a record of a database cannot. */
export interface Reserve {
  readonly isKept: boolean;
  /** Makes it, unless it is there. @throws DOMException where there is no room for it; a part of it may be there then. */
  take(): Promise<void>;
  /** Gives the room back. */
  release(): Promise<void>;
}

const NOTHING: Reserve = { isKept: false, async take() {}, async release() {} };

/**
 * @param bytes 0 for none, but one that was taken before, with other options, is given back all the same; and there is none
 *   where the runtime cannot write such files.
 */
export function reserveOf(name: string, bytes: number): Reserve {
  const isPossible =
    typeof FileSystemFileHandle !== "undefined" && "createWritable" in FileSystemFileHandle.prototype;
  if (!isPossible) return NOTHING;
  return {
    isKept: bytes > 0,
    async take() {
      if (bytes === 0) return;
      let stream: FileSystemWritableFileStream | undefined;
      try {
        const root = await navigator.storage.getDirectory();
        const file = await root.getFileHandle(name, { create: true });
        if ((await file.getFile()).size >= bytes) return;
        stream = await file.createWritable();
        // Random: some file systems keep no room for zeros.
        const part = crypto.getRandomValues(new Uint8Array(2 ** 16));
        await stream.write(
          new Blob(Array<Uint8Array<ArrayBuffer>>(Math.ceil(bytes / part.length)).fill(part)),
        );
        await stream.close();
      } catch (error) {
        await stream?.abort().catch(() => {});
        throw error;
      }
    },
    async release() {
      // Without a file system of the origin's, as in private windows of some browsers, nothing was taken.
      const root = await navigator.storage.getDirectory().catch(() => undefined);
      await root?.removeEntry(name).catch(absent(undefined));
    },
  };
}

/** A journal that gives its reserve up on a full disk, for the end of its keys: nothing else is written then. */
export function withReserve(journal: OpenJournal, reserve: Reserve): OpenJournal {
  let full: unknown;
  return {
    ...journal,
    async commit(changes) {
      if (full) throw storageFull(full);
      try {
        await journal.commit(changes);
      } catch (error) {
        // Its failure would hide that the disk is full, and so keep memory from taking the journal's place.
        if (!isBlindreelError(error) || isStorageFull(error)) await reserve.release().catch(() => {});
        if (reserve.isKept && isStorageFull(error)) full = error;
        throw error;
      }
    },
    erase: () => eraseWith(reserve, journal),
  };
}

/**
 * A new journal, behind its reserve. Its name is listed already: a reserve without one would be nobody's, for good.
 *
 * @param unlist takes the name back where the journal is not made. Where its reserve stays, so does the name.
 */
export async function createWith(
  reserve: Reserve,
  make: () => OpenJournal | Promise<OpenJournal>,
  unlist: () => Promise<void>,
): Promise<OpenJournal> {
  try {
    await reserve.take();
    return withReserve(await make(), reserve);
  } catch (error) {
    await reserve
      .release()
      .then(unlist)
      .catch(() => {});
    throw error;
  }
}

/** Erases a journal, behind its reserve: the end of the keys may need that room, and what is not listed is never given back. */
export async function eraseWith(
  reserve: Reserve,
  { eraseKeys, erase }: Pick<OpenJournal, "eraseKeys" | "erase">,
): Promise<void> {
  try {
    await reserve.release();
  } catch (error) {
    // Keys go, whatever stays.
    await eraseKeys();
    throw error;
  }
  await erase();
}
