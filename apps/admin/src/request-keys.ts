import { generateIdentity } from "blindreel";
import { identityStore } from "blindreel/identity-store";
import { type ProtectableIdentity, protectIdentity } from "blindreel/keyset";
import { passphraseRecipient } from "blindreel/passphrase";
import { createWorker } from "blindreel-ui/keys";
import type { Office } from "./office.js";

/** Keys that open grants: one for each request, deleted when it ends. */

const PLACE = "request key ";

/** A fresh one, hybrid where the institution's keys are: a grant must not be weaker than its recordings. */
export async function newRequestKey({ buckets }: Office): Promise<ProtectableIdentity> {
  if (!buckets.some(({ jwk }) => jwk.kty === "AKP")) return generateIdentity();
  return (await import("blindreel/x-wing")).generateXWingIdentity();
}

/** Keeps it in this browser, where the reviewer's page finds it. @throws BlindreelError as the store's `save`. */
export async function keepRequestKey(identity: ProtectableIdentity, notAfter: Date): Promise<void> {
  await identityStore().save(identity);
  localStorage.setItem(PLACE + identity.thumbprint, notAfter.toISOString());
}

/** @returns an identity file. */
export const protectRequestKey = (identity: ProtectableIdentity, passphrase: string) =>
  protectIdentity(identity, { to: passphraseRecipient(passphrase, { createWorker }) });

/** Erases those of requests that have ended. Only what this page kept: a server's papers do not decide it. */
export async function forgetEndedKeys(now = Date.now()): Promise<void> {
  for (const place of Object.keys(localStorage)) {
    if (!place.startsWith(PLACE) || Date.parse(localStorage.getItem(place)!) > now) continue;
    await identityStore().remove(place.slice(PLACE.length));
    localStorage.removeItem(place);
  }
}
