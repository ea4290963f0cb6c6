import type { Bytes } from "../formats/bytes.js";

/**
 * What a journal needs of a place that survives a crash, and no more: a log of small records, blobs of ciphertext, and
 * a few keys. What a call wrote is durable when its promise resolves. What went in comes out, or an error does:
 * `journal-damaged`, `journal-lost`.
 *
 * Names of journals are 32 lowercase hex digits, names of blobs 1 to 40 of a-z, 0-9 and "-", labels at most 255 bytes
 * of UTF-8. The recorder checks them before it calls a store, and makes one of the codes above of whatever is thrown.
 */
export interface JournalStore {
  /** What a key is kept as: raw bytes; a platform `CryptoKey`, which need not be extractable; or whatever it is. */
  readonly keyForm: "bytes" | "platform" | "any";
  /** The journals there, in use or not, with the label their maker gave each. What is no journal is passed over. */
  list(): Promise<readonly JournalListing[]>;
  /**
   * A new journal, held by the caller.
   *
   * @throws BlindreelError `journal-in-use`, also where there is one of that name; `storage-full`, `storage-failed`.
   */
  create(name: string, options: { readonly label: string }): Promise<OpenJournal>;
  /**
   * Takes a journal for oneself with the records found in it, in order of writing, without a commit that a crash tore
   * apart.
   *
   * @param options `takeOver`: take it although its owner cannot be proved to be gone.
   * @throws BlindreelError `journal-in-use`; `journal-lost` where it is not there, or nothing was committed to it;
   * `journal-damaged`.
   */
  open(name: string, options?: { readonly takeOver?: boolean }): Promise<FoundJournal>;
  /**
   * Removes a journal whatever its state (damaged too), keys first. No error where there is none.
   *
   * @throws BlindreelError `journal-in-use`.
   */
  discard(name: string, options?: { readonly takeOver?: boolean }): Promise<void>;
}

/** A stored journal and its label. */
export interface JournalListing {
  readonly name: string;
  /** Empty where it was lost or damaged. */
  readonly label: string;
}

/** A journal that was left, and its records in the order in which they were added. */
export interface FoundJournal {
  readonly journal: OpenJournal;
  readonly records: readonly Bytes[];
}

/**
 * One journal, held by nobody else until closed or erased. Calls are made one after the other. Where somebody took it
 * over, all that write fail with `journal-in-use`.
 */
export interface OpenJournal {
  /**
   * Writes pieces, then records, durably: whoever finds the records finds the pieces too. May be called again with the
   * same pieces after a failure: pieces say where they belong, so writing one twice is harmless, and a failed record
   * write leaves nothing behind that a later commit would not write over.
   */
  commit(changes: JournalChanges): Promise<void>;
  /**
   * All pieces of a blob joined, from byte 0 on; undefined where there is none. May hold a torn end beyond what was
   * committed.
   */
  blob(name: string): Promise<Bytes | undefined>;
  /** No error where there is none of that name. */
  dropBlobs(names: readonly string[]): Promise<void>;
  saveKeys(keys: StoredKeys): Promise<void>;
  /** What the place gives back, which is not always what was put in. */
  keys(): Promise<StoredKeys>;
  eraseKeys(): Promise<void>;
  /** Removes all of it, and lets go of it. */
  erase(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What one `commit` writes, all of it or nothing. */
export interface JournalChanges {
  readonly pieces?: readonly JournalPiece[];
  readonly records?: readonly Bytes[];
}

/** Bytes of one blob, and their place in it. */
export interface JournalPiece {
  readonly blob: string;
  /** Where in the blob it belongs, in bytes. */
  readonly offset: number;
  /** Written one behind the other. Lent until the call settles: a store that keeps them copies them. */
  readonly parts: readonly Bytes[];
}

/** Keys by name, in the store's `keyForm`; a store for platform keys takes bytes too. */
export type StoredKeys = Readonly<Record<string, unknown>>;
