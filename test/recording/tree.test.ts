import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  ChunkTree,
  leafHash,
  rangePath,
  rootFromRange,
  subtreeCount,
  treeRoot,
} from "../../src/recording/tree.js";
import { fromHex, toHex } from "../helpers/bytes.js";

const sha256 = (...parts: Uint8Array[]): Bytes => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** RFC 6962 §2.1, written down once more and as it stands there. `entries` are what the leaves are hashed from. */
function merkleTreeHash(entries: readonly Bytes[]): Bytes {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Uint8Array.of(0), entries[0]!);
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  return sha256(Uint8Array.of(1), merkleTreeHash(entries.slice(0, k)), merkleTreeHash(entries.slice(k)));
}

/** Stand-ins for chunk hashes, all different. */
const chunkHashes = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, i) => sha256(new TextEncoder().encode(`chunk ${i}`)));

function treeOf(hashes: readonly Bytes[]): ChunkTree {
  const tree = new ChunkTree();
  for (const hash of hashes) tree.add(hash);
  return tree;
}

describe("the hash tree", () => {
  it("has the roots of the published test vectors of RFC 6962's reference implementation", () => {
    const inputs = [
      "",
      "00",
      "10",
      "2021",
      "3031",
      "40414243",
      "5051525354555657",
      "606162636465666768696a6b6c6d6e6f",
    ];
    const roots = [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    for (let count = 1; count <= inputs.length; count++) {
      const tree = treeOf(inputs.slice(0, count).map(fromHex));
      expect(toHex(tree.root()), `${count} leaves`).toBe(roots[count - 1]);
    }
    expect(toHex(new ChunkTree().root())).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  it("has RFC 6962's root for every size around the borders of subtrees", () => {
    for (const count of [0, 1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193, 257, 640]) {
      const hashes = chunkHashes(count);
      const tree = treeOf(hashes);
      expect(toHex(tree.root()), `${count}`).toBe(toHex(merkleTreeHash(hashes)));
      expect(tree.chunks).toBe(count);
      expect(tree.subroots()).toHaveLength(subtreeCount(count));
      tree.subroots().forEach((subroot, i) => {
        expect(toHex(subroot)).toBe(toHex(merkleTreeHash(hashes.slice(64 * i, 64 * i + 64))));
      });
    }
  });

  it("goes on from what it was, wherever it was interrupted", () => {
    const hashes = chunkHashes(150);
    for (const cut of [0, 1, 63, 64, 65, 149]) {
      const before = treeOf(hashes.slice(0, cut));
      const after = new ChunkTree({ fullSubroots: before.fullSubroots(), openLeaves: before.openLeaves() });
      for (const hash of hashes.slice(cut)) after.add(hash);
      expect(toHex(after.root())).toBe(toHex(merkleTreeHash(hashes)));
    }
    expect(() => new ChunkTree({ openLeaves: chunkHashes(64) })).toThrow(RangeError);
  });

  it("proves every range of every size to its root, and no other leaves", () => {
    const sizes = fc.integer({ min: 1, max: 64 });
    const ranges = sizes.chain((size) =>
      fc
        .tuple(fc.constant(size), fc.nat(size - 1))
        .chain(([, first]) =>
          fc.tuple(fc.constant(size), fc.constant(first), fc.integer({ min: first + 1, max: size })),
        ),
    );
    fc.assert(
      fc.property(ranges, fc.nat(), ([size, first, end], pick) => {
        const leaves = chunkHashes(size).map(leafHash);
        const path = rangePath(leaves, first, end);
        const shown = leaves.slice(first, end);
        const root = toHex(treeRoot(leaves));
        /** The root, and how much of the path is left over. */
        const follow = (from: readonly Bytes[], given: readonly Bytes[]) => {
          const rest = [...given];
          const found = rootFromRange(size, first, from, () => rest.shift());
          return { root: found && toHex(found), left: rest.length };
        };
        expect(follow(shown, path)).toEqual({ root, left: 0 });
        expect(path.length).toBeLessThanOrEqual(12);
        const altered = shown.map((leaf, i) => (i === pick % shown.length ? sha256(leaf) : leaf));
        expect(follow(altered, path).root).not.toBe(root);
        if (path.length > 0) expect(follow(shown, path.slice(1)).root).toBeUndefined();
      }),
    );
  });
});
