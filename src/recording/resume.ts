import { hashCore } from "../envelope/key-schedule.js";
import { type DecodedEnvelope, decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError, wrongType } from "../errors.js";
import { compareBytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { journalDamaged, journalLost } from "../storage/faults.js";
import type { JournalStore, OpenJournal } from "../storage/store.js";
import type { Journal } from "./journal.js";
import { cutRecords } from "./journal-batch.js";
import { loadKeys } from "./journal-keys.js";
import { manifestName } from "./object-name.js";
import { Recording } from "./recording.js";
import { openJournal } from "./start.js";
import { type RecordingOptions, type RecordingSettings, recordingSettings } from "./writer-options.js";

/** A journal that a recording left: it crashed, was closed, or has ended and is not all uploaded. */
export interface StoredJournal {
  /** 32 hex digits. */
  readonly recordingId: string;
  readonly store: JournalStore;
}

/** How a recording goes on. */
export interface ResumeOptions extends RecordingOptions {
  /** Only uploads what is there. Nothing is written any more, and no key is needed. */
  readonly uploadOnly?: boolean;
}

/** The journals of a store, also such as another tab has in use. @throws BlindreelError `storage-failed`. */
export async function listJournals(store: JournalStore): Promise<StoredJournal[]> {
  return (await store.list()).map((recordingId) => ({ recordingId, store }));
}

/**
 * Goes on with a recording where its journal ends. What was cut off by the crash stays as it is: every track goes on
 * with the next segment, which begins a new take, under a fresh salt; nothing is ever encrypted twice under one key and
 * nonce. Only the journal's index is read; ciphertext is, when it is asked for as parts.
 *
 * A recording that had ended comes back as `finished`, with what is left to upload.
 *
 * @throws BlindreelError `journal-in-use`; `journal-lost` where it is gone, or its keys are: start a new recording, and
 *   upload the rest of this one by `uploadOnly`; `journal-damaged`; `wrong-recording`; `storage-failed`.
 */
export async function resumeRecording(
  { store, recordingId }: StoredJournal,
  given: ResumeOptions = {},
): Promise<Recording> {
  if (typeof recordingId !== "string") throw wrongType("journal.recordingId", "a string", recordingId);
  const settings = recordingSettings(given, false);
  const opened = await store.open(recordingId, "resume");
  try {
    const parts = openJournal(opened, settings, recordingId);
    const envelope = await checkedEnvelope(parts.journal, settings, recordingId);
    if (parts.journal.state.finished) return await finishedRecording(parts, opened.journal, settings);
    if (!given.uploadOnly) {
      const { coreHash } = parts.journal.state.start!;
      const keys = await loadKeys(settings.crypto, opened.journal, envelope, coreHash);
      if (!keys) throw journalLost(`the keys of recording ${recordingId}`);
      await cutSegments(parts.journal);
      return new Recording({ ...parts, settings, keys, keepsKeys: keys.signingKey !== undefined });
    }
    await cutSegments(parts.journal);
    const recording = new Recording({ ...parts, settings, keys: undefined, keepsKeys: false });
    recording.restoreFinished(undefined);
    return recording;
  } catch (error) {
    await opened.journal.close().catch(() => {});
    throw error;
  }
}

/** Removes a journal with all that was not uploaded. @throws BlindreelError `journal-in-use`, `journal-lost`. */
export async function discardJournal({ store, recordingId }: StoredJournal): Promise<void> {
  const { journal } = await store.open(recordingId, "resume");
  await journal.erase();
}

/** A crash came before the last chunk of these: they end where they are. */
function cutSegments(journal: Journal): Promise<void> {
  return journal.between(() => journal.commitNow(cutRecords(journal.state)));
}

async function checkedEnvelope(
  { state }: Journal,
  { crypto }: RecordingSettings,
  recordingId: string,
): Promise<DecodedEnvelope> {
  const { start } = state;
  if (!start) throw journalLost(`the beginning of journal ${recordingId}`);
  if (encodeHex(start.recordingId) !== recordingId) {
    const message = `the journal ${recordingId} holds another recording`;
    throw new BlindreelError("wrong-recording", message, undefined);
  }
  const envelope = decodeEnvelope(start.envelope, LIMITS);
  const coreHash = await hashCore(crypto, envelope.coreParts);
  if (compareBytes(coreHash, start.coreHash) !== 0) throw journalDamaged("its envelope is another's");
  return envelope;
}

async function finishedRecording(
  parts: ReturnType<typeof openJournal>,
  journal: OpenJournal,
  settings: RecordingSettings,
): Promise<Recording> {
  // The crash may have come just before this was done.
  await journal.eraseKeys();
  const { finished } = parts.journal.state;
  const recording = new Recording({ ...parts, settings, keys: undefined, keepsKeys: false });
  const bytes = finished!.isSigned ? await parts.journal.manifest() : undefined;
  const objectName = manifestName(recording.recordingId, finished!.sequence);
  recording.restoreFinished(bytes && { objectName, bytes });
  return recording;
}
