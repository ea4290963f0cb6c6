import { BlindreelError, isBlindreelError } from "../errors.js";

/** Errors of all stores. */

/** Owner of a journal, as far as the store knows, and its last sign of life. */
export interface Owner {
  readonly is?: string | undefined;
  readonly aliveAt?: Date | undefined;
}

export function journalInUse(
  name: string,
  { is = "another tab, worker or process", aliveAt }: Owner = {},
  options?: ErrorOptions,
): BlindreelError<"journal-in-use"> {
  const ago = aliveAt && Math.round((Date.now() - aliveAt.getTime()) / 1000);
  const alive = ago === undefined ? "" : `; it was alive ${ago} s ago`;
  const message = `the journal ${name} is in use by ${is}${alive}`;
  return new BlindreelError("journal-in-use", message, { aliveAt }, options);
}

/** For a new journal whose name is taken. */
export function journalExists(name: string): BlindreelError<"journal-in-use"> {
  const message = `the name ${name} is in use: there is a journal that has it`;
  return new BlindreelError("journal-in-use", message, { aliveAt: undefined });
}

export function journalLost(what: string, options?: ErrorOptions): BlindreelError<"journal-lost"> {
  return new BlindreelError("journal-lost", `${what} is not there, or not any more`, undefined, options);
}

export function journalDamaged(what: string): BlindreelError<"journal-damaged"> {
  return new BlindreelError("journal-damaged", `the journal is damaged: ${what}`, undefined);
}

const OURS = ["storage-full", "storage-failed", "journal-in-use", "journal-lost", "journal-damaged"] as const;
const FULL: readonly unknown[] = ["storage-full", "QuotaExceededError", "ENOSPC", "EDQUOT", "EFBIG"];
const LOST: readonly unknown[] = ["NotFoundError", "ENOENT"];

/** Whether it is a code of a store. */
export function isStorageCode(code: unknown): code is (typeof OURS)[number] {
  return (OURS as readonly unknown[]).includes(code);
}

/** Whether a platform's error is one of `kinds`, by its `name` or `code`. */
function isAny(cause: unknown, kinds: readonly unknown[]): boolean {
  const { name, code } = (cause ?? {}) as { name?: unknown; code?: unknown };
  return kinds.includes(name) || kinds.includes(code);
}

export function isStorageFull(cause: unknown): boolean {
  return isAny(cause, FULL);
}

/** Whether an error is a failure of the store itself, not of one journal's owner or content. */
export function isStorageFault(error: unknown): boolean {
  return isAny(error, ["storage-full", "storage-failed", "journal-lost"]);
}

/** A handler that makes `value` of a missing file or key, and rethrows all else. */
export function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isAny(error, LOST)) return value;
    throw error;
  };
}

export function storageFull(cause?: unknown): BlindreelError<"storage-full"> {
  const message = "there is no room left in the journal's storage";
  return new BlindreelError("storage-full", message, undefined, { cause });
}

/** A store's exception, as a typed error. */
function storageFault(cause: unknown): BlindreelError {
  if (isBlindreelError(cause) && isStorageCode(cause.code)) return cause;
  if (isAny(cause, FULL)) return storageFull(cause);
  if (isAny(cause, LOST)) return journalLost("the journal's storage", { cause });
  return new BlindreelError("storage-failed", "the journal's storage failed", undefined, { cause });
}

/** Runs `action`; its exceptions become typed errors. */
export async function withStorageFaults<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageFault(error);
  }
}
