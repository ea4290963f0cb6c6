import { folderOf, INSTITUTIONS, readPaper } from "../papers.js";
import { PAPER_DAYS } from "../register.js";
import { createJson, readJson, updateJson } from "../store/json.js";
import type { Store } from "../store/store.js";
import type { Ledger } from "./ledger.js";

export interface PaperSweepOptions {
  /** Days that an institution's papers are kept behind their end: a year unless given. */
  readonly paperDays?: ((institution: string) => number) | undefined;
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

/** A paper that is being deleted. */
interface Tombstone {
  readonly ends: string;
  readonly deletedAt: number;
  /** Entries in the ledger before its own. */
  readonly ledgerSize: number;
}

const DAY = 86_400_000;
/** The day of the last sweep that came to its end. */
const SWEPT = "server/papers-swept";

const tombsOf = (institution: string): string => `gone-papers-${institution}/`;

/**
 * Deletes an institution's papers so many days behind their end, and writes it down; once a day, by the server that has swept the
 * recordings. It may end anywhere: a paper is marked first, and the next sweep goes on from the mark.
 *
 * @returns how many.
 */
export async function sweepPapers(
  store: Store,
  ledger: Ledger,
  { paperDays = () => PAPER_DAYS, now = new Date(), signal }: PaperSweepOptions = {},
): Promise<number> {
  const today = now.toISOString().slice(0, 10);
  if ((await readJson<string>(store, SWEPT)) === today) return 0;
  let count = 0;
  for await (const key of store.list(INSTITUTIONS)) {
    const institution = key.slice(INSTITUTIONS.length);
    const before = now.getTime() - paperDays(institution) * DAY;
    for await (const paper of store.list(folderOf(institution))) {
      if (signal?.aborted) return count;
      const { ends, stored } = (await readPaper(store, paper))?.facts ?? {};
      const end = ends ?? stored;
      if (end === undefined || Date.parse(end) > before) continue;
      const { size: ledgerSize } = await ledger.head();
      const tombstone: Tombstone = { ends: end, deletedAt: now.getTime(), ledgerSize };
      await createJson(
        store,
        `${tombsOf(institution)}${paper.slice(folderOf(institution).length)}`,
        tombstone,
      );
    }
    for await (const tomb of store.list(tombsOf(institution))) {
      if (signal?.aborted) return count;
      const name = tomb.slice(tombsOf(institution).length);
      const { ends, deletedAt, ledgerSize } = (await readJson<Tombstone>(store, tomb))!;
      await store.remove(`${folderOf(institution)}${name}`);
      const dates = { expiresAt: new Date(ends), deletedAt: new Date(deletedAt) };
      if (
        await ledger.append({ paper: name, institution, reason: "expired", ...dates, objects: 1 }, ledgerSize)
      )
        count++;
      await store.remove(tomb);
    }
  }
  await updateJson<string>(store, SWEPT, () => today);
  return count;
}
