import { write } from "node:fs";

/** Writes all of `chunk` to a file descriptor: a single write may stop short, as on a disk that is nearly full. */
export async function writeAll(descriptor: number, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(descriptor, chunk, done, chunk.length - done, null, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    });
  }
}
