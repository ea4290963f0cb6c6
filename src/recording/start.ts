import { createRecordingEnvelope, planEnvelope } from "../envelope/create.js";
import { decodeEnvelope } from "../envelope/wire.js";
import type { BlindreelError } from "../errors.js";
import { wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { isStorageFault } from "../storage/faults.js";
import { guardedStore } from "../storage/guarded.js";
import { memoryJournal } from "../storage/memory.js";
import type { JournalStore, OpenJournal } from "../storage/store.js";
import { hasSucceeded } from "./journal/failover.js";
import { Journal } from "./journal/journal.js";
import { generateSessionKey, type JournalKeys, loadKeys, saveKeys } from "./journal/keys.js";
import { encodeRecord, JOURNAL_VERSION, type JournalRecords } from "./journal/records.js";
import { JournalState } from "./journal/state.js";
import {
  type RecordingSettings,
  readStartOptions,
  recordingSettings,
  type StartRecordingOptions,
} from "./options.js";
import { Recording } from "./recording.js";
import { monotonicClock } from "./timing.js";

/**
 * Starts a recording of several tracks to the recipients' keys: makes its envelope, its session key and its journal.
 *
 * @throws BlindreelError `invalid-recipients`, `invalid-json`, `limit-exceeded`, `bad-random`, `storage-full`, `storage-failed`
 *   (unless it goes on in memory); TypeError and RangeError for arguments, at the call; `signal.reason` when aborted.
 */
export async function startRecording(options: StartRecordingOptions): Promise<Recording> {
  const given = readStartOptions(options);
  const settings = recordingSettings(given, { isInMemory: given.journal === undefined });
  const store = given.journal ? guardedStore(given.journal) : memoryJournal();
  const { crypto } = settings;
  const now = settings.now();
  const time = monotonicClock(() => now);
  const { label = "" } = given;

  // Twice: arguments are refused before the first await.
  planEnvelope("recording", { ...given, now, crypto });
  const sessionKey = await generateSessionKey(crypto, store.keyForm);
  const plan = planEnvelope("recording", { ...given, now, crypto, sender: sessionKey.publicKey });
  const { bytes: envelope, recordingId, coreHash, ...derived } = await createRecordingEnvelope(plan);
  const { readKey, contentKey, manifestKey } = derived;
  try {
    const start = { version: JOURNAL_VERSION, recordingId, coreHash, started: now.getTime(), envelope };
    const journal = await beginJournal(store, label, start, { readKey, sessionKey }, settings);
    const keys = { contentKey, manifestKey, signingKey: sessionKey.signingKey };
    return new Recording({ journal, keys, settings, time, label });
  } catch (error) {
    wipe(contentKey, manifestKey);
    throw error;
  } finally {
    wipe(readKey);
  }
}

/** A new journal in `store`; in memory, where that fails and the caller prefers to go on. */
async function beginJournal(
  store: JournalStore,
  label: string,
  start: JournalRecords["start"],
  keys: JournalKeys,
  settings: RecordingSettings,
): Promise<Journal> {
  const { crypto, continueInMemory } = settings;
  const name = encodeHex(start.recordingId);
  const state = new JournalState();
  state.apply({ kind: "start", ...start });
  let hasKeys = false;
  /** Writes start and keys, and reads the keys back: some browsers lose them. */
  const begin = async (
    opened: OpenJournal,
    { keyForm }: JournalStore,
    failure?: unknown,
  ): Promise<Journal> => {
    await opened.commit({ records: [encodeRecord({ kind: "start", ...start })] });
    hasKeys = true;
    await saveKeys(opened, keyForm, keys);
    const kept = await loadKeys(crypto, opened, decodeEnvelope(start.envelope, LIMITS), start.coreHash);
    wipe(kept?.contentKey, kept?.manifestKey);
    const keepsKeys = kept?.signingKey !== undefined && !settings.isInMemory;
    return new Journal(opened, state, {
      crypto,
      continueInMemory,
      keepsKeys,
      failure: failure as BlindreelError,
    });
  };
  let opened: OpenJournal | undefined;
  try {
    opened = await store.create(name, { label });
    return await begin(opened, store);
  } catch (error) {
    // What can be resumed must not go on elsewhere: two recorders would sign with one session key.
    const isAbandoned = !opened || (await abandon(opened)) || !hasKeys;
    if (!isAbandoned || !continueInMemory || !isStorageFault(error)) throw error;
    const memory = memoryJournal();
    return begin(await memory.create(name, { label }), memory, error);
  }
}

/** @returns whether its keys are gone. */
async function abandon(opened: OpenJournal): Promise<boolean> {
  if (await hasSucceeded(opened.erase())) return true;
  const isWithoutKeys = await hasSucceeded(opened.eraseKeys());
  await opened.close().catch(() => {});
  return isWithoutKeys;
}
