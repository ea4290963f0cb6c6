import { BlindreelError } from "../errors.js";
import type { OpenedJournal, OpenJournal } from "./store.js";

/** The errors of every store, so that callers meet the same ones whatever they store in. */

export function journalInUse(name: string, options?: ErrorOptions): BlindreelError<"journal-in-use"> {
  const message = `the journal ${name} is in use by another tab, worker or process`;
  return new BlindreelError("journal-in-use", message, undefined, options);
}

export function journalLost(what: string, options?: ErrorOptions): BlindreelError<"journal-lost"> {
  return new BlindreelError("journal-lost", `${what} is not there, or not any more`, undefined, options);
}

export function journalDamaged(what: string): BlindreelError<"journal-damaged"> {
  return new BlindreelError("journal-damaged", `the journal is damaged: ${what}`, undefined);
}

const FULL: readonly unknown[] = ["QuotaExceededError", "ENOSPC", "EDQUOT", "EFBIG"];
const LOST: readonly unknown[] = ["InvalidStateError", "NotFoundError", "ENOENT"];

/** What a platform's storage threw, as one of ours. */
export function storageFault(cause: unknown): BlindreelError {
  if (cause instanceof BlindreelError) return cause;
  const { name, code } = (cause ?? {}) as { name?: unknown; code?: unknown };
  const isAny = (of: readonly unknown[]): boolean => of.includes(name) || of.includes(code);
  if (isAny(FULL)) {
    return new BlindreelError("storage-full", "there is no room left in the journal's storage", undefined, {
      cause,
    });
  }
  if (isAny(LOST)) return journalLost("the journal's storage", { cause });
  return new BlindreelError("storage-failed", "the journal's storage failed", undefined, { cause });
}

/** Runs `action`; what it throws becomes one of ours. */
export async function withStorageFaults<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageFault(error);
  }
}

/** `journal` with every failure as one of ours. */
export function guarded({ journal, ...found }: OpenedJournal): OpenedJournal {
  const entries = Object.entries(journal) as [string, (...given: unknown[]) => Promise<unknown>][];
  const wrapped = entries.map(([name, method]) => [
    name,
    (...given: unknown[]) => withStorageFaults(() => method(...given)),
  ]);
  return { ...found, journal: Object.fromEntries(wrapped) as OpenJournal };
}
