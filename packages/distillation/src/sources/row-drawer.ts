/** Draws random rows that fit a bucket's shape. */
import type { Bucket, Lengths } from "@slm/training";

/** Lengths of rows, with special tokens; only source lengths if there are no targets. */
export interface RowLengths {
  readonly source: Lengths;
  readonly target?: Lengths;
}

export class RowDrawer {
  private readonly lengths: RowLengths;
  /** Rows to draw from, by bucket. */
  private readonly rows = new Map<string, Int32Array>();

  constructor(lengths: RowLengths) {
    this.lengths = lengths;
  }

  /**
   * Draws rows at random with replacement. Rows that fill more than half of a side of the bucket are preferred,
   * to reduce padding. Empty if no row fits.
   */
  draw(count: number, bucket: Bucket, random: () => number): readonly number[] {
    const rows = this.rowsFor(bucket);
    if (rows.length === 0) return [];
    return Array.from({ length: count }, () => rows[Math.floor(random() * rows.length)]!);
  }

  private rowsFor(bucket: Bucket): Int32Array {
    const key = `${bucket.source}x${bucket.target}`;
    const known = this.rows.get(key);
    if (known !== undefined) return known;
    const { source, target } = this.lengths;
    const fits = (limit: Bucket) => (row: number) =>
      source[row]! <= limit.source && (target?.[row] ?? 0) <= limit.target;
    const isSmall = fits({ source: Math.floor(bucket.source / 2), target: Math.floor(bucket.target / 2) });
    const fitting = Int32Array.from(source.keys()).filter(fits(bucket));
    const large = fitting.filter((row) => !isSmall(row));
    const rows = large.length > 0 ? large : fitting;
    this.rows.set(key, rows);
    return rows;
  }
}
