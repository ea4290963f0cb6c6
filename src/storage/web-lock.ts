import { journalInUse } from "./faults.js";

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
  let unlock = (): void => {};
  await new Promise<void>((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      if (!lock) {
        reject(journalInUse(journal));
        return undefined;
      }
      resolve();
      return new Promise((release) => {
        unlock = release;
      });
    };
    locks.request(lockName, { ifAvailable: true }, hold).catch(reject);
  });
  return () => unlock();
}
