import type { JobsDatabase, Transaction } from "./database.js";

/** What a job is about: names of recordings, and nothing else. */
export type RangeJob =
  | { readonly after?: string; readonly through?: string }
  | { readonly names: readonly string[] };

/** A range that a worker has got. */
export interface FetchedRange {
  readonly id: string;
  readonly data: RangeJob;
  /** Seconds. */
  readonly lease: number;
  /** Before this one. */
  readonly attempts: number;
}

/** What became of the envelopes of a range. */
export interface Tally {
  /** By this job. */
  rewrapped: number;
  /** Had the new recipients already, and opened. */
  current: number;
  /** No envelope, or none any more. */
  absent: number;
  /** Of other institutions. */
  others: number;
}

export interface Poison {
  readonly name: string;
  readonly code: string;
}

/** Of one rotation. `poison`: envelopes in the list; the others are numbers of what has been done. */
export interface Progress extends Tally {
  readonly rotation: string;
  readonly isListed: boolean;
  readonly isDone: boolean;
  readonly poison: number;
  readonly ranges: {
    readonly all: number;
    readonly done: number;
    readonly waiting: number;
    readonly active: number;
  };
  /** Seconds from the first range that was listed to the last that was done. */
  readonly seconds: number;
}

interface RotationRow {
  readonly target: string;
  readonly institution: string | null;
  readonly listed_through: string | null;
  readonly is_listed: boolean;
  readonly ranges: string;
  readonly ranges_done: string;
  readonly rewrapped: string;
  readonly current: string;
  readonly absent: string;
  readonly others: string;
  readonly seconds: string | null;
}

/** Attempts are counted by fetches, and each kill and each outage of the store takes one. */
const NO_LIMIT = 1_000_000;
/** Seconds until a range that failed is tried again. */
const RETRY_DELAY = 1;
/** Minutes that a range may wait; pg-boss drops it then. */
const YEAR = 365 * 24 * 60;

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** One change of recipients for all recordings, or those of one institution. */
export class Rotation {
  readonly name: string;
  readonly #jobs: JobsDatabase;

  /** @throws RangeError for a name that is none. */
  constructor(jobs: JobsDatabase, name: string) {
    if (!NAME.test(name)) throw new RangeError("a rotation's name is 1 to 40 of a-z, 0-9 and -");
    this.name = name;
    this.#jobs = jobs;
  }

  get queue(): string {
    return `rewrap-${this.name}`;
  }

  /** Begins it, or goes on with it. @throws Error where it was begun for others. */
  async begin(target: string, institution: string | undefined): Promise<void> {
    const { boss, query } = this.#jobs;
    await query(
      "INSERT INTO blindreel_jobs.rotation (name, target, institution) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      [this.name, target, institution ?? null],
    );
    await boss.createQueue(this.queue, {
      name: this.queue,
      retryLimit: NO_LIMIT,
      retryDelay: RETRY_DELAY,
      retentionMinutes: YEAR,
    });
    if ((await this.institutionFor(target)) !== institution)
      throw new Error("this rotation was begun for another institution");
  }

  /** @returns the institution whose recordings it is about. @throws Error where it is for other recipients. */
  async institutionFor(target: string): Promise<string | undefined> {
    const row = await this.#row();
    if (row.target !== target) throw new Error("this rotation was begun for other recipients");
    return row.institution ?? undefined;
  }

  /** Up to which name ranges are in the queue. */
  async position(): Promise<{ readonly after: string | undefined; readonly isListed: boolean }> {
    const { listed_through, is_listed } = await this.#row();
    return { after: listed_through ?? undefined, isListed: is_listed };
  }

  /**
   * Puts the next range in the queue.
   *
   * @param through the last range has none.
   * @returns false where another lister was faster.
   */
  append(after: string | undefined, through: string | undefined, lease: number): Promise<boolean> {
    return this.#jobs.transaction(async (client) => {
      const { rowCount } = await client.query(
        `UPDATE blindreel_jobs.rotation SET listed_through = COALESCE($3, listed_through), is_listed = $3 IS NULL
         WHERE name = $1 AND NOT is_listed AND listed_through IS NOT DISTINCT FROM $2`,
        [this.name, after ?? null, through ?? null],
      );
      if (rowCount !== 1) return false;
      await this.#insert(client, [{ ...(after && { after }), ...(through && { through }) }], lease);
      return true;
    });
  }

  async #insert(client: Transaction, ranges: readonly RangeJob[], lease: number): Promise<void> {
    const jobs = ranges.map((data) => ({ name: this.queue, data, expireInSeconds: lease }));
    await this.#jobs.boss.insert(jobs, { db: client });
    await client.query("UPDATE blindreel_jobs.rotation SET ranges = ranges + $2 WHERE name = $1", [
      this.name,
      jobs.length,
    ]);
  }

  async fetch(): Promise<FetchedRange | undefined> {
    const options = { includeMetadata: true, priority: false } as const;
    const [job] = await this.#jobs.boss.fetch<RangeJob>(this.queue, options);
    if (!job) return undefined;
    const { id, data, retryCount, expireInSeconds } = job;
    // PostgreSQL's numeric, which comes as text.
    return { id, data, lease: Number(expireInSeconds), attempts: retryCount };
  }

  /** Gives ranges whose worker did not end them in time to others. pg-boss does so itself, some seconds later. */
  async expire(): Promise<void> {
    await this.#jobs.boss.expire();
  }

  /** How many ranges nobody works on yet. */
  waiting(): Promise<number> {
    return this.#jobs.boss.getQueueSize(this.queue, { before: "active" });
  }

  /**
   * Ends a job, with all that it found and what it leaves to another, at once.
   *
   * @returns false where it was ended meanwhile, by another worker that got it after the lease: that one's numbers count.
   */
  async complete(
    job: FetchedRange,
    tally: Tally,
    poison: readonly Poison[],
    rest: RangeJob | undefined,
  ): Promise<boolean> {
    const { boss, transaction } = this.#jobs;
    return transaction(async (client) => {
      const ended = (await boss.complete(this.queue, job.id, {}, { db: client })) as unknown as {
        readonly affected: number;
      };
      if (ended.affected !== 1) return false;
      await client.query(
        `INSERT INTO blindreel_jobs.poison (rotation, name, code)
         SELECT $1, * FROM unnest($2::text[], $3::text[])
         ON CONFLICT (rotation, name) DO UPDATE SET code = EXCLUDED.code`,
        [this.name, poison.map(({ name }) => name), poison.map(({ code }) => code)],
      );
      if (rest) await this.#insert(client, [rest], job.lease);
      const { rewrapped, current, absent, others } = tally;
      await client.query(
        `UPDATE blindreel_jobs.rotation SET ranges_done = ranges_done + 1, rewrapped = rewrapped + $2,
           current = current + $3, absent = absent + $4, others = others + $5, worked_on = now() WHERE name = $1`,
        [this.name, rewrapped, current, absent, others],
      );
      return true;
    });
  }

  /** Puts a job back, for later. */
  async fail(job: FetchedRange, code: string): Promise<void> {
    await this.#jobs.boss.fail(this.queue, job.id, { code });
  }

  async isDone(): Promise<boolean> {
    const { is_listed, ranges, ranges_done } = await this.#row();
    return is_listed && ranges === ranges_done;
  }

  async progress(): Promise<Progress> {
    const { boss, query } = this.#jobs;
    const row = await this.#row();
    const waiting = await this.waiting();
    const unfinished = await boss.getQueueSize(this.queue, { before: "completed" });
    const { rows } = await query<{ count: string }>(
      "SELECT count(*) FROM blindreel_jobs.poison WHERE rotation = $1",
      [this.name],
    );
    const [all, done] = [Number(row.ranges), Number(row.ranges_done)];
    return {
      rotation: this.name,
      isListed: row.is_listed,
      isDone: row.is_listed && all === done,
      rewrapped: Number(row.rewrapped),
      current: Number(row.current),
      absent: Number(row.absent),
      others: Number(row.others),
      poison: Number(rows[0]!.count),
      ranges: { all, done, waiting, active: unfinished - waiting },
      seconds: Number(row.seconds ?? 0),
    };
  }

  /** The list of envelopes that could not be rewrapped, by name. */
  async *poison(): AsyncGenerator<Poison> {
    for (let after = ""; ; ) {
      const { rows } = await this.#jobs.query<{ name: string; code: string }>(
        "SELECT name, code FROM blindreel_jobs.poison WHERE rotation = $1 AND name > $2 ORDER BY name LIMIT 1000",
        [this.name, after],
      );
      yield* rows;
      if (rows.length === 0) return;
      after = rows.at(-1)!.name;
    }
  }

  /** Takes envelopes off that list and puts them in the queue again. @returns how many. */
  retry(length: number, lease: number): Promise<number> {
    return this.#jobs.transaction(async (client) => {
      const { rows } = await client.query<{ name: string }>(
        "DELETE FROM blindreel_jobs.poison WHERE rotation = $1 RETURNING name",
        [this.name],
      );
      const names = rows.map(({ name }) => name).sort();
      const ranges: RangeJob[] = [];
      for (let from = 0; from < names.length; from += length)
        ranges.push({ names: names.slice(from, from + length) });
      if (ranges.length > 0) await this.#insert(client, ranges, lease);
      return names.length;
    });
  }

  async #row(): Promise<RotationRow> {
    const { rows } = await this.#jobs.query<RotationRow>(
      "SELECT *, extract(epoch FROM worked_on - started_on) AS seconds FROM blindreel_jobs.rotation WHERE name = $1",
      [this.name],
    );
    if (!rows[0]) throw new Error("there is no rotation of this name");
    return rows[0];
  }
}
