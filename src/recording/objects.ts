import { BlindreelError, truncated, wrongType } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { type ByteSource, claimedSize, type ReadOptions, readExactly } from "../source/byte-source.js";

/**
 * Finds a recording's stored objects by name (`objectName`): `(name) => httpSource(new URL(name, base))`, say.
 * `null` means that there is no such object; trouble in finding out must be thrown, or loss would be reported where
 * there is none. What it finds is treated as hostile until checked.
 */
export type ObjectLookup = (name: string, options: ReadOptions) => MaybePromise<ByteSource | null>;

/** Names of the stored objects that start with `prefix`, others being passed over. */
export type ObjectListing = (
  prefix: string,
  options: ReadOptions,
) => MaybePromise<Iterable<string> | AsyncIterable<string>>;

export async function lookUp(
  objects: ObjectLookup,
  name: string,
  { signal }: ReadOptions,
): Promise<ByteSource | null> {
  signal?.throwIfAborted();
  const source = await objects(name, signal ? { signal } : {});
  if (source !== null && typeof source?.read !== "function") {
    throw wrongType("what the lookup of an object returns", "a ByteSource or null", source);
  }
  return source;
}

export async function listNames(
  list: ObjectListing,
  prefix: string,
  { signal }: ReadOptions,
): Promise<string[]> {
  signal?.throwIfAborted();
  const names: string[] = [];
  for await (const name of await list(prefix, signal ? { signal } : {})) {
    signal?.throwIfAborted();
    if (typeof name !== "string") throw wrongType("every name of the listing", "a string", name);
    names.push(name);
  }
  return names;
}

/**
 * Reads a range that should be there. What sources say about a range past their end becomes one error.
 *
 * @throws BlindreelError `truncated` with where the object ends; `source-failed`.
 */
export async function readPart(
  source: ByteSource,
  name: string,
  start: number,
  end: number,
  options: ReadOptions,
): Promise<Bytes> {
  try {
    return await readExactly(source, start, end, options);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "out-of-range") throw error;
    throw truncated(name, await claimedSize(source, options));
  }
}

/** Where {@link readPart} found the object's end; undefined for any other failure. */
export function endOfTruncated(error: unknown): number | undefined {
  if (!(error instanceof BlindreelError) || error.code !== "truncated") return undefined;
  return (error as BlindreelError<"truncated">).details.offset;
}
