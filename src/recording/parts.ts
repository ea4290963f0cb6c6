import { KeyHolder } from "../log/keys.js";
import type { Journal } from "./journal/journal.js";
import type { LoadedKeys } from "./journal/keys.js";
import type { LifeState } from "./life-cycle.js";
import { LogWriter } from "./log-writer.js";
import type { RecordingSettings } from "./options.js";

/** What a recording is made of, when it starts or goes on. */
export interface RecordingParts {
  readonly journal: Journal;
  readonly settings: RecordingSettings;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  /** Undefined where it only uploads what is there. */
  readonly keys: LoadedKeys | undefined;
  readonly label: string;
  readonly isResumable: boolean;
}

/** Where a journal's recording stands. */
export function lifeOf({ state }: Journal, keys: LoadedKeys | undefined): LifeState {
  if (state.phase === "signed") return "signed";
  return state.phase === "recording" && keys ? "recording" : "finished";
}

/** What signs the log; undefined, the keys wiped, where nothing can. */
export function logWriterOf({ journal, settings, time, keys }: RecordingParts): LogWriter | undefined {
  if (!keys) return undefined;
  const { crypto } = settings;
  const { signingKey } = keys;
  const holder = new KeyHolder({ manifestKey: keys.manifestKey }, "the recording");
  if (signingKey) return new LogWriter({ crypto, journal, keys: holder, signingKey, time });
  holder.close();
  return undefined;
}
