import { outOfRange, wrongType } from "../errors.js";
import { bytesArgument } from "../formats/bytes.js";
import { type NodeFiles, nodeFiles, syncFolder, writeDurably } from "../storage/node-files.js";
import type { IdentityFiles } from "./change-protection.js";

/**
 * Identity files in a folder, for `protectIdentity` and `changeProtection` in Node, Deno and Bun. A file is written beside its place,
 * flushed and renamed: after a crash or on a full disk it is the old one or the new one. Only its owner may read it (mode 0600).
 *
 * @param folder made, for its owner alone, where it is missing.
 * @throws TypeError; BlindreelError `unsupported-runtime` in browsers. Its calls reject with RangeError for a name with a path in
 *   it, and with errors of the file system.
 */
export function identityFolder(folder: string): IdentityFiles {
  if (typeof folder !== "string" || folder === "") throw wrongType("folder", "the path of a folder", folder);
  const node = nodeFiles();
  const { fs, path } = node;
  const base = path.resolve(folder);
  return {
    read: async (name) => new Uint8Array(await fs.readFile(placeOf(node, base, name))),
    async write(name, bytes) {
      const place = placeOf(node, base, name);
      const content = bytesArgument("bytes", bytes).slice();
      const partial = `${place}.partial`;
      await fs.mkdir(base, { recursive: true, mode: 0o700 });
      try {
        // One that a crash left may have other permissions.
        await fs.rm(partial, { force: true });
        await writeDurably(node, partial, content);
        await fs.rename(partial, place);
      } catch (error) {
        await fs.rm(partial, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncFolder(node, base);
    },
    async rename(from, to) {
      await fs.rename(placeOf(node, base, from), placeOf(node, base, to));
      await syncFolder(node, base);
    },
    async remove(name) {
      await fs.rm(placeOf(node, base, name), { force: true });
      await syncFolder(node, base);
    },
  };
}

function placeOf({ path }: NodeFiles, base: string, name: string): string {
  if (typeof name !== "string") throw wrongType("name", "a file's name", name);
  const place = path.join(base, name);
  if (name === "" || path.dirname(place) !== base || path.basename(place) !== name)
    throw outOfRange("name", "a file's name without a path", name);
  return place;
}
