/** Statistics of probed values over all calibration data, in constant memory. */
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import type { Gram } from "../weights/quantize-blocks.js";
import { fetchedFloats, forEachRun, withSession, type FeedSource } from "./feeds.js";
import { addProbes, type PlacedProbe, type Probe } from "./probes.js";

/** Lowest and highest number a value took. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

export interface CollectOptions {
  readonly runtime: Runtime;
  readonly feeds: FeedSource;
}

/** Runs a graph with probes on all data and shows each probe's outputs to `visit`. */
async function observe(
  graph: Graph,
  probes: readonly Probe[],
  { runtime, feeds }: CollectOptions,
  visit: (probe: PlacedProbe, outputs: readonly Float32Array[]) => void,
): Promise<void> {
  if (probes.length === 0) return;
  const probed = addProbes(graph, probes);
  const names = probed.probes.flatMap(({ outputs }) => outputs);
  await withSession(runtime, probed.graph, (session) =>
    forEachRun(session, feeds, names, (fetched) => {
      for (const probe of probed.probes) {
        visit(
          probe,
          probe.outputs.map((name) => fetchedFloats(fetched, name)),
        );
      }
    }),
  );
}

/**
 * The range of each value over all data.
 *
 * @throws SlmError DATA_INVALID naming a value that was not a number, and as `forEachRun` does
 */
export async function collectRanges(
  graph: Graph,
  values: Iterable<string>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, ValueRange>> {
  const ranges = new Map<string, ValueRange>();
  const probes = [...values].map((value) => ({ kind: "range", value }) as const);
  await observe(graph, probes, options, ({ value }, [low, high]) => {
    const seen = ranges.get(value) ?? { low: Infinity, high: -Infinity };
    const next = { low: Math.min(seen.low, low![0]!), high: Math.max(seen.high, high![0]!) };
    if (!Number.isFinite(next.low) || !Number.isFinite(next.high)) {
      throw new SlmError(
        "DATA_INVALID",
        `quantize: calibration: '${value}' must be finite, got ${low![0]!} to ${high![0]!}`,
      );
    }
    ranges.set(value, next);
  });
  return ranges;
}

/** Shows all numbers of each value to `visit`, run by run. */
export async function visitValues(
  graph: Graph,
  values: Iterable<string>,
  options: CollectOptions,
  visit: (value: string, numbers: Float32Array) => void,
): Promise<void> {
  const probes = [...values].map((value) => ({ kind: "values", value }) as const);
  await observe(graph, probes, options, ({ value }, [numbers]) => {
    visit(value, numbers!);
  });
}

/** Sums of x(i) x(k) over all rows of each value, in float64. @param widths by value: its last dimension */
export async function collectGrams(
  graph: Graph,
  widths: ReadonlyMap<string, number>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, Gram>> {
  const grams = new Map(
    [...widths].map(([value, size]) => [value, { size, values: new Float64Array(size * size) }] as const),
  );
  const probes = [...widths].map(([value, width]) => ({ kind: "gram", value, width }) as const);
  await observe(graph, probes, options, ({ value }, [products]) => {
    const sums = grams.get(value)!.values;
    for (let at = 0; at < sums.length; at += 1) sums[at]! += products![at]!;
  });
  return grams;
}

/** The largest magnitude of each channel (last dimension) of each value. */
export async function collectPeaks(
  graph: Graph,
  widths: ReadonlyMap<string, number>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, Float64Array>> {
  const peaks = new Map([...widths].map(([value, size]) => [value, new Float64Array(size)] as const));
  const probes = [...widths].map(([value, width]) => ({ kind: "peaks", value, width }) as const);
  await observe(graph, probes, options, ({ value }, [sizes]) => {
    const largest = peaks.get(value)!;
    for (let at = 0; at < largest.length; at += 1) largest[at] = Math.max(largest[at]!, sizes![at]!);
  });
  return peaks;
}
