import { nobleSha256 } from "../crypto/noble-hash.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, equalBytes } from "../formats/bytes.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import { type FolderLock, lockFolder } from "../storage/directory-lock.js";
import { type NodeFiles, nodeFiles, syncFolder, writeDurably } from "../storage/node-files.js";
import type { StoredEnvelope } from "./rewrap-all.js";

/** Options of {@link envelopesIn}. */
export interface EnvelopesInOptions {
  /** Which files are envelopes, by path; `envelope` in any folder unless stated. */
  readonly isEnvelope?: (path: string) => boolean;
}

const OPTIONS: Checks<EnvelopesInOptions> = { isEnvelope: functionArgument };

/** Attempts to lock a folder that another rewrap has locked, and milliseconds between them. */
const LOCK_ATTEMPTS = 200;
const LOCK_WAIT = 50;

/**
 * The envelopes in a folder and its subfolders, for `rewrapAll`, in Node, Deno and Bun. A replacement is written beside the old
 * envelope, synced and renamed over it, while the folder is locked and the old one's hash is what was read.
 *
 * @throws BlindreelError `unsupported-runtime` in browsers; the iteration fails with errors of the file system.
 */
export async function* envelopesIn(
  folder: string,
  given?: EnvelopesInOptions,
): AsyncGenerator<StoredEnvelope, void, undefined> {
  const node = nodeFiles();
  const { path } = node;
  const { isEnvelope = (file: string) => path.basename(file) === "envelope" } =
    readOptions<EnvelopesInOptions>("options", given, OPTIONS);
  yield* walk(node, folder, isEnvelope);
}

async function* walk(
  node: NodeFiles,
  folder: string,
  isEnvelope: (path: string) => boolean,
): AsyncGenerator<StoredEnvelope, void, undefined> {
  for await (const entry of await node.fs.opendir(folder)) {
    const file = node.path.join(folder, entry.name);
    // Symbolic links are neither: nothing outside of the folder is replaced.
    if (entry.isDirectory()) yield* walk(node, file, isEnvelope);
    else if (entry.isFile() && isEnvelope(file)) yield envelopeAt(node, file);
  }
}

function envelopeAt(node: NodeFiles, file: string): StoredEnvelope {
  const { fs, path } = node;
  const folder = path.dirname(file);
  return {
    name: file,
    bytes: async ({ signal }) => fs.readFile(file, signal ? { signal } : {}),
    async replace(hash, replacement, { signal }) {
      const lock = await waitForLock(node, folder, signal);
      try {
        const stored = new Uint8Array(await fs.readFile(file));
        if (!equalBytes(nobleSha256(stored), hash)) return false;
        const next = `${file}.next`;
        await writeDurably(node, next, replacement as Bytes);
        await fs.chmod(next, (await fs.stat(file)).mode);
        await lock.check();
        await fs.rename(next, file);
        await syncFolder(node, folder);
        return true;
      } finally {
        await lock.release();
      }
    },
  };
}

async function waitForLock(node: NodeFiles, folder: string, signal?: AbortSignal): Promise<FolderLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lockFolder(node, folder, folder);
    } catch (error) {
      if (!isBlindreelError(error) || error.code !== "journal-in-use" || attempt === LOCK_ATTEMPTS)
        throw error;
    }
    await new Promise((resolve) => node.timers.setTimeout(resolve, LOCK_WAIT * (0.5 + Math.random())));
    signal?.throwIfAborted();
  }
}
