/**
 * C1: one ciphertext, two keys, two meanings. Dodis, Grubbs, Ristenpart, Woodage, "Fast Message Franking: From
 * Invisible Salamanders to Encryptment" (CRYPTO 2018); the same against the S3 Encryption Client, CVE-2020-8897.
 *
 * AES-GCM does not commit to its key: here a chunk is made that is authentic under two, by solving GHASH for one
 * block. Both commitments, the stream's and the envelope's, have to refuse it for the key they do not name.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { concatBytes } from "../../src/formats/bytes.js";
import { importIdentity } from "../../src/index.js";
import { openBytes } from "../../src/stream/open.js";
import { backends } from "../helpers/backends.js";
import { expectCode } from "../helpers/errors.js";
import { alice, bob } from "../vectors/cases.js";
import { forge, NOW, type Secrets, Seeded } from "../vectors/forge.js";
import { expectRefused, ways } from "./ways.js";

/** GF(2^128) as GCM has it: the first bit of the first byte is the coefficient of x^0. */
const REDUCTION = 0xe1n << 120n;

function multiply(left: bigint, right: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((left >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ REDUCTION : shifted >> 1n;
  }
  return product;
}

const ONE = 1n << 127n;

function power(base: bigint, exponent: bigint): bigint {
  let result = ONE;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = multiply(square, square)) {
    if (rest & 1n) result = multiply(result, square);
  }
  return result;
}

/** Fermat: a^(2^128 - 2) = 1/a. */
const inverse = (value: bigint): bigint => power(value, 2n ** 128n - 2n);

const toField = (block: Uint8Array): bigint => BigInt(`0x${Buffer.from(block).toString("hex")}`);
const toBlock = (value: bigint): Bytes =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(32, "0"), "hex"));

interface GcmKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

function aesBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  return createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(block);
}

/** H = E(0) and the mask of the tag, E(J0). */
function ghashParts({ key, nonce }: GcmKey): { h: bigint; mask: bigint } {
  const j0 = concatBytes(nonce, Uint8Array.of(0, 0, 0, 1));
  return { h: toField(aesBlock(key, new Uint8Array(16))), mask: toField(aesBlock(key, j0)) };
}

function ghash(h: bigint, blocks: readonly bigint[]): bigint {
  return blocks.reduce((sum, block) => multiply(sum ^ block, h), 0n);
}

/** Encryption alone, without a tag, at a block's offset. */
function ctr({ key, nonce }: GcmKey, data: Uint8Array, firstBlock: number): Uint8Array {
  const counter = concatBytes(nonce, new Uint8Array(4));
  new DataView(counter.buffer).setUint32(12, 2 + firstBlock);
  return createCipheriv("aes-256-ctr", key, counter).update(data);
}

/**
 * A ciphertext with its tag that opens under both keys: to `first…` under one, to `…second` in the same place under
 * the other. The last block makes the tags equal.
 */
function salamander(one: GcmKey, two: GcmKey, first: Uint8Array, second: Uint8Array): Bytes {
  const body = concatBytes(ctr(one, first, 0), ctr(two, second, first.length / 16));
  const blocks: bigint[] = [];
  for (let at = 0; at < body.length; at += 16) blocks.push(toField(body.subarray(at, at + 16)));
  const lengths = BigInt((body.length + 16) * 8);
  const left = ghashParts(one);
  const right = ghashParts(two);
  // GHASH is linear: with the free block x in front of the lengths it adds x·H^2.
  const rest =
    ghash(left.h, [...blocks, 0n, lengths]) ^
    left.mask ^
    ghash(right.h, [...blocks, 0n, lengths]) ^
    right.mask;
  const free = multiply(rest, inverse(power(left.h, 2n) ^ power(right.h, 2n)));
  const tag = ghash(left.h, [...blocks, free, lengths]) ^ left.mask;
  return concatBytes(body, toBlock(free), toBlock(tag));
}

function gcmOpen({ key, nonce }: GcmKey, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** HKDF-Expand, for a second derivation of everything, from docs/format-v1.md. */
function expand(hash: "sha256" | "sha512", prk: Uint8Array, info: Uint8Array, length: number): Bytes {
  const blocks: Uint8Array[] = [];
  for (let i = 1; blocks.reduce((sum, block) => sum + block.length, 0) < length; i++) {
    const previous = blocks.at(-1) ?? new Uint8Array(0);
    blocks.push(createHmac(hash, prk).update(previous).update(info).update(Uint8Array.of(i)).digest());
  }
  return concatBytes(...blocks).slice(0, length);
}

const label = (name: string) => new TextEncoder().encode(`blindreel/v1 ${name}\0`);

/** The AES key and the first nonce of a stream. */
function streamCipher(contentKey: Uint8Array, salt: Uint8Array, context: Uint8Array): GcmKey {
  const prefix = new TextEncoder().encode("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
  const okm = expand("sha512", contentKey, concatBytes(prefix, salt, context), 76);
  return { key: okm.slice(0, 32), nonce: okm.slice(32, 44) };
}

const INNOCENT = new TextEncoder().encode("the candidate looked at nothing."); // two blocks
const DAMNING = new TextEncoder().encode("the candidate read from a phone!"); // two blocks

describe("the attack itself", () => {
  it("C1 works against plain AES-GCM: one ciphertext and tag, two keys, two texts", () => {
    const random = new Seeded("salamander");
    const one = { key: random.bytes(32), nonce: random.bytes(12) };
    const two = { key: random.bytes(32), nonce: random.bytes(12) };
    const sealed = salamander(one, two, INNOCENT, DAMNING);
    expect(gcmOpen(one, sealed).subarray(0, 32).toString()).toBe("the candidate looked at nothing.");
    expect(gcmOpen(two, sealed).subarray(32, 64).toString()).toBe("the candidate read from a phone!");
  });
});

interface Forged {
  readonly file: Bytes;
  readonly secrets: Secrets;
  readonly secondFileKey: Bytes;
  readonly secondContentKey: Bytes;
  readonly one: GcmKey;
  readonly two: GcmKey;
  readonly context: Bytes;
  readonly stream: Bytes;
}

/**
 * A file with two recipients and two file keys, whose one chunk opens under both. The core, the MAC and the stream
 * commit to the first key.
 */
function forgeTwoFaced(committedSlot: "alice" | "bob"): Forged {
  const secondFileKey = new Uint8Array(new Seeded("second file key").bytes(32));
  let secrets!: Secrets;
  let chunk: Uint8Array | undefined;
  const [first, second] = committedSlot === "alice" ? [alice, bob] : [bob, alice];
  const write = () => {
    let parts!: { segmentHeader: Uint8Array; stream: Uint8Array };
    const file = forge(
      "C1 two-faced",
      new Uint8Array(80),
      {
        slots: (_, wrap, known) => {
          secrets = known;
          return [wrap(first), wrap(second, { fileKey: secondFileKey })];
        },
        segment: { stream: { chunks: (honest) => (chunk ? [chunk] : honest) } },
        file: (whole, known) => {
          parts = known;
          return whole;
        },
      },
      [first, second],
    );
    return { file: new Uint8Array(file), ...parts };
  };
  const draft = write();
  const context = concatBytes(label("segment"), draft.segmentHeader);
  const salt = draft.stream.slice(0, 24);
  const secondReadKey = expand("sha256", secondFileKey, label("read"), 32);
  const secondContentKey = expand(
    "sha256",
    secondReadKey,
    concatBytes(label("content"), secrets.coreHash),
    32,
  );
  const one = streamCipher(secrets.contentKey, salt, context);
  const two = streamCipher(secondContentKey, salt, context);
  chunk = salamander(one, two, INNOCENT, DAMNING);
  const { file, stream } = write();
  return {
    file,
    secrets,
    secondFileKey,
    secondContentKey,
    one,
    two,
    context,
    stream: new Uint8Array(stream),
  };
}

describe.each(backends)("a two-faced file, on $name", (crypto) => {
  let forged: Forged;
  beforeAll(() => {
    forged = forgeTwoFaced("alice");
  });

  it("C1 its chunk is authentic under both recipients' keys", () => {
    const chunk = forged.stream.slice(56);
    expect(gcmOpen(forged.one, chunk).subarray(0, 32).toString()).toBe("the candidate looked at nothing.");
    expect(gcmOpen(forged.two, chunk).subarray(32, 64).toString()).toBe("the candidate read from a phone!");
  });

  it("C1 the stream's commitment refuses the second key before any chunk", async () => {
    const { stream, context, secrets, secondContentKey } = forged;
    const key = new Uint8Array(secrets.contentKey);
    const opened = await openBytes(stream, { key, context }, { crypto });
    expect(new TextDecoder().decode(opened.subarray(0, 32))).toBe("the candidate looked at nothing.");
    await expectCode(
      () => openBytes(stream, { key: secondContentKey, context }, { crypto }),
      "authentication-failed",
    );
  });

  it.each(["alice", "bob"] as const)(
    "C1, C2 committed to %s, the other recipient sees nothing",
    async (name) => {
      const { file } = forgeTwoFaced(name);
      const [committed, deceived] = name === "alice" ? [alice, bob] : [bob, alice];
      const now = new Date(NOW * 1000);
      const good = await importIdentity(new Uint8Array(committed.secret), { crypto });
      const fooled = await importIdentity(new Uint8Array(deceived.secret), { crypto });
      for (const way of ways) {
        const honest = await way.run(file, { identities: good, crypto, now });
        expect(honest.error).toBeUndefined();
        expect(new TextDecoder().decode(honest.released.subarray(0, 32))).toBe(
          "the candidate looked at nothing.",
        );
        const outcome = await way.run(file, { identities: fooled, crypto, now });
        expectRefused(outcome, new Uint8Array(0), ["authentication-failed"]);
        // Whoever holds both keys sees what was committed to, in either order.
        for (const identities of [
          [good, fooled],
          [fooled, good],
        ]) {
          expect((await way.run(file, { identities, crypto, now })).released).toEqual(honest.released);
        }
      }
    },
  );

  it("C4 a cached key of another recording is refused, though it opens the chunk (CVE-2026-6550)", async () => {
    const { file, secondFileKey, secrets } = forged;
    const now = new Date(NOW * 1000);
    const cacheOf = (fileKey: Uint8Array) => ({ unwrap: () => new Uint8Array(fileKey) });
    for (const way of ways) {
      const outcome = await way.run(file, { identities: cacheOf(secondFileKey), crypto, now });
      expectRefused(outcome, new Uint8Array(0), ["authentication-failed"]);
      expect(
        (await way.run(file, { identities: cacheOf(secrets.fileKey), crypto, now })).error,
      ).toBeUndefined();
    }
  });
});
