import { canReplace, envelopeName, inspect } from "blindreel/server";
import { Problem } from "./problem.js";
import { readWhole, type Store } from "./store/store.js";

export const EPOCH_DIGITS = 8;

/** The name of an envelope that was replaced. */
export const earlierName = (recordingId: string, epoch: number): string =>
  `${envelopeName(recordingId)}.${epoch.toString(16).padStart(EPOCH_DIGITS, "0")}`;

/** An envelope as it was read. */
export interface EnvelopeVersion {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly version: string;
}

/**
 * Stores a rewrapped envelope in place of the one that was read, which is kept under its epoch.
 *
 * @returns `stored` for the same bytes.
 * @throws Problem 409: `conflict` where another one is there by now, and why a replacement is none.
 */
export async function replaceEnvelope(
  store: Store,
  recordingId: string,
  { bytes, version }: EnvelopeVersion,
  next: Uint8Array,
): Promise<"replaced" | "stored"> {
  const { allowed, reason } = canReplace(bytes, next);
  if (!allowed) throw new Problem(409, reason);
  if (reason === "identical") return "stored";
  // Kept before it is replaced: the MAC of the next one is not checked, so it may open for nobody.
  const earlier = earlierName(recordingId, inspect(bytes).epoch);
  if (!(await store.create(earlier, [bytes], { length: bytes.length }))) {
    const kept = await readWhole(store, earlier);
    if (!kept || Buffer.compare(kept.bytes, bytes) !== 0) throw new Problem(409, "conflict");
  }
  if (!(await store.replace(envelopeName(recordingId), version, [next], { length: next.length })))
    throw new Problem(409, "conflict");
  return "replaced";
}
