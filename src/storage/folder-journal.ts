import { type Bytes, wipe } from "../formats/bytes.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { decodeJson, encodeJson } from "../formats/json.js";
import { journalDamaged, journalLost } from "./faults.js";
import { decodeLog, encodeFrame } from "./frame.js";
import { isLabel } from "./guarded.js";
import type { FoundJournal, JournalPiece, KeyPlace, OpenJournal } from "./store.js";

/** A folder of files with a single writer. */
export interface Folder {
  read(name: string): Promise<Bytes | undefined>;
  /** For writing; made if need be. */
  open(name: string): Promise<OpenFile>;
  /** Makes the names of files durable. */
  syncNames(): Promise<void>;
  /** No error for a missing file. */
  remove(name: string): Promise<void>;
  /** @throws BlindreelError `journal-in-use` where it was taken over. */
  check(): Promise<void>;
  /** Removes the folder with all files, the keys first, and releases it. */
  erase(): Promise<void>;
  close(): Promise<void>;
}

/** Writes, and the file's length, are durable after `sync`. */
export interface OpenFile {
  readonly isNew: boolean;
  /** All of it. */
  read(): Promise<Bytes>;
  write(parts: readonly Bytes[], offset: number): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const LOG_FILE = "facts";
export const LABEL_FILE = "label";
export const KEYS_FILE = "keys";
const blobFile = (name: string): string => `blob-${name}`;

/** A journal in a new folder: the files `facts` and `label`, and one for each blob. */
export function createFolderJournal(folder: Folder, keyPlace: KeyPlace, label: Bytes): Promise<OpenJournal> {
  return withLog(folder, async (file) => {
    await writeFile(folder, LABEL_FILE, label);
    return folderJournal(folder, keyPlace, new Log(file, { length: 0, frames: 0, isTorn: false }));
  });
}

/** @throws BlindreelError `journal-lost` where nothing was committed to it; `journal-damaged`. */
export function openFolderJournal(folder: Folder, keyPlace: KeyPlace): Promise<FoundJournal> {
  return withLog(folder, async (file) => {
    const bytes = await file.read();
    const { records, frames, length } = decodeLog(bytes);
    if (frames === 0) throw journalLost("what was committed to the journal");
    const log = new Log(file, { length, frames, isTorn: length < bytes.length });
    return { journal: folderJournal(folder, keyPlace, log), records };
  });
}

async function withLog<T>(folder: Folder, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = await folder.open(LOG_FILE);
  try {
    return await use(file);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

export function decodeLabel(bytes: Bytes | undefined): string {
  try {
    const label = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return isLabel(label) ? label : "";
  } catch {
    return "";
  }
}

function folderJournal(folder: Folder, keyPlace: KeyPlace, log: Log): OpenJournal {
  const blobs = new BlobFiles(folder);
  /** After a take-over it throws, and changes nothing. */
  const own = async <T>(action: () => Promise<T>): Promise<T> => {
    await folder.check();
    return action();
  };
  const closeFiles = (): Promise<unknown> => all([log.close(), blobs.closeAll()]);
  return {
    async commit({ pieces = [], records = [] }) {
      await folder.check();
      if (pieces.length > 0) await blobs.write(pieces);
      // After a take-over meanwhile the frame is in a log that is not read any more.
      await log.append(records, () => folder.check());
    },
    blob: (name) => blobs.read(name),
    dropBlobs: (names) => own(() => all(names.map((name) => blobs.drop(name)))),
    saveKeys: (keys) => own(() => keyPlace.saveKeys(keys)),
    keys: () => keyPlace.keys(),
    eraseKeys: () => own(() => keyPlace.eraseKeys()),
    erase: () =>
      own(async () => {
        await closeFiles();
        await folder.erase();
      }),
    async close() {
      try {
        await closeFiles();
      } finally {
        await folder.close();
      }
    },
  };
}

interface LogEnd {
  /** Bytes of whole frames. */
  readonly length: number;
  readonly frames: number;
  /** Whether an unconfirmed frame may follow them. */
  readonly isTorn: boolean;
}

class Log {
  readonly #file: OpenFile;
  #end: LogEnd;

  constructor(file: OpenFile, end: LogEnd) {
    this.#file = file;
    this.#end = end;
  }

  /** @param confirm where it fails, so does this, and the frame is written over. */
  async append(records: readonly Bytes[], confirm: () => Promise<void>): Promise<void> {
    if (records.length === 0) return confirm();
    const { length, frames, isTorn } = this.#end;
    const frame = encodeFrame(frames, records);
    this.#end = { length, frames, isTorn: true };
    // A frame shorter than the failed one would not cover it.
    if (isTorn) await this.#file.truncate(length);
    await this.#file.write([frame], length);
    await this.#file.sync();
    await confirm();
    this.#end = { length: length + frame.length, frames: frames + 1, isTorn: false };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Ceiling of files that are kept open: several tracks write to one each. */
const MOST_OPEN = 8;

class BlobFiles {
  readonly #folder: Folder;
  /** In order of use, the latest last. */
  readonly #open = new Map<string, OpenFile>();
  /** At first too: the owner before may have died between making a file and syncing its name. */
  #hasNewNames = true;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  async write(pieces: readonly JournalPiece[]): Promise<void> {
    const byBlob = new Map<string, JournalPiece[]>();
    for (const piece of pieces) {
      const ofBlob = byBlob.get(piece.blob);
      if (ofBlob) ofBlob.push(piece);
      else byBlob.set(piece.blob, [piece]);
    }
    await all([...byBlob].map(([name, ofBlob]) => this.#writeTo(name, ofBlob)));
    if (this.#hasNewNames) await this.#folder.syncNames();
    this.#hasNewNames = false;
    const tooMany = [...this.#open.keys()].slice(0, -MOST_OPEN);
    await all(tooMany.map((name) => this.close(name)));
  }

  async #writeTo(name: string, pieces: readonly JournalPiece[]): Promise<void> {
    let file = this.#open.get(name);
    if (!file) {
      file = await this.#folder.open(blobFile(name));
      this.#hasNewNames ||= file.isNew;
    }
    this.#open.delete(name);
    this.#open.set(name, file);
    try {
      for (const { offset, parts } of pieces) await file.write(parts, offset);
      await file.sync();
    } catch (error) {
      // The next attempt begins with a new handle: the system may have given up this one.
      await this.close(name).catch(() => {});
      throw error;
    }
  }

  async read(name: string): Promise<Bytes | undefined> {
    return this.#open.get(name)?.read() ?? this.#folder.read(blobFile(name));
  }

  async drop(name: string): Promise<void> {
    await this.close(name);
    await this.#folder.remove(blobFile(name));
  }

  async close(name: string): Promise<void> {
    const file = this.#open.get(name);
    this.#open.delete(name);
    await file?.close();
  }

  closeAll(): Promise<void> {
    return all([...this.#open.keys()].map((name) => this.close(name)));
  }
}

/** Waits for all, failed or not: a caller that tries again must not meet a write under way. */
async function all(actions: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(actions)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** Writes a whole file, durably. */
async function writeFile(folder: Folder, name: string, bytes: Bytes): Promise<void> {
  const file = await folder.open(name);
  try {
    await file.write([bytes], 0);
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
  await folder.syncNames();
}

/** Keys as bytes in a file of the folder. */
export function keyFile(folder: Folder): KeyPlace {
  return {
    async saveKeys(keys) {
      const entries = Object.entries(keys).map(([name, key]) => [name, encodeHex(key as Bytes)]);
      const text = encodeJson(Object.fromEntries(entries));
      await writeFile(folder, KEYS_FILE, text);
      wipe(text);
    },
    async keys() {
      const text = await folder.read(KEYS_FILE);
      if (!text) return {};
      try {
        const entries = Object.entries(decodeJson(text, "the journal's keys") as Record<string, string>);
        return Object.fromEntries(entries.map(([name, key]) => [name, decodeHex(key)]));
      } catch {
        throw journalDamaged("its keys");
      } finally {
        wipe(text);
      }
    },
    async eraseKeys() {
      await folder.remove(KEYS_FILE);
      await folder.syncNames();
    },
  };
}
