/** Length buckets and the order of batches. A pure function of lengths, seed and epoch, so that a resumed run repeats it. */
import { shuffledOrder } from "@slm/data";
import { SlmError } from "@slm/core";
import type { Lengths } from "./token-lists.js";

/** Lengths of the two sides of every pair [tokens]. */
export interface PairLengths {
  readonly source: Lengths;
  /** Decoder positions: target tokens and one special token. */
  readonly target: Lengths;
}

/** The shape of a program. Pairs that fit on both sides are padded to it. */
export interface Bucket {
  readonly source: number;
  readonly target: number;
}

/** The pairs of one step, all from one bucket. Shorter than the batch size only at the end of an epoch. */
export interface Batch {
  readonly bucket: number;
  readonly rows: Int32Array;
}

/** Bucket numbers are stored in one byte. */
const MAX_BUCKETS = 256;

/** Largest number of candidate bucket boundaries. More are merged, so that planning takes far less than a second. */
const MAX_BOUNDARIES = 256;

/** A class of pairs with the same length of the longer side, with values for prefix sums and maxima. */
interface LengthClass {
  /** The longer side [tokens]. */
  readonly longer: number;
  count: number;
  source: number;
  target: number;
}

/**
 * Chooses at most `count` nested buckets with minimal padded cost: the sum over pairs of their bucket's two sides. Sorts pairs by their longer
 * side and partitions them by dynamic programming. The last bucket fits all pairs.
 *
 * @throws SlmError DATA_INVALID without pairs.
 */
export function planBuckets(lengths: PairLengths, count: number): Bucket[] {
  if (lengths.source.length === 0)
    throw new SlmError("DATA_INVALID", "training: expected at least one pair to train on, got none");
  const classes = thin(lengthClasses(lengths), MAX_BOUNDARIES);
  // A bucket that ends at class i fits the longest pair up to i, so buckets are nested.
  const sizes: Bucket[] = [];
  for (const { source, target } of classes) {
    const last = sizes.at(-1);
    sizes.push({ source: Math.max(source, last?.source ?? 1), target: Math.max(target, last?.target ?? 1) });
  }
  return cheapestCuts(classes, sizes, count).map((end) => sizes[end]!);
}

function lengthClasses({ source, target }: PairLengths): LengthClass[] {
  const classes = new Map<number, LengthClass>();
  for (const [row, sourceLength] of source.entries()) {
    const targetLength = target[row]!;
    const longer = Math.max(sourceLength, targetLength);
    const entry = classes.get(longer) ?? { longer, count: 0, source: 1, target: 1 };
    entry.count += 1;
    entry.source = Math.max(entry.source, sourceLength);
    entry.target = Math.max(entry.target, targetLength);
    classes.set(longer, entry);
  }
  return [...classes.values()].sort((a, b) => a.longer - b.longer);
}

/** Merges neighbours until at most `limit` classes are left. */
function thin(classes: readonly LengthClass[], limit: number): LengthClass[] {
  const step = Math.ceil(classes.length / limit);
  const merged: LengthClass[] = [];
  for (let begin = 0; begin < classes.length; begin += step) {
    const group = classes.slice(begin, begin + step);
    merged.push({
      longer: group.at(-1)!.longer,
      count: group.reduce((sum, { count }) => sum + count, 0),
      source: Math.max(...group.map(({ source }) => source)),
      target: Math.max(...group.map(({ target }) => target)),
    });
  }
  return merged;
}

/** Last class of each bucket, in order, for the cheapest partition into at most `count` buckets. */
function cheapestCuts(classes: readonly LengthClass[], sizes: readonly Bucket[], count: number): number[] {
  const before = [0];
  for (const entry of classes) before.push(before.at(-1)! + entry.count);
  const costOf = (begin: number, end: number): number =>
    (before[end + 1]! - before[begin]!) * (sizes[end]!.source + sizes[end]!.target);
  let best = classes.map((_, end) => ({ cost: costOf(0, end), cuts: [end] }));
  for (let used = 1; used < count; used++) {
    best = best.map((single, end) => {
      let choice = single;
      for (let cut = 0; cut < end; cut++) {
        const cost = best[cut]!.cost + costOf(cut + 1, end);
        if (cost < choice.cost) choice = { cost, cuts: [...best[cut]!.cuts, end] };
      }
      return choice;
    });
  }
  return best.at(-1)!.cuts;
}

/** The first bucket that each pair fits in, one byte per pair. */
export function assignBuckets({ source, target }: PairLengths, buckets: readonly Bucket[]): Uint8Array {
  const assignment = new Uint8Array(source.length);
  for (let row = 0; row < assignment.length; row++)
    assignment[row] = buckets.findIndex(
      (bucket) => source[row]! <= bucket.source && target[row]! <= bucket.target,
    );
  return assignment;
}

/**
 * All batches of an epoch in training order: shuffles pairs, groups them by bucket, then shuffles batches. One array contains the rows of all
 * batches, four bytes per pair.
 */
export function epochBatches(
  assignment: Uint8Array,
  batchSize: number,
  seed: number,
  epoch: number,
): Batch[] {
  const order = shuffledOrder(assignment.length, seed, epoch);
  const gathered = gatherByBucket(order, assignment);
  const batches = gathered.flatMap(({ bucket, rows }) =>
    Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, index): Batch => {
      const begin = index * batchSize;
      return { bucket, rows: rows.subarray(begin, begin + batchSize) };
    }),
  );
  return Array.from(shuffledOrder(batches.length, seed + 1, epoch), (index) => batches[index]!);
}

/** The rows of each bucket in the given order: a stable counting sort. */
function gatherByBucket(order: Int32Array, assignment: Uint8Array): Batch[] {
  const counts = new Float64Array(MAX_BUCKETS);
  for (const bucket of assignment) counts[bucket]! += 1;
  const sorted = new Int32Array(order.length);
  const next = new Float64Array(MAX_BUCKETS);
  for (let bucket = 1; bucket < MAX_BUCKETS; bucket++) next[bucket] = next[bucket - 1]! + counts[bucket - 1]!;
  const starts = next.slice();
  for (const row of order) sorted[next[assignment[row]!]!++] = row;
  return [...counts.keys()]
    .filter((bucket) => counts[bucket]! > 0)
    .map((bucket) => ({ bucket, rows: sorted.subarray(starts[bucket], next[bucket]) }));
}
