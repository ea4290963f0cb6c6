import { nobleDigest } from "../crypto/noble-hash.js";
import { outOfRange } from "../errors.js";
import { type Bytes, concatBytes, EMPTY } from "../formats/bytes.js";

/**
 * The hash tree over a segment's chunks, in the shape of RFC 6962 §2.1 (format-v1, "Hash tree"). Its input is short
 * and public, so it is hashed synchronously: a tree grows between two awaits and never stands half done.
 */

/** Chunks under one subroot: what has to be read, and hashed, to check one of them. */
export const SUBTREE_CHUNKS = 64;

const LEAF = /* @__PURE__ */ Uint8Array.of(0);
const NODE = /* @__PURE__ */ Uint8Array.of(1);

const sha256 = (message: Bytes): Bytes => nobleDigest("SHA-256", message);

/** `leaf = SHA-256(0x00 || chunkHash)`, `chunkHash` being the SHA-256 of a chunk with its tag. */
export function leafHash(chunkHash: Bytes): Bytes {
  return sha256(concatBytes(LEAF, chunkHash));
}

function nodeHash(left: Bytes, right: Bytes): Bytes {
  return sha256(concatBytes(NODE, left, right));
}

/** The largest power of two below `size`, which is at least 2: where RFC 6962 splits. */
function splitOf(size: number): number {
  let split = 1;
  while (2 * split < size) split *= 2;
  return split;
}

/**
 * The root over leaves, or, as subtrees are aligned powers of two, just as well over subroots. That of nothing is
 * the hash of nothing.
 */
export function treeRoot(hashes: readonly Bytes[]): Bytes {
  return hashes.length === 0 ? sha256(EMPTY) : rootOf(hashes, 0, hashes.length);
}

function rootOf(hashes: readonly Bytes[], start: number, end: number): Bytes {
  if (end - start === 1) return hashes[start]!;
  const middle = start + splitOf(end - start);
  return nodeHash(rootOf(hashes, start, middle), rootOf(hashes, middle, end));
}

export function subtreeCount(chunks: number): number {
  return Math.ceil(chunks / SUBTREE_CHUNKS);
}

/** A tree that grows: keeps the subroots, and the leaves of the subtree that is not full yet. */
export class ChunkTree {
  readonly #subroots: Bytes[];
  #leaves: Bytes[];

  /** @param state what another tree's {@link subroots} and {@link openLeaves} were, to go on where it stood. */
  constructor(
    state: { readonly fullSubroots?: readonly Bytes[]; readonly openLeaves?: readonly Bytes[] } = {},
  ) {
    this.#subroots = [...(state.fullSubroots ?? [])];
    this.#leaves = [...(state.openLeaves ?? [])];
    if (this.#leaves.length >= SUBTREE_CHUNKS)
      throw outOfRange("openLeaves", `fewer than ${SUBTREE_CHUNKS}`, this.#leaves.length);
  }

  /** Chunks so far. */
  get chunks(): number {
    return this.#subroots.length * SUBTREE_CHUNKS + this.#leaves.length;
  }

  /** @param chunkHash SHA-256 of the next chunk with its tag. */
  add(chunkHash: Bytes): void {
    this.#leaves.push(leafHash(chunkHash));
    if (this.#leaves.length < SUBTREE_CHUNKS) return;
    this.#subroots.push(treeRoot(this.#leaves));
    this.#leaves = [];
  }

  /** Roots of the aligned subtrees of 64 chunks; the last may have fewer. */
  subroots(): Bytes[] {
    return this.#leaves.length === 0 ? [...this.#subroots] : [...this.#subroots, treeRoot(this.#leaves)];
  }

  root(): Bytes {
    return treeRoot(this.subroots());
  }

  /** The subroots that will not change any more. */
  fullSubroots(): Bytes[] {
    return [...this.#subroots];
  }

  /** The leaves behind the last full subtree. */
  openLeaves(): Bytes[] {
    return [...this.#leaves];
  }
}

/**
 * What is needed besides leaves `[first, end)` of a tree to work out its root: the roots of the largest subtrees
 * outside the range, from left to right (RFC 6962 §2.1.1, for a range instead of one leaf).
 */
export function rangePath(leaves: readonly Bytes[], first: number, end: number): Bytes[] {
  const path: Bytes[] = [];
  const visit = (from: number, to: number): void => {
    if (first <= from && to <= end) return;
    if (to <= first || end <= from) {
      path.push(rootOf(leaves, from, to));
      return;
    }
    const middle = from + splitOf(to - from);
    visit(from, middle);
    visit(middle, to);
  };
  visit(0, leaves.length);
  return path;
}

/**
 * The root that leaves `[first, first + leaves.length)` of a tree of `size` leaves and their path lead to.
 *
 * @param next hands out the path, from left to right. @returns undefined where the path ends too early.
 */
export function rootFromRange(
  size: number,
  first: number,
  leaves: readonly Bytes[],
  next: () => Bytes | undefined,
): Bytes | undefined {
  const end = first + leaves.length;
  const visit = (from: number, to: number): Bytes | undefined => {
    if (first <= from && to <= end) return rootOf(leaves, from - first, to - first);
    if (to <= first || end <= from) return next();
    const middle = from + splitOf(to - from);
    const left = visit(from, middle);
    const right = visit(middle, to);
    return left && right && nodeHash(left, right);
  };
  return visit(0, size);
}
