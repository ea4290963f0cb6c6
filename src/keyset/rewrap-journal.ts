import type { FileHandle } from "node:fs/promises";
import { BlindreelError, limitExceeded } from "../errors.js";
import { type Bytes, equalBytes, isAllZero, utf8 } from "../formats/bytes.js";
import { decode, u32 } from "../formats/codec.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { FILE_MODE, nodeFiles } from "../storage/node-files.js";
import type { RewrapJournal } from "./rewrap-all.js";

/**
 * The journal of `rewrapAll` in a file: a hash table with open addressing, so that a million entries take no memory. An entry that
 * a crash took costs one more rewrap, so nothing is synced.
 */

/** The first record. */
const HEAD = /* @__PURE__ */ utf8("blindreel rewrap journal 1\n".padEnd(HASH_LENGTH, "\n"));
/** Places for entries; the file is sparse. */
const PLACES = 2 ** 22;
/** Places that are read at a time, and the furthest that an entry is from its own. */
const WINDOW = 16;
const FURTHEST = 64 * WINDOW;

/** A file's journal. Close it when done. */
export interface FileRewrapJournal extends RewrapJournal {
  close(): Promise<void>;
}

/**
 * Opens or makes the journal of `rewrapAll` in a file, in Node, Deno and Bun; for up to some three million envelopes.
 *
 * @throws BlindreelError `journal-damaged` for a file that is something else; `limit-exceeded` when full; `unsupported-runtime` in
 *   browsers. Errors of the file system.
 */
export async function rewrapJournal(file: string): Promise<FileRewrapJournal> {
  const { fs } = nodeFiles();
  const handle = await fs.open(file, "r+").catch(async (error: { code?: unknown }) => {
    if (error.code !== "ENOENT") throw error;
    return fs.open(file, "wx+", FILE_MODE);
  });
  try {
    const head = await readAt(handle, 0, HASH_LENGTH);
    if (isAllZero(head)) await handle.write(HEAD, 0, HASH_LENGTH, 0);
    else if (!equalBytes(head, HEAD))
      throw new BlindreelError("journal-damaged", `${file} is not a journal of rewraps`, undefined);
  } catch (error) {
    await handle.close();
    throw error;
  }
  /** One write at a time, so that no two entries take one place. */
  let writing: Promise<unknown> = Promise.resolve();
  return {
    has: async (entry) => (await placeOf(handle, entry)).isThere,
    add(entry) {
      const own = entry.slice();
      const added = writing.then(async () => {
        const { isThere, place } = await placeOf(handle, own);
        if (!isThere) await handle.write(own, 0, HASH_LENGTH, place);
      });
      writing = added.catch(() => {});
      return added;
    },
    async close() {
      await writing;
      await handle.close();
    },
  };
}

/** Where an entry is, or would be. */
async function placeOf(handle: FileHandle, entry: Bytes): Promise<{ isThere: boolean; place: number }> {
  const first = decode(u32, entry.subarray(0, 4), "an entry") % PLACES;
  for (let at = first; at < first + FURTHEST; at += WINDOW) {
    const offset = HASH_LENGTH * (1 + at);
    const window = await readAt(handle, offset, WINDOW * HASH_LENGTH);
    for (let start = 0; start < window.length; start += HASH_LENGTH) {
      const found = window.subarray(start, start + HASH_LENGTH);
      const isThere = equalBytes(found, entry);
      if (isThere || isAllZero(found)) return { isThere, place: offset + start };
    }
  }
  throw limitExceeded("the number of entries about one place of the journal", FURTHEST, FURTHEST + 1);
}

/** Zeros behind the file's end. */
async function readAt(handle: FileHandle, offset: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  await handle.read(bytes, 0, length, offset);
  return bytes;
}
