/**
 * Statistics of a graph's values over calibration data. Each keeps totals, a list of float64 numbers that every run updates. Totals of
 * parts merge into totals of all data, by minimum, maximum or sum.
 *
 *   range      [2]              lowest and highest number
 *   gram       [width * width]  sums of x(i) x(k) over all rows
 */
import { SlmError } from "@slm/core";
import type { Probe } from "./probes.js";

/** Parameters of each kind of statistic. */
interface Settings {
  readonly range: object;
  readonly gram: { readonly width: number };
}
type Kind = keyof Settings;
type OfKind<K extends Kind> = { readonly kind: K; readonly value: string } & Settings[K];

/** A statistic of one value: plain data. */
export type Statistic = { readonly [K in Kind]: OfKind<K> }[Kind];

/** Totals by statistic. */
export type Totals = readonly Float64Array[];

/** Computes one statistic. */
export interface Accumulator {
  /** How the graph exposes the value. */
  readonly probe: Probe;
  readonly totals: Float64Array;
  /** Adds a run. @param outputs of the probe @throws SlmError DATA_INVALID for a range that is not finite */
  readonly add: (outputs: readonly Float32Array[]) => void;
  /** Adds the totals of a part of the data. */
  readonly merge: (part: Float64Array) => void;
}

const addTo = (totals: Float64Array, more: Float32Array | Float64Array): void => {
  for (let at = 0; at < totals.length; at += 1) totals[at]! += more[at]!;
};

const widen = (totals: Float64Array, low: number, high: number): void => {
  totals[0] = Math.min(totals[0]!, low);
  totals[1] = Math.max(totals[1]!, high);
};

/** One row per kind. A kind without a row is a compile error. */
const ACCUMULATORS: { readonly [K in Kind]: (statistic: OfKind<K>) => Accumulator } = {
  range: ({ value }) => {
    const totals = Float64Array.of(Infinity, -Infinity);
    return {
      probe: { kind: "range", value },
      totals,
      add: ([lowest, highest]) => {
        const [low, high] = [lowest![0]!, highest![0]!];
        if (!Number.isFinite(low) || !Number.isFinite(high))
          throw new SlmError(
            "DATA_INVALID",
            `quantize: calibration: '${value}' must be finite, got ${low} to ${high}`,
          );
        widen(totals, low, high);
      },
      merge: ([low, high]) => {
        widen(totals, low!, high!);
      },
    };
  },
  gram: ({ value, width }) => {
    const totals = new Float64Array(width * width);
    return {
      probe: { kind: "gram", value, width },
      totals,
      add: ([products]) => {
        addTo(totals, products!);
      },
      merge: (part) => {
        addTo(totals, part);
      },
    };
  },
};

/** Creates the accumulator of a statistic. */
export function accumulatorOf<K extends Kind>(statistic: OfKind<K>): Accumulator {
  return ACCUMULATORS[statistic.kind](statistic);
}
