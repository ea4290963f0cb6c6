import { BlindreelError } from "../errors.js";
import { type Bytes, concatBytes } from "./bytes.js";
import { type Codec, constant } from "./codec.js";
import { FORMAT_VERSION } from "./constants.js";

/** The start of every object of the format: magic, then version (format-v1, "Identifiers"). */
export interface ObjectStart {
  readonly magic: undefined;
  readonly version: undefined;
}

export function startOf(magic: Bytes): Bytes {
  return concatBytes(magic, Uint8Array.of(FORMAT_VERSION));
}

/** {@link startOf} as codecs of a struct. @param what names the object in errors. */
export function objectStart(
  magic: Bytes,
  what: string,
): { readonly [K in keyof ObjectStart]: Codec<undefined> } {
  return {
    magic: constant(magic, (reader) =>
      reader.malformed(`does not start with ${String.fromCharCode(...magic)}`),
    ),
    version: constant(Uint8Array.of(FORMAT_VERSION), (_reader, [version]) =>
      unsupportedVersion(what, version!),
    ),
  };
}

export function unsupportedVersion(what: string, version: number): BlindreelError<"unsupported-version"> {
  const message = `${what} has format version ${version}; this software reads version ${FORMAT_VERSION}`;
  return new BlindreelError("unsupported-version", message, { version });
}
