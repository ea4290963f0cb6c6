import type { Bytes } from "../../src/formats/bytes.js";

/** A stream over pieces, pulled one by one; cancelling it is no error of the test. */
export function readableOf(pieces: Iterable<Bytes>): ReadableStream<Bytes> {
  const iterator = pieces[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
