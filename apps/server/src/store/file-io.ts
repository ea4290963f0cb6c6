import { type FileHandle, open } from "node:fs/promises";
import { StoreError } from "./store.js";

/** @param length of all pieces, in bytes. */
export async function writeAll(handle: FileHandle, pieces: Uint8Array[], length: number): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces);
  if (bytesWritten === length) return;
  // A disk that is nearly full takes a part.
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  for (let done = 0; done < rest.length; )
    done += (await handle.write(rest, done, rest.length - done)).bytesWritten;
}

export async function flush(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

export function storeError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || error instanceof StoreError) return error;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  // Without its cause: that names the path.
  return new StoreError(isFull ? "full" : "down", `the folder's file system answers ${code}`);
}

export async function io<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storeError(error);
  }
}

/** Undefined for failures of these codes. */
export async function attempt<T>(
  action: () => Promise<T>,
  ...codes: readonly string[]
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (codes.includes(codeOf(error) ?? "")) return undefined;
    throw storeError(error);
  }
}
