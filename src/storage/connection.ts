import { isBlindreelError } from "../errors.js";
import { openDatabase, written } from "./database.js";
import { storageFull } from "./faults.js";

/** Bytes of room below which a failed write is one for want of room: Chromium names no reason, and closes the database. */
const LITTLE_ROOM = 16 * 2 ** 20;

/** A database that is opened again where the browser has closed it, as Chromium does on a full disk. */
export class Connection {
  readonly #name: string;
  #open: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  get database(): Promise<IDBDatabase> {
    this.#open ??= openDatabase(this.#name).then(
      (database) => {
        database.addEventListener("close", () => {
          this.#open = undefined;
        });
        return database;
      },
      (error) => {
        this.#open = undefined;
        throw error;
      },
    );
    return this.#open;
  }

  /** As the function of this name. @throws BlindreelError `storage-full` also where the disk is full. */
  async written(stores: string[], write: Parameters<typeof written>[2]): Promise<void> {
    try {
      await written(await this.database, stores, write);
    } catch (error) {
      throw isBlindreelError(error) || (await isRoomLeft()) ? error : storageFull(error);
    }
  }

  close(): void {
    this.#open?.then((database) => database.close()).catch(() => {});
  }
}

async function isRoomLeft(): Promise<boolean> {
  const { quota = Number.POSITIVE_INFINITY, usage = 0 } =
    (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  return quota - usage >= LITTLE_ROOM;
}
