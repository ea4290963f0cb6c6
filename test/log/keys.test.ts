import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { KeyHolder } from "../../src/log/keys.js";
import { caught, expectCode, expectErrorCode } from "../helpers/errors.js";

const holderOf = (key: Bytes) => new KeyHolder({ key }, "the recording");

describe("a key holder", () => {
  it("L9 wipes when the last user has ended, and lends to nobody after close", async () => {
    const key = new Uint8Array(32).fill(7);
    const holder = holderOf(key);
    let finish!: () => void;
    const running = holder.use(async (keys) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return keys.key[0];
    });
    const closing = holder.close();
    await expectCode(() => holder.use(async () => 1), "closed");
    expect(holder.signal.aborted).toBe(true);
    expectErrorCode(holder.signal.reason, "closed");
    expect(key[0]).toBe(7);
    finish();
    expect(await running).toBe(7);
    await closing;
    expect(key.every((byte) => byte === 0)).toBe(true);
    expect(holder.close()).toBe(closing);
  });

  it("L9 counts a user that fails as ended, and one that runs inside another", async () => {
    const key = new Uint8Array(32).fill(7);
    const holder = holderOf(key);
    const failure = new Error("x");
    const failed = holder.use(() => holder.use(() => Promise.reject(failure)));
    expect(await caught(() => failed)).toBe(failure);
    expect(key[0]).toBe(7);
    await holder.close();
    expect(key[0]).toBe(0);
  });

  it("L9 wipes before the next user where there is none", async () => {
    const key = new Uint8Array(32).fill(7);
    const closing = holderOf(key).close();
    await closing;
    expect(key[0]).toBe(0);
  });
});
