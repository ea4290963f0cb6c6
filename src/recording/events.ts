/**
 * What happens to a recording by itself.
 *
 * - `silent`: a running recorder has given nothing for a while. `restored`: it gives again.
 * - `lost`: something will not be in the recording; the log says so, and the verdict will be `interrupted`.
 * - `journal-failed`: the journal's storage failed; whether the recording goes on in memory.
 * - `failed`: the recording takes no more writes. `finish` may be called again.
 */
export type RecordingEvent =
  | { readonly type: "silent" | "restored"; readonly track: string }
  | { readonly type: "lost"; readonly name: string; readonly cause: unknown }
  | { readonly type: "journal-failed"; readonly error: unknown; readonly goesOn: boolean }
  | { readonly type: "failed"; readonly error: unknown };
