import * as v from "valibot";
import {
  type Environment,
  integer,
  oneOf,
  readVariables,
  SERVER_VARIABLES,
  STORE_CONFIG,
  text,
} from "../config.js";

const DATABASE = {
  BLINDREEL_JOBS_DATABASE: v.pipe(text, v.regex(/^postgres(ql)?:\/\//, "must be a postgresql: URL")),
};

/** Public keys of the new recipients, and how the ranges are cut. The lister has no private keys. */
const LISTER = {
  BLINDREEL_JOBS_TO: text,
  /** Recordings in a range, seconds that a worker has for one, ranges that may wait. */
  BLINDREEL_JOBS_RANGE: v.optional(integer(1, 100_000), "500"),
  BLINDREEL_JOBS_LEASE: v.optional(integer(2, 80_000), "600"),
  BLINDREEL_JOBS_AHEAD: v.optional(integer(1, 1_000_000), "2000"),
};

/** Private keys, old and new, by one of three ways. */
const WORKER = {
  BLINDREEL_JOBS_TO: text,
  BLINDREEL_JOBS_KEYS: v.optional(text),
  BLINDREEL_JOBS_KEYS_COMMAND: v.optional(text),
  BLINDREEL_JOBS_KEYS_URL: v.optional(
    v.pipe(text, v.regex(/^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost)[:/])/, "must be an https: URL")),
  ),
  BLINDREEL_JOBS_KEYS_TOKEN: v.optional(text),
  /** Recordings that are sealed to none of these keys. */
  BLINDREEL_JOBS_OTHER_KEYS: v.optional(oneOf("poison", "pass"), "poison"),
  BLINDREEL_JOBS_CONCURRENCY: v.optional(integer(1, 256), "8"),
};

const STATUS_CONFIG = v.object(DATABASE);
const LISTER_CONFIG = v.intersect([STATUS_CONFIG, STORE_CONFIG, v.object(LISTER)]);
const WORKER_CONFIG = v.pipe(
  v.intersect([STATUS_CONFIG, STORE_CONFIG, v.object(WORKER)]),
  v.forward(
    v.check(
      (config) =>
        [
          config.BLINDREEL_JOBS_KEYS,
          config.BLINDREEL_JOBS_KEYS_COMMAND,
          config.BLINDREEL_JOBS_KEYS_URL,
        ].filter((way) => way !== undefined).length === 1,
      "must be there, or one of _COMMAND and _URL, and not two of them",
    ),
    ["BLINDREEL_JOBS_KEYS"],
  ),
);

export type ListerConfig = v.InferOutput<typeof LISTER_CONFIG>;
export type WorkerConfig = v.InferOutput<typeof WORKER_CONFIG>;

/** Those of the server too: one file of variables may serve both. */
const KNOWN = new Set([...SERVER_VARIABLES, ...Object.keys({ ...DATABASE, ...LISTER, ...WORKER })]);

/** @throws ConfigError, as all three. */
export const readStatusConfig = (environment: Environment): v.InferOutput<typeof STATUS_CONFIG> =>
  readVariables(STATUS_CONFIG, KNOWN, environment);
export const readListerConfig = (environment: Environment): ListerConfig =>
  readVariables(LISTER_CONFIG, KNOWN, environment);
export const readWorkerConfig = (environment: Environment): WorkerConfig =>
  readVariables(WORKER_CONFIG, KNOWN, environment);
