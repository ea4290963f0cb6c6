import type { Bytes } from "../formats/bytes.js";
import type { LossCause } from "../log/entry.js";
import type { NewTake, WriteOptions } from "./track-host.js";

/** What a track does one after the other, in the order of the calls. */
export type Job = { readonly resolve: () => void; readonly reject: (error: unknown) => void } & (
  | {
      readonly kind: "data";
      readonly data: Blob | Bytes;
      readonly size: number;
      readonly options: WriteOptions;
      readonly time: number;
      /** Wipes `data` where it is ours. */
      readonly wipe: () => void;
    }
  | { readonly kind: "take"; readonly take: NewTake }
  | { readonly kind: "segment" }
  | { readonly kind: "silent"; readonly take: NewTake }
  | { readonly kind: "lost"; readonly cause: LossCause }
);
export type JobWork = Job extends infer J ? (J extends Job ? Omit<J, "resolve" | "reject"> : never) : never;

/** What a job did, and when the journal has it. */
export interface Done {
  readonly stored: Promise<unknown>;
}

export const DONE: Done = { stored: /* @__PURE__ */ Promise.resolve() };

/** A rejection that is no error where nobody waits for it. */
export function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
