/** The default rounding method of 4-bit weights. */
import type { BlockMethod } from "@slm/devices";
import type { Graph } from "@slm/onnx";
import { findWeightUses, type LinearUse } from "./weight-uses.js";

/**
 * Limit of Gram matrix numbers for the default `gptq`: 256 MiB of float64. A model of ten million parameters needs far less. The method's
 * time grows with the cube of the same widths.
 */
const MOST_SUMS = 2 ** 25;

/** Number of Gram matrix numbers that `weightGrams` would keep for a graph. */
function sumsOf(graph: Graph): number {
  const linear = findWeightUses(graph).uses.filter((use): use is LinearUse => use.kind === "linear");
  const widths = new Map(
    linear.map(({ input, weight, layout }) => {
      const [rows, columns] = graph.initializers.get(weight)!.shape as readonly [number, number];
      return [input, layout === "inputs-first" ? rows : columns];
    }),
  );
  return [...widths.values()].reduce((sum, width) => sum + width ** 2, 0);
}

/**
 * Chooses the rounding method of a graph: the requested one; otherwise `gptq`, which loses least, if there are calibration data and the
 * Gram matrices fit in memory; otherwise `search`.
 *
 * @param hasData whether calibration data or their statistics are available
 */
export function chooseMethod(graph: Graph, named: BlockMethod | undefined, hasData: boolean): BlockMethod {
  if (named !== undefined) return named;
  return hasData && sumsOf(graph) <= MOST_SUMS ? "gptq" : "search";
}
