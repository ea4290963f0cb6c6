/**
 * What is searched for, as graphs: a node for each place in a pattern, an edge for each byte that may stand there. So a
 * canary in any case, normal form and escape is one pattern, whose size is linear in the canary's.
 */
export class PatternGraph {
  /** By node: a byte and the node behind it, in turn. */
  readonly #edges: number[][] = [];

  node(): number {
    return this.#edges.push([]) - 1;
  }

  edgesOf(node: number): readonly number[] {
    return this.#edges[node]!;
  }

  edge(from: number, byte: number, to: number): void {
    this.#edges[from]!.push(byte, to);
  }

  /** Bytes one behind the other, at each place one of several. */
  path(from: number, places: readonly (readonly number[])[], to: number): void {
    let at = from;
    for (const [i, bytes] of places.entries()) {
      const next = i === places.length - 1 ? to : this.node();
      for (const byte of bytes) this.edge(at, byte, next);
      at = next;
    }
  }
}

/** What is found at the end of a path from `start` to one of `ends`, of two bytes or more. */
export interface Pattern {
  readonly start: number;
  readonly ends: readonly number[];
}

/** More take longer to build than to search with. */
const MOST_STATES = 2 ** 19;

/**
 * All patterns in one pass, one table look-up a byte whatever the bytes are (A. Aho, M. Corasick, "Efficient String Matching",
 * 1975, over graphs by the subset construction). A state is the nodes that the longest beginning of a pattern leads to,
 * and the state of what is left without it.
 */
export class Automaton {
  readonly #graph: PatternGraph;
  readonly #patterns: readonly Pattern[];
  readonly #classes = new Uint8Array(256);
  #width = 1;
  /** By state and class: where the next state's row starts; its complement where that state has a match. */
  #table: Int32Array = new Int32Array(0);
  readonly #matches: (readonly number[] | undefined)[] = [];

  /** @throws RangeError for more patterns than there is room for. */
  constructor(graph: PatternGraph, patterns: readonly Pattern[], tooMany: () => Error) {
    this.#graph = graph;
    this.#patterns = patterns;
    this.#build(tooMany);
  }

  /**
   * Runs on from `state` (0 at the beginning). @param onMatch the pattern, and the offset behind its last byte.
   * @returns the state behind the last byte.
   */
  run(state: number, bytes: Uint8Array, onMatch: (pattern: number, end: number) => void): number {
    const table = this.#table;
    const classes = this.#classes;
    let row = state;
    for (let i = 0; i < bytes.length; i++) {
      row = table[row + classes[bytes[i]!]!]!;
      if (row >= 0) continue;
      row = ~row;
      for (const pattern of this.#matches[row / this.#width]!) onMatch(pattern, i + 1);
    }
    return row;
  }

  /** Where a match that ends at `end` starts; -1 where it started before the first byte. */
  startOf(pattern: number, bytes: Uint8Array, end: number): number {
    const { start, ends } = this.#patterns[pattern]!;
    for (let from = end - 2; from >= 0; from--) {
      let nodes = new Set([start]);
      for (let at = from; at < end && nodes.size > 0; at++) nodes = this.#step(nodes, bytes[at]!);
      if (ends.some((node) => nodes.has(node))) return from;
    }
    return -1;
  }

  #step(nodes: Iterable<number>, byte: number): Set<number> {
    const next = new Set<number>();
    for (const node of nodes) {
      const edges = this.#graph.edgesOf(node);
      for (let i = 0; i < edges.length; i += 2) if (edges[i] === byte) next.add(edges[i + 1]!);
    }
    return next;
  }

  #build(tooMany: () => Error): void {
    const starts = [...new Set(this.#patterns.map(({ start }) => start))];
    const accepted = new Map<number, number[]>();
    for (const [index, { ends }] of this.#patterns.entries()) {
      for (const end of ends) accepted.set(end, [...(accepted.get(end) ?? []), index]);
    }
    this.#classify(starts);
    const width = this.#width;
    const nodes: (readonly number[])[] = [starts];
    const rest: number[] = [0];
    const known = new Map<string, number>();
    const stateOf = (targets: readonly number[], without: number): number => {
      const key = `${without} ${targets.join()}`;
      let state = known.get(key);
      if (state === undefined) {
        state = nodes.push(targets) - 1;
        if (state === MOST_STATES) throw tooMany();
        known.set(key, state);
        rest.push(without);
        const found = targets.flatMap((node) => accepted.get(node) ?? []);
        this.#matches[state] = [...new Set([...found, ...(this.#matches[without] ?? [])])];
      }
      return state;
    };
    this.#table = new Int32Array(width * 1024);
    for (let state = 0; state < nodes.length; state++) {
      if ((state + 1) * width > this.#table.length) this.#grow();
      // What is left is a shorter beginning, so its row is there.
      const from = rest[state]! * width;
      if (state > 0) this.#table.copyWithin(state * width, from, from + width);
      for (const [byte, targets] of this.#targets(nodes[state]!)) {
        const column = this.#classes[byte]!;
        const without = state === 0 ? 0 : this.#table[from + column]!;
        const next = stateOf(targets, (without < 0 ? ~without : without) / width);
        const row = next * width;
        this.#table[state * width + column] = this.#matches[next]!.length > 0 ? ~row : row;
      }
    }
  }

  /** By byte, the nodes that it leads to, in order. */
  #targets(nodes: readonly number[]): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const node of nodes) {
      const edges = this.#graph.edgesOf(node);
      for (let i = 0; i < edges.length; i += 2) {
        const targets = found.get(edges[i]!);
        if (!targets) found.set(edges[i]!, [edges[i + 1]!]);
        else if (!targets.includes(edges[i + 1]!)) targets.push(edges[i + 1]!);
      }
    }
    return found;
  }

  /** Bytes that no pattern has are one class. */
  #classify(starts: readonly number[]): void {
    const seen = new Set(starts);
    for (const node of seen) {
      const edges = this.#graph.edgesOf(node);
      for (let i = 0; i < edges.length; i += 2) {
        seen.add(edges[i + 1]!);
        if (this.#classes[edges[i]!] === 0 && this.#width < 256) this.#classes[edges[i]!] = this.#width++;
      }
    }
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#table.length);
    larger.set(this.#table);
    this.#table = larger;
  }
}
