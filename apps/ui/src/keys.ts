import { importIdentity, inspect, type KeyIdentity } from "blindreel";
import { identityStore } from "blindreel/identity-store";
import { importSigningKey, type ProtectableKey, type SigningKey, unlockIdentity } from "blindreel/keyset";
import { passkeyIdentity } from "blindreel/passkey";
import { importEncryptedIdentity, passphraseIdentity, passphraseRecipient } from "blindreel/passphrase";
import workerAddress from "blindreel/passphrase-worker?worker&url";
import type { XWingIdentity } from "blindreel/x-wing";
import { Problem } from "./problems.js";
import { trustedWorker } from "./trusted-worker.js";

/** Private keys: of files (plain, or protected by a passphrase or a passkey) and of the browser's store. */

export type OpeningKey = KeyIdentity | XWingIdentity;
/** What a key is for: it opens recordings, or it signs notes. */
export type KeyRole = "opens" | "signs";
export interface Keys {
  readonly opens: OpeningKey;
  readonly signs: SigningKey;
}

export interface KeyInput {
  /** The key's file; its public half may stand beside it. */
  readonly files: readonly Uint8Array[];
  readonly passphrase: string;
  readonly isPasskey: boolean;
  /** 64 hex digits, or empty. */
  readonly thumbprint: string;
  readonly onProgress?: (fraction: number) => void;
}

/** Argon2id leaves the page's own thread alone. */
export const createWorker = trustedWorker("passphrase-worker", workerAddress, { type: "module" });

type Jwk = Readonly<Record<string, string | undefined>>;

/** @throws Problem, BlindreelError as `unlockIdentity`. */
export async function readKey<R extends KeyRole>(role: R, input: KeyInput): Promise<Keys[R]> {
  const files = input.files.map((bytes): KeyFile => ({ bytes, jwk: jwkOf(bytes) }));
  const publicHalf = files.find(({ jwk }) => jwk && !isPrivate(jwk));
  const file = files.find(({ jwk }) => !jwk || isPrivate(jwk));
  if (!file) throw new Problem(publicHalf ? "public-key" : "no-key");
  const expected = input.thumbprint.toLowerCase() || (publicHalf && (await thumbprintOf(publicHalf.jwk!)));
  const key = (await readFile(role, file, { ...input, expected })) as Keys[R];
  if (expected && key.thumbprint !== expected) throw new Problem("other-key", key.thumbprint);
  return key;
}

interface KeyFile {
  readonly bytes: Uint8Array;
  readonly jwk: Jwk | undefined;
}

interface Expecting extends Omit<KeyInput, "files" | "thumbprint"> {
  readonly expected: string | undefined;
}

async function readFile(role: KeyRole, { bytes, jwk }: KeyFile, input: Expecting): Promise<Keys[KeyRole]> {
  if (jwk) return importJwk(role, jwk);
  const { passphrase, expected } = input;
  const text = new TextDecoder().decode(bytes);
  if (text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----")) {
    if (role === "signs") throw new Problem("encrypted-signing-key");
    if (!passphrase) throw new Problem("no-passphrase");
    return importEncryptedIdentity(text, passphrase, expected ? { expected } : {});
  }
  if (text.includes("-----BEGIN ")) return role === "signs" ? importSigningKey(text) : importIdentity(text);
  // What is no sealed file needs no passphrase either.
  inspect(bytes);
  if (!/^[0-9a-f]{64}$/.test(expected ?? "")) throw new Problem("no-thumbprint");
  const importKey = (found: never) => importJwk(role, found) as Promise<never>;
  return unlockIdentity<ProtectableKey>(bytes, {
    identities: unlocker(input),
    expected: expected!,
    importKey,
  }) as Promise<never>;
}

function unlocker({ passphrase, isPasskey, onProgress }: Expecting) {
  if (isPasskey) return passkeyIdentity({ rpId: location.hostname });
  if (!passphrase) throw new Problem("no-passphrase");
  return passphraseIdentity(passphrase, { createWorker, ...(onProgress && { onProgress }) });
}

async function importJwk(role: KeyRole, jwk: Jwk): Promise<Keys[KeyRole]> {
  const signs = jwk.crv === "Ed25519";
  if (signs !== (role === "signs")) throw new Problem(signs ? "key-signs" : "key-opens");
  if (signs) return importSigningKey(jwk as never);
  if (jwk.kty !== "AKP") return importIdentity(jwk as never);
  return (await import("blindreel/x-wing")).importXWingIdentity(jwk as never);
}

function jwkOf(bytes: Uint8Array): Jwk | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && "kty" in value ? (value as Jwk) : undefined;
  } catch {
    return undefined;
  }
}

const isPrivate = (jwk: Jwk): boolean => jwk.d !== undefined || jwk.priv !== undefined;

/** RFC 7638 §3.2: the required members, in the order of their names. */
async function thumbprintOf(jwk: Jwk): Promise<string> {
  const members = Object.fromEntries(
    ["alg", "crv", "kty", "pub", "x", "y"]
      .filter((name) => jwk[name] !== undefined && (name !== "alg" || jwk.kty === "AKP"))
      .map((name) => [name, jwk[name]]),
  );
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(members)));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Thumbprints of the keys that this browser keeps; none where it has no store. */
export async function keptKeys(): Promise<readonly string[]> {
  try {
    return (await identityStore().list()).map(({ thumbprint }) => thumbprint);
  } catch {
    return [];
  }
}

/** @throws Problem `lost-key`; BlindreelError as the store's `load`. */
export async function loadKept(
  thumbprint: string,
  passphrase: string,
  onProgress: (fraction: number) => void,
): Promise<OpeningKey> {
  const key = await identityStore().load<ProtectableKey>(thumbprint, {
    ...(passphrase && { identities: passphraseIdentity(passphrase, { createWorker, onProgress }) }),
    importKey: (jwk: never) => importJwk("opens", jwk) as Promise<never>,
  });
  if (key) return key as OpeningKey;
  throw new Problem("lost-key");
}

/** Keeps the key here: as one that scripts can use and not read, where the browser has such; else under the passphrase. */
export async function keep(key: OpeningKey, passphrase: string): Promise<void> {
  if (!("toJwk" in key)) return;
  await identityStore().save(
    key as ProtectableKey,
    passphrase ? { to: passphraseRecipient(passphrase, { createWorker }) } : {},
  );
}
