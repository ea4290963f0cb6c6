import { shortSha256 as sha256 } from "../crypto/short-hash.js";
import { type Bytes, compareBytes, EMPTY } from "../formats/bytes.js";

/**
 * Hash trees in the shape of RFC 6962 §2.1 (format-v1, "Hash trees"), over a segment's chunks and over a recording's log. Their
 * input is short and public, so it is hashed synchronously: a tree grows between two awaits and never stands half done.
 */

/** Leaves under one subroot: chunks of a segment that are checked together, entries of a page. */
export const SUBTREE = 64;

const LEAF = /* @__PURE__ */ Uint8Array.of(0);
const NODE = /* @__PURE__ */ Uint8Array.of(1);

/** `SHA-256(0x00 || hash)`, of a chunk's or an entry's own hash. */
export function leafHash(hash: Bytes): Bytes {
  return sha256(LEAF, hash);
}

export function nodeHash(left: Bytes, right: Bytes): Bytes {
  return sha256(NODE, left, right);
}

/** The largest power of two below `size`, which is at least 2: where RFC 6962 splits. */
function splitOf(size: number): number {
  let split = 1;
  while (2 * split < size) split *= 2;
  return split;
}

/** The root over leaves or, as subtrees are aligned, over subroots. That of nothing is the hash of nothing. */
export function treeRoot(hashes: readonly Bytes[]): Bytes {
  return hashes.length === 0 ? sha256(EMPTY) : rootOf(hashes, 0, hashes.length);
}

function rootOf(hashes: readonly Bytes[], start: number, end: number): Bytes {
  if (end - start === 1) return hashes[start]!;
  const middle = start + splitOf(end - start);
  return nodeHash(rootOf(hashes, start, middle), rootOf(hashes, middle, end));
}

/** Roots of the aligned subtrees of {@link SUBTREE} leaves. */
export function subroots(leaves: readonly Bytes[]): Bytes[] {
  const roots: Bytes[] = [];
  for (let at = 0; at < leaves.length; at += SUBTREE) roots.push(treeRoot(leaves.slice(at, at + SUBTREE)));
  return roots;
}

/** RFC 6962 §2.1.1: the length of leaf `index`'s audit path in a tree of `size` leaves. */
export function pathLength(index: number, size: number): number {
  let length = 0;
  let [start, end] = [0, size];
  for (; end - start > 1; length++) {
    const middle = start + splitOf(end - start);
    if (index < middle) end = middle;
    else start = middle;
  }
  return length;
}

/** RFC 9162 §2.1.3.2. @returns undefined where the path has another length than leaf `index` of `size` needs. */
export function rootFromPath(
  leaf: Bytes,
  index: number,
  size: number,
  path: readonly Bytes[],
): Bytes | undefined {
  let [place, last] = [index, size - 1];
  let hash = leaf;
  for (const next of path) {
    if (last === 0) return undefined;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(next, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, next);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : undefined;
}

/**
 * Peaks of a log that only grows, from its pages' roots, in memory logarithmic in their number. A peak over a page whose root
 * is unknown is unknown.
 */
export class Peaks<Root extends Bytes | undefined = Bytes> {
  readonly #peaks: Root[] = [];
  #pages = 0;

  get pages(): number {
    return this.#pages;
  }

  /** Adds the next full page. */
  add(pageRoot: Root): void {
    let peak = pageRoot;
    for (let pages = ++this.#pages; pages % 2 === 0; pages /= 2) {
      const left = this.#peaks.pop();
      peak = (left && peak && nodeHash(left, peak)) as Root;
    }
    this.#peaks.push(peak);
  }

  /** Roots of the maximal complete subtrees, largest first. */
  list(): readonly Root[] {
    return [...this.#peaks];
  }
}

/** How many peaks there are over the full pages of a log of `size` entries. */
export function peakCount(size: number): number {
  let count = 0;
  for (let pages = Math.floor(size / SUBTREE); pages > 0; pages = Math.floor(pages / 2)) count += pages % 2;
  return count;
}

/** @param tail log leaves behind the last full page, fewer than 64. */
export function rootFromPeaks(peaks: readonly Bytes[], tail: readonly Bytes[]): Bytes {
  const ends = tail.length > 0 ? [...peaks, treeRoot(tail)] : peaks;
  if (ends.length === 0) return treeRoot([]);
  return ends.reduceRight((right, left) => nodeHash(left, right));
}

export function isSameHash(left: Bytes, right: Bytes): boolean {
  return compareBytes(left, right) === 0;
}
