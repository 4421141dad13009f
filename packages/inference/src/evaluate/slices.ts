/** Metrics of subsets of the rows: rows with the same value in a column. */
import { METRICS, type MetricName } from "@slm/metrics";
import type { Outcomes } from "./run-rows.js";

/** Number of values per column that are reported individually. Rows with rarer values are reported together. */
const SLICE_LIMIT = 50;

/** Rows with one value of a column. */
export interface Slice {
  readonly column: string;
  /** Null for the rows of all rarer values together. */
  readonly value: string | null;
  /** Number of rows. */
  readonly n: number;
  /** Each value in the unit of its row in `METRICS`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The slices of every column: columns in order of appearance, the largest slice of each first. */
export function slicesOf({ rows, predictions }: Outcomes, metrics: readonly MetricName[]): readonly Slice[] {
  const columns = [...new Set(rows.flatMap(({ slices = {} }) => Object.keys(slices)))];
  return columns.flatMap((column) => {
    const places = new Map<string, number[]>();
    rows.forEach(({ slices = {} }, row) => {
      const value = slices[column] ?? "";
      const known = places.get(value);
      if (known === undefined) places.set(value, [row]);
      else known.push(row);
    });
    const sorted = [...places].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
    const rare = sorted.slice(SLICE_LIMIT).flatMap(([, found]) => found);
    const measure = (value: string | null, found: readonly number[]): Slice => ({
      column,
      value,
      n: found.length,
      metrics: Object.fromEntries(
        metrics.map((name) => [
          name,
          METRICS[name].compute(
            found.map((row) => predictions[row]!),
            found.map((row) => rows[row]!.references),
          ),
        ]),
      ),
    });
    return [
      ...sorted.slice(0, SLICE_LIMIT).map(([value, found]) => measure(value, found)),
      ...(rare.length === 0 ? [] : [measure(null, rare)]),
    ];
  });
}
