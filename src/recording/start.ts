import { createRecordingEnvelope, planEnvelope } from "../envelope/create.js";
import { decodeEnvelope } from "../envelope/wire.js";
import type { BlindreelError } from "../errors.js";
import { wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { memoryJournal } from "../storage/memory.js";
import type { JournalStore, OpenedJournal } from "../storage/store.js";
import { Journal } from "./journal.js";
import { generateSessionKey, loadKeys, type RecordingKeys, saveKeys } from "./journal-keys.js";
import { JOURNAL_VERSION } from "./journal-record.js";
import { Outbox } from "./outbox.js";
import { Recording } from "./recording.js";
import { type NewRecordingOptions, type RecordingSettings, recordingSettings } from "./writer-options.js";

/** How a recording starts. */
export interface StartRecordingOptions extends NewRecordingOptions {
  /** Where ciphertext is kept until the server has it, and what is needed to go on after a crash. Memory unless given. */
  readonly journal?: JournalStore;
}

/**
 * Starts a recording of several tracks to the recipients' keys: makes its envelope, its session key and its journal.
 *
 * @throws BlindreelError `invalid-recipients`, `invalid-json`, `limit-exceeded`, `bad-random`, `storage-full`,
 *   `storage-failed`; TypeError and RangeError for arguments; `signal.reason` when aborted.
 */
export async function startRecording(given: StartRecordingOptions): Promise<Recording> {
  const store = given.journal ?? memoryJournal();
  const settings = recordingSettings(given, given.journal === undefined);
  const { crypto, now } = settings;
  const { to, policy, metadata, signal } = given;
  const startedAt = now();
  const sessionKey = await generateSessionKey(crypto, store.keyForm);
  const plan = planEnvelope("recording", {
    to,
    ...(policy && { policy }),
    ...(metadata && { metadata }),
    ...(signal && { signal }),
    now: startedAt,
    crypto,
    sender: sessionKey.publicKey,
  });
  const { bytes, recordingId, coreHash, contentKey, manifestKey, readKey } =
    await createRecordingEnvelope(plan);
  const name = encodeHex(recordingId);
  const opened = await store.open(name, "create");
  try {
    const parts = openJournal(opened, settings, name);
    await parts.journal.write({
      kind: "start",
      version: JOURNAL_VERSION,
      recordingId,
      coreHash,
      startedAt: startedAt.getTime(),
      envelope: bytes,
    });
    await saveKeys(opened.journal, store.keyForm, readKey, sessionKey);
    const kept = await loadKeys(crypto, opened.journal, decodeEnvelope(bytes, LIMITS), coreHash);
    wipe(kept?.contentKey, kept?.manifestKey);
    const keys: RecordingKeys = { contentKey, manifestKey, signingKey: sessionKey.signingKey };
    const keepsKeys = given.journal !== undefined && kept?.signingKey !== undefined;
    return new Recording({ ...parts, settings, keys, keepsKeys });
  } catch (error) {
    await opened.journal.erase().catch(() => {});
    throw error;
  } finally {
    wipe(readKey);
  }
}

/** A journal, and what hangs on it. */
export function openJournal(opened: OpenedJournal, settings: RecordingSettings, recordingId: string) {
  const journalFailure: { current: BlindreelError | undefined } = { current: undefined };
  const journal = new Journal(opened, {
    crypto: settings.crypto,
    continueInMemory: settings.continueInMemory,
    onFailure: (error) => {
      journalFailure.current ??= error;
    },
    onStored: (segment, offset, bytes) => outbox.added(segment, offset, bytes),
  });
  const outbox = new Outbox(journal, recordingId);
  return { journal, outbox, journalFailure };
}
