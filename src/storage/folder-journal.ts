import { type Bytes, EMPTY, wipe } from "../formats/bytes.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { decodeJson, encodeJson } from "../formats/json.js";
import { journalDamaged } from "./faults.js";
import { decodeLog, encodeFrame } from "./frame.js";
import type { JournalChanges, LogName, OpenedJournal, OpenJournal } from "./store.js";

/** A folder of files that nobody else writes to. Every write is durable when its promise resolves. */
export interface Folder {
  list(): Promise<string[]>;
  read(name: string): Promise<Bytes | undefined>;
  /** A new file with these bytes, or these instead of what it had. */
  write(name: string, parts: readonly Bytes[]): Promise<void>;
  /** No error where there is none. */
  remove(name: string): Promise<void>;
  /** Cuts a file to `length` bytes, made if need be, and goes on behind them. */
  openLog(name: string, length: number): Promise<LogFile>;
  /** Removes the folder with all in it, and lets go of it. */
  erase(): Promise<void>;
  close(): Promise<void>;
}

export interface LogFile {
  append(bytes: Bytes): Promise<void>;
  close(): Promise<void>;
}

/** Where a store keeps a journal's keys. */
export type KeyPlace = Pick<OpenJournal, "saveKeys" | "keys" | "eraseKeys">;

/** A log and its file, which ends with a whole frame. */
class Log {
  readonly #name: LogName;
  readonly #file: LogFile;
  #frames: number;

  constructor(name: LogName, file: LogFile, frames: number) {
    this.#name = name;
    this.#file = file;
    this.#frames = frames;
  }

  async append(records: readonly Bytes[]): Promise<void> {
    await this.#file.append(encodeFrame(this.#name, this.#frames, records));
    this.#frames++;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const FACTS = "facts";
const KEYS = "keys";
const TAIL = /^tail-(\d{1,15})$/;
const blobFile = (name: string): string => `blob-${name}`;
const tailFile = (number: number): string => `tail-${number}`;

/**
 * A journal in a folder: the file `facts`, one file per blob, and the tail in `tail-N`, of which the highest N whose
 * first frame is whole counts: the tail is replaced by writing the next one.
 */
export async function openFolderJournal(folder: Folder, keyPlace: KeyPlace): Promise<OpenedJournal> {
  const found = await openTail(folder);
  const facts = await openLog(folder, "facts", FACTS).catch(async (error) => {
    await found.log.close();
    throw error;
  });
  let { log: tail, number } = found;

  const journal: OpenJournal = {
    async commit({ blobs = [], tail: tailRecords = [], facts: factRecords = [] }: JournalChanges) {
      await Promise.all(blobs.map(({ name, parts }) => folder.write(blobFile(name), parts)));
      if (tailRecords.length > 0) await tail.append(tailRecords);
      if (factRecords.length > 0) await facts.log.append(factRecords);
    },
    async replaceTail(records) {
      const next = await startTail(folder, number + 1, records);
      await tail.close();
      tail = next;
      await folder.remove(tailFile(number++));
    },
    blob: (name) => folder.read(blobFile(name)),
    async dropBlobs(names) {
      await Promise.all(names.map((name) => folder.remove(blobFile(name))));
    },
    async erase() {
      await Promise.all([tail.close(), facts.log.close()]);
      await keyPlace.eraseKeys();
      await folder.erase();
    },
    async close() {
      await Promise.all([tail.close(), facts.log.close()]);
      await folder.close();
    },
    ...keyPlace,
  };
  return { journal, facts: facts.records, tail: found.records };
}

async function openLog(folder: Folder, name: LogName, file: string) {
  const { records, frames, length } = decodeLog(name, (await folder.read(file)) ?? EMPTY);
  return { log: new Log(name, await folder.openLog(file, length), frames), records };
}

async function openTail(folder: Folder) {
  const names = await folder.list();
  const numbers = names.flatMap((name) => (TAIL.test(name) ? Number(TAIL.exec(name)![1]) : []));
  for (const number of numbers.sort((a, b) => b - a)) {
    const bytes = await folder.read(tailFile(number));
    if (bytes && decodeLog("tail", bytes).frames > 0) {
      const older = numbers.filter((each) => each < number);
      await Promise.all(older.map((each) => folder.remove(tailFile(each))));
      return { ...(await openLog(folder, "tail", tailFile(number))), number };
    }
    await folder.remove(tailFile(number));
  }
  return { log: await startTail(folder, 0, []), records: [], number: 0 };
}

async function startTail(folder: Folder, number: number, records: readonly Bytes[]): Promise<Log> {
  const frame = encodeFrame("tail", 0, records);
  await folder.write(tailFile(number), [frame]);
  return new Log("tail", await folder.openLog(tailFile(number), frame.length), 1);
}

/** Keys as bytes in a file of the folder. */
export function keyFile(folder: Folder): KeyPlace {
  return {
    async saveKeys(keys) {
      const entries = Object.entries(keys).map(([name, key]) => [name, encodeHex(key as Bytes)]);
      const text = encodeJson(Object.fromEntries(entries));
      await folder.write(KEYS, [text]);
      wipe(text);
    },
    async keys() {
      const text = await folder.read(KEYS);
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
    eraseKeys: () => folder.remove(KEYS),
  };
}
