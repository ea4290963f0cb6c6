import { expect } from "vitest";

/** A painted picture's differences, of 255, from the original's frame at that moment, and from the frames before and behind it. */
export type Compared = readonly [before: number, same: number, behind: number];

/**
 * The very frame: those beside it differ by 8 and more where it differs by 6 or less. Engines take the colours of a file with and
 * without such a note for different ones, so the frame itself differs too.
 */
export function expectFrame([before, same, behind]: Compared, what: string): void {
  const message = `${what}: ${same}; the frame before ${before}, behind ${behind}`;
  expect(same, message).toBeLessThan(0.9 * before);
  expect(same, message).toBeLessThan(0.9 * behind);
}
