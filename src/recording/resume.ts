import { hashCore } from "../envelope/key-schedule.js";
import { type DecodedEnvelope, decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError, wrongType } from "../errors.js";
import { type Bytes, compareBytes, wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { flagArgument, readOptions } from "../formats/options.js";
import { LossCause, SEGMENT_HEAD_LENGTH, SegmentEnd } from "../log/entry.js";
import { journalDamaged, journalLost } from "../storage/faults.js";
import { guardedStore } from "../storage/guarded.js";
import type { JournalStore, OpenJournal } from "../storage/store.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { manifestBlob, segmentBlob } from "./journal/blobs.js";
import { type NewEntry, segmentEntries, unsealedEntries } from "./journal/entries.js";
import { Journal } from "./journal/journal.js";
import { loadKeys, type SealingKeys } from "./journal/keys.js";
import { StoredKind } from "./journal/pending.js";
import { JOURNAL_VERSION } from "./journal/records.js";
import { type JournalState, type OpenSegment, replayRecords, type TrackState } from "./journal/state.js";
import {
  type RecordingSettings,
  type ResumeOptions,
  readResumeOptions,
  recordingSettings,
} from "./options.js";
import { Recording } from "./recording.js";
import { countOpenable, hashSegment } from "./segment-hashes.js";
import { monotonicClock } from "./timing.js";

/** Journal of a recording that crashed, was closed, or has ended and is not all uploaded. */
export interface StoredJournal {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** As given to `startRecording`: the exam of the journal. */
  readonly label: string;
  readonly store: JournalStore;
}

/** The journals of a store, in use or not. @throws BlindreelError `storage-failed`. */
export async function listJournals(store: JournalStore): Promise<StoredJournal[]> {
  const found = await guardedStore(store).list();
  return found.map(({ name, label }) => ({ recordingId: name, label, store }));
}

/** @throws TypeError. */
function journalArgument<T extends Pick<StoredJournal, "store" | "recordingId">>(journal: T): T {
  if (typeof journal !== "object" || journal === null)
    throw wrongType("journal", "a journal, as listJournals() gives it", journal);
  return journal;
}

/** Removes a journal, damaged or not, with its pending objects; its keys first. @throws BlindreelError `journal-in-use`. */
export async function discardJournal(
  journal: Pick<StoredJournal, "store" | "recordingId">,
  options?: { readonly takeOver?: boolean },
): Promise<void> {
  const { store, recordingId } = journalArgument(journal);
  const { takeOver = false } = readOptions<{ readonly takeOver?: boolean }>("options", options, {
    takeOver: flagArgument,
  });
  await guardedStore(store).discard(recordingId, { takeOver });
}

/**
 * Goes on with a recording where its journal ends (format-v1, "Writing and resuming"). Every track goes on with the next index
 * and a new take, under a fresh salt: no plaintext is ever encrypted under a (key, nonce) pair that was used. Pending objects are
 * handed out byte for byte as before.
 *
 * A recording that had ended comes back in state `finished` or `signed`, with its pending objects.
 *
 * @throws BlindreelError `journal-in-use`; `journal-lost` where it is gone, or its keys are: start a new recording, and
 *   upload the rest of this one by `uploadOnly`; `journal-damaged`; `wrong-recording`; `storage-full`, `storage-failed`.
 */
export async function resumeRecording(
  stored: Pick<StoredJournal, "store" | "recordingId"> & { readonly label?: string },
  options?: ResumeOptions,
): Promise<Recording> {
  const { store, recordingId, label = "" } = journalArgument(stored);
  const { takeOver = false, uploadOnly = false, ...given } = readResumeOptions(options);
  const settings = recordingSettings(given, { isInMemory: false });
  const { crypto, continueInMemory } = settings;
  const { journal: opened, records } = await guardedStore(store).open(recordingId, { takeOver });
  let keys: SealingKeys | undefined;
  try {
    const state = replayRecords(records);
    const envelope = await checkedEnvelope(state, settings, recordingId);
    const time = monotonicClock(settings.now, state.time + 1);
    keys = uploadOnly ? undefined : await keysFor(state, opened, envelope, settings);
    if (state.phase === "signed") await opened.eraseKeys();

    const keepsKeys = keys?.signingKey !== undefined;
    const journal = new Journal(opened, state, { crypto, continueInMemory, keepsKeys });
    if (state.phase === "recording") await endOpenSegments(journal, opened, settings, envelope, keys, time);
    await dropOldCheckpoints(journal);
    return new Recording({ journal, keys, settings, time, label });
  } catch (error) {
    wipe(keys?.contentKey, keys?.manifestKey);
    await opened.close().catch(() => {});
    throw error;
  }
}

/** @throws BlindreelError `journal-lost`, `journal-damaged`, `wrong-recording`. */
async function checkedEnvelope(
  { start }: JournalState,
  { crypto }: RecordingSettings,
  recordingId: string,
): Promise<DecodedEnvelope> {
  if (!start) throw journalLost(`the beginning of journal ${recordingId}`);
  if (start.version !== JOURNAL_VERSION) throw journalDamaged("it is of another version");
  if (encodeHex(start.recordingId) !== recordingId) {
    const message = `the journal ${recordingId} holds another recording`;
    throw new BlindreelError("wrong-recording", message, undefined);
  }
  const envelope = decodeEnvelope(start.envelope, LIMITS);
  const coreHash = await hashCore(crypto, envelope.coreParts);
  if (compareBytes(coreHash, start.coreHash) !== 0) throw journalDamaged("its envelope is another's");
  return envelope;
}

/** @returns undefined where nothing can be signed or sealed any more. @throws BlindreelError `journal-lost`. */
async function keysFor(
  { phase, start }: JournalState,
  opened: OpenJournal,
  envelope: DecodedEnvelope,
  { crypto }: RecordingSettings,
): Promise<SealingKeys | undefined> {
  if (phase === "signed") return undefined;
  const keys = await loadKeys(crypto, opened, envelope, start!.coreHash);
  // A recording that has ended is uploaded all the same, and is then unfinished.
  if (!keys && phase === "recording")
    throw journalLost(`the keys of recording ${encodeHex(start!.recordingId)}`);
  return keys;
}

/**
 * Ends the segments that a crash cut off, in the log. Their whole chunks are uploaded even where nothing is signed any more; but not
 * of a journal whose keys were erased: its recording went on without it.
 */
async function endOpenSegments(
  journal: Journal,
  opened: OpenJournal,
  { crypto }: RecordingSettings,
  envelope: DecodedEnvelope,
  keys: SealingKeys | undefined,
  time: () => number,
): Promise<void> {
  const { start, tracks } = journal.state;
  if (!tracks.some(({ open }) => open)) return;
  if (!keys && Object.keys(await opened.keys()).length === 0) return;
  const found = keys ?? (await loadKeys(crypto, opened, envelope, start!.coreHash).catch(() => undefined));
  for (const track of tracks) {
    const { open } = track;
    if (!open) continue;
    const blob = open.length > 0 ? await opened.blob(segmentBlob(open.track, open.index)) : undefined;
    const bytes = blob?.slice(0, open.length);
    const cut = bytes && (await cutEntries(crypto, found?.contentKey, track, open, bytes));
    const entries = cut ?? unsealedEntries(track, open, LossCause.crash, time());
    await journal.write(() => ({ entries }));
  }
  if (!keys) wipe(found?.contentKey, found?.manifestKey);
}

/** @returns undefined where no whole chunk is left. */
async function cutEntries(
  crypto: RecordingSettings["crypto"],
  contentKey: Bytes | undefined,
  track: TrackState,
  open: OpenSegment,
  bytes: Bytes,
): Promise<NewEntry[] | undefined> {
  const chunks = contentKey
    ? await countOpenable(crypto, contentKey, bytes)
    : Math.floor((bytes.length - SEGMENT_HEAD_LENGTH) / SEALED_CHUNK);
  if (chunks <= 0) return undefined;
  const length = SEGMENT_HEAD_LENGTH + chunks * SEALED_CHUNK;
  const hashes = await hashSegment(crypto, bytes.subarray(0, length));
  const { time } = open;
  const segment = { end: SegmentEnd.cut, time, length, content: chunks * CHUNK, points: [], ...hashes };
  return segmentEntries(track, open, segment);
}

/** A checkpoint that the crash left unsent says less than the next: its number stays spent. */
async function dropOldCheckpoints(journal: Journal): Promise<void> {
  const { pending, phase } = journal.state;
  const old = phase === "signed" ? [] : pending.ofKind(StoredKind.manifest);
  if (old.length === 0) return;
  await journal.write(() => ({
    records: old.map(({ object, track, number }) => ({ kind: "settled", object, track, number })),
    dropped: old.map(({ number }) => manifestBlob(number)),
  }));
}
