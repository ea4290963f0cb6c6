import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { attempt, codeOf, flush, io, storeError, writeAll } from "./file-io.js";
import {
  type Body,
  exactly,
  keyParts,
  type NameRange,
  observesConditions,
  type Store,
  type StoredObject,
  StoreError,
  type WriteOptions,
} from "./store.js";

/** Files that are being written. No key starts with a dot. */
const UNFINISHED = ".unfinished";

/** Milliseconds after which nobody writes an unfinished file any more. */
const ABANDONED = 24 * 3_600_000;

/** Milliseconds after which nobody links a version any more that follows one of then. */
const RETIRED = 3_600_000;

/** Behind the name of the folder of an object that was replaced: its versions, by number. No key contains it. */
const VERSIONS = "@";

const READ_LENGTH = 256 * 1024;

/** A network's pieces are some KiB long, and each write waits for a thread. */
const WRITE_LENGTH = 512 * 1024;

/**
 * Objects as files below a folder, for any number of processes on one machine. A file is complete and flushed before its name
 * appears; names appear by `link`, which fails where there is one, and are flushed before they are reported. A replacement is the
 * link of the next version's number: of two at once, one fails. Numbers of versions that were replaced stay taken for an hour, by empty
 * files: else whoever was held up before its link would take one again, and be told that it has replaced what is newer.
 */
export async function openFolder(root: string): Promise<Store> {
  await mkdir(join(root, UNFINISHED), { recursive: true, mode: 0o700 });
  for (const name of await readdir(join(root, UNFINISHED))) {
    const path = join(root, UNFINISHED, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > ABANDONED) await unlink(path).catch(() => {});
  }
  return new Folder(root);
}

/** A file, and which version of its object it is: 0 unless it was replaced. */
interface Place {
  readonly path: string;
  readonly number: number;
}

class Folder implements Store {
  readonly #root: string;
  /** Folders whose own names are flushed. */
  readonly #flushed = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  async create(key: string, body: Body, options: WriteOptions): Promise<boolean> {
    const path = this.#path(key);
    const unfinished = await this.#write(body, options);
    try {
      const wasReplaced = () => attempt(() => stat(path + VERSIONS), "ENOENT");
      if ((await wasReplaced()) || !(await this.#link(unfinished, path))) return false;
      // It was there, and was replaced between the two: what has just been linked is older than that.
      if (!(await wasReplaced())) return true;
      await unlink(path).catch(() => {});
      return false;
    } finally {
      await unlink(unfinished).catch(() => {});
    }
  }

  async replace(key: string, version: string, body: Body, options: WriteOptions): Promise<boolean> {
    const path = this.#path(key);
    const unfinished = await this.#write(body, options);
    try {
      const current = await this.#open(key);
      await current?.handle.close();
      if (current?.version !== version) return false;
      const next = join(path + VERSIONS, `${current.number + 1}`);
      if (!(await this.#link(unfinished, next))) return false;
      await this.#retire(path, current.number + 1);
      return true;
    } finally {
      await unlink(unfinished).catch(() => {});
    }
  }

  async open(key: string): Promise<StoredObject | undefined> {
    const current = await this.#open(key);
    return current && new OpenFile(current.handle, current.size, current.version);
  }

  async *list(prefix: string): AsyncGenerator<string> {
    const parts = prefix === "" ? [] : keyParts(prefix.replace(/\/$/, ""));
    yield* this.#walk(parts);
  }

  async *folders({ after, through }: NameRange = {}): AsyncGenerator<string> {
    const [from, to] = [after, through].map((name) => name && `${keyParts(name).join()}/`);
    for (const { name, isFolder, order } of await this.#entries([]))
      if (isFolder && !(from && order <= from) && !(to && order > to)) yield name;
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    for (const place of await this.#places(path)) await attempt(() => unlink(place.path), "ENOENT", "EISDIR");
    for (const folder of [path + VERSIONS, dirname(path)])
      await rmdir(folder).then(
        () => this.#flushed.delete(folder),
        () => {},
      );
    await attempt(() => flush(dirname(path)), "ENOENT");
  }

  async probe(): Promise<void> {
    const key = `probe-${randomUUID()}`;
    if (!(await observesConditions(this, key))) throw new Error("the file system replaces files by links");
  }

  #path(key: string): string {
    return join(this.#root, ...keyParts(key));
  }

  /** @returns the path of a complete, flushed file without a name of its own yet. */
  async #write(body: Body, { length }: WriteOptions): Promise<string> {
    const path = join(this.#root, UNFINISHED, randomUUID());
    const handle = await io(() => open(path, "wx", 0o600));
    try {
      let [pieces, waiting]: [Uint8Array[], number] = [[], 0];
      const write = async (): Promise<void> => {
        if (waiting > 0) await io(() => writeAll(handle, pieces, waiting));
        [pieces, waiting] = [[], 0];
      };
      for await (const piece of exactly(body, length)) {
        pieces.push(piece);
        waiting += piece.length;
        if (waiting >= WRITE_LENGTH) await write();
      }
      await write();
      await io(() => handle.datasync());
    } catch (error) {
      await handle.close().catch(() => {});
      await unlink(path).catch(() => {});
      throw error;
    }
    await handle.close();
    return path;
  }

  /** @returns false where there is a file of that name. Either way the name is flushed. */
  async #link(from: string, to: string): Promise<boolean> {
    const folder = dirname(to);
    for (let tries = 0; ; tries++) {
      await this.#makeFolder(folder);
      try {
        await link(from, to);
      } catch (error) {
        // A removal took the empty folder away.
        if (codeOf(error) === "ENOENT" && tries < 3) {
          this.#flushed.delete(folder);
          continue;
        }
        if (codeOf(error) !== "EEXIST") throw storeError(error);
        await io(() => flush(folder));
        return false;
      }
      await io(() => flush(folder));
      return true;
    }
  }

  #makeFolder(path: string): Promise<void> {
    if (path === this.#root) return Promise.resolve();
    if (this.#flushed.size > 10_000) this.#flushed.clear();
    const known = this.#flushed.get(path);
    if (known) return known;
    const made = this.#makeFolder(dirname(path)).then(() =>
      io(async () => {
        await mkdir(path, { recursive: true, mode: 0o700 });
        await flush(dirname(path));
      }),
    );
    this.#flushed.set(path, made);
    made.catch(() => this.#flushed.delete(path));
    return made;
  }

  /** The files of an object, the newest last. */
  async #places(path: string): Promise<Place[]> {
    const numbers = (await attempt(() => readdir(path + VERSIONS), "ENOENT")) ?? [];
    const versions = numbers.map(Number).sort((one, other) => one - other);
    return [
      { path, number: 0 },
      ...versions.map((number) => ({ path: join(path + VERSIONS, `${number}`), number })),
    ];
  }

  async #open(key: string) {
    const path = this.#path(key);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
    for (let tries = 0; ; tries++) {
      const { path: file, number } = (await this.#places(path)).at(-1)!;
      const handle = await attempt(() => open(file, flags), "ENOENT");
      if (handle) {
        const facts = await io(() => handle.stat({ bigint: true }));
        const isRetired = number > 0 && facts.size === 0n;
        if (!facts.isDirectory() && !isRetired)
          return {
            handle,
            number,
            size: Number(facts.size),
            version: `${number}-${facts.ino}-${facts.mtimeNs}`,
          };
        await handle.close();
        if (!isRetired) return undefined;
      }
      // Replaced between the two: the next version is there.
      if (tries === 3 || (number === 0 && (await this.#places(path)).length === 1)) return undefined;
    }
  }

  /** Empties the versions below a number, the newest first: behind one that is empty all are. Their names go in time. */
  async #retire(path: string, number: number): Promise<void> {
    const older = (await this.#places(path)).filter((place) => place.number < number);
    const factsOf = (file: string) => attempt(() => stat(file), "ENOENT");
    for (const { path: file, number: each } of [...older].reverse()) {
      if (each === 0) {
        await attempt(() => unlink(file), "ENOENT", "EISDIR");
        continue;
      }
      const facts = await factsOf(file);
      if (!facts || facts.size === 0) break;
      const empty = join(this.#root, UNFINISHED, randomUUID());
      await io(async () => (await open(empty, "wx", 0o600)).close());
      await io(() => rename(empty, file));
    }
    for (const { path: file } of older.slice(1)) {
      const facts = await factsOf(file);
      if (!facts || facts.size > 0 || Date.now() - facts.mtimeMs < RETIRED) break;
      await attempt(() => unlink(file), "ENOENT");
    }
  }

  /** In the order of keys: that of a folder's entry ends with `/`. */
  async #entries(parts: readonly string[]) {
    const read = () => readdir(join(this.#root, ...parts), { withFileTypes: true });
    const entries = (await attempt(read, "ENOENT", "ENOTDIR")) ?? [];
    return entries
      .filter(({ name }) => !name.startsWith("."))
      .map((entry) => {
        const name = entry.name.endsWith(VERSIONS) ? entry.name.slice(0, -VERSIONS.length) : entry.name;
        const isFolder = entry.isDirectory() && name === entry.name;
        return { name, isFolder, order: isFolder ? `${name}/` : name };
      })
      .sort((one, other) => (one.order < other.order ? -1 : 1));
  }

  async *#walk(parts: readonly string[]): AsyncGenerator<string> {
    let last = "";
    for (const { name, isFolder, order } of await this.#entries(parts)) {
      // An object whose first version a crash left beside its newer ones has two entries.
      if (order === last) continue;
      last = order;
      if (isFolder) yield* this.#walk([...parts, name]);
      else yield [...parts, name].join("/");
    }
  }
}

class OpenFile implements StoredObject {
  readonly size: number;
  readonly version: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number, version: string) {
    this.#handle = handle;
    this.size = size;
    this.version = version;
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(end - start);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await io(() => this.#handle.read(bytes, done, bytes.length - done, start + done));
      if (bytesRead === 0) throw new StoreError("down", "a file is shorter than its size");
      done += bytesRead;
    }
    return bytes;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let position = 0;
    return new ReadableStream(
      {
        pull: async (controller) => {
          const end = Math.min(this.size, position + READ_LENGTH);
          if (position < end) controller.enqueue(await this.read(position, end));
          position = end;
          if (end < this.size) return;
          await this.close();
          controller.close();
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 1 },
    );
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}
