import * as v from "valibot";
import { areProxies } from "./addresses.js";

/** What the environment says is not usable. The message names the variables, and no value: one may be a secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export const text = v.pipe(v.string(), v.trim(), v.minLength(1, "must not be empty"));
const url = v.pipe(text, v.url("must be a URL"));

export const integer = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/, "must be a whole number"),
    v.transform(Number),
    v.minValue(least, `must be ${least} or more`),
    v.maxValue(most, `must be ${most} or less`),
  );

export const oneOf = <const T extends readonly string[]>(...values: T) =>
  v.picklist(values, `must be one of ${values.join(", ")}`);

const list = v.pipe(
  v.string(),
  v.transform((all) =>
    all
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  ),
);

const origins = v.pipe(
  list,
  v.array(
    v.pipe(
      v.string(),
      v.regex(
        /^(https?|chrome-extension):\/\/[a-z0-9.:[\]-]+$/,
        "must be origins, such as https://review.example",
      ),
    ),
  ),
);

const proxies = v.pipe(
  list,
  v.check((all) => areProxies(all), "must be addresses or ranges, such as 10.0.0.0/8"),
);

const PLACE = {
  BLINDREEL_REGION: v.pipe(text, v.regex(/^[a-z0-9-]{1,16}$/, "must be 1 to 16 of a-z, 0-9 and -")),
};

const COMMON = {
  BLINDREEL_TOKEN_KEYS: text,
  BLINDREEL_TOKEN_ISSUER: text,
  BLINDREEL_TOKEN_AUDIENCE: text,
  /** The signed register, the PEM of who signs it, and the folder of the keysets: all three or none. */
  BLINDREEL_REGISTER: v.optional(text),
  BLINDREEL_REGISTER_KEY: v.optional(text),
  BLINDREEL_KEYSETS: v.optional(text),
  /** PEM of the Ed25519 key that signs launches, the file of the pseudonyms' secret, and who is told: all three or none. */
  BLINDREEL_LAUNCH_KEY: v.optional(text),
  BLINDREEL_PSEUDONYM_SECRET: v.optional(text),
  BLINDREEL_EXTENSION: v.optional(
    v.pipe(v.string(), v.regex(/^[a-p]{32}$/, "must be an extension's id, 32 letters from a to p")),
  ),
  /** PEM of the Ed25519 key that countersigns receipts. */
  BLINDREEL_WITNESS_KEY: v.optional(text),
  BLINDREEL_HOST: v.optional(text, "127.0.0.1"),
  BLINDREEL_PORT: v.optional(integer(0, 65_535), "8443"),
  BLINDREEL_ADMIN_HOST: v.optional(text, "127.0.0.1"),
  BLINDREEL_ADMIN_PORT: v.optional(integer(0, 65_535), "9464"),
  BLINDREEL_ORIGINS: v.optional(origins, ""),
  BLINDREEL_MAX_UPLOADS: v.optional(integer(1, 100_000), "256"),
  /** Of one recording: requests and kilobytes a second, for 30 seconds at once; megabytes in all. */
  BLINDREEL_RECORDING_REQUESTS: v.optional(integer(1, 100_000), "20"),
  BLINDREEL_RECORDING_RATE: v.optional(integer(1, 10_000_000), "4000"),
  BLINDREEL_RECORDING_SIZE: v.optional(integer(1, 10_000_000), "20000"),
  /** Of one address, in a minute, where no token is asked for; and whose `X-Forwarded-For` says which address that is. */
  BLINDREEL_OPEN_REQUESTS: v.optional(integer(1, 1_000_000), "6000"),
  BLINDREEL_PROXIES: v.optional(proxies),
  BLINDREEL_REQUEST_TIMEOUT: v.optional(integer(1, 3600), "120"),
  BLINDREEL_STOP_TIMEOUT: v.optional(integer(0, 3600), "30"),
  /** Seconds between two searches for what has to be deleted. */
  BLINDREEL_SWEEP_EVERY: v.optional(integer(1, 86_400), "600"),
  BLINDREEL_LOG_LEVEL: v.optional(oneOf("fatal", "error", "warn", "info", "debug", "silent"), "info"),
};

const STORES = v.variant(
  "BLINDREEL_STORE",
  [
    v.object({ BLINDREEL_STORE: v.literal("folder"), BLINDREEL_FOLDER: text }),
    v.object({
      BLINDREEL_STORE: v.literal("s3"),
      BLINDREEL_S3_BUCKET: url,
      BLINDREEL_S3_REGION: text,
      BLINDREEL_S3_ACCESS_KEY_ID: text,
      BLINDREEL_S3_SECRET_ACCESS_KEY: text,
    }),
  ],
  "must be one of folder, s3",
);

/** `sealed`: encrypted by the server. `store`: by the S3 store itself, which is told to. */
const AT_REST = v.variant(
  "BLINDREEL_AT_REST",
  [
    v.object({ BLINDREEL_AT_REST: v.literal("sealed"), BLINDREEL_KEY_FILE: text }),
    v.object({ BLINDREEL_AT_REST: oneOf("AES256", "aws:kms") }),
  ],
  "must be one of sealed, AES256, aws:kms",
);

/** Where the objects lie, and how they are encrypted there. */
export const STORE_CONFIG = v.pipe(
  v.intersect([v.object(PLACE), STORES, AT_REST]),
  v.forward(
    v.check(
      (config) => config.BLINDREEL_AT_REST === "sealed" || config.BLINDREEL_STORE === "s3",
      "must be sealed where BLINDREEL_STORE is folder: a folder does not encrypt",
    ),
    ["BLINDREEL_AT_REST"],
  ),
);

export type StoreConfig = v.InferOutput<typeof STORE_CONFIG>;

/** `files`: TLS by the server. `proxy`: plain HTTP, to a proxy in front of it. */
const TLS = v.variant(
  "BLINDREEL_TLS",
  [
    v.object({ BLINDREEL_TLS: v.literal("files"), BLINDREEL_TLS_CERT: text, BLINDREEL_TLS_KEY: text }),
    v.object({ BLINDREEL_TLS: v.literal("proxy") }),
  ],
  "must be one of files, proxy",
);

/** The first of each pair does not do without the second. */
const TOGETHER = [
  ["BLINDREEL_REGISTER", "BLINDREEL_REGISTER_KEY"],
  ["BLINDREEL_REGISTER", "BLINDREEL_KEYSETS"],
  ["BLINDREEL_LAUNCH_KEY", "BLINDREEL_REGISTER"],
  ["BLINDREEL_LAUNCH_KEY", "BLINDREEL_PSEUDONYM_SECRET"],
  ["BLINDREEL_LAUNCH_KEY", "BLINDREEL_EXTENSION"],
  ["BLINDREEL_PSEUDONYM_SECRET", "BLINDREEL_LAUNCH_KEY"],
  ["BLINDREEL_EXTENSION", "BLINDREEL_LAUNCH_KEY"],
] as const;

const CONFIG = v.pipe(
  v.intersect([v.object(COMMON), STORE_CONFIG, TLS]),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const config: Readonly<Record<string, unknown>> = dataset.value;
    for (const [name, other] of TOGETHER)
      if (config[name] !== undefined && config[other] === undefined)
        addIssue({
          message: "is missing",
          path: [{ type: "object", origin: "value", input: config, key: other, value: undefined }],
        });
  }),
);

/** The configuration, named as the variables. */
export type Config = v.InferOutput<typeof CONFIG>;

export const SERVER_VARIABLES: ReadonlySet<string> = new Set([
  ...Object.keys(PLACE),
  ...Object.keys(COMMON),
  ...[STORES, AT_REST, TLS].flatMap(({ options }) => options.flatMap(({ entries }) => Object.keys(entries))),
]);

/** @throws ConfigError that names every variable which is missing, wrong or unknown. */
export const readConfig = (environment: Environment): Config =>
  readVariables(CONFIG, SERVER_VARIABLES, environment);

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a schema says of the variables that begin with `BLINDREEL_`. @throws as {@link readConfig}. */
export function readVariables<const T extends v.GenericSchema>(
  schema: T,
  known: ReadonlySet<string>,
  environment: Environment,
): v.InferOutput<T> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => name.startsWith("BLINDREEL_") && value !== undefined,
    ),
  );
  const problems = Object.keys(given)
    .filter((name) => !known.has(name))
    .map((name) => `${name} is no variable of this server`);
  const result = v.safeParse(schema, given);
  for (const issue of result.issues ?? []) {
    const name = v.getDotPath(issue)?.split(".")[0] ?? "";
    problems.push(given[name] === undefined ? `${name} is missing` : `${name} ${issue.message}`);
  }
  if (!result.success || problems.length > 0) throw new ConfigError([...new Set(problems)].join("; "));
  return result.output;
}
