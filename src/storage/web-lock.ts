import { journalInUse } from "./faults.js";

/** How long a closed or reloaded tab may still hold its locks, in milliseconds. */
export const PATIENCE = 1000;

export interface WebLock {
  /** @throws BlindreelError `journal-in-use` where it was taken over. */
  check(): void;
  unlock(): void;
  /** Whether the runtime has such locks; where not, every request succeeds. */
  readonly isReal: boolean;
}

/**
 * Takes a lock among an origin's tabs and workers, which ends with its tab; a lock without effect where the runtime has none
 * (insecure contexts).
 *
 * @param options `takeOver`: takes it from its owner; `onStolen`: called when it was taken from this one.
 * @throws BlindreelError `journal-in-use`.
 */
export async function holdWebLock(
  lockName: string,
  journal: string,
  options: { readonly takeOver?: boolean | undefined; readonly onStolen?: () => void } = {},
): Promise<WebLock> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (!locks) return { check() {}, unlock() {}, isReal: false };
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  let state: "waiting" | "held" | "stolen" = "waiting";
  let unlock = (): void => {};
  await new Promise<void>((resolve, reject) => {
    const hold = (): Promise<void> => {
      state = "held";
      resolve();
      return new Promise((release) => {
        unlock = release;
      });
    };
    // The two do not go together.
    const how = options.takeOver ? { steal: true } : { signal: patience.signal };
    locks.request(lockName, how, hold).catch((error) => {
      if (state === "waiting") return reject(patience.signal.aborted ? journalInUse(journal) : error);
      state = "stolen";
      options.onStolen?.();
    });
  }).finally(() => clearTimeout(timer));
  return {
    check() {
      if (state === "stolen") throw journalInUse(journal);
    },
    unlock: () => unlock(),
    isReal: true,
  };
}
