import { describe, expect, it } from "vitest";
import {
  deriveCommitment,
  deriveContentKey,
  deriveManifestKey,
  deriveMetadataKey,
  deriveReadKey,
  deriveSegmentKey,
  envelopeMac,
} from "../../src/envelope/key-schedule.js";
import { type Bytes, isAllZero } from "../../src/formats/bytes.js";
import { createOpener, createSealer, openBytes, sealBytes, sealReadable } from "../../src/stream/index.js";
import { backends } from "../helpers/backends.js";
import { pattern } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

describe.each(backends)("the key schedule on $name", (crypto) => {
  const zeros: Bytes = new Uint8Array(32);
  const hash = pattern(32);

  it("takes no key of zeros: one that was wiped makes no key (L9, faults L1 and L12)", async () => {
    const derivations = [
      () => deriveReadKey(crypto, zeros),
      () => deriveMetadataKey(crypto, zeros, hash),
      () => deriveCommitment(crypto, zeros, hash),
      () => deriveContentKey(crypto, zeros, hash),
      () => deriveManifestKey(crypto, zeros, hash),
      () => deriveSegmentKey(crypto, zeros, pattern(30)),
      () => envelopeMac(crypto, zeros, hash, hash),
    ];
    for (const derive of derivations) await expectCode(derive, "closed");
  });

  it("seals and opens no stream under zeros", async () => {
    const streamKey = { key: zeros, context: hash };
    await expectCode(() => sealBytes(hash, streamKey, { crypto }), "closed");
    await expectCode(() => openBytes(pattern(200), streamKey, { crypto }), "closed");
    await expectCode(() => createSealer(streamKey, { crypto }), "closed");
    await expectCode(() => createOpener(pattern(56), streamKey, { crypto }), "closed");
    const reader = sealReadable([hash], streamKey, { crypto }).getReader();
    await expectCode(() => reader.read(), "closed");
  });

  it("gives every segment a key of its own, and leaves the content key as it is", async () => {
    const contentKey = pattern(32);
    const header = pattern(30);
    const keys = new Set<string>();
    for (let at = 0; at < 30; at++) {
      const other = header.slice();
      other[at]! ^= 1;
      const key = await deriveSegmentKey(crypto, contentKey, other);
      expect(isAllZero(key)).toBe(false);
      keys.add(String(key));
    }
    expect(keys.size).toBe(30);
    expect(contentKey).toEqual(pattern(32));
  });
});
