import { createPrivateKey, createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { importSigningKey } from "blindreel/keyset";
import type { Logger } from "pino";
import { AddressLimits } from "./addresses.js";
import { createAdmin } from "./admin.js";
import { admitRegion, admitRegistered } from "./admission.js";
import { createServer } from "./app.js";
import { type Config, ConfigError } from "./config.js";
import { Limits } from "./limits.js";
import { type Certificate, listen } from "./listen.js";
import { Launches } from "./lti/launches.js";
import { createMetrics, faultFields } from "./observe.js";
import { openStore, withoutPath } from "./open-store.js";
import { keysetsIn, openRegister, type Register } from "./register.js";
import { sweepPapers } from "./retention/papers.js";
import { Retention } from "./retention/retention.js";
import { eitherVerifier, reviewerVerifier } from "./reviewers.js";
import { type Store, StoreError } from "./store/store.js";
import { sweepEvery } from "./sweeping.js";
import { tokenVerifier } from "./tokens.js";
import { createWitness } from "./witness.js";

export interface RunningServer {
  readonly port: number;
  readonly adminPort: number;
  /** Reads the certificate, the register and the keysets anew. */
  reload(): Promise<void>;
  /** Lets what is under way end. */
  stop(): Promise<void>;
}

/** Opens the store, then listens. @throws ConfigError, and Error for a store that does not do. */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  const { store, link, rotate } = await openStore(config);
  await rotate();
  await store.probe();
  const metrics = createMetrics();
  const retention = await Retention.open(store);
  const register = await registerOf(config, store);
  const own = tokenVerifier({
    keys: JSON.parse(await fileOf(config, "BLINDREEL_TOKEN_KEYS")),
    issuer: config.BLINDREEL_TOKEN_ISSUER,
    audience: config.BLINDREEL_TOKEN_AUDIENCE,
  });
  const launches = register && (await launchesOf(config, store, register.current));
  const issued = register
    ? eitherVerifier(config.BLINDREEL_TOKEN_ISSUER, own, reviewerVerifier({ register: register.current }))
    : own;
  const verifyToken = launches ? eitherVerifier(launches.issuer, launches.verifyToken, issued) : issued;
  const paperDays = register && ((institution: string) => register.current().paperDays(institution));
  const onFault = (error: unknown, requestId: string): void =>
    log.error({ requestId, ...faultFields(error) }, "a fault");
  const app = createServer({
    store,
    verifyToken,
    retention,
    link,
    limits: new Limits({
      requestsPerSecond: config.BLINDREEL_RECORDING_REQUESTS,
      bytesPerSecond: config.BLINDREEL_RECORDING_RATE * 1000,
      burst: 30,
      recordingBytes: config.BLINDREEL_RECORDING_SIZE * 1e6,
    }),
    addresses: new AddressLimits({
      requestsPerMinute: config.BLINDREEL_OPEN_REQUESTS,
      // Without a proxy that is known, all of its clients would be one.
      proxies: config.BLINDREEL_PROXIES ?? (config.BLINDREEL_TLS === "proxy" ? ["loopback"] : []),
    }),
    witness: await witnessOf(config, store),
    keysetOf: register && ((institution) => register.current().keyset(institution)),
    keysetText: register && ((institution) => register.current().keysetText(institution)),
    paperDays,
    launches,
    admission: register
      ? admitRegistered(register.current, config.BLINDREEL_REGION)
      : admitRegion(config.BLINDREEL_REGION),
    origins: config.BLINDREEL_ORIGINS,
    maxUploads: config.BLINDREEL_MAX_UPLOADS,
    onAnswer(answer) {
      metrics.observe(answer);
      log.info(answer, "answered");
    },
    onFault,
  });
  let stopping: Promise<void> | undefined;
  const ready = { probe: () => store.probe(), isStopping: () => stopping !== undefined };
  const admin = createAdmin(metrics, ready, retention.ledger);
  const requestTimeout = config.BLINDREEL_REQUEST_TIMEOUT * 1000;
  const certificate = await certificateOf(config);
  const [hostname, adminHostname] = [config.BLINDREEL_HOST, config.BLINDREEL_ADMIN_HOST];
  const server = await listen(app, {
    hostname,
    port: config.BLINDREEL_PORT,
    certificate,
    requestTimeout,
    onFault,
  });
  const operator = await listen(admin, {
    hostname: adminHostname,
    port: config.BLINDREEL_ADMIN_PORT,
    requestTimeout,
  });
  const sweeping = sweepEvery(config.BLINDREEL_SWEEP_EVERY * 1000, {
    ...{ retention, metrics, log },
    papers: (signal) => sweepPapers(store, retention.ledger, { paperDays, signal }),
  });
  return {
    port: server.port,
    adminPort: operator.port,
    async reload() {
      await register?.reload();
      const next = await certificateOf(config);
      if (next) server.renew(next);
    },
    stop: () =>
      (stopping ??= (async () => {
        await Promise.all([server.stop(config.BLINDREEL_STOP_TIMEOUT * 1000), sweeping.stop()]);
        await operator.stop(1000);
      })()),
  };
}

/** The register that counts, where one is configured. */
async function registerOf(config: Config, store: Store) {
  const { BLINDREEL_REGISTER: path, BLINDREEL_KEYSETS: folder } = config;
  if (path === undefined) return undefined;
  const read = async (): Promise<Register> => {
    const [register, pem] = [
      await fileOf(config, "BLINDREEL_REGISTER"),
      await fileOf(config, "BLINDREEL_REGISTER_KEY"),
    ];
    try {
      return await openRegister(store, { register, key: createPublicKey(pem), keysetOf: keysetsIn(folder!) });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new ConfigError(`BLINDREEL_REGISTER: ${withoutPath(error)}`);
    }
  };
  let current = await read();
  return {
    current: () => current,
    async reload() {
      current = await read();
    },
  };
}

/** Where test takers come from an LMS. */
async function launchesOf(config: Config, store: Store, register: () => Register) {
  if (config.BLINDREEL_LAUNCH_KEY === undefined) return undefined;
  const [pem, secret] = [
    await fileOf(config, "BLINDREEL_LAUNCH_KEY"),
    await fileOf(config, "BLINDREEL_PSEUDONYM_SECRET"),
  ];
  try {
    return await Launches.open({
      store,
      register,
      region: config.BLINDREEL_REGION,
      audience: config.BLINDREEL_TOKEN_AUDIENCE,
      key: createPrivateKey(pem),
      secret: Buffer.from(secret.trim(), "base64url"),
      extension: config.BLINDREEL_EXTENSION!,
    });
  } catch (error) {
    throw new ConfigError(`BLINDREEL_LAUNCH_KEY, BLINDREEL_PSEUDONYM_SECRET: ${withoutPath(error)}`);
  }
}

async function witnessOf(config: Config, store: Store) {
  if (config.BLINDREEL_WITNESS_KEY === undefined) return undefined;
  try {
    return createWitness(store, await importSigningKey(await fileOf(config, "BLINDREEL_WITNESS_KEY")));
  } catch (error) {
    throw error instanceof ConfigError
      ? error
      : new ConfigError(`BLINDREEL_WITNESS_KEY: ${withoutPath(error)}`);
  }
}

async function certificateOf(config: Config): Promise<Certificate | undefined> {
  if (config.BLINDREEL_TLS === "proxy") return undefined;
  const [cert, key] = [await fileOf(config, "BLINDREEL_TLS_CERT"), await fileOf(config, "BLINDREEL_TLS_KEY")];
  return { cert, key };
}

async function fileOf(
  config: Config,
  name: keyof Config | "BLINDREEL_TLS_CERT" | "BLINDREEL_TLS_KEY",
): Promise<string> {
  try {
    return await readFile((config as Record<string, unknown>)[name] as string, "utf8");
  } catch (error) {
    throw new ConfigError(`${name}: ${withoutPath(error)}`);
  }
}
