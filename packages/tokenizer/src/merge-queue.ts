/** A queue of candidate merges: the most frequent pair first, of equally frequent ones the pair of the lowest ids. */

export interface Merge {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** A binary heap. Counts that have changed since are the caller's affair: it puts the pair back with its new count. */
export class MergeQueue {
  readonly #heap: Merge[] = [];

  push(merge: Merge): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(merge, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = merge;
  }

  pop(): Merge | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Merge, other: Merge): boolean {
  if (one.count !== other.count) return one.count > other.count;
  return one.left === other.left ? one.right < other.right : one.left < other.left;
}
