import { journalInUse } from "./faults.js";

/** A tab that was just closed or reloaded holds its locks for a moment longer, in milliseconds. */
const PATIENCE = 1000;

/**
 * Takes a lock that all of an origin's tabs and workers see, and that ends with them; where the runtime has none
 * (insecure contexts), nothing.
 *
 * @returns how to let go.
 * @throws BlindreelError `journal-in-use`.
 */
export async function holdWebLock(lockName: string, journal: string): Promise<() => void> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (!locks) return () => {};
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  let unlock = (): void => {};
  await new Promise<void>((resolve, reject) => {
    const hold = (): Promise<void> => {
      resolve();
      return new Promise((release) => {
        unlock = release;
      });
    };
    locks
      .request(lockName, { signal: patience.signal }, hold)
      .catch((error) => reject(patience.signal.aborted ? journalInUse(journal) : error));
  }).finally(() => clearTimeout(timer));
  return () => unlock();
}
