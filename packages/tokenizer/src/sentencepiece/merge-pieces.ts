/**
 * Byte pair encoding as in SentencePiece: repeatedly joins the two neighbours whose joined text is the piece with the best score (the leftmost
 * on a tie), until no two neighbours form a piece. Time grows with n log n.
 *
 * Source: SentencePiece 0.2, `bpe_model.cc`.
 */
import type { Segment } from "./best-path.js";
import type { PrefixMatcher } from "./prefix-matcher.js";

export interface MergeablePieces {
  /** Index of each piece that may be the result of a merge. */
  readonly indices: ReadonlyMap<string, number>;
  readonly scores: ArrayLike<number>;
  /** Whether a piece is unused, and so is split again after merging. */
  readonly isUnused: (index: number) => boolean;
  /** Symbols that are never joined with their neighbours. */
  readonly symbols: PrefixMatcher;
}

/** Two neighbours that form a piece. */
interface Pair {
  readonly left: number;
  readonly right: number;
  readonly score: number;
  /** Length of the joined text, which identifies outdated pairs [UTF-16 units]. */
  readonly length: number;
}

/** Segments of a text; -1 is the value of one that is not a piece. */
export function mergePieces(text: string, pieces: MergeablePieces): Segment[] {
  const { starts, ends, isFrozen } = firstSymbols(text, pieces.symbols);
  const count = starts.length;
  const previous = Int32Array.from({ length: count }, (_, index) => index - 1);
  const next = Int32Array.from({ length: count }, (_, index) => (index + 1 < count ? index + 1 : -1));
  const queue: Pair[] = [];
  /** The parts of each unused piece: its text is split into them wherever it occurs. */
  const seams = new Map<string, number>();

  const offer = (left: number, right: number): void => {
    if (left < 0 || right < 0 || isFrozen[left] || isFrozen[right]) return;
    const joined = text.slice(starts[left], ends[right]);
    const index = pieces.indices.get(joined);
    if (index === undefined) return;
    push(queue, { left, right, score: pieces.scores[index]!, length: joined.length });
    if (pieces.isUnused(index)) seams.set(joined, ends[left]! - starts[left]!);
  };
  for (let index = 1; index < count; index++) offer(index - 1, index);

  for (let pair = pop(queue); pair !== undefined; pair = pop(queue)) {
    const { left, right, length } = pair;
    // A symbol that was joined to its left neighbour has no text of its own.
    const isGone = ends[left] === starts[left] || ends[right] === starts[right];
    if (isGone || ends[left]! - starts[left]! + ends[right]! - starts[right]! !== length) continue;
    ends[left] = ends[right]!;
    starts[right] = ends[right]!;
    next[left] = next[right]!;
    if (next[right]! >= 0) previous[next[right]!] = left;
    offer(previous[left]!, left);
    offer(left, next[left]);
  }

  const segments: Segment[] = [];
  for (let index = count === 0 ? -1 : 0; index >= 0; index = next[index]!) {
    takeApart(text, starts[index]!, ends[index]!, pieces, seams, segments);
  }
  return segments;
}

/** Appends the segments of a joined text: the piece itself, or its parts if the piece is unused. */
function takeApart(
  text: string,
  start: number,
  end: number,
  pieces: MergeablePieces,
  seams: ReadonlyMap<string, number>,
  segments: Segment[],
): void {
  const pending: (readonly [number, number])[] = [[start, end]];
  for (let span = pending.pop(); span !== undefined; span = pending.pop()) {
    const [from, to] = span;
    const joined = text.slice(from, to);
    const value = pieces.indices.get(joined) ?? -1;
    const seam = value >= 0 && pieces.isUnused(value) ? seams.get(joined) : undefined;
    if (seam === undefined) segments.push({ start: from, end: to, value });
    else pending.push([from + seam, to], [from, from + seam]);
  }
}

interface Symbols {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly isFrozen: readonly boolean[];
}

/** The characters of a text; a symbol stays whole. */
function firstSymbols(text: string, symbols: PrefixMatcher): Symbols {
  const starts: number[] = [];
  const ends: number[] = [];
  const isFrozen: boolean[] = [];
  for (let at = 0; at < text.length;) {
    const symbolEnd = symbols.endOf(text, at);
    const end = symbolEnd > at ? symbolEnd : at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
    starts.push(at);
    ends.push(end);
    isFrozen.push(symbolEnd > at);
    at = end;
  }
  return { starts: Int32Array.from(starts), ends: Int32Array.from(ends), isFrozen };
}

const isBefore = (a: Pair, b: Pair): boolean => a.score > b.score || (a.score === b.score && a.left < b.left);

/** Pushes to a binary heap with the best pair first. */
function push(heap: Pair[], pair: Pair): void {
  let at = heap.length;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if (!isBefore(pair, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = pair;
}

function pop(heap: Pair[]): Pair | undefined {
  const best = heap[0];
  const last = heap.pop();
  if (best === undefined || last === undefined || heap.length === 0) return best;
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
  return best;
}
