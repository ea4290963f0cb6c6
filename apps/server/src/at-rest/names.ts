import { aessiv } from "@noble/ciphers/aes.js";

/** AES-256-SIV takes two keys of 256 bits. */
export const NAMES_KEY_LENGTH = 64;

const MOST_FOLDERS = 20_000;

/** What a sealed store's keys are called in the store below. */
export interface Names {
  seal(key: string): string;
  /** A folder's, without its `/`. */
  sealFolder(folder: string): string;
  /** @returns undefined for what was not made by `seal`. */
  open(sealed: string): string | undefined;
}

/**
 * Names by AES-SIV (RFC 5297), which is deterministic, so that a name finds its object: the first part of a key, then the rest
 * bound to it, in hex.
 */
export function sealedNames(key: Uint8Array): Names {
  /** Of folders, whose names come again with each of their objects. */
  const folders = new Map<string, string>();
  const sealFolder = (folder: string): string => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    if (folders.size >= MOST_FOLDERS) folders.clear();
    const sealed = seal("", folder);
    folders.set(folder, sealed);
    return sealed;
  };
  const seal = (place: string, text: string) =>
    Buffer.from(aessiv(key, Buffer.from(place)).encrypt(Buffer.from(text))).toString("hex");
  const open = (place: string, sealed: string) =>
    Buffer.from(aessiv(key, Buffer.from(place)).decrypt(Buffer.from(sealed, "hex"))).toString();
  return {
    sealFolder,
    seal(name) {
      const [folder, ...rest] = name.split("/") as [string, ...string[]];
      const first = sealFolder(folder);
      return rest.length === 0 ? first : `${first}/${seal(`in ${folder}`, rest.join("/"))}`;
    },
    open(sealed) {
      const [first, rest, ...more] = sealed.split("/") as [string, string?, ...string[]];
      if (more.length > 0) return undefined;
      try {
        const folder = open("", first);
        return rest === undefined ? folder : `${folder}/${open(`in ${folder}`, rest)}`;
      } catch {
        return undefined;
      }
    },
  };
}
