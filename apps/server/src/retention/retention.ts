import { randomUUID } from "node:crypto";
import type { DeletionReason } from "blindreel/server";
import { createJson, readJson, updateJson } from "../store/json.js";
import type { Store } from "../store/store.js";
import { Ledger } from "./ledger.js";
import { countObjects, factsOf, listKey, removeObjects } from "./objects.js";
import { removeShortLived } from "./short-lived.js";
import { type Erasure, Statements } from "./statements.js";

/** What a sweep did, in recordings; `late`: objects that came in while their recording was deleted. */
export interface Sweep {
  readonly deleted: number;
  readonly held: number;
  readonly late: number;
}

/** A recording that is or is being deleted. */
interface Tombstone {
  readonly reason: DeletionReason;
  readonly institution?: string;
  readonly statement?: string;
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
  readonly deletedAt: number;
  readonly objects: number;
  /** Entries in the ledger before its own. */
  readonly ledgerSize: number;
}

type Burial = Pick<Tombstone, "reason" | "statement" | "institution" | "expiresAt"> & {
  readonly coreHash: string;
};

interface Lease {
  readonly owner: string;
  readonly until: number;
}

const DAY = 86_400_000;
/**
 * Milliseconds behind a day until nothing is noted under it any more, and a note without an envelope is one of an upload that
 * failed: uploads under way, and servers whose clocks differ.
 */
const SETTLING = 2 * DAY;
const LEASE = 600_000;
const SWEPT = "server/swept";
const SWEEPER = "server/sweeper";

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
const dueKey = (time: number, recordingId: string): string => `due-${dayOf(time)}/${recordingId}`;

export interface RetentionOptions {
  readonly now?: () => Date;
}

/**
 * Deletes recordings when they expire, or when their institution asks for it, unless a hold keeps them; and writes down what it
 * deleted. Each recording is noted under the day of its expiry before its envelope is stored. Every step can be the last one of
 * a process: the next sweep goes on from what it finds.
 */
export class Retention {
  readonly statements: Statements;
  readonly ledger: Ledger;
  readonly #store: Store;
  readonly #now: () => number;
  readonly #owner = randomUUID();
  #leaseUntil = 0;

  private constructor(store: Store, { now = () => new Date() }: RetentionOptions) {
    this.#store = store;
    this.#now = () => now().getTime();
    this.statements = new Statements(store);
    this.ledger = new Ledger(store);
  }

  static async open(store: Store, options: RetentionOptions = {}): Promise<Retention> {
    const retention = new Retention(store, options);
    await createJson(store, SWEPT, dayOf(retention.#now()));
    return retention;
  }

  /**
   * Called before the envelope is stored, which its institution's list may then be ahead of. A day that is swept already, by a server
   * whose clock is ahead, is none to be noted under.
   */
  async schedule(recordingId: string, expiresAt: Date, institution?: string): Promise<void> {
    const swept = (await readJson<string>(this.#store, SWEPT)) ?? "";
    const day = dayOf(expiresAt.getTime());
    await createJson(
      this.#store,
      dueKey(Date.parse(day < swept ? swept : day), recordingId),
      institution ?? 1,
    );
    if (institution) await createJson(this.#store, listKey(institution, recordingId), 1);
  }

  /** Whether it is, or is being, deleted. */
  async isGone(recordingId: string): Promise<boolean> {
    const object = await this.#store.open(`gone/${recordingId}`);
    await object?.close();
    return object !== undefined;
  }

  /** @returns undefined where another server is at it. */
  async sweep({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Sweep | undefined> {
    if (!(await this.#lease())) return undefined;
    const sweep = { deleted: 0, held: 0, late: 0 };
    const count = (state: "deleted" | "held" | "kept"): void => {
      if (state !== "kept") sweep[state]++;
    };
    const isStopped = async (): Promise<boolean> => signal?.aborted === true || !(await this.#lease());
    for await (const day of this.#dueDays()) {
      for await (const key of this.#store.list(`due-${day}/`)) {
        if (await isStopped()) return sweep;
        count(await this.#expire(key));
      }
      if (day <= dayOf(this.#now() - SETTLING)) await removeShortLived(this.#store, day);
    }
    for await (const [recordingId, erasure] of this.statements.erasures()) {
      if (await isStopped()) return sweep;
      count(await this.#erase(recordingId, erasure));
    }
    sweep.late = await this.#removeLate();
    return sweep;
  }

  /** From the first day that has, or may still get, something to today. */
  async *#dueDays(): AsyncGenerator<string> {
    const today = dayOf(this.#now());
    const settled = dayOf(this.#now() - SETTLING);
    let day = (await readJson<string>(this.#store, SWEPT)) ?? today;
    let isSwept = true;
    for (; day <= today; day = dayOf(Date.parse(day) + DAY)) {
      yield day;
      for await (const _left of this.#store.list(`due-${day}/`)) isSwept = false;
      if (!isSwept || day > settled) continue;
      const next = dayOf(Date.parse(day) + DAY);
      await updateJson<string>(this.#store, SWEPT, (known = next) => (known < next ? next : undefined));
    }
  }

  async #expire(key: string): Promise<"deleted" | "held" | "kept"> {
    const [folder, recordingId] = key.split("/") as [string, string];
    const facts = await factsOf(this.#store, recordingId);
    if (facts) {
      if (facts.expiresAt > this.#now() && !(await this.isGone(recordingId))) return "kept";
      const until = await this.#buryUnlessHeld(recordingId, { reason: "expired", ...facts });
      if (until > 0) {
        if (key === dueKey(until, recordingId)) return "held";
        await createJson(this.#store, dueKey(until, recordingId), 1);
        await this.#store.remove(key);
        return "held";
      }
    } else if (folder > `due-${dayOf(this.#now() - SETTLING)}` && !(await this.isGone(recordingId))) {
      // Its envelope is on its way.
      return "kept";
    }
    const isDeleted = await this.#delete(recordingId);
    // Of an upload that failed there is no other trace.
    const institution = await readJson<string | 1>(this.#store, key);
    if (typeof institution === "string") await this.#store.remove(listKey(institution, recordingId));
    await this.#store.remove(key);
    return isDeleted ? "deleted" : "kept";
  }

  async #erase(recordingId: string, erasure: Erasure): Promise<"deleted" | "held" | "kept"> {
    const { institution, statement } = erasure;
    const facts = await factsOf(this.#store, recordingId);
    if (
      facts?.institution === institution &&
      (await this.#buryUnlessHeld(recordingId, { reason: "erased", statement, ...facts })) > 0
    )
      return "held";
    const isDeleted = await this.#delete(recordingId);
    // It is noted under a day that is still to come.
    const { expiresAt } = (await this.#tombstone(recordingId)) ?? {};
    if (expiresAt) await this.#store.remove(dueKey(expiresAt, recordingId));
    await this.statements.erased(recordingId, erasure);
    return isDeleted ? "deleted" : "kept";
  }

  /**
   * Marks a recording as gone unless a hold keeps it. Holds are looked for again behind the mark: one that came in before it is
   * stronger, and so is any while nothing of the recording is deleted.
   *
   * @returns until when it is held, in milliseconds since 1970, or 0.
   */
  async #buryUnlessHeld(recordingId: string, facts: Burial): Promise<number> {
    for (;;) {
      const now = this.#now();
      const until = await this.statements.heldUntil(facts.coreHash, now);
      const tombstone = await this.#tombstone(recordingId);
      if (until > now && !tombstone) return until;
      if (until > now && (await countObjects(this.#store, recordingId)) >= tombstone!.objects) {
        await this.#store.remove(`gone/${recordingId}`);
        return until;
      }
      if (tombstone) return 0;
      await this.#bury(recordingId, facts);
    }
  }

  /** From here on it is gone: nothing of it is given out, nothing more taken. */
  async #bury(recordingId: string, facts: Burial): Promise<void> {
    const { coreHash: _coreHash, ...known } = facts;
    const objects = await countObjects(this.#store, recordingId);
    const { size: ledgerSize } = await this.ledger.head();
    const deletedAt = this.#now();
    await createJson(this.#store, `gone-${dayOf(deletedAt)}/${recordingId}`, 1);
    const tombstone: Tombstone = { ...known, deletedAt, objects, ledgerSize };
    await createJson(this.#store, `gone/${recordingId}`, tombstone);
  }

  /** Goes on where a process ended. @returns whether there was something to delete or to write down. */
  async #delete(recordingId: string): Promise<boolean> {
    const tombstone = await this.#tombstone(recordingId);
    if (!tombstone) return false;
    await removeObjects(this.#store, recordingId);
    if (tombstone.institution) await this.#store.remove(listKey(tombstone.institution, recordingId));
    const { reason, institution, statement, expiresAt, deletedAt, objects, ledgerSize } = tombstone;
    const deletion = {
      recordingId,
      reason,
      institution,
      statement,
      expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
      deletedAt: new Date(deletedAt),
      objects,
    };
    return this.ledger.append(deletion, ledgerSize);
  }

  #tombstone(recordingId: string): Promise<Tombstone | undefined> {
    return readJson<Tombstone>(this.#store, `gone/${recordingId}`);
  }

  /** Uploads that were under way when their recording was deleted; none lasts for a day. */
  async #removeLate(): Promise<number> {
    let count = 0;
    for (let age = 0; age < 3; age++) {
      const folder = `gone-${dayOf(this.#now() - age * DAY)}/`;
      for await (const key of this.#store.list(folder)) {
        // A sweep may have ended between this note and the mark, and a hold may have taken the mark away.
        const recordingId = key.slice(folder.length);
        if (await this.isGone(recordingId)) count += await removeObjects(this.#store, recordingId);
        if (age === 2) await this.#store.remove(key);
      }
    }
    return count;
  }

  /** One server sweeps at a time. @returns whether it is this one. */
  async #lease(): Promise<boolean> {
    const now = this.#now();
    if (this.#leaseUntil - now > LEASE / 2) return true;
    const next: Lease = { owner: this.#owner, until: now + LEASE };
    const lease = await updateJson<Lease>(this.#store, SWEEPER, (known) =>
      known && known.until > now && known.owner !== this.#owner ? undefined : next,
    );
    const isOurs = lease?.owner === this.#owner;
    this.#leaseUntil = isOurs ? lease.until : 0;
    return isOurs;
  }
}
