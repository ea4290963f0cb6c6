import { truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { isSameHash, nodeHash, SUBTREE } from "../log/tree.js";
import type { ReadLog } from "./read-log.js";

type Level = (Bytes | undefined)[];

/**
 * Every node of the log's tree that is known, level by level from the leaves up: hashed once, in time linear in the log, so that
 * each path costs its own length. RFC 6962's tree is that of pairing neighbours, a last one without a neighbour going up as it is.
 */
export class LogPaths {
  readonly #levels: Level[] = [];
  readonly #size: number;

  /** @throws BlindreelError `truncated` where there is no manifest. */
  constructor({ head, leaves }: Pick<ReadLog, "head" | "leaves">) {
    if (!head) throw truncated("the log, of which no manifest was found,", 0);
    this.#size = head.size;
    const peaks = peaksByPlace(head.size, head.peaks);
    for (let level: Level = [...leaves], height = 0; ; height++) {
      const known = peaks.get(height);
      // Signed, and so known where pages below are missing.
      if (known) level[known.place] ??= known.hash;
      this.#levels.push(level);
      if (level.length <= 1) break;
      level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => {
        const [left, right] = [level[2 * i], level[2 * i + 1]];
        if (2 * i + 1 === level.length) return left;
        return left && right && nodeHash(left, right);
      });
    }
  }

  /** Whether the tree has this root: it has, unless pages say otherwise than their manifest. */
  hasRoot(root: Bytes): boolean {
    const top = this.#levels.at(-1)![0];
    return top === undefined || isSameHash(top, root);
  }

  /** From the leaf upwards. @throws BlindreelError `truncated` where a page is missing that it needs. */
  pathOf(n: number): Bytes[] {
    const path: Bytes[] = [];
    for (
      let height = 0, place = n;
      height < this.#levels.length - 1;
      height++, place = Math.floor(place / 2)
    ) {
      const level = this.#levels[height]!;
      const neighbour = place % 2 === 0 ? place + 1 : place - 1;
      if (neighbour >= level.length) continue;
      const hash = level[neighbour];
      if (!hash) throw truncated("the log, of which a page is missing that this needs,", this.#size);
      path.push(hash);
    }
    return path;
  }
}

/** Where in the tree each peak stands, by its height. */
function peaksByPlace(size: number, peaks: readonly Bytes[]) {
  const places = new Map<number, { readonly place: number; readonly hash: Bytes }>();
  const pages = Math.floor(size / SUBTREE);
  let [before, used] = [0, 0];
  for (let height = 31; height >= 0; height--) {
    const span = 2 ** height;
    if (Math.floor(pages / span) % 2 === 0) continue;
    places.set(Math.log2(SUBTREE) + height, { place: before / span, hash: peaks[used++]! });
    before += span;
  }
  return places;
}
