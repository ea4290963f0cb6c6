import { coreHashOf } from "blindreel/keyset";
import { countersignReceipt, openReceipt, type WitnessKey } from "blindreel/review";
import { envelopeName, manifestName, pageName } from "blindreel/server";
import { Problem } from "./problem.js";
import { readWhole, type Store } from "./store/store.js";

/** Entries of the log in one page. */
const PAGE_ENTRIES = 64;

/** Signs receipts: this recording ended so, and was stored whole by then, as far as a server without keys can tell. */
export interface Witness {
  /**
   * @param receipt as the recorder has it, of this recording.
   * @returns the receipt with this server's signature.
   * @throws BlindreelError for a receipt that does not hold; Problem 422 for one of another core; 503 while something is missing.
   */
  countersign(recordingId: string, receipt: Uint8Array): Promise<Uint8Array>;
  /** @returns whether two receipts state the same end. @throws BlindreelError. */
  isSame(one: Uint8Array, other: Uint8Array): Promise<boolean>;
}

export function createWitness(store: Store, key: WitnessKey, now: () => Date = () => new Date()): Witness {
  const has = async (name: string): Promise<boolean> => {
    const object = await store.open(name);
    await object?.close();
    return object !== undefined;
  };
  const coreHashIn = async (recordingId: string): Promise<string | undefined> => {
    const found = await readWhole(store, envelopeName(recordingId));
    return found && coreHashOf(found.bytes);
  };
  return {
    async countersign(recordingId, receipt) {
      const { coreHash, sequence, size } = await openReceipt(receipt);
      if (coreHash !== (await coreHashIn(recordingId))) throw new Problem(422, "unexpected-recording");
      const demand = async (name: string): Promise<void> => {
        if (!(await has(name))) throw new Problem(503, "not-whole", { "Retry-After": "1" });
      };
      await demand(manifestName(recordingId, sequence));
      // What is in no page is in the manifest itself. The size is what a receipt claims: the first that is missing ends it.
      for (let page = 0; page < Math.floor(size / PAGE_ENTRIES); page++)
        await demand(pageName(recordingId, page));
      return countersignReceipt(receipt, key, { now: now() });
    },
    async isSame(one, other) {
      const [first, second] = [await openReceipt(one), await openReceipt(other)];
      return (
        first.coreHash === second.coreHash &&
        first.logRoot === second.logRoot &&
        first.sequence === second.sequence
      );
    },
  };
}
