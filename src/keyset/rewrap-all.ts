import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { type Recipients, recipientsArgument } from "../envelope/provenance.js";
import {
  REWRAP,
  type RewrapArguments,
  type RewrapOptions,
  recipientsFor,
  rewrapVerified,
} from "../envelope/rewrap.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import {
  type Bytes,
  bytesArgument,
  concatBytes,
  equalBytes,
  type MaybePromise,
  utf8,
} from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import type { Recipient } from "../keywrap/types.js";
import { breather } from "../stream/operation.js";

/** Rewrapping in bulk (format-v1, "Rewrap"): envelopes alone are read, one by one, each replaced by a compare-and-set. */

/** A stored envelope: of `envelopesIn` for folders, of `s3Envelopes`, or of another store. */
export interface StoredEnvelope {
  /** For reports. */
  readonly name: string;
  /** The envelope as it is stored now. */
  bytes(options: StoreOptions): Promise<Uint8Array>;
  /**
   * Stores `replacement` if what is stored is what `bytes` returned last, and nothing otherwise.
   *
   * @param hash SHA-256 of that, 32 bytes.
   * @returns false where something else is stored.
   */
  replace(hash: Bytes, replacement: Bytes, options: StoreOptions): Promise<boolean>;
}

/** Options of a stored envelope's reads and writes. */
export interface StoreOptions {
  readonly signal?: AbortSignal;
}

/** A set of 32-byte entries, one for each envelope that was written or about to be: `rewrapJournal` is one in a file. */
export interface RewrapJournal {
  has(entry: Bytes): MaybePromise<boolean>;
  add(entry: Bytes): MaybePromise<void>;
}

/** Options of {@link rewrapAll}. */
export interface RewrapAllOptions extends RewrapOptions {
  /** The complete new list, the same for all; or a verified keyset, which chooses for each by its region, expiry and `holds`. */
  readonly to: Recipients;
  /**
   * Envelopes that another run wrote for the same recipients are skipped, also one that does so meanwhile and shares the journal.
   * Without one all are rewrapped.
   */
  readonly journal?: RewrapJournal;
  /** Envelopes under way at once; 8 unless stated. */
  readonly concurrency?: number;
  /** Called after each envelope. */
  readonly onProgress?: (progress: RewrapProgress) => void;
}

/** How many envelopes `rewrapAll` is through with. */
export interface RewrapProgress {
  readonly rewrapped: number;
  readonly skipped: number;
  readonly failed: number;
}

/** Of one recording. A skipped one was done by another run; a failed one opens as before. */
export type RewrapOutcome =
  | { readonly name: string; readonly state: "rewrapped"; readonly epoch: number }
  | { readonly name: string; readonly state: "skipped" }
  | { readonly name: string; readonly state: "failed"; readonly error: unknown };

interface RewrapAllArguments extends RewrapArguments, Omit<RewrapAllOptions, keyof RewrapOptions> {}

const REWRAP_ALL = (): Checks<RewrapAllArguments> => ({
  ...REWRAP(),
  to: (_name, value) => recipientsArgument(value as Recipients),
  journal(name, value) {
    const journal = value as Partial<RewrapJournal> | null;
    if (typeof journal?.has === "function" && typeof journal.add === "function")
      return journal as RewrapJournal;
    throw wrongType(name, "an object with has and add", value);
  },
  concurrency(name, value) {
    if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
    throw outOfRange(name, "an integer of 1 or more", value);
  },
  onProgress: functionArgument,
});

/** Attempts for an envelope that others replace, or whose store fails. */
const ATTEMPTS = 3;

/**
 * Replaces the recipients of many recordings, without holding more than `concurrency` envelopes. Each new envelope is read back
 * before it is stored: an identity that it is sealed to opens it, else its MAC is verified. It is journalled before the
 * compare-and-set, and "done" means that it is what is stored: a run that was killed at any moment goes on by being started
 * again.
 *
 * @param given `identities`: the old keys; with a new one, every envelope is opened with it before it is stored.
 * @returns outcomes as they are known. Leaving the loop ends the run.
 * @throws TypeError, RangeError and BlindreelError `invalid-recipients` at the call. The iteration fails with errors of
 *   `envelopes` and of the journal, and with `signal.reason`; what an envelope fails with is in its outcome.
 */
export function rewrapAll(
  envelopes: Iterable<StoredEnvelope> | AsyncIterable<StoredEnvelope>,
  given: RewrapAllOptions,
): AsyncIterable<RewrapOutcome> {
  const options = readOptions<RewrapAllArguments>("options", given, REWRAP_ALL(), ["identities", "to"]);
  const { crypto = defaultProvider(), concurrency = 8, onProgress } = options;
  const outcomes = inParallel(envelopes, concurrency, (envelope) => rewrapOne(envelope, options, crypto));
  return onProgress ? counted(outcomes, onProgress) : outcomes;
}

/** Names recipients in journal entries. @returns 32 bytes. */
function digestOf(crypto: CryptoProvider, recipients: readonly Recipient[]): MaybePromise<Bytes> {
  const lines = recipients.map(({ slotType, keyId, thumbprint }) =>
    [slotType, keyId ?? "anonymous", thumbprint ?? ""].join(" "),
  );
  return crypto.digest("SHA-256", utf8(lines.join("\n")));
}

async function* counted(
  outcomes: AsyncIterable<RewrapOutcome>,
  onProgress: (progress: RewrapProgress) => void,
): AsyncGenerator<RewrapOutcome, void, undefined> {
  const counts = { rewrapped: 0, skipped: 0, failed: 0 };
  for await (const outcome of outcomes) {
    counts[outcome.state]++;
    onProgress({ ...counts });
    yield outcome;
  }
}

/** Results as they come, of at most `limit` items at a time. What is under way is awaited, whatever ends the loop. */
async function* inParallel<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running = new Set<Promise<readonly [R, () => void]>>();
  const next = async (): Promise<R> => {
    const [result, forget] = await Promise.race(running);
    forget();
    return result;
  };
  const breathe = breather();
  try {
    for await (const item of items) {
      const task: Promise<readonly [R, () => void]> = work(item).then((result) => [
        result,
        () => running.delete(task),
      ]);
      // Awaited later, maybe after it failed.
      task.catch(() => {});
      running.add(task);
      if (running.size >= limit) yield await next();
      await breathe();
    }
    while (running.size > 0) yield await next();
  } finally {
    await Promise.allSettled(running);
  }
}

async function rewrapOne(
  store: StoredEnvelope,
  options: RewrapAllArguments,
  crypto: CryptoProvider,
): Promise<RewrapOutcome> {
  const { signal, journal, limits = LIMITS } = options;
  const { name } = store;
  const storing: StoreOptions = signal ? { signal } : {};
  const failed = (error: unknown): RewrapOutcome => {
    signal?.throwIfAborted();
    return { name, state: "failed", error };
  };
  let written: Bytes | undefined;
  let failure: unknown;
  for (let attempt = 0; attempt <= ATTEMPTS; attempt++) {
    signal?.throwIfAborted();
    let bytes: Bytes;
    try {
      bytes = bytesArgument("the envelope", await store.bytes(storing)).slice();
    } catch (error) {
      failure = error;
      continue;
    }
    const hash = await crypto.digest("SHA-256", bytes);
    // A store may have stored what it reported as failed.
    if (written && equalBytes(written, hash)) return { name, state: "rewrapped", epoch: epochOf(bytes) };
    let to: readonly Recipient[];
    try {
      to = await recipientsFor(decodeEnvelope(bytes, limits), options);
    } catch (error) {
      return failed(error);
    }
    const recipients = await digestOf(crypto, to);
    const entryOf = (of: Bytes) => crypto.digest("SHA-256", concatBytes(recipients, of));
    if (await journal?.has(await entryOf(hash))) return { name, state: "skipped" };
    if (attempt === ATTEMPTS) break;
    let replacement: Bytes;
    try {
      replacement = await rewrapVerified(bytes, { ...options, to });
    } catch (error) {
      return failed(error);
    }
    written = await crypto.digest("SHA-256", replacement);
    await journal?.add(await entryOf(written));
    try {
      if (await store.replace(hash, replacement, storing))
        return { name, state: "rewrapped", epoch: epochOf(replacement) };
      failure = replacedByOthers();
    } catch (error) {
      failure = error;
    }
  }
  return failed(failure);
}

const epochOf = (bytes: Bytes): number => decodeEnvelope(bytes, LIMITS).epoch;

function replacedByOthers(): BlindreelError<"source-changed"> {
  const message = "another rewrap replaced the envelope each time; it has that one's recipients";
  return new BlindreelError("source-changed", message, undefined);
}
