import { defaultProvider } from "../crypto/default.js";
import { randomBytes } from "../crypto/random.js";
import { recipientList } from "../envelope/recipients.js";
import { UNLOCK } from "../envelope/unlock.js";
import { BlindreelError } from "../errors.js";
import { type Bytes, bytesArgument, equalBytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import { thumbprintArgument } from "../keywrap/expected.js";
import type { ExportableIdentity, KeyIdentity } from "../keywrap/import.js";
import type { Identity, Recipient } from "../keywrap/types.js";
import {
  type ProtectableKey,
  type ProtectOptions,
  protectIdentity,
  type UnlockIdentityOptions,
  unlockIdentity,
} from "./identity-file.js";

/** The place of identity files: a folder, a browser's database. Each call is durable when its promise resolves. */
export interface IdentityFiles {
  read(name: string): Promise<Uint8Array>;
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Atomic, over a file of that name: whatever happens, `to` is the one or the other. */
  rename(from: string, to: string): Promise<void>;
  /** No error where there is none. */
  remove(name: string): Promise<void>;
}

/** Options of {@link changeProtection}. */
export interface ChangeProtectionOptions<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>
  extends UnlockIdentityOptions<K>,
    Pick<ProtectOptions, "to" | "signal"> {
  /** Open what is sealed `to`: the new file is reopened by them before the old one goes. */
  readonly newIdentities: Identity | readonly Identity[];
}

/** All of it is read, and lists are copied, before anything is awaited. */
const CHANGE = {
  identities: UNLOCK.identities,
  newIdentities: UNLOCK.identities,
  expected: thumbprintArgument,
  importKey: functionArgument,
  limits: UNLOCK.limits,
  crypto: UNLOCK.crypto,
  to: (_name: string, value: unknown) => recipientList(value as Recipient | readonly Recipient[]),
  signal: signalArgument,
};

/** Random bytes of a new file's name: two changes at once, in two tabs, say, never write one file. */
const SUFFIX_LENGTH = 8;

/**
 * Seals the identity of a file anew, to another passphrase or other keys. The new file is written beside the old one as
 * `<name>.<16 random digits>.new`, read back, and opened, before it takes the old one's name: after a failure at any
 * moment, a crash or a full disk, `name` holds the old file or the new one, and opens.
 *
 * A crash may leave a file of that other name: whole, it opens by the new protection; delete it.
 *
 * Whoever has a copy of the old file and its passphrase still opens that.
 *
 * @returns the identity.
 * @throws BlindreelError as `unlockIdentity` and `protectIdentity`; `storage-failed` where the new file does not read back; what
 *   `files` throws; `signal.reason`. The old file is kept then, or, where `rename` did its work and failed, the new one.
 */
export async function changeProtection<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>(
  files: IdentityFiles,
  name: string,
  given: ChangeProtectionOptions<K>,
): Promise<K> {
  const options = readOptions<ChangeProtectionOptions<K>>(
    "options",
    given,
    CHANGE as Checks<ChangeProtectionOptions<K>>,
    ["identities", "newIdentities", "expected", "to"],
  );
  const { to, newIdentities, signal, ...unlocking } = options;
  const crypto = unlocking.crypto && { crypto: unlocking.crypto };
  const identity = await unlockIdentity<K>(await contentOf(files, name), unlocking);
  const sealed = await protectIdentity(identity, { to, ...crypto, ...(signal && { signal }) });
  const suffix = randomBytes(unlocking.crypto ?? defaultProvider(), SUFFIX_LENGTH);
  const next = `${name}.${encodeHex(suffix)}.new`;
  try {
    await files.write(next, sealed.slice());
    const written = await contentOf(files, next);
    if (!equalBytes(written, sealed)) throw notReadBack();
    await unlockIdentity<K>(written, { ...unlocking, identities: newIdentities });
    signal?.throwIfAborted();
    await files.rename(next, name);
  } catch (error) {
    await files.remove(next).catch(() => undefined);
    throw error;
  }
  return identity;
}

async function contentOf(files: IdentityFiles, name: string): Promise<Bytes> {
  return bytesArgument(`what is read of ${name}`, await files.read(name));
}

function notReadBack(): BlindreelError<"storage-failed"> {
  const message = "the new identity file reads back as something else; the old one is kept";
  return new BlindreelError("storage-failed", message, undefined);
}
