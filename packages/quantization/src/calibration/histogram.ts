/**
 * Histograms with bins of equal width over a range known beforehand: their memory is fixed however much data passes.
 *
 * Bins are those of `numpy.histogram` on float32 numbers: edges low + i * step in float32, a number on an edge belongs to
 * the bin above it, the last edge to the last bin.
 */

export interface Histogram {
  readonly counts: Float64Array;
  /** One more than bins, ascending, float32. */
  readonly edges: Float32Array;
}

/** Edges of `bins` bins from `low` to `high` (float32). A range of no width is widened by a half to both sides. */
export function histogramEdges(low: number, high: number, bins: number): Float32Array {
  const [from, to] = low === high ? [Math.fround(low - 0.5), Math.fround(high + 0.5)] : [low, high];
  const step = Math.fround(Math.fround(to - from) / bins);
  const edges = new Float32Array(bins + 1);
  // A step that float32 rounds up, as the smallest numbers do, must not lead beyond the end.
  for (let at = 0; at < bins; at += 1) edges[at] = Math.min(Math.fround(at * step) + from, to);
  edges[bins] = to;
  return edges;
}

/** Counts numbers as they stream by. */
export class StreamingHistogram implements Histogram {
  readonly counts: Float64Array;
  readonly edges: Float32Array;
  readonly #isAbsolute: boolean;

  /** @param isAbsolute counts magnitudes instead of numbers */
  constructor(edges: Float32Array, isAbsolute = false) {
    this.edges = edges;
    this.counts = new Float64Array(edges.length - 1);
    this.#isAbsolute = isAbsolute;
  }

  /** Adds numbers; those outside the edges are not counted. */
  add(numbers: Float32Array): void {
    const { edges, counts } = this;
    const bins = counts.length;
    const from = edges[0]!;
    const to = edges[bins]!;
    const perWidth = bins / (to - from);
    for (let at = 0; at < numbers.length; at += 1) {
      const number = this.#isAbsolute ? Math.abs(numbers[at]!) : numbers[at]!;
      if (!(number >= from && number <= to)) continue;
      let bin = Math.min(bins - 1, Math.floor((number - from) * perWidth));
      // The estimate is off by one at an edge, by more only where steps are too small for float32.
      while (number < edges[bin]!) bin -= 1;
      while (bin < bins - 1 && number >= edges[bin + 1]!) bin += 1;
      counts[bin]! += 1;
    }
  }
}
