import { argon2idAsync } from "@noble/hashes/argon2.js";
import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import type { Check } from "../formats/options.js";
import { countArgument, readOptions } from "../formats/options.js";

/** Cost of Argon2id (RFC 9106 §3.1). */
export interface Argon2Cost {
  /** Memory in KiB: 19,456 to 262,144. */
  readonly memory: number;
  /** Passes over it: 2 to 16. */
  readonly passes: number;
  /** Lanes: 1 to 4. They make an attacker's work no dearer where they run one after the other, as in JavaScript. */
  readonly lanes: number;
}

/** format-v1, "Slot type 3". */
export const COST_FLOOR: Argon2Cost = { memory: 19_456, passes: 2, lanes: 1 };
/** The highest cost that a reader works through (format-v1, "Slot type 3"). */
export const COST_CEILING: Argon2Cost = { memory: 262_144, passes: 16, lanes: 4 };

/** 64 MiB, three passes: below 1.5 s in JavaScript on one core of a server of 2024 (docs/benchmarks.md). */
export const DEFAULT_COST: Argon2Cost = { memory: 65_536, passes: 3, lanes: 1 };

const costMember = (member: keyof Argon2Cost): Check<number> => {
  return (name, value) => {
    const number = countArgument(name, value);
    const [floor, ceiling] = [COST_FLOOR[member], COST_CEILING[member]];
    if (number < floor || number > ceiling) throw outOfRange(name, `from ${floor} to ${ceiling}`, number);
    return number;
  };
};

/** @throws TypeError, RangeError outside the format's floor and ceiling. */
export const costArgument: Check<Argon2Cost> = (name, value) =>
  readOptions<Argon2Cost>(
    name,
    value,
    { memory: costMember("memory"), passes: costMember("passes"), lanes: costMember("lanes") },
    ["memory", "passes", "lanes"],
  );

/** What is used of a `Worker`; those of browsers, Deno and Bun fit. */
export interface Argon2Worker {
  postMessage(message: unknown): void;
  terminate(): void;
  addEventListener(
    type: "message" | "messageerror" | "error",
    listener: (event: { readonly data?: unknown; readonly message?: string }) => void,
    options: { readonly signal: AbortSignal },
  ): void;
}

/** How a run of Argon2id is made: where, with what progress, and until when. */
export interface Argon2Run {
  /** A worker that runs `blindreel/passphrase-worker`: the page's own thread stays free. It is terminated at the end. */
  readonly createWorker?: () => Argon2Worker;
  /** From 0 to 1, at most ten times a second; Node's own Argon2 tells only beginning and end. */
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

export interface Argon2Input {
  readonly passphrase: Bytes;
  readonly salt: Bytes;
  readonly cost: Argon2Cost;
}

const REPORT_INTERVAL = 100;
/** Longest hold of the event loop where there is no worker, in milliseconds. */
const LONGEST_HOLD = 10;

/**
 * Argon2id v1.3 to 32 bytes: in the worker that the caller provides, in Node's thread pool where Node has it, else here in
 * steps of 10 ms.
 *
 * @throws `signal.reason`; BlindreelError `provider-fault` where the worker fails.
 */
export async function argon2id(input: Argon2Input, run: Argon2Run): Promise<Bytes> {
  const { signal, createWorker } = run;
  signal?.throwIfAborted();
  const report = thinned(run.onProgress);
  report(0);
  const secret = createWorker
    ? await inWorker(workerOf(createWorker), input, report, signal)
    : ((await inNode(input, signal)) ?? (await inSteps(input, report, signal)));
  report(1);
  return secret;
}

function thinned(onProgress: Argon2Run["onProgress"]): (fraction: number) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (fraction) => {
    const now = performance.now();
    if (!onProgress || (fraction < 1 && now - last < REPORT_INTERVAL)) return;
    last = now;
    onProgress(fraction);
  };
}

async function inSteps(
  { passphrase, salt, cost }: Argon2Input,
  report: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  const secret = await argon2idAsync(passphrase, salt, {
    m: cost.memory,
    t: cost.passes,
    p: cost.lanes,
    dkLen: KEY_LENGTH,
    asyncTick: LONGEST_HOLD,
    onProgress(fraction) {
      signal?.throwIfAborted();
      report(Math.min(fraction, 0.999));
    },
  });
  return secret as Bytes;
}

/** Node 24.7 and newer. */
async function inNode(
  { passphrase, salt, cost }: Argon2Input,
  signal?: AbortSignal,
): Promise<Bytes | undefined> {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const crypto = process?.getBuiltinModule?.("node:crypto") as { argon2?: NodeArgon2 } | undefined;
  if (typeof crypto?.argon2 !== "function") return undefined;
  const options = {
    message: passphrase,
    nonce: salt,
    memory: cost.memory,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: KEY_LENGTH,
  };
  return new Promise<Bytes>((resolve, reject) => {
    const abort = (): void => reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    crypto.argon2!("argon2id", options, (error, tag) => {
      signal?.removeEventListener("abort", abort);
      if (error) reject(error);
      else resolve(new Uint8Array(tag));
    });
  }).catch((error: unknown) => {
    // Where Node stands on an OpenSSL older than 3.2.
    if ((error as { code?: unknown } | null)?.code === "ERR_CRYPTO_ARGON2_NOT_SUPPORTED") return undefined;
    throw error;
  });
}

type NodeArgon2 = (
  algorithm: "argon2id",
  options: Readonly<Record<string, unknown>>,
  callback: (error: Error | null, tag: Uint8Array) => void,
) => void;

/** Messages of `blindreel/passphrase-worker`, at least one in {@link LONGEST_SILENCE}. */
export type WorkerAnswer =
  | { readonly fraction: number }
  | { readonly secret: Uint8Array }
  | { readonly failure: string };

/** @throws TypeError for what is no worker; what `createWorker` throws. */
function workerOf(createWorker: () => Argon2Worker): Argon2Worker {
  const worker: Partial<Argon2Worker> | null | undefined = createWorker();
  const isWorker = [worker?.postMessage, worker?.addEventListener, worker?.terminate].every(
    (member) => typeof member === "function",
  );
  if (!isWorker) throw wrongType("what createWorker returns", "a Worker", worker);
  return worker as Argon2Worker;
}

/** A worker that loads or works says so ten times a second; one that is silent for this many milliseconds hangs. */
const LONGEST_SILENCE = 30_000;

async function inWorker(
  worker: Argon2Worker,
  input: Argon2Input,
  report: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  const ended = new AbortController();
  let silence: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<Bytes>((resolve, reject) => {
      const listener = { signal: ended.signal };
      const fail = (reason: string): void =>
        reject(new BlindreelError("provider-fault", `the passphrase worker failed: ${reason}`, undefined));
      // An error of a listener would be nobody's.
      const attempt = (action: () => void): void => {
        try {
          action();
        } catch (error) {
          reject(error);
        }
      };
      const listen = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => fail(`it was silent for ${LONGEST_SILENCE / 1000} s`), LONGEST_SILENCE);
      };
      worker.addEventListener(
        "message",
        ({ data }) => {
          listen();
          const { fraction, secret, failure } = (data ?? {}) as Record<string, unknown>;
          if (isUint8Array(secret) && secret.length === KEY_LENGTH) resolve(new Uint8Array(secret));
          else if (typeof fraction === "number" && fraction >= 0)
            attempt(() => report(Math.min(fraction, 0.999)));
          else fail(typeof failure === "string" ? failure : "it answered something else");
        },
        listener,
      );
      worker.addEventListener("error", (event) => fail(event.message || "it could not be loaded"), listener);
      worker.addEventListener("messageerror", () => fail("its answer could not be read"), listener);
      signal?.addEventListener("abort", () => reject(signal.reason), listener);
      worker.postMessage(input);
      listen();
    });
  } finally {
    clearTimeout(silence);
    ended.abort();
    worker.terminate();
  }
}
