import { hashCore } from "../envelope/key-schedule.js";
import { type DecodedEnvelope, decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError, isBlindreelError, wrongType } from "../errors.js";
import { type Bytes, compareBytes, wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { flagArgument, readOptions } from "../formats/options.js";
import { hashChunks } from "../log/chunk-hashes.js";
import { hashSegmentHead, LossCause, SEGMENT_HEAD_LENGTH, SegmentEnd } from "../log/entry.js";
import { leafHash, subroots } from "../log/tree.js";
import { journalDamaged, journalLost } from "../storage/faults.js";
import { guardedStore } from "../storage/guarded.js";
import type { JournalStore, OpenJournal } from "../storage/store.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import type { Journal } from "./journal/journal.js";
import { type LoadedKeys, loadKeys } from "./journal/keys.js";
import { decodeRecord, JOURNAL_VERSION, type JournalRecord } from "./journal/records.js";
import { JournalState, type OpenSegment, StoredKind, type TrackState } from "./journal/state.js";
import { manifestBlob, segmentBlob, segmentRecords, unsealedRecords } from "./journal/steps.js";
import {
  type RecordingSettings,
  type ResumeOptions,
  readResumeOptions,
  recordingSettings,
} from "./options.js";
import { Recording } from "./recording.js";
import { openedChunks } from "./segment-check.js";
import { journalIn } from "./start.js";
import { monotonicClock } from "./timing.js";

/** A journal that a recording left: it crashed, was closed, or has ended and is not all uploaded. */
export interface StoredJournal {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** What `startRecording` was given, so that a page that finds three knows which exam each one is. */
  readonly label: string;
  readonly store: JournalStore;
}

/** The journals of a store, also such as another tab has in use. @throws BlindreelError `storage-failed`. */
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

/** Removes a journal, damaged or not, with all that was not uploaded; its keys first. @throws BlindreelError `journal-in-use`. */
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
 * Goes on with a recording where its journal ends. What a crash cut off stays as it is: every track goes on with the next
 * segment, which begins a new take, under a fresh salt; nothing is ever encrypted twice under one key and nonce. What is
 * journalled and not uploaded is handed out byte for byte as before.
 *
 * A recording that had ended comes back in state `finished` or `signed`, with what is left to upload.
 *
 * @throws BlindreelError `journal-in-use`; `journal-lost` where it is gone, or its keys are: start a new recording, and
 *   upload the rest of this one by `uploadOnly`; `journal-damaged`; `wrong-recording`; `storage-full`, `storage-failed`.
 */
export async function resumeRecording(
  stored: Pick<StoredJournal, "store" | "recordingId"> & { readonly label?: string },
  options?: ResumeOptions,
): Promise<Recording> {
  const { store, recordingId, label = "" } = journalArgument(stored);
  const given = readResumeOptions(options);
  const settings = recordingSettings(given, false);
  const guarded = guardedStore(store);
  const { journal: opened, records } = await guarded.open(recordingId, { takeOver: given.takeOver ?? false });
  let keys: LoadedKeys | undefined;
  try {
    const state = replay(records);
    const envelope = await checkedEnvelope(state, settings, recordingId);
    const { journal, attach } = journalIn(opened, state, settings);
    const time = monotonicClock(settings.now, state.time + 1);
    keys = await keysFor(state, opened, envelope, settings, given.uploadOnly === true);
    if (state.phase === "recording") await endOpenSegments(journal, opened, settings, envelope, keys, time);
    await dropOldCheckpoints(journal);
    const isResumable = keys?.signingKey !== undefined;
    return attach(new Recording({ journal, settings, time, keys, label, isResumable }));
  } catch (error) {
    wipe(keys?.contentKey, keys?.manifestKey);
    await opened.close().catch(() => {});
    throw error;
  }
}

/** @throws BlindreelError `journal-damaged`. */
function replay(records: readonly Bytes[]): JournalState {
  const state = new JournalState();
  for (const bytes of records) {
    try {
      state.apply(decodeRecord(bytes));
    } catch (error) {
      if (isBlindreelError(error) && error.code === "journal-damaged") throw error;
      throw journalDamaged("a record that does not follow the one before");
    }
  }
  return state;
}

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

/** @returns undefined where nothing more is signed or sealed. @throws BlindreelError `journal-lost`. */
async function keysFor(
  { phase, start }: JournalState,
  opened: OpenJournal,
  envelope: DecodedEnvelope,
  { crypto }: RecordingSettings,
  isUploadOnly: boolean,
): Promise<LoadedKeys | undefined> {
  if (phase === "signed") {
    // The crash may have come just before this was done.
    await opened.eraseKeys();
    return undefined;
  }
  if (isUploadOnly) return undefined;
  const keys = await loadKeys(crypto, opened, envelope, start!.coreHash);
  // A recording that has ended is uploaded all the same, and is then unfinished.
  if (!keys && phase === "recording")
    throw journalLost(`the keys of recording ${encodeHex(start!.recordingId)}`);
  return keys;
}

/**
 * A crash came before the last chunk of these: they end where they are, in the log. Where nothing is signed any more, their whole
 * chunks are uploaded all the same; but not of a journal whose keys were erased, since its recording went on without it.
 */
async function endOpenSegments(
  journal: Journal,
  opened: OpenJournal,
  settings: RecordingSettings,
  envelope: DecodedEnvelope,
  keys: LoadedKeys | undefined,
  time: () => number,
): Promise<void> {
  const { state } = journal;
  if (!state.tracks.some(({ open }) => open)) return;
  if (!keys && Object.keys(await opened.keys()).length === 0) return;
  const found =
    keys ?? (await loadKeys(settings.crypto, opened, envelope, state.start!.coreHash).catch(() => undefined));
  for (const track of state.tracks) {
    const { open } = track;
    if (!open) continue;
    const blob = open.length > 0 ? await opened.blob(segmentBlob(open.track, open.index)) : undefined;
    const records = await cutRecords(settings, found, track, open, blob?.slice(0, open.length), time());
    await journal.write(() => ({ records }));
  }
  if (!keys) wipe(found?.contentKey, found?.manifestKey);
}

async function cutRecords(
  { crypto }: RecordingSettings,
  keys: LoadedKeys | undefined,
  track: TrackState,
  open: OpenSegment,
  bytes: Bytes | undefined,
  time: number,
): Promise<JournalRecord[]> {
  const chunks = !bytes ? 0 : keys ? await openedChunks(crypto, keys.contentKey, bytes) : wholeChunks(bytes);
  if (!bytes || chunks === 0) return unsealedRecords(crypto, track, open, LossCause.crash, time);
  const length = SEGMENT_HEAD_LENGTH + chunks * SEALED_CHUNK;
  const hashes = await hashChunks(crypto, bytes.subarray(SEGMENT_HEAD_LENGTH, length));
  return segmentRecords(crypto, track, open, {
    end: SegmentEnd.cut,
    time: open.time,
    length,
    content: chunks * CHUNK,
    head: await hashSegmentHead(crypto, bytes.slice(0, SEGMENT_HEAD_LENGTH)),
    subroots: subroots(hashes.map(leafHash)),
    points: [],
  });
}

function wholeChunks({ length }: Bytes): number {
  return Math.max(0, Math.floor((length - SEGMENT_HEAD_LENGTH) / SEALED_CHUNK));
}

/** A checkpoint that the crash left unsent says less than the next: its number stays spent. */
async function dropOldCheckpoints(journal: Journal): Promise<void> {
  const { state } = journal;
  if (state.phase === "signed") return;
  const old = [...state.unsettled.values()].filter(({ object }) => object === StoredKind.manifest);
  if (old.length === 0) return;
  await journal.write(() => ({
    records: old.map(({ object, track, number }) => ({ kind: "settled", object, track, number })),
    dropped: old.map(({ number }) => manifestBlob(number)),
  }));
}
