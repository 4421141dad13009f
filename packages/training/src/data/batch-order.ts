/** The order of batches over one or several sets of rows. A pure function of lengths, seed and number, so that a resumed run repeats it. */
import {
  assignBuckets,
  epochBatches,
  planBuckets,
  type Batch,
  type Bucket,
  type PairLengths,
} from "./buckets.js";

/** Additional sets of rows, and the set of each batch. */
export interface RowSets {
  /** Lengths of the rows of set 1, 2, ... */
  readonly lengths: readonly PairLengths[];
  /** The set of a batch, by its number counted from 1. 0 is the first set. A pure function. */
  readonly of: (number: number) => number;
}

export interface BatchOrderOptions {
  readonly lengths: PairLengths;
  readonly more?: RowSets | undefined;
  readonly buckets: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** Difference between the seeds of consecutive sets; the first set uses the seed itself. */
const SET_STRIDE = 0x632be5ab;

/** Every set has its own epochs, with each row once per epoch. Buckets are planned over the rows of all sets. */
export class BatchOrder {
  readonly buckets: readonly Bucket[];
  readonly #sets: readonly RowSet[];
  readonly #of: RowSets["of"];
  /** Batches of each set up to number `#known`: the index of that batch within its set. */
  #counts: number[] = [];
  #known = 0;

  constructor({ lengths, more, buckets, batchSize, seed }: BatchOrderOptions) {
    const all = [lengths, ...(more?.lengths ?? [])];
    this.buckets = planBuckets(joined(all), buckets);
    this.#sets = all.map((own, set) => {
      const assignment = mergeSmallBuckets(assignBuckets(own, this.buckets), this.buckets.length, batchSize);
      return new RowSet(assignment, batchSize, (seed + Math.imul(set, SET_STRIDE)) >>> 0);
    });
    this.#of = more?.of ?? (() => 0);
    this.#restart();
  }

  /** Returns a batch by its number, counted from 1. Any order works; ascending order is fast. */
  at(number: number): Batch {
    if (number < this.#known) this.#restart();
    while (this.#known < number) this.#counts[this.#of(++this.#known)]! += 1;
    const set = this.#of(number);
    return this.#sets[set]!.at(this.#counts[set]!);
  }

  /** Epochs of each set after this many batches. */
  epochsAfter(batches: number): readonly number[] {
    const counts = this.#sets.map(() => 0);
    for (let number = 1; number <= batches; number++) counts[this.#of(number)]! += 1;
    return this.#sets.map((rows, set) => counts[set]! / rows.batchesPerEpoch);
  }

  #restart(): void {
    this.#known = 0;
    this.#counts = this.#sets.map(() => 0);
  }
}

/**
 * Moves rows up if a bucket has less than one batch: they join the next larger bucket, with more padding. Otherwise a hundred rows in six
 * buckets would be six batches that are mostly padding.
 */
export function mergeSmallBuckets(assignment: Uint8Array, buckets: number, batchSize: number): Uint8Array {
  if (assignment.length >= buckets * batchSize) return assignment;
  const counts = new Int32Array(buckets);
  for (const bucket of assignment) counts[bucket]! += 1;
  const to = Uint8Array.from({ length: buckets }, (_, bucket) => bucket);
  const last = counts.findLastIndex((count) => count > 0);
  for (let bucket = 0; bucket < last; bucket++) {
    if (counts[bucket]! >= batchSize) continue;
    counts[bucket + 1]! += counts[bucket]!;
    for (let from = 0; from <= bucket; from++) if (to[from] === bucket) to[from] = bucket + 1;
  }
  return assignment.map((bucket) => to[bucket]!);
}

/** The epochs of one set of rows. */
class RowSet {
  readonly #assignment: Uint8Array;
  readonly #batchSize: number;
  readonly #seed: number;
  #epoch: { index: number; batches: readonly Batch[]; first: number } | undefined;

  constructor(assignment: Uint8Array, batchSize: number, seed: number) {
    this.#assignment = assignment;
    this.#batchSize = batchSize;
    this.#seed = seed;
  }

  get batchesPerEpoch(): number {
    return this.#batchesOf(0).length;
  }

  /** A batch by its index in the set, counted from 1 over all epochs. */
  at(place: number): Batch {
    let epoch = this.#epoch;
    if (epoch === undefined || place < epoch.first)
      epoch = { index: 0, batches: this.#batchesOf(0), first: 1 };
    while (place >= epoch.first + epoch.batches.length) {
      epoch = {
        index: epoch.index + 1,
        first: epoch.first + epoch.batches.length,
        batches: this.#batchesOf(epoch.index + 1),
      };
    }
    this.#epoch = epoch;
    return epoch.batches[place - epoch.first]!;
  }

  #batchesOf(epoch: number): readonly Batch[] {
    return epochBatches(this.#assignment, this.#batchSize, this.#seed, epoch);
  }
}

function joined(sets: readonly PairLengths[]): PairLengths {
  const [first, ...others] = sets;
  if (first !== undefined && others.length === 0) return first;
  return {
    source: Int32Array.from(sets.flatMap(({ source }) => Array.from(source))),
    target: Int32Array.from(sets.flatMap(({ target }) => Array.from(target))),
  };
}
