import { Problem } from "./problem.js";
import type { StoredObject } from "./store/store.js";

const READ_LENGTH = 256 * 1024;

/** Half-open, in bytes. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * RFC 9110 §14: one range of bytes. Several, and what is none, are as no range.
 *
 * @throws Problem 416 for one that begins behind the end.
 */
export function rangeOf(header: string | undefined, size: number): Range | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  if (start >= size) throw new Problem(416, "range", { "Content-Range": `bytes */${size}` });
  return { start, end };
}

/** Reads as it is read. The object is closed at the end, on failure and when nobody reads on. */
export function streamRange(object: StoredObject, { start, end }: Range): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream(
    {
      async pull(controller) {
        const next = Math.min(end, position + READ_LENGTH);
        try {
          controller.enqueue(await object.read(position, next));
        } catch (error) {
          await object.close();
          throw error;
        }
        position = next;
        if (position < end) return;
        await object.close();
        controller.close();
      },
      cancel: () => object.close(),
    },
    { highWaterMark: 0 },
  );
}
