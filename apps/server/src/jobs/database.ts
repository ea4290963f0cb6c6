import pg from "pg";
import PgBoss from "pg-boss";

/** The queue, and the tables beside it. */
export interface JobsDatabase {
  readonly boss: PgBoss;
  query<T extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<T>>;
  /** All of it or nothing. Calls of the queue take part by `{ db: client }`. */
  transaction<T>(action: (client: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Transaction extends PgBoss.Db {
  query: JobsDatabase["query"];
}

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS blindreel_jobs;
  CREATE TABLE IF NOT EXISTS blindreel_jobs.rotation (
    name text PRIMARY KEY,
    target text NOT NULL,
    institution text,
    listed_through text,
    is_listed boolean NOT NULL DEFAULT false,
    ranges bigint NOT NULL DEFAULT 0,
    ranges_done bigint NOT NULL DEFAULT 0,
    rewrapped bigint NOT NULL DEFAULT 0,
    current bigint NOT NULL DEFAULT 0,
    absent bigint NOT NULL DEFAULT 0,
    others bigint NOT NULL DEFAULT 0,
    started_on timestamptz NOT NULL DEFAULT now(),
    worked_on timestamptz
  );
  CREATE TABLE IF NOT EXISTS blindreel_jobs.poison (
    rotation text NOT NULL REFERENCES blindreel_jobs.rotation,
    name text NOT NULL,
    code text NOT NULL,
    found_on timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rotation, name)
  );`;

/** Two processes that make the tables at once. */
const SCHEMA_LOCK = 0x626c_6a62;

/** Seconds after which a worker that was killed is noticed, at most, beyond its lease. */
const SUPERVISE_EVERY = 10;

/** @param url of PostgreSQL. The tables and pg-boss's are made where they are missing. */
export async function openJobs(url: string): Promise<JobsDatabase> {
  const pool = new pg.Pool({ connectionString: url, max: 4, application_name: "blindreel-jobs" });
  // A connection that breaks: the query that it carries fails, and the next one opens another.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const query: JobsDatabase["query"] = (text, values) => pool.query(text, values as unknown[]);
  const boss = new PgBoss({
    db: { executeSql: query },
    schedule: false,
    maintenanceIntervalSeconds: SUPERVISE_EVERY,
  });
  boss.on("error", () => {});
  const transaction: JobsDatabase["transaction"] = async (action) => {
    const client = await pool.connect();
    let failure: Error | undefined;
    try {
      const within: JobsDatabase["query"] = (text, values) => client.query(text, values as unknown[]);
      await client.query("BEGIN");
      const result = await action({ query: within, executeSql: within });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      failure = error as Error;
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    } finally {
      // One that failed is not used again: its transaction may still be open.
      client.release(failure);
    }
  };
  try {
    await transaction(async (client) => {
      await client.query("SELECT pg_advisory_xact_lock($1)", [SCHEMA_LOCK]);
      await client.query(SCHEMA);
    });
    await boss.start();
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    boss,
    query,
    transaction,
    async close() {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}
