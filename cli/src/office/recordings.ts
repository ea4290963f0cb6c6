import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Identity, inspect, inspectionLength, type Recipient } from "blindreel";
import {
  coreHashOf,
  envelopesIn,
  type RewrapOutcome,
  rewrapAll,
  type StoredEnvelope,
} from "blindreel/keyset";
import { inputUnreadable, usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { startProgress } from "../progress.js";

/** The stored envelope of a sealed file, or of a recording by its folder. @throws CliError `input-unreadable`; as `inspect`. */
export async function readEnvelope(path: string): Promise<Uint8Array> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, "envelope") : path;
    const bytes = new Uint8Array(await readFile(file));
    // Of a sealed file, what is before its segment.
    const head = bytes.subarray(0, inspectionLength(bytes));
    return bytes.subarray(0, inspect(head, { size: bytes.length }).envelopeLength);
  } catch (error) {
    throw explain(inputIfSystem(path, error), path);
  }
}

function inputIfSystem(path: string, error: unknown): unknown {
  return typeof (error as { syscall?: unknown }).syscall === "string" ? inputUnreadable(path, error) : error;
}

/** A recording by coreHash, or by its file or folder. @returns 64 hex digits. */
export async function coreHashNamed(what: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(what)) return what.toLowerCase();
  return coreHashOf(await readEnvelope(what)).catch((error: unknown) => {
    throw explain(error, what);
  });
}

/** All stored envelopes of a folder. @throws CliError `input-unreadable`. */
export async function* storedEnvelopes(folder: string): AsyncGenerator<StoredEnvelope, void, undefined> {
  try {
    yield* envelopesIn(folder);
  } catch (error) {
    throw inputUnreadable(folder, error);
  }
}

export interface BulkRewrap {
  readonly identities: readonly Identity[];
  readonly to: readonly Recipient[];
  /** Which recordings; all unless stated. */
  readonly only?: (envelope: Uint8Array) => Promise<boolean> | boolean;
  readonly json?: boolean | undefined;
}

export interface RewrapCounts {
  readonly rewrapped: number;
  /** Each opens as before. */
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/** Rewraps recordings of a folder, with a bar. */
export async function rewrapFolder(
  folder: string,
  { only = () => true, json, ...options }: BulkRewrap,
): Promise<RewrapCounts> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw usageError(`${folder} is no folder of recordings`);
  async function* chosen() {
    for await (const envelope of storedEnvelopes(folder))
      if (await only(await envelope.bytes({}))) yield envelope;
  }
  const progress = startProgress({ verb: "rewrapping", total: undefined, unit: "recordings", json });
  const failed: { name: string; reason: string }[] = [];
  let rewrapped = 0;
  try {
    for await (const outcome of rewrapAll(chosen(), { ...options, ignoreExpiry: true })) {
      progress.add(1);
      if (outcome.state === "rewrapped") rewrapped++;
      if (outcome.state === "failed") failed.push({ name: outcome.name, reason: reasonOf(outcome) });
    }
  } finally {
    progress.stop();
  }
  return { rewrapped, failed };
}

const reasonOf = ({ name, error }: Extract<RewrapOutcome, { state: "failed" }>): string =>
  explain(error, name).message;
