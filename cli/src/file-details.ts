import { basename, extname } from "node:path";
import type { JsonObject, JsonValue } from "blindreel";
import type { Input } from "./input.js";

/** What `seal` puts into the sealed metadata by itself, under `file`: names are sealed, never in the clear. */
export interface FileDetails {
  readonly name?: string;
  readonly type?: string;
  /** In bytes. */
  readonly size?: number;
}

/** Media types of what recordings, their transcripts and archives are stored as; the first extension of each is written. */
const TYPES: Readonly<Record<string, string>> = {
  ".aac": "audio/aac",
  ".csv": "text/csv",
  ".flac": "audio/flac",
  ".gz": "application/gzip",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".json": "application/json",
  ".m4a": "audio/mp4",
  ".mkv": "video/matroska",
  ".mov": "video/quicktime",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".ogg": "audio/ogg",
  ".opus": "audio/ogg",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".tar": "application/x-tar",
  ".txt": "text/plain",
  ".wav": "audio/wav",
  ".weba": "audio/webm",
  ".webm": "video/webm",
  ".zip": "application/zip",
};

/** @param type a media type, with or without parameters. @returns "" for one that is not in the table. */
export function extensionOf(type: string): string {
  const plain = type.split(";")[0]!.trim().toLowerCase();
  return Object.keys(TYPES).find((extension) => TYPES[extension] === plain) ?? "";
}

/** Nothing is known about standard input or a pipe but its content. */
export function detailsOf({ path, size }: Input): JsonObject | undefined {
  if (path === undefined || size === undefined) return undefined;
  const type = TYPES[extname(path).toLowerCase()];
  return { name: basename(path), size, ...(type === undefined ? {} : { type }) };
}

/** Reads `file` out of opened metadata, which may have been written by any sealer: what has other types is left out. */
export function readDetails(metadata: JsonObject | undefined): FileDetails {
  const file: JsonValue | undefined = metadata?.file;
  if (typeof file !== "object" || file === null || Array.isArray(file)) return {};
  const { name, type, size } = file as JsonObject;
  return {
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof type === "string" ? { type } : {}),
    ...(typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
  };
}

/** Leaves room for a suffix below the 255 bytes of common file systems. */
const LONGEST_NAME = 180;

/** What Windows takes for a device with any extension, in superscript digits too, and what its shell acts on by being there. */
const RESERVED =
  /^(?:(?:con|prn|aux|nul|(?:com|lpt)[\d\u00b9\u00b2\u00b3])(?:[. ]|$)|(?:desktop\.ini|autorun\.inf|thumbs\.db)$)/i;

/** All but letters, their marks, digits, and what is not special to shells and file systems. */
const ODD = /[^\p{L}\p{M}\p{N} ._()+,=@[\]-]|\p{Default_Ignorable_Code_Point}/gu;

/**
 * A name to write to, made of one that the sealer chose: a single path component, not hidden, not an option, without
 * characters that terminals, shells or file systems interpret.
 *
 * @returns undefined where nothing is left of it.
 */
export function safeFileName(name: string): string | undefined {
  const last = name.split(/[/\\]/).at(-1)!.normalize("NFC");
  const short = trimmed(shortened(trimmed(last.replace(ODD, "_"))));
  if (short === "") return undefined;
  return RESERVED.test(short) ? `_${short}` : short;
}

/** Without what hides a name, makes it an option, belongs to a character before it, or is dropped by Windows. */
function trimmed(name: string): string {
  return name.replace(/^[\s.\p{M}-]+/u, "").replace(/[\s.]+$/, "");
}

/** Cuts in the middle of the stem: the extension is what tells programs what it is. */
function shortened(name: string): string {
  const extension = Buffer.byteLength(extname(name)) <= 16 ? extname(name) : "";
  const stem = [...name.slice(0, name.length - extension.length)];
  while (Buffer.byteLength(stem.join("")) > LONGEST_NAME - Buffer.byteLength(extension)) stem.pop();
  return stem.join("") + extension;
}
