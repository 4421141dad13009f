/** Length buckets and the order of batches: a pure function of lengths, seed and epoch, so that a resumed run repeats it. */
import { shuffledOrder } from "@slm/data";
import { SlmError } from "@slm/error";

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

/** Longest sides considered as bucket boundaries: more are thinned, which keeps planning far below a second. */
const MAX_BOUNDARIES = 256;

/** Pairs whose longer side is in a range of lengths, as prefix sums and maxima need them. */
interface LengthClass {
  /** The longer side [tokens]. */
  readonly longer: number;
  count: number;
  source: number;
  target: number;
}

/**
 * At most `count` nested buckets with the least padded cost, the sum over pairs of their bucket's two sides.
 * Pairs are ordered by their longer side and cut by dynamic programming; the last bucket holds everything.
 *
 * @throws SlmError DATA_INVALID without pairs.
 */
export function planBuckets(lengths: PairLengths, count: number): Bucket[] {
  if (lengths.source.length === 0)
    throw new SlmError("DATA_INVALID", "training: no pairs to train on; at least one is needed");
  const classes = thin(lengthClasses(lengths), MAX_BOUNDARIES);
  // A bucket that ends at class i is as long as the longest pair up to i, so that buckets are nested.
  const sizes: Bucket[] = [];
  for (const { source, target } of classes) {
    const last = sizes.at(-1);
    sizes.push({ source: Math.max(source, last?.source ?? 1), target: Math.max(target, last?.target ?? 1) });
  }
  return cheapestCuts(classes, sizes, count).map((end) => sizes[end]!);
}

function lengthClasses({ source, target }: PairLengths): LengthClass[] {
  const classes = new Map<number, LengthClass>();
  source.forEach((sourceLength, row) => {
    const targetLength = target[row]!;
    const longer = Math.max(sourceLength, targetLength);
    const entry = classes.get(longer) ?? { longer, count: 0, source: 1, target: 1 };
    entry.count += 1;
    entry.source = Math.max(entry.source, sourceLength);
    entry.target = Math.max(entry.target, targetLength);
    classes.set(longer, entry);
  });
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

/** Last class of each bucket, in order, for the cheapest cut into at most `count` buckets. */
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
