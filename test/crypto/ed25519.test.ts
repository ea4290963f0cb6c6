import { createHash } from "node:crypto";
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { isStrictPoint, verifyEd25519 } from "../../src/crypto/ed25519.js";
import { signaturesOf } from "../../src/crypto/signatures.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { backends } from "../helpers/backends.js";
import { fromHex, pattern, toHex } from "../helpers/bytes.js";

const { Point } = ed25519;
type Point = InstanceType<typeof Point>;
const L = Point.Fn.ORDER;
const P = 2n ** 255n - 19n;
const torsion = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex));

function littleEndian(value: bigint): Bytes {
  return fromHex(value.toString(16).padStart(64, "0")).reverse();
}

/** RFC 8032 §5.1.7: k = SHA-512(R || A || M), not reduced. */
function challenge(encodedR: Bytes, encodedA: Bytes, message: Bytes): bigint {
  const digest = createHash("sha512").update(encodedR).update(encodedA).update(message).digest();
  return BigInt(`0x${toHex(digest.reverse())}`);
}

interface Forged {
  readonly publicKey: Bytes;
  readonly message: Bytes;
  readonly signature: Bytes;
}

const secret = 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcden % L;
const nonce = 0x0fedcba987654321fedcba987654321fedcba987654321fedcba987654321n % L;
const honestA = Point.BASE.multiply(secret);

/** A signature with the given points as they are encoded; tries messages until `fits` likes the challenge. */
function forge(encodedA: Bytes, encodedR: Bytes, fits: (k: bigint) => boolean, s = nonce): Forged {
  for (let attempt = 0; attempt < 4096; attempt++) {
    const message = new TextEncoder().encode(`attempt ${attempt}`) as Bytes;
    const k = challenge(encodedR, encodedA, message);
    if (!fits(k % L)) continue;
    const scalar = (s + (k % L) * secret) % L;
    return { publicKey: encodedA, message, signature: concatBytes(encodedR, littleEndian(scalar)) };
  }
  throw new Error("no message fits");
}

const encoded = (point: Point): Bytes => point.toBytes() as Bytes;
const any = () => true;

async function answers({ publicKey, message, signature }: Forged): Promise<Record<string, boolean>> {
  const result: Record<string, boolean> = {};
  for (const backend of backends) {
    result[backend.name] = await verifyEd25519(backend, publicKey, message, signature);
  }
  return result;
}

const ALL = { node: true, webcrypto: true, noble: true };
const NONE = { node: false, webcrypto: false, noble: false };

describe("strict Ed25519, the same answer from every backend (E6)", () => {
  it("the forger makes ordinary signatures that verify", async () => {
    const R = encoded(Point.BASE.multiply(nonce));
    expect(await answers(forge(encoded(honestA), R, any))).toEqual(ALL);
  });

  it("a public key of small order is refused, though the equation holds", async () => {
    expect(torsion.length).toBe(8);
    for (const point of torsion) {
      const A = encoded(point);
      // [S]B = R + [k]A with k a multiple of 8, so A drops out and anybody can sign.
      const R = encoded(Point.BASE.multiply(nonce));
      const k8 = forge(A, R, (k) => k % 8n === 0n);
      const signature = concatBytes(R, littleEndian(nonce));
      expect(await answers({ ...k8, signature })).toEqual(NONE);
      expect(isStrictPoint(A)).toBe(false);
      const flippedSign = A.slice();
      flippedSign[31]! ^= 0x80;
      expect(isStrictPoint(flippedSign)).toBe(false);
    }
  });

  it("an R of small order is refused, though the equation holds", async () => {
    for (const point of torsion) {
      const R = encoded(point);
      // [S]B = R + [k]A holds for R the neutral element and S = k a.
      expect(await answers(forge(encoded(honestA), R, any, 0n))).toEqual(NONE);
    }
  });

  it("a mixed-order public key counts only where the cofactorless equation holds", async () => {
    const R = encoded(Point.BASE.multiply(nonce));
    for (const point of torsion.filter((candidate) => !candidate.is0())) {
      const A = encoded(honestA.add(point));
      expect(await answers(forge(A, R, (k) => k % 8n === 0n))).toEqual(ALL);
      // Verifiers that multiply by the cofactor accept this one.
      expect(await answers(forge(A, R, (k) => k % 2n === 1n))).toEqual(NONE);
    }
  });

  it("a mixed-order R is refused", async () => {
    for (const point of torsion.filter((candidate) => !candidate.is0())) {
      const R = encoded(Point.BASE.multiply(nonce).add(point));
      expect(await answers(forge(encoded(honestA), R, any))).toEqual(NONE);
    }
  });

  it("non-canonical encodings of A and R are refused", async () => {
    const R = encoded(Point.BASE.multiply(nonce));
    const neutral = P + 1n;
    for (const sign of [0n, 1n << 255n]) {
      const A = littleEndian(neutral + sign);
      const signature = concatBytes(R, littleEndian(nonce));
      expect(await answers({ publicKey: A, message: pattern(20), signature })).toEqual(NONE);
      const nonCanonicalR = littleEndian(neutral + sign);
      expect(await answers(forge(encoded(honestA), nonCanonicalR, any, 0n))).toEqual(NONE);
    }
    for (let y = 0n; y < 19n; y++) {
      expect(isStrictPoint(littleEndian(P + y))).toBe(false);
      expect(isStrictPoint(littleEndian(P + y + (1n << 255n)))).toBe(false);
    }
    expect(isStrictPoint(littleEndian(P - 2n))).toBe(true);
  });

  it("S plus the group's order is refused", async () => {
    const R = encoded(Point.BASE.multiply(nonce));
    const valid = forge(encoded(honestA), R, any);
    const s = BigInt(`0x${toHex(valid.signature.slice(32).reverse())}`);
    for (let multiple = 1n; s + multiple * L < 2n ** 256n && multiple < 16n; multiple++) {
      const signature = concatBytes(R, littleEndian(s + multiple * L));
      expect(await answers({ ...valid, signature })).toEqual(NONE);
    }
    const zero = { ...valid, signature: concatBytes(R, littleEndian(0n)) };
    const order = { ...valid, signature: concatBytes(R, littleEndian(L)) };
    expect(await answers(zero)).toEqual(NONE);
    expect(await answers(order)).toEqual(NONE);
  });

  it("every rule holds whatever the backend says: none of them is left to it", async () => {
    const signatures = { ...signaturesOf(backends[0]!), verifyEd25519: () => true };
    const yes = { ...backends[0]!, name: "yes-man", signatures };
    const R = encoded(Point.BASE.multiply(nonce));
    const valid = forge(encoded(honestA), R, any);
    const refused: [Bytes, Bytes][] = [
      ...torsion.flatMap((point): [Bytes, Bytes][] => [
        [encoded(point), valid.signature],
        [valid.publicKey, concatBytes(encoded(point), valid.signature.slice(32))],
      ]),
      [littleEndian(P + 3n), valid.signature],
      [valid.publicKey, concatBytes(littleEndian(P + 3n), valid.signature.slice(32))],
      [valid.publicKey, concatBytes(R, littleEndian(L))],
      [valid.publicKey, concatBytes(R, littleEndian(L + 1n))],
      [valid.publicKey, concatBytes(R, littleEndian(2n ** 256n - 1n))],
    ];
    for (const [publicKey, signature] of refused) {
      expect(await verifyEd25519(yes, publicKey, valid.message, signature)).toBe(false);
    }
    const below = concatBytes(R, littleEndian(L - 1n));
    expect(await verifyEd25519(yes, valid.publicKey, valid.message, below)).toBe(true);
  });

  it("other lengths are not valid, and not an error", async () => {
    const valid = forge(encoded(honestA), encoded(Point.BASE.multiply(nonce)), any);
    for (const length of [0, 31, 32, 63, 65, 128]) {
      const signature = concatBytes(valid.signature, valid.signature).slice(0, length);
      expect(await answers({ ...valid, signature })).toEqual(NONE);
    }
    for (const length of [0, 31, 33]) {
      const publicKey = concatBytes(valid.publicKey, valid.publicKey).slice(0, length);
      expect(await answers({ ...valid, publicKey })).toEqual(NONE);
    }
  });

  it("a point that is not on the curve is not valid", async () => {
    const R = encoded(Point.BASE.multiply(nonce));
    const valid = forge(encoded(honestA), R, any);
    let found = 0;
    for (let y = 2n; found < 4; y++) {
      const publicKey = littleEndian(y);
      try {
        Point.fromBytes(publicKey);
      } catch {
        expect(await answers({ ...valid, publicKey })).toEqual(NONE);
        expect(
          await answers({ ...valid, signature: concatBytes(publicKey, valid.signature.slice(32)) }),
        ).toEqual(NONE);
        found++;
      }
    }
  });
});
