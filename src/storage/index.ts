/**
 * `blindreel/storage`: where a recording's journal can be kept, and the interface for a place of your own.
 *
 * @module blindreel/storage
 * @category Recorder
 */
export { directoryJournal } from "./directory.js";
export { indexedDbJournal } from "./indexeddb.js";
export { memoryJournal } from "./memory.js";
export { opfsJournal } from "./opfs.js";
export type { BrowserJournalOptions } from "./reserve.js";
export { serveJournal } from "./serve-journal.js";
export type {
  FoundJournal,
  JournalChanges,
  JournalListing,
  JournalPiece,
  JournalStore,
  OpenJournal,
  StoredKeys,
} from "./store.js";
export { type JournalPort, workerJournal } from "./worker-journal.js";
