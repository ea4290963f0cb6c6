/**
 * Events of a recording that no call's result tells.
 *
 * - `silent`: a running recorder has given no data for `silentAfter`. `restored`: it gives data again.
 * - `lost`: an object will not be stored; a lost entry names it, and the verdict will be `interrupted`.
 * - `journal-failed`: the journal's storage failed; whether the recording goes on in memory.
 * - `failed`: the recording takes no more writes. `finish` may be called again.
 */
export type RecordingEvent =
  | { readonly type: "silent" | "restored"; readonly track: string }
  | { readonly type: "lost"; readonly name: string; readonly cause: unknown }
  | { readonly type: "journal-failed"; readonly error: unknown; readonly goesOn: boolean }
  | { readonly type: "failed"; readonly error: unknown };
