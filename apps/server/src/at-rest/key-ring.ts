import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { openBytes, sealBytes } from "blindreel/stream";

/**
 * The seam to what holds the master key: a file, or a KMS (whose `Encrypt` and `Decrypt` these are, with the label as its
 * encryption context). Only data keys pass through it, a few each month.
 */
export interface KeyRing {
  /** Wraps under the current master key. */
  wrap(dataKey: Uint8Array, label: string): Promise<Uint8Array>;
  /** @throws Error for another label, altered bytes, or a master key that is not there any more. */
  unwrap(wrapped: Uint8Array, label: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Whether it is wrapped under the current master key. */
  isCurrent(wrapped: Uint8Array): boolean;
}

const KEY_LENGTH = 32;
const ID_LENGTH = 8;

interface MasterKey {
  readonly id: Buffer;
  readonly key: Uint8Array<ArrayBuffer>;
}

function masterKey(key: Uint8Array<ArrayBuffer>): MasterKey {
  if (key.length !== KEY_LENGTH)
    throw new RangeError(`a master key has ${KEY_LENGTH} bytes, not ${key.length}`);
  const hash = createHash("sha256").update("blindreel-server master key").update(key);
  return { id: hash.digest().subarray(0, ID_LENGTH), key };
}

/**
 * Master keys in memory. Wrapped: the master key's id, then a Cobblestone-256 message.
 *
 * @param keys 32 random bytes each, the current one last.
 */
export function masterKeys(keys: readonly Uint8Array<ArrayBuffer>[]): KeyRing {
  const known = keys.map(masterKey);
  const current = known.at(-1);
  if (!current) throw new RangeError("a key ring has one master key at least");
  const streamKey = ({ key }: MasterKey, label: string) => ({
    key,
    context: new Uint8Array(Buffer.from(`blindreel-server data key ${label}`)),
  });
  return {
    wrap: async (dataKey, label) =>
      Buffer.concat([current.id, await sealBytes(dataKey, streamKey(current, label))]),
    async unwrap(wrapped, label) {
      const master = known.find(({ id }) => id.equals(wrapped.subarray(0, ID_LENGTH)));
      if (!master) throw new Error(`the master key of the data key ${label} is not in the key file`);
      return openBytes(wrapped.subarray(ID_LENGTH), streamKey(master, label));
    },
    isCurrent: (wrapped) => current.id.equals(wrapped.subarray(0, ID_LENGTH)),
  };
}

/**
 * Master keys from a file: one key in base64url on each line, the current one last.
 *
 * @throws Error for a file that others may read, or another content.
 */
export async function readKeyFile(path: string): Promise<KeyRing> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new Error(`the key file's mode is ${(mode & 0o777).toString(8)}; it must be 600`);
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  return masterKeys(
    lines.map((line, index) => {
      if (!/^[A-Za-z0-9_-]{43}$/.test(line))
        throw new Error(`line ${index + 1} of the key file is no key: 32 bytes in base64url`);
      return new Uint8Array(Buffer.from(line, "base64url"));
    }),
  );
}
