/**
 * A trie of all pieces of a vocabulary. It finds the pieces that start at a position of a text, in time that depends only on their length.
 *
 * Nodes are numbered level by level, so the children of a node are adjacent and sorted by their UTF-16 unit, and binary search finds them. There
 * are no hashes, so a crafted vocabulary cannot slow the search down.
 */
export class PieceTrie {
  /** Unit on the edge from a node's parent. */
  readonly #units: Uint16Array;
  /** First child of each node. Its children end at the first child of the next node. */
  readonly #firstChild: Int32Array;
  /** Value of the piece that ends at a node; -1 for none. */
  readonly #values: Int32Array;
  /** Child of the root by unit; 0 for none. */
  readonly #roots = new Int32Array(0x1_0000);

  /** @param pieces value of each piece, not negative; pieces must not be empty */
  constructor(pieces: ReadonlyMap<string, number>) {
    const sorted = [...pieces.keys()].sort(byUnits);
    const units: number[] = [0];
    const firstChild: number[] = [];
    const values: number[] = [];
    // Pieces from `from` to `to` share the units on the path to a node.
    const from: number[] = [0];
    const to: number[] = [sorted.length];
    const depths: number[] = [0];
    for (let node = 0; node < units.length; node++) {
      const depth = depths[node]!;
      const end = to[node]!;
      let at = from[node]!;
      const ends = at < end && sorted[at]!.length === depth;
      values.push(ends ? pieces.get(sorted[at]!)! : -1);
      if (ends) at++;
      firstChild.push(units.length);
      while (at < end) {
        const unit = sorted[at]!.charCodeAt(depth);
        if (node === 0) this.#roots[unit] = units.length;
        units.push(unit);
        depths.push(depth + 1);
        from.push(at);
        while (at < end && sorted[at]!.charCodeAt(depth) === unit) at++;
        to.push(at);
      }
    }
    firstChild.push(units.length);
    this.#units = Uint16Array.from(units);
    this.#firstChild = Int32Array.from(firstChild);
    this.#values = Int32Array.from(values);
  }

  /** Next node for a unit of a text; -1 if no piece continues with it. Node 0 is the root. */
  step(node: number, unit: number): number {
    if (node === 0) return this.#roots[unit] === 0 ? -1 : this.#roots[unit]!;
    let low = this.#firstChild[node]!;
    let high = this.#firstChild[node + 1]! - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#units[middle]!;
      if (found === unit) return middle;
      if (found < unit) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** Value of the piece that ends at a node; -1 for none. */
  valueAt(node: number): number {
    return this.#values[node]!;
  }
}

const byUnits = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
