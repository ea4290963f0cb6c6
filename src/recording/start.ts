import { createRecordingEnvelope, planEnvelope } from "../envelope/create.js";
import { decodeEnvelope } from "../envelope/wire.js";
import type { BlindreelError } from "../errors.js";
import { wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { guardedStore } from "../storage/guarded.js";
import { memoryJournal } from "../storage/memory.js";
import type { JournalStore, OpenJournal } from "../storage/store.js";
import { Journal } from "./journal/journal.js";
import { generateSessionKey, type LoadedKeys, loadKeys, type SessionKey, saveKeys } from "./journal/keys.js";
import { JOURNAL_VERSION, type JournalRecord } from "./journal/records.js";
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
  const settings = recordingSettings(given, given.journal === undefined);
  const { crypto, continueInMemory } = settings;
  const { to, policy, metadata, signal, label = "" } = given;
  const store = given.journal ? guardedStore(given.journal) : memoryJournal();
  const startedAt = settings.now();
  const started = startedAt.getTime();
  const time = monotonicClock(() => startedAt);
  // Before any await: what cannot be recorded is refused at the call.
  const envelopeOptions = {
    to,
    ...(policy && { policy }),
    ...(metadata && { metadata }),
    ...(signal && { signal }),
    now: startedAt,
    crypto,
  };
  planEnvelope("recording", envelopeOptions);
  const sessionKey = await generateSessionKey(crypto, store.keyForm);
  const plan = planEnvelope("recording", { ...envelopeOptions, sender: sessionKey.publicKey });
  const {
    bytes: envelope,
    recordingId,
    coreHash,
    contentKey,
    manifestKey,
    readKey,
  } = await createRecordingEnvelope(plan);
  const start = {
    kind: "start",
    version: JOURNAL_VERSION,
    recordingId,
    coreHash,
    started,
    envelope,
  } as const;
  const keys: LoadedKeys = { contentKey, manifestKey, signingKey: sessionKey.signingKey };
  const begin = { start, sessionKey, readKey, settings, label, time, keys };
  try {
    return await beginIn(store, given.journal !== undefined, begin);
  } catch (error) {
    if (given.journal === undefined || !continueInMemory || !isStorageFault(error)) {
      wipe(contentKey, manifestKey);
      throw error;
    }
    const recording = await beginIn(memoryJournal(), false, begin);
    recording.journalFailed(error as BlindreelError, false);
    return recording;
  } finally {
    wipe(readKey);
  }
}

function isStorageFault(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "storage-full" || code === "storage-failed" || code === "journal-lost";
}

interface Beginning {
  readonly start: JournalRecord & { readonly kind: "start" };
  readonly sessionKey: SessionKey;
  readonly readKey: Uint8Array<ArrayBuffer>;
  readonly settings: RecordingSettings;
  readonly label: string;
  readonly time: () => number;
  readonly keys: LoadedKeys;
}

/** A recording whose journal begins in `store`. */
async function beginIn(store: JournalStore, survives: boolean, begin: Beginning): Promise<Recording> {
  const { start, settings, label, time, keys, readKey, sessionKey } = begin;
  const name = encodeHex(start.recordingId);
  const opened = await store.create(name, { label });
  try {
    const { journal, attach } = journalIn(opened, new JournalState(), settings);
    await journal.write(() => ({ records: [start] }));
    await saveKeys(opened, store.keyForm, readKey, sessionKey);
    const envelope = decodeEnvelope(start.envelope, LIMITS);
    const kept = await loadKeys(settings.crypto, opened, envelope, start.coreHash);
    wipe(kept?.contentKey, kept?.manifestKey);
    const isResumable = survives && kept?.signingKey !== undefined;
    return attach(new Recording({ journal, settings, time, keys, label, isResumable }));
  } catch (error) {
    await opened.erase().catch(() => {});
    throw error;
  }
}

/** A journal whose failures are told to the recording, once there is one. */
export function journalIn(opened: OpenJournal, state: JournalState, settings: RecordingSettings) {
  let recording: Recording | undefined;
  const journal = new Journal(opened, state, {
    continueInMemory: settings.continueInMemory,
    onFailure: (error, isFatal) => recording?.journalFailed(error, isFatal),
    // What is there before it begins is on its shelf.
    onStored: (objects) => recording?.stored(objects),
  });
  const attach = (made: Recording): Recording => {
    recording = made;
    return made;
  };
  return { journal, attach };
}
