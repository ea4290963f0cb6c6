import type { Bytes } from "../formats/bytes.js";

/**
 * Storage of journals that survives a crash: a log of small records, blobs of ciphertext, and a few keys. A write is durable
 * when its promise resolves. A read gives the bytes that were written, or throws `journal-damaged` or `journal-lost`.
 *
 * Names of journals are 32 lowercase hex digits, names of blobs 1 to 40 of a-z, 0-9 and "-", labels at most 255 bytes
 * of UTF-8. The recorder checks them before it calls a store, and makes a storage code of every exception.
 */
export interface JournalStore {
  /** Form of stored keys: raw bytes; platform `CryptoKey`s, which need not be extractable; or any value. */
  readonly keyForm: "bytes" | "platform" | "any";
  /** All journals, in use or not, with their labels. Other content of the place is passed over. */
  list(): Promise<readonly JournalListing[]>;
  /**
   * A new journal, held by the caller.
   *
   * @throws BlindreelError `journal-in-use`, also where the name is taken; `storage-full`, `storage-failed`.
   */
  create(name: string, options: { readonly label: string }): Promise<OpenJournal>;
  /**
   * Takes a journal with its records, in the order of writing, without a commit that a crash tore apart.
   *
   * @param options `takeOver`: take it from an owner that cannot be proved to be gone.
   * @throws BlindreelError `journal-in-use`; `journal-lost` where it is missing, or nothing was committed to it;
   * `journal-damaged`.
   */
  open(name: string, options?: { readonly takeOver?: boolean }): Promise<FoundJournal>;
  /**
   * Removes a journal in any state, damaged too, keys first. No error where it is missing.
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
 * One journal, with a single owner until closed or erased. Calls are made one after the other. After a take-over all writes
 * fail with `journal-in-use`.
 */
export interface OpenJournal {
  /**
   * Writes pieces, then records, durably: records are never found without their pieces. May be called again with the
   * same pieces after a failure: pieces say where they belong, so writing one twice is harmless, and a failed record
   * write leaves nothing behind that a later commit would not write over.
   */
  commit(changes: JournalChanges): Promise<void>;
  /**
   * All pieces of a blob joined, from byte 0 on; undefined where it is missing. May hold a torn end behind the
   * committed bytes.
   */
  blob(name: string): Promise<Bytes | undefined>;
  /** No error for a missing name. */
  dropBlobs(names: readonly string[]): Promise<void>;
  saveKeys(keys: StoredKeys): Promise<void>;
  /** The keys that the place gives back: some browsers lose them. */
  keys(): Promise<StoredKeys>;
  eraseKeys(): Promise<void>;
  /** Removes the journal, and releases it. */
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

/** Where a store keeps a journal's keys. */
export type KeyPlace = Pick<OpenJournal, "saveKeys" | "keys" | "eraseKeys">;
