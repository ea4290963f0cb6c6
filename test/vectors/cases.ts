import type { ErrorCode } from "../../src/errors.js";
import { CHUNK, type Forgery, type KeyPair, keyPair, p256Pair, Seeded } from "./forge.js";

/** One vector before it is written: a file with at most one fault, and what must come of opening it. */
export interface Case {
  /** File name, starting with its id in test/README.md, or `ok`. */
  readonly name: string;
  /** One sentence: why this must be so. */
  readonly why: string;
  /** Any of these codes is right; `ok` stands alone. */
  readonly expect: "ok" | readonly ErrorCode[];
  readonly content: Uint8Array;
  /** Bytes of content that a stream may let out before it fails; all of it where that is right. */
  readonly released: number;
  readonly forgery: Forgery;
  readonly recipients: readonly KeyPair[];
  readonly identities: readonly KeyPair[];
  readonly options: { readonly now?: number; readonly ignoreExpiry?: boolean; readonly minEpoch?: number };
}

export const alice = keyPair(new Seeded("alice").bytes(32));
export const bob = keyPair(new Seeded("bob").bytes(32));
export const mallory = keyPair(new Seeded("mallory").bytes(32));

/** Keys of P-256. */
export const carol = p256Pair(new Seeded("carol").bytes(32));
export const dave = p256Pair(new Seeded("dave").bytes(32));

/** Recognisable content: reproducible, incompressible, different for every length. */
export function content(length: number): Uint8Array {
  return new Seeded(`content ${length}`).bytes(length);
}

export const SMALL = content(300);
/** Three chunks: two whole, one short. */
export const LONG = content(2 * CHUNK + 777);

type Extra = Partial<Omit<Case, "name" | "why" | "expect" | "forgery">>;

export function ok(
  name: string,
  why: string,
  data: Uint8Array,
  forgery: Forgery = {},
  extra: Extra = {},
): Case {
  return {
    ...defaults(data),
    ...extra,
    name: `ok-${name}`,
    why,
    expect: "ok",
    released: data.length,
    forgery,
  };
}

export function bad(
  name: string,
  why: string,
  expect: ErrorCode | readonly ErrorCode[],
  data: Uint8Array,
  forgery: Forgery,
  extra: Extra = {},
): Case {
  const codes = typeof expect === "string" ? [expect] : expect;
  return { ...defaults(data), ...extra, name, why, expect: codes, forgery };
}

function defaults(data: Uint8Array) {
  return { content: data, released: 0, recipients: [alice], identities: [alice], options: {} };
}

/** Flips bits of one byte, counted from the end where negative. */
export function flip(offset: number, mask = 0x01): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const changed = bytes.slice();
    changed[offset < 0 ? bytes.length + offset : offset]! ^= mask;
    return changed;
  };
}
