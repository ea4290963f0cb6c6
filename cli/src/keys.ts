import {
  type ExportableIdentity,
  importIdentity,
  importRecipient,
  isBlindreelError,
  type KeyIdentity,
  type Recipient,
} from "blindreel";
import type {
  ProtectableIdentity,
  ProtectableKey,
  PublishableRecipient,
  SigningJwk,
  SigningKey,
} from "blindreel/keyset";
import { CliError } from "./cli-error.js";
import { openInput, readSmall } from "./input.js";
import { publicPathOf } from "./key-files.js";
import { type PassphraseOptions, readPassphrase } from "./passphrase.js";

/** A key file has a few thousand bytes; nothing larger is worth reading. */
const KEY_FILE_CEILING = 64 * 1024;

/** A public key that seals and can be published. */
export type PublicKey = Recipient & PublishableRecipient;

/** Reads public keys, JWK or PEM. @throws CliError `bad-key-file`, `input-unreadable`. */
export function loadRecipients(paths: readonly string[]): Promise<PublicKey[]> {
  return Promise.all(paths.map((path) => loadKey(path, async (bytes) => recipientOf(textOf(path, bytes)))));
}

export async function recipientOf(text: string): Promise<PublicKey> {
  if (!isHybrid(text)) return importRecipient(text);
  const { importXWingRecipient } = await import("blindreel/x-wing");
  return importXWingRecipient(text);
}

/**
 * Reads private keys: JWK, PEM, encrypted PEM, and identity files, whose passphrase is asked for.
 *
 * @throws CliError `bad-key-file`, `input-unreadable`, `authentication-failed`, `usage`.
 */
export async function loadIdentities(
  paths: readonly string[],
  options: PassphraseOptions = {},
): Promise<ProtectableIdentity[]> {
  const identities: ProtectableIdentity[] = [];
  // One by one: a terminal asks one question at a time.
  for (const path of paths) identities.push(await loadPrivate(path, options, identityOf));
  return identities;
}

/** Reads a private signing key. @throws CliError as {@link loadIdentities}. */
export function loadSigningKey(path: string, options: PassphraseOptions = {}): Promise<SigningKey> {
  return loadPrivate<SigningKey>(path, options, async (text) =>
    (await import("blindreel/keyset")).importSigningKey(text),
  );
}

/** Reads a public signing key. @throws CliError `bad-key-file`, `input-unreadable`. */
export function loadSigningJwk(path: string): Promise<SigningJwk> {
  return loadKey(path, async (bytes) => {
    const jwk = JSON.parse(textOf(path, bytes)) as SigningJwk & { readonly d?: string };
    if (jwk.crv !== "Ed25519")
      throw badKeyFile(path, "a public Ed25519 key as JWK is needed (keygen --signing)");
    if (jwk.d !== undefined) throw badKeyFile(path, "it is a private key; give the public one (.pub.jwk)");
    return { kty: "OKP", crv: "Ed25519", x: jwk.x };
  });
}

async function identityOf(text: string): Promise<ProtectableIdentity> {
  if (!isHybrid(text)) return importIdentity(text);
  const { importXWingIdentity } = await import("blindreel/x-wing");
  return importXWingIdentity(text);
}

const isHybrid = (text: string): boolean => /"kty"\s*:\s*"AKP"/.test(text);

async function loadPrivate<K extends ProtectableKey>(
  path: string,
  options: PassphraseOptions,
  importKey: (text: string) => Promise<K>,
): Promise<K> {
  return loadKey(path, async (bytes) => {
    if (isIdentityFile(bytes)) {
      const expected = await thumbprintBeside(path);
      const { unlockIdentity } = await import("blindreel/keyset");
      const { passphraseIdentity } = await import("blindreel/passphrase");
      const identities = passphraseIdentity(await readPassphrase(path, options));
      const importJwk = (jwk: object): Promise<K> => importKey(JSON.stringify(jwk));
      return unlockIdentity<K>(bytes, { identities, expected, importKey: importJwk as never });
    }
    const text = textOf(path, bytes);
    if (!text.includes("BEGIN ENCRYPTED PRIVATE KEY")) return importKey(text);
    const { importEncryptedIdentity } = await import("blindreel/passphrase");
    const opened: ExportableIdentity<KeyIdentity> = await importEncryptedIdentity(
      text,
      await readPassphrase(path, options),
    );
    return importKey(JSON.stringify(opened.toJwk()));
  });
}

const MAGIC = new TextEncoder().encode("BLINDREEL");

export const isIdentityFile = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** An identity file says who opens it and not whose key it holds: that is said by the public key beside it. */
async function thumbprintBeside(path: string): Promise<string> {
  const beside = publicPathOf(path);
  try {
    return await loadKey(beside, async (bytes) => thumbprintOf(textOf(beside, bytes)));
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== "input-unreadable") throw error;
    const message = `its public key ${beside} is needed beside it, to know that the key inside is the right one`;
    throw badKeyFile(path, message, error);
  }
}

async function thumbprintOf(text: string): Promise<string> {
  const jwk = text.startsWith("{") ? (JSON.parse(text) as { readonly crv?: string }) : {};
  if (jwk.crv === "Ed25519") return signingThumbprint(jwk as SigningJwk);
  return (await recipientOf(text)).thumbprint;
}

/** RFC 7638 over the required members in their order, 64 hex digits. */
export async function signingThumbprint({ crv, kty, x }: SigningJwk): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify({ crv, kty, x }));
  return Buffer.from(await crypto.subtle.digest("SHA-256", text)).toString("hex");
}

async function loadKey<T>(path: string, importKey: (bytes: Uint8Array) => Promise<T>): Promise<T> {
  const input = await openInput(path, `the same file as ${path}, which is read here`);
  try {
    return await importKey(
      await readSmall(input, KEY_FILE_CEILING, (name) => badKeyFile(name, "it is far too long")),
    );
  } catch (error) {
    // The SDK's messages name what is wrong with a key and never what is in it.
    if (isBlindreelError(error)) {
      if (error.code === "authentication-failed")
        throw new CliError(error.code, `${path} does not open: another passphrase, or it was altered`, {
          cause: error,
        });
      throw badKeyFile(path, error.message, error);
    }
    throw error;
  } finally {
    await input.close();
  }
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badKeyFile(path, "it is not text");
  }
}

function badKeyFile(path: string, reason: string, cause?: unknown): CliError {
  return new CliError("bad-key-file", `${path} is not a usable key file: ${reason}`, { cause });
}
