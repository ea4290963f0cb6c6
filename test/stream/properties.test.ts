import { createDecipheriv, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { bytesSource } from "../../src/source/bytes.js";
import { ChunkCipher, chunkNonce } from "../../src/stream/chunk.js";
import { claimedPlaintextLength, sealedLength } from "../../src/stream/geometry.js";
import { openBytes, openReadable } from "../../src/stream/open.js";
import { openRandomAccess } from "../../src/stream/random-access.js";
import { sealBytes, sealReadable } from "../../src/stream/seal.js";
import { OPENING, SEALING, Transcoder } from "../../src/stream/transcoder.js";
import { backends, nobleProvider, webCryptoProvider } from "../helpers/backends.js";
import { collect, cut, expectBytes, pattern, toHex, withRandom } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange } from "../helpers/errors.js";
import { openForms, openRandomly, openWhole, sealForms } from "./forms.js";
import { threaded } from "./threaded.js";

const CHUNK = 16384;
const streamKey = { key: pattern(32, 1), context: pattern(30, 2) };
const salt = pattern(24, 3);
const node = backends[0]!;

const pieceSizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 70_000 }), fc.constantFrom(1, 16383, 16384, 16385)),
  {
    minLength: 1,
    maxLength: 8,
  },
);

describe("every re-chunking gives the same bytes", () => {
  for (const crypto of backends) {
    const numRuns = crypto === nobleProvider ? 15 : 60;
    it(`sealing and opening on ${crypto.name}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(100_000), pieceSizes, pieceSizes, async (length, sealSizes, openSizes) => {
          const data = pattern(length, 4);
          const whole = await sealBytes(data, streamKey, { crypto: withRandom(crypto, salt) });
          const pieces = cut(data, ...sealSizes.map((size) => Math.max(size, length / 500)));
          const pulled = await collect(sealReadable(pieces, streamKey, { crypto: withRandom(crypto, salt) }));
          expectBytes(pulled, whole);
          const sealedPieces = cut(whole, ...openSizes.map((size) => Math.max(size, length / 500)));
          expectBytes(await collect(openReadable(sealedPieces, streamKey, { crypto })), data);
        }),
        { numRuns },
      );
    });
  }
});

describe("range(a, b) equals slice(a, b)", () => {
  for (const crypto of backends) {
    it(`on ${crypto.name}, by read and by stream`, async () => {
      const lengths = fc.oneof(fc.nat(90_000), fc.constantFrom(0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK));
      await fc.assert(
        fc.asyncProperty(lengths, fc.nat(), fc.nat(), async (length, one, two) => {
          const data = pattern(length, 5);
          const sealed = await sealBytes(data, streamKey, { crypto: node });
          const plan = { streamKey, isPadded: false };
          const prefix = new Uint8Array(100);
          const file = new Uint8Array([...prefix, ...sealed]);
          const access = await openRandomAccess(bytesSource(file), prefix.length, plan, { crypto });
          expect(access.size).toBe(length);
          const [start, end] = [one % (length + 1), two % (length + 1)].sort((a, b) => a - b) as [
            number,
            number,
          ];
          expectBytes(await access.read(start, end), data.slice(start, end), `read ${start}-${end}`);
          expectBytes(await collect(access.stream(start, end)), data.slice(start, end), "stream");
        }),
        { numRuns: crypto === nobleProvider ? 20 : 60 },
      );
    });
  }

  it("outside 0 to size is a RangeError; inside, borders and empty ranges work", async () => {
    const data = pattern(2 * CHUNK, 6);
    const access = await openRandomAccess(
      bytesSource(await sealBytes(data, streamKey)),
      0,
      { streamKey, isPadded: false },
      {},
    );
    for (const [start, end] of [
      [-1, 5],
      [5, 4],
      [0, 2 * CHUNK + 1],
      [0.5, 2],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      await expectOutOfRange(() => access.read(start, end));
      await expectOutOfRange(() => access.stream(start, end));
    }
    for (const [start, end] of [
      [0, 0],
      [2 * CHUNK, 2 * CHUNK],
      [CHUNK, CHUNK],
      [CHUNK - 1, CHUNK + 1],
      [CHUNK, 2 * CHUNK],
      [2 * CHUNK - 1, 2 * CHUNK],
    ] as const) {
      expectBytes(await access.read(start, end), data.slice(start, end));
    }
    await access.close();
    await access.close();
    await expectCode(() => access.read(0, 1), "closed");
  });
});

describe("sizes at the borders (A9)", () => {
  const sizes = [0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1];
  for (const crypto of [...backends, threaded]) {
    it(`every form on ${crypto.name}`, async () => {
      for (const size of sizes) {
        const data = pattern(size, 7);
        const whole = await sealBytes(data, streamKey, { crypto: withRandom(crypto, salt) });
        expect(whole.length).toBe(sealedLength(size));
        expect(claimedPlaintextLength(whole.length)).toBe(size);
        for (const [name, form] of Object.entries(sealForms)) {
          expectBytes((await form(data, streamKey, withRandom(crypto, salt))).released, whole, name);
        }
        for (const [name, form] of Object.entries({ ...openForms, openWhole })) {
          expectBytes((await form(whole, streamKey, crypto)).released, data, name);
        }
        expectBytes((await openRandomly(whole, streamKey, crypto)).read!.released, data);
      }
    });
  }
});

describe("the counter (A6)", () => {
  const baseNonce = pattern(12, 8);

  it("is XORed big-endian into the base nonce, for every index below 2^32", () => {
    const expected = (index: number): string => {
      const value = BigInt(`0x${toHex(baseNonce)}`) ^ BigInt(index);
      return value.toString(16).padStart(24, "0");
    };
    const borders = [
      0,
      1,
      255,
      256,
      257,
      65535,
      65536,
      65537,
      2 ** 24 - 1,
      2 ** 24,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
    ];
    for (const index of borders) expect(toHex(chunkNonce(baseNonce, index))).toBe(expected(index));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (index) => {
        expect(toHex(chunkNonce(baseNonce, index))).toBe(expected(index));
      }),
    );
    const seen = new Set(Array.from({ length: 70_000 }, (_, index) => toHex(chunkNonce(baseNonce, index))));
    expect(seen.size).toBe(70_000);
    expect(toHex(baseNonce)).toBe(toHex(pattern(12, 8)));
  });

  it("refuses 2^32 and everything that is no index", async () => {
    for (const index of [2 ** 32, 2 ** 32 + 1, 2 ** 53, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expectOutOfRange(() => chunkNonce(baseNonce, index));
    }
  });

  for (const crypto of backends) {
    for (const direction of ["seal", "open"] as const) {
      it(`stops a stream at its maximum, ${direction} on ${crypto.name}`, async () => {
        const cipher = new ChunkCipher(await crypto.importAesGcmKey(pattern(32, 9)), baseNonce);
        const last = 2 ** 32 - 1;
        const data = pattern(CHUNK, 10);
        const unit = direction === "seal" ? data : ((await cipher.seal(last, data)) as Bytes);
        const transcoder = new Transcoder(cipher, direction === "seal" ? SEALING : OPENING, {
          firstChunk: last,
        });
        const output = await transcoder.push(unit);
        expectBytes(output, direction === "seal" ? await cipher.seal(last, data) : data);
        const error = await expectOutOfRange(() => transcoder.push(unit));
        expect(await caught(() => transcoder.push(unit))).toBe(error);
        expect(await caught(() => transcoder.finish())).toBe(error);

        const atEnd = new Transcoder(cipher, direction === "seal" ? SEALING : OPENING, { firstChunk: last });
        await atEnd.push(unit);
        await expectOutOfRange(async () => {
          await atEnd.push(new Uint8Array(20));
          await atEnd.finish();
        });
      });
    }
  }

  it("bounds lengths before anything is allocated", async () => {
    const most = 2 ** 32 * CHUNK - 1;
    expect(claimedPlaintextLength(sealedLength(most))).toBe(most);
    await expectOutOfRange(() => sealedLength(most + 1));
    await expectCode(() => claimedPlaintextLength(sealedLength(most) + 17), "malformed");
  });

  it("passes 65535/65536 in a real stream of 1 GiB, in bounded memory", async () => {
    const chunks = 65537;
    const zeros = new Uint8Array(64 * CHUNK);
    const taps = new Map<number, Bytes>();
    const wanted = [255, 256, 65535, 65536];
    let left = chunks * CHUNK;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const size = Math.min(left, zeros.length);
          left -= size;
          if (size > 0) controller.enqueue(zeros.subarray(0, size));
          if (left === 0) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    let position = 0;
    const tap = new TransformStream<Bytes, Bytes>({
      transform(piece, controller) {
        for (const index of wanted) {
          const from = 56 + index * (CHUNK + 16);
          const cutFrom = Math.max(from, position);
          const cutTo = Math.min(from + CHUNK + 16, position + piece.length);
          if (cutFrom >= cutTo) continue;
          const chunk = taps.get(index) ?? new Uint8Array(CHUNK + 16);
          chunk.set(piece.subarray(cutFrom - position, cutTo - position), cutFrom - from);
          taps.set(index, chunk);
        }
        if (position === 0) taps.set(-1, piece.slice(0, 56));
        position += piece.length;
        controller.enqueue(piece);
      },
    });
    const sealed = sealReadable(source, streamKey, { crypto: node }).pipeThrough(tap);
    let opened = 0;
    for await (const piece of openReadable(sealed, streamKey, { crypto: node })) {
      if (Buffer.compare(piece, zeros.subarray(0, piece.length)) !== 0) throw new Error("not zeros");
      opened += piece.length;
    }
    expect(opened).toBe(chunks * CHUNK);
    expect(position).toBe(sealedLength(chunks * CHUNK));
    for (const index of wanted)
      expectBytes(byHand(taps.get(-1)!, taps.get(index)!, index), zeros.slice(0, CHUNK));
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(512 * 2 ** 20);
  });

  /** One chunk as the standard says, by `node:crypto` and nothing of the SDK. */
  function byHand(header: Bytes, chunk: Bytes, index: number): Bytes {
    const info = Buffer.concat([
      Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", "latin1"),
      header.subarray(0, 24),
      streamKey.context,
    ]);
    const first = createHmac("sha512", streamKey.key).update(info).update(Buffer.of(1)).digest();
    const nonce = Buffer.from(first.subarray(32, 44));
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
    const decipher = createDecipheriv("aes-256-gcm", first.subarray(0, 32), nonce);
    decipher.setAuthTag(chunk.subarray(CHUNK));
    return new Uint8Array(Buffer.concat([decipher.update(chunk.subarray(0, CHUNK)), decipher.final()]));
  }
});

describe("keys and contexts", () => {
  it("another key, context or salt opens nothing", async () => {
    const sealed = await sealBytes(pattern(100), streamKey);
    const others = [
      { key: pattern(32, 50), context: streamKey.context },
      { key: streamKey.key, context: pattern(29, 2) },
      { key: streamKey.key, context: new Uint8Array(0) },
    ];
    for (const crypto of [node, webCryptoProvider, nobleProvider]) {
      for (const other of others) {
        await expectCode(() => openBytes(sealed, other, { crypto }), "authentication-failed");
      }
      for (let at = 0; at < sealed.length; at++) {
        const flipped = sealed.slice();
        flipped[at]! ^= 1 << (at % 8);
        await expectCode(() => openBytes(flipped, streamKey, { crypto }), "authentication-failed");
      }
      for (const length of [0, 16, 31, 33, 64]) {
        await expectOutOfRange(() =>
          sealBytes(pattern(5), { ...streamKey, key: pattern(length) }, { crypto }),
        );
      }
    }
  });

  it("every message has its own salt, and a bad random source seals nothing (B6)", async () => {
    const salts = new Set<string>();
    for (let i = 0; i < 50; i++)
      salts.add(toHex((await sealBytes(new Uint8Array(0), streamKey)).slice(0, 24)));
    expect(salts.size).toBe(50);
    for (const form of Object.values(sealForms)) {
      for (const bad of [new Uint8Array(24), pattern(23), pattern(25), new Uint8Array(0)]) {
        const outcome = await form(pattern(10), streamKey, withRandom(node, bad));
        expect((outcome.error as { code: string }).code).toBe("bad-random");
        expect(outcome.released.length).toBe(0);
      }
    }
  });
});
