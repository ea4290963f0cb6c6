/** The commands for recordings, and for what servers store: one file of the built program. */
export { audit } from "./audit.js";
export { excerpt } from "./excerpt.js";
export { verifyLedgerFile } from "./ledger.js";
export { openExcerptFile } from "./open-excerpt.js";
export { openRecordingTakes } from "./open-recording.js";
export { verify } from "./verify.js";
export { who } from "./who.js";
