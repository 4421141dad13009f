/** Length buckets and the order of batches: a pure function of lengths, seed and epoch, so that a resumed run repeats it. */
import { shuffledOrder } from "@slm/data";

/** Lengths of the two sides of every pair [tokens]. */
export interface PairLengths {
  readonly source: Int32Array;
  /** Positions the decoder computes: target tokens and one mark. */
  readonly target: Int32Array;
}

/** One program shape: pairs whose both sides fit are padded to it. */
export interface Bucket {
  readonly source: number;
  readonly target: number;
}

/** One step's pairs, all of one bucket; shorter than the batch size only at the end of an epoch. */
export interface Batch {
  readonly bucket: number;
  readonly rows: Int32Array;
}

/** Pairs of a bucket that are longer than this share move up to a larger bucket, so that few outliers do not stretch it. */
const FIT_SHARE = 0.98;

/**
 * At most `count` buckets: pairs are sorted by total length and cut where the groups' padded cost is about equal.
 * The last bucket holds everything.
 */
export function planBuckets({ source, target }: PairLengths, count: number): Bucket[] {
  const size = source.length;
  const order = Int32Array.from({ length: size }, (_, i) => i).sort(
    (a, b) => source[a]! + target[a]! - (source[b]! + target[b]!) || a - b,
  );
  const total = order.reduce((sum, row) => sum + source[row]! + target[row]!, 0);
  const buckets: Bucket[] = [];
  let begin = 0;
  let sum = 0;
  order.forEach((row, index) => {
    sum += source[row]! + target[row]!;
    const isLast = index === size - 1;
    if (!isLast && sum < (total * (buckets.length + 1)) / count) return;
    const group = order.subarray(begin, index + 1);
    const share = isLast ? 1 : FIT_SHARE;
    buckets.push({ source: quantile(group, source, share), target: quantile(group, target, share) });
    begin = index + 1;
  });
  const last = buckets.length - 1;
  buckets[last] = {
    source: source.reduce((a, b) => Math.max(a, b), 1),
    target: target.reduce((a, b) => Math.max(a, b), 1),
  };
  return buckets;
}

function quantile(rows: Int32Array, lengths: Int32Array, share: number): number {
  const sorted = Int32Array.from(rows, (row) => lengths[row]!).sort();
  return Math.max(1, sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!);
}

/** The first bucket each pair fits in. */
export function assignBuckets({ source, target }: PairLengths, buckets: readonly Bucket[]): Int32Array {
  return Int32Array.from(source, (length, row) =>
    buckets.findIndex((bucket) => length <= bucket.source && target[row]! <= bucket.target),
  );
}

/** All batches of an epoch in training order: pairs shuffled, gathered by bucket, batches shuffled again. */
export function epochBatches(
  assignment: Int32Array,
  batchSize: number,
  seed: number,
  epoch: number,
): Batch[] {
  const open = new Map<number, number[]>();
  const batches: Batch[] = [];
  for (const row of shuffledOrder(assignment.length, seed, epoch)) {
    const bucket = assignment[row]!;
    const rows = open.get(bucket) ?? [];
    open.set(bucket, rows);
    rows.push(row);
    if (rows.length < batchSize) continue;
    batches.push({ bucket, rows: Int32Array.from(rows) });
    open.delete(bucket);
  }
  for (const [bucket, rows] of [...open].sort(([a], [b]) => a - b))
    batches.push({ bucket, rows: Int32Array.from(rows) });
  const order = shuffledOrder(batches.length, seed + 1, epoch);
  return Array.from(order, (index) => batches[index]!);
}
