import { afterAll, afterEach, beforeAll, expect } from "vitest";

/** Fails every test of the file during which a promise was rejected and nobody handled it. */
export function refuseUnhandledRejections(): void {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  beforeAll(() => void process.on("unhandledRejection", listener));
  afterEach(async () => {
    // Node reports them once the microtasks have run; two turns of the loop are enough.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled.splice(0)).toEqual([]);
  });
  afterAll(() => void process.off("unhandledRejection", listener));
}
