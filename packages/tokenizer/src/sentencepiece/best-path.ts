/**
 * The segmentation of a text with the best sum of scores (Viterbi). Time grows with the length of the text times the longest piece, memory with
 * the length of the text.
 *
 * Sums are rounded as in the reference, because rounding decides between nearly equal segmentations. On a tie, the segmentation with the longer
 * last piece wins.
 *
 * Source: SentencePiece 0.2.3, `unigram_model.cc` (`EncodeOptimized`; version 0.2.1 compared unrounded sums); tokenizers 0.22,
 * `models/unigram/model.rs`.
 */
import type { PieceTrie } from "./piece-trie.js";

/** A piece of a text from `start` to `end` [UTF-16 units]; -1 is the value of an unknown character. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly value: number;
}

export interface ScoredPieces {
  /** Values are indices of `scores`. */
  readonly trie: Pick<PieceTrie, "step" | "valueAt">;
  readonly scores: Float64Array;
  /** Score of a character that is not a piece. */
  readonly unknownScore: number;
  /** Rounds the sum of a path. SentencePiece rounds to float32, tokenizers does not round. */
  readonly rounded: (sum: number) => number;
  /** Largest sum before sums restart at zero, which keeps them precise in long texts. Undefined: never. */
  readonly largestSum?: number | undefined;
}

export function bestPath(text: string, pieces: ScoredPieces): Segment[] {
  const { trie, scores, unknownScore, rounded, largestSum = Infinity } = pieces;
  const size = text.length;
  const sums = new Float64Array(size + 1);
  const starts = new Int32Array(size + 1).fill(-1);
  const values = new Int32Array(size + 1);
  let frontier = 0;
  const offer = (start: number, end: number, value: number, sum: number): void => {
    if (end > frontier) frontier = end;
    if (starts[end] !== -1 && !(sum > sums[end]!)) return;
    sums[end] = sum;
    starts[end] = start;
    values[end] = value;
  };
  /** Subtracts the sum at a position from the sums after it. */
  const startAgain = (from: number): void => {
    const offset = sums[from]!;
    for (let at = from; at <= frontier; at++)
      if (at === from || starts[at] !== -1) sums[at] = rounded(sums[at]! - offset);
  };

  for (let start = 0; start < size;) {
    const next = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
    if (Math.abs(sums[start]!) > largestSum) startAgain(start);
    const before = sums[start]!;
    let isPiece = false;
    let node = 0;
    for (let at = start; at < size;) {
      node = trie.step(node, text.charCodeAt(at));
      if (node < 0) break;
      at++;
      const value = trie.valueAt(node);
      if (value < 0) continue;
      offer(start, at, value, rounded(scores[value]! + before));
      if (at === next) isPiece = true;
    }
    if (!isPiece) offer(start, next, -1, rounded(unknownScore + before));
    start = next;
  }

  const segments: Segment[] = [];
  for (let end = size; end > 0; end = starts[end]!) {
    segments.push({ start: starts[end]!, end, value: values[end]! });
  }
  return segments.reverse();
}
