/**
 * Events of a recording that no call's result tells.
 *
 * - `silent`: a running recorder has given no data for `silentAfter`. `restored`: it gives data again. Of a capture, `kind` says
 *   which of its stream's tracks.
 * - `dropped`: a capture lost `dropped` of the last `frames`, for want of time.
 * - `restarted`: a capture's encoder was lost, or its source ended; a lost entry says so, and a new take begins with what is left.
 * - `lost`: an object will not be stored; a lost entry names it, and the verdict will be `interrupted`.
 * - `journal-failed`: the journal's storage failed; whether the recording goes on in memory.
 * - `failed`: the recording takes no more writes. `finish` may be called again.
 */
export type RecordingEvent =
  | { readonly type: "silent" | "restored"; readonly track: string; readonly kind?: "audio" | "video" }
  | { readonly type: "dropped"; readonly track: string; readonly dropped: number; readonly frames: number }
  | { readonly type: "restarted"; readonly track: string; readonly error: unknown }
  | { readonly type: "lost"; readonly name: string; readonly cause: unknown }
  | { readonly type: "journal-failed"; readonly error: unknown; readonly goesOn: boolean }
  | { readonly type: "failed"; readonly error: unknown };
