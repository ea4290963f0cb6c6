import {
  type ExportableIdentity,
  importIdentity,
  importRecipient,
  isBlindreelError,
  type X25519Recipient,
} from "blindreel";
import { CliError } from "./cli-error.js";
import { readSmallText } from "./input.js";

/** A key file has a few hundred bytes; nothing larger is worth reading. */
const KEY_FILE_CEILING = 64 * 1024;

/** Reads public keys, JWK or PEM. @throws CliError `bad-key-file`, `input-unreadable`. */
export function loadRecipients(paths: readonly string[]): Promise<X25519Recipient[]> {
  return Promise.all(paths.map((path) => loadKey(path, (text) => importRecipient(text))));
}

/** Reads private keys, JWK or PEM. @throws CliError `bad-key-file`, `input-unreadable`. */
export function loadIdentities(paths: readonly string[]): Promise<ExportableIdentity[]> {
  return Promise.all(paths.map((path) => loadKey(path, (text) => importIdentity(text))));
}

async function loadKey<T>(path: string, importKey: (text: string) => Promise<T>): Promise<T> {
  try {
    const text = await readSmallText(path, KEY_FILE_CEILING, (name, what) =>
      badKeyFile(name, what === "long" ? "it is far too long" : "it is not text"),
    );
    return await importKey(text);
  } catch (error) {
    // The SDK's messages name what is wrong with a key and never what is in it.
    if (isBlindreelError(error)) throw badKeyFile(path, error.message, error);
    throw error;
  }
}

function badKeyFile(path: string, reason: string, cause?: unknown): CliError {
  return new CliError("bad-key-file", `${path} is not a usable key file: ${reason}`, { cause });
}
