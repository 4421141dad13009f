/** Parity check: compares logits of the graphs with logits of the training forward pass. */
import { SlmError } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import type { Precision } from "@slm/devices";
import type { Shortlist } from "../weights/shortlist.js";
import type { CaseSizes } from "./parity-cases.js";

/** Largest difference between logits on one batch. */
export interface ParityCase {
  /** Source length of the static graphs; null for dynamic graphs. */
  readonly bucket: number | null;
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly maxAbs: number;
}

export interface ParityReport {
  readonly maxAbs: number;
  /** Largest difference of each static graph set; empty for dynamic graphs. */
  readonly buckets: readonly { readonly source: number; readonly maxAbs: number }[];
  /** Execution provider that ran the graphs. It is not the target's device, which may round differently. */
  readonly provider: string;
  /** The model that was run. */
  readonly basis: string;
  readonly cases: readonly ParityCase[];
}

/** Default limits. In float32 only the order of sums differs; the other precisions round every step. */
export const PARITY_LIMITS: Readonly<Record<Precision, number>> = {
  float32: 1e-3,
  float16: 0.1,
  bfloat16: 1,
};

/** One comparison: the logits of the graphs and the expected logits. */
export function compareLogits(
  sizes: CaseSizes,
  {
    actual,
    expected,
    shortlist,
    isMasked,
  }: {
    readonly actual: readonly Float32Array[];
    readonly expected: Float32Array;
    /** Tokens whose logits are compared. Default: all. */
    readonly shortlist?: Shortlist | undefined;
    /** Whether a logit means that its token is not on the source's lexical shortlist. Default: never. */
    readonly isMasked?: ((logit: number) => boolean) | undefined;
  },
): ParityCase {
  const { batch, source, target } = sizes;
  const maxAbs = largestDifference(actual, expected, { ...sizes, shortlist, isMasked });
  return { bucket: sizes.graph?.source ?? null, batch, source, target, maxAbs };
}

/** Combines all cases in one report. */
export function parityReport(cases: readonly ParityCase[], runtime: Runtime, basis: string): ParityReport {
  const buckets = [...new Set(cases.flatMap(({ bucket }) => bucket ?? []))].map((source) => ({
    source,
    maxAbs: largest(cases.filter(({ bucket }) => bucket === source).map(({ maxAbs }) => maxAbs)),
  }));
  const maxAbs = largest(cases.map((item) => item.maxAbs));
  return { maxAbs, buckets, provider: runtime.device.provider, basis, cases };
}

/** @throws SlmError GATE_FAILED if a logit differs by more than `limit`, or is not a number. */
export function checkParity({ maxAbs, cases }: Pick<ParityReport, "maxAbs" | "cases">, limit: number): void {
  if (maxAbs <= limit) return;
  throw new SlmError(
    "GATE_FAILED",
    `export: logits of the exported model differ by ${maxAbs} from the trained model's, the limit is ${limit}`,
    {
      context: { maxAbs, limit, cases },
      suggestions: ["export in float32: --set export.precision=float32"],
    },
  );
}

/** @param actual one `[batch, vocab]` per run; @param expected `[batch, target, vocab]` */
function largestDifference(
  actual: readonly Float32Array[],
  expected: Float32Array,
  {
    batch,
    prefill,
    target,
    shortlist,
    isMasked,
  }: CaseSizes & {
    readonly shortlist: Shortlist | undefined;
    readonly isMasked: ((logit: number) => boolean) | undefined;
  },
): number {
  const vocabulary = expected.length / (batch * target);
  const differences = actual.flatMap((logits, run) =>
    Array.from({ length: batch }, (_, row) => {
      const start = (row * target + prefill - 1 + run) * vocabulary;
      const [of, right] = [
        logits.subarray(row * vocabulary, (row + 1) * vocabulary),
        expected.subarray(start, start + vocabulary),
      ];
      if (isMasked !== undefined)
        return maxAbsDifference(
          of.filter((logit) => !isMasked(logit)),
          right.filter((_, token) => !isMasked(of[token]!)),
        );
      if (shortlist === undefined) return maxAbsDifference(of, right);
      return maxAbsDifference(
        Float32Array.from(shortlist, (token) => of[token]!),
        Float32Array.from(shortlist, (token) => right[token]!),
      );
    }),
  );
  return largest(differences);
}

function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  let found = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs(a[index]! - b[index]!);
    if (Number.isNaN(difference)) return difference;
    if (difference > found) found = difference;
  }
  return found;
}

/** The largest; NaN if one is. */
const largest = (values: readonly number[]): number => Math.max(...values);
