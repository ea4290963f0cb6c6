import { Connection } from "./connection.js";
import { entriesIn, KEYS, putKey, type Write, within } from "./database.js";
import type { KeyPlace } from "./store.js";
import { holdWebLock, type WebLock } from "./web-lock.js";

/** A journal that is held: its lock, and the database of its store. */
export interface HeldJournal {
  readonly lock: WebLock;
  readonly connection: Connection;
  /** Closes the connection, and releases the lock. */
  release(): void;
}

/**
 * Takes a journal for `action`, which keeps it until it releases it; where it fails, it is released.
 *
 * @param options `database`: its name; `lock`: that of the Web Lock; `onLost`: called when it is released or taken over.
 * @throws BlindreelError `journal-in-use`.
 */
export async function holdJournal<T>(
  journal: string,
  options: {
    readonly database: string;
    readonly lock: string;
    readonly takeOver: boolean | undefined;
    readonly onLost?: () => void;
  },
  action: (held: HeldJournal) => Promise<T>,
): Promise<T> {
  const { takeOver, onLost = () => {} } = options;
  const lock = await holdWebLock(options.lock, journal, { takeOver, onStolen: onLost });
  const connection = new Connection(options.database);
  const release = (): void => {
    onLost();
    connection.close();
    lock.unlock();
  };
  try {
    await connection.database;
    return await action({ lock, connection, release });
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * A journal's platform keys, each in a record of its own: a browser that cannot give one back loses its whole record.
 */
export function keysIn(connection: Connection, name: string, write: Write): KeyPlace {
  return {
    saveKeys: (keys) =>
      write([KEYS], (store) => {
        for (const [key, value] of Object.entries(keys)) putKey(store(KEYS), value, [name, key]);
      }),
    async keys() {
      const store = (await connection.database).transaction(KEYS).objectStore(KEYS);
      const entries = await entriesIn<[string, string], unknown>(store, within(name));
      return Object.fromEntries(entries.map(([[, key], value]) => [key, value]));
    },
    eraseKeys: () => write([KEYS], (store) => store(KEYS).delete(within(name))),
  };
}
