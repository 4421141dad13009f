/**
 * Chooses a range from a histogram: clips the tails for finer steps in between.
 * Source: onnxruntime, python/tools/quantization/calibrate.py, `HistogramCollector`, which these follow.
 */
import type { ValueRange } from "./collect.js";
import type { Histogram } from "./histogram.js";

/** First index whose value is at least `wanted`; the length where none is. */
function searchSorted(sorted: Float64Array, wanted: number): number {
  const found = sorted.findIndex((value) => value >= wanted);
  return found === -1 ? sorted.length : found;
}

function cumulative(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  return counts.map((count) => (sum += count / total));
}

const within = (range: ValueRange, { low, high }: ValueRange): ValueRange => ({
  low: Math.max(range.low, low),
  high: Math.min(range.high, high),
});

/**
 * Cuts off the numbers furthest out: half of what is beyond `percentile` at either end.
 *
 * @param histogram of the numbers
 * @param percentile share kept [percent]
 * @param seen the range the numbers took, which the result never exceeds
 */
export function percentileRange(histogram: Histogram, percentile: number, seen: ValueRange): ValueRange {
  const { edges, counts } = histogram;
  const cut = (100 - percentile) / 200;
  const shares = cumulative(counts);
  const low = edges[searchSorted(shares, cut)]!;
  const high = edges[searchSorted(shares, 1 - cut)]!;
  return within({ low, high }, seen);
}

/** The same for a histogram of magnitudes: both ends at the same distance from zero, before `seen` limits them. */
export function symmetricPercentileRange(
  histogram: Histogram,
  percentile: number,
  seen: ValueRange,
): ValueRange {
  const high = histogram.edges[searchSorted(cumulative(histogram.counts), percentile / 100)]!;
  return within({ low: -high, high }, seen);
}

/** What zeros are raised to before distributions are compared, as a share of the others. */
const SMOOTHING = 1e-4;

const sumOf = (values: Float64Array, from = 0, to = values.length): number => {
  let sum = 0;
  for (let at = from; at < to; at += 1) sum += values[at]!;
  return sum;
};

/** Replaces zeros with a small number, taken off the others, in place. False where everything is zero. */
function smooth(counts: Float64Array): boolean {
  let zeros = 0;
  for (const count of counts) if (count === 0) zeros += 1;
  const others = counts.length - zeros;
  const taken = (SMOOTHING * zeros) / others;
  for (let at = 0; at < counts.length; at += 1) {
    const count = counts[at]!;
    counts[at] = Math.fround(count === 0 ? SMOOTHING : count - taken);
  }
  return others > 0;
}

/** Sum of p ln(p / q) over two distributions that need not be normalized. */
function divergence(p: Float64Array, q: Float64Array): number {
  const [pSum, qSum] = [sumOf(p), sumOf(q)];
  let sum = 0;
  for (let at = 0; at < p.length; at += 1) {
    const share = p[at]! / pSum;
    sum += share * Math.log(share / (q[at]! / qSum));
  }
  return sum;
}

/** The counts as a quantized tensor would have them: merged to `levels`, spread again over the bins where `p` is filled. */
function quantizedCounts(slice: Float64Array, p: Float64Array, levels: number): Float64Array {
  const merged = Math.floor(slice.length / levels);
  const result = new Float64Array(slice.length);
  for (let level = 0; level < levels; level += 1) {
    const start = level * merged;
    const end = start + merged;
    // The last level takes the bins that are left over.
    const sum = sumOf(slice, start, level === levels - 1 ? slice.length : end);
    let filled = 0;
    for (let at = start; at < end; at += 1) if (p[at] !== 0) filled += 1;
    if (filled > 0) result.fill(Math.trunc(sum / filled), start, end);
  }
  return result;
}

/**
 * The range whose quantized distribution diverges least from the real one (Kullback-Leibler), among ranges symmetric
 * around the middle bin. With as many levels as bins there is one candidate only.
 *
 * @param histogram over a range symmetric around zero
 * @param levels codes of the quantized distribution
 * Source: Migacz 2017, "8-bit inference with TensorRT", as onnxruntime implements it.
 */
export function entropyRange(histogram: Histogram, levels: number, seen: ValueRange): ValueRange {
  const { counts, edges } = histogram;
  const middle = Math.floor(counts.length / 2);
  let best: { readonly loss: number; readonly range: ValueRange } | undefined;
  for (let half = Math.floor(levels / 2); half <= middle; half += 1) {
    const start = middle - half;
    const end = Math.min(middle + half + 1, counts.length);
    const slice = counts.slice(start, end);
    const p = slice.slice();
    p[0]! += sumOf(counts, 0, start);
    p[p.length - 1]! += sumOf(counts, end);
    const q = quantizedCounts(slice, p, levels);
    const isComparable = smooth(p) && smooth(q);
    const loss = isComparable ? divergence(p, q) : Infinity;
    if (best === undefined || loss < best.loss) {
      best = { loss, range: { low: edges[start]!, high: edges[end]! } };
    }
  }
  return within(best?.range ?? seen, seen);
}
