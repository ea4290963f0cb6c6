import type { Bytes } from "../formats/bytes.js";

/**
 * What a journal needs of a place that survives a crash, and no more: two logs of small records, blobs of ciphertext,
 * and two keys. A record or blob is durable when the promise that took it resolves. What went in comes out, or an
 * error does: `journal-damaged`, `journal-lost`.
 *
 * Failures are `storage-full`, `storage-failed` and `journal-lost` on every backend alike.
 */
export interface JournalStore {
  /** What a key is kept as: raw bytes; a platform `CryptoKey`, which need not be extractable; or whatever it is. */
  readonly keyForm: "bytes" | "platform" | "any";
  /** Names of the journals there, in use or not. */
  list(): Promise<string[]>;
  /**
   * Takes a journal for oneself.
   *
   * @throws BlindreelError `journal-in-use`; `journal-lost` where one to be resumed is not there.
   */
  open(name: string, mode: "create" | "resume"): Promise<OpenedJournal>;
}

/** A journal with the records found in it, in the order of writing, without a commit that a crash tore apart. */
export interface OpenedJournal {
  readonly journal: OpenJournal;
  readonly facts: readonly Bytes[];
  readonly tail: readonly Bytes[];
}

/** One journal, held by nobody else until it is closed or erased. Calls are made one after the other. */
export interface OpenJournal {
  /** Writes blobs, then tail records, then facts: whoever finds a later one finds the earlier ones too. */
  commit(changes: JournalChanges): Promise<void>;
  /** Puts `records` in the place of the whole tail, in one step. */
  replaceTail(records: readonly Bytes[]): Promise<void>;
  blob(name: string): Promise<Bytes | undefined>;
  /** No error where there is none of that name. */
  dropBlobs(names: readonly string[]): Promise<void>;
  saveKeys(keys: StoredKeys): Promise<void>;
  /** What the place gives back, which is not always what was put in. */
  keys(): Promise<StoredKeys>;
  eraseKeys(): Promise<void>;
  /** Removes all of it, and lets go of it. */
  erase(): Promise<void>;
  close(): Promise<void>;
}

/** `facts` only grow; the `tail` holds what is soon out of date and is rewritten when it gets long. */
export type LogName = "facts" | "tail";

export interface JournalChanges {
  readonly blobs?: readonly JournalBlob[];
  readonly tail?: readonly Bytes[];
  readonly facts?: readonly Bytes[];
}

export interface JournalBlob {
  readonly name: string;
  /** Written one behind the other. The store may keep them; nobody changes them. */
  readonly parts: readonly Bytes[];
}

/** Keys by name, in the store's `keyForm`; a store for platform keys takes bytes too. */
export type StoredKeys = Readonly<Record<string, unknown>>;
