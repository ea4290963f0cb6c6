/** The program of the pages that test identities at rest: what they need, as a global `tools`. */

import { isBlindreelError } from "../../src/errors.js";
import { protectIdentity, unlockIdentity } from "../../src/keyset/identity-file.js";
import { generateIdentity, importIdentity } from "../../src/keywrap/import.js";
import { createPasskey, passkeyIdentity, passkeyRecipients } from "../../src/keywrap/passkey.js";
import { passphraseIdentity, passphraseRecipient } from "../../src/keywrap/passphrase.js";

/** What came of an action: its result, or its error's code, reason and message. */
async function outcome<T>(action: () => Promise<T>): Promise<T | string> {
  try {
    return await action();
  } catch (error) {
    if (!isBlindreelError(error)) return String(error);
    const { reason } = (error.details ?? {}) as { reason?: string };
    return `${error.code}${reason ? ` ${reason}` : ""}: ${error.message}`;
  }
}

/** Tasks of this thread that took 50 ms or more while `action` ran (Long Tasks §3). */
async function longTasks(action: () => Promise<unknown>): Promise<number[]> {
  const long: number[] = [];
  const note = (list: PerformanceObserverEntryList): void => {
    for (const { duration } of list.getEntries()) long.push(duration);
  };
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));
  await settle();
  const observer = new PerformanceObserver(note);
  observer.observe({ entryTypes: ["longtask"] });
  await action();
  await settle();
  observer.disconnect();
  return long;
}

/** Holds the thread. */
function spin(milliseconds: number): void {
  for (const start = performance.now(); performance.now() - start < milliseconds; );
}

const tools = {
  createPasskey,
  generateIdentity,
  importIdentity,
  longTasks,
  outcome,
  passkeyIdentity,
  passkeyRecipients,
  passphraseIdentity,
  passphraseRecipient,
  protectIdentity,
  spin,
  unlockIdentity,
};

export type IdentityTools = typeof tools;
Object.assign(globalThis, { tools });
