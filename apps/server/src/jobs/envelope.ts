import { type Identity, isBlindreelError, type Recipient, rewrap } from "blindreel";
import { rewrapAll, type StoredEnvelope } from "blindreel/keyset";
import { envelopeName, type Inspection, inspect } from "blindreel/server";
import { type EnvelopeVersion, replaceEnvelope } from "../envelopes.js";
import { Problem } from "../problem.js";
import { readWhole, type Store, StoreError } from "../store/store.js";
import type { Tally } from "./rotation.js";

/** From whom and to whom. */
export interface RewrapKeys {
  /** Old keys, and a new one at least. */
  readonly identities: readonly Identity[];
  /** Recipients that name their keys: an anonymous one would not be known again. */
  readonly to: readonly Recipient[];
  /** Others' recordings are passed over. 32 hex digits. */
  readonly institution?: string | undefined;
  /** So are those that are sealed to other keys than the identities', all of them named; else they are poison. */
  readonly passesOtherKeys?: boolean;
}

/** `later`: the store, or another rewrap, stood in the way. */
export type Outcome = keyof Tally | { readonly poison: string } | { readonly later: string };

/**
 * Rewraps the envelope of a recording, once however often it is called and by how many at a time: one that has the recipients, and
 * opens, is left.
 */
export async function rewrapRecording(store: Store, recordingId: string, keys: RewrapKeys): Promise<Outcome> {
  const read = () => readWhole(store, envelopeName(recordingId));
  let stored: EnvelopeVersion | undefined;
  let isFirst = true;
  const envelope: StoredEnvelope = {
    name: recordingId,
    async bytes() {
      if (!isFirst) stored = await read();
      isFirst = false;
      if (!stored) throw REMOVED;
      return stored.bytes;
    },
    async replace(_hash, replacement) {
      try {
        return (await replaceEnvelope(store, recordingId, stored!, replacement)) === "replaced";
      } catch (error) {
        if (error instanceof Problem && error.code === "conflict") return false;
        throw error;
      }
    },
  };
  try {
    stored = await read();
    if (!stored) return "absent";
    if (isOther(inspected(stored.bytes), keys)) return "others";
    const { identities, to } = keys;
    const journal = { has: () => isCurrent(stored!.bytes, keys), add() {} };
    const options = { identities, to, journal, ignoreExpiry: true, concurrency: 1 };
    for await (const outcome of rewrapAll([envelope], options)) {
      if (outcome.state === "rewrapped") return "rewrapped";
      if (outcome.state === "skipped") return "current";
      throw outcome.error;
    }
    throw new Error("rewrapAll reported nothing");
  } catch (error) {
    return outcomeOf(error);
  }
}

function isOther(
  envelope: Inspection | undefined,
  { identities, institution, passesOtherKeys }: RewrapKeys,
): boolean {
  if (institution !== undefined && envelope?.policy.institution !== institution) return true;
  if (!passesOtherKeys || !envelope) return false;
  const own = new Set(identities.map(({ keyId }) => keyId));
  return envelope.slots.every(({ keyId }) => keyId !== undefined && !own.has(keyId));
}

/** Whether it is sealed to these recipients and nobody else. What its slots claim is not believed: a key opens it. */
async function isCurrent(bytes: Uint8Array, { identities, to }: RewrapKeys): Promise<boolean> {
  const wanted = to.map(({ keyId }) => keyId).sort();
  const found = inspected(bytes)?.slots.map(({ keyId }) => keyId);
  if (`${found?.sort()}` !== `${wanted}`) return false;
  return rewrap(bytes, { identities, to, ignoreExpiry: true }).then(
    () => true,
    () => false,
  );
}

function inspected(bytes: Uint8Array): Inspection | undefined {
  try {
    return inspect(bytes);
  } catch {
    return undefined;
  }
}

const REMOVED = new Error("the envelope was removed");

/** What goes away by itself is tried again; what does not is the envelope's own fault. */
function outcomeOf(error: unknown): Outcome {
  if (error === REMOVED) return "absent";
  if (error instanceof StoreError) {
    return error.fault === "damaged" ? { poison: "storage-damaged" } : { later: `storage-${error.fault}` };
  }
  if (error instanceof Problem) return { poison: error.code };
  if (isBlindreelError(error))
    return error.code === "source-changed" ? { later: error.code } : { poison: error.code };
  return { later: "unexpected" };
}
