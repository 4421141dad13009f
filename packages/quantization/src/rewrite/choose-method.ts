/** The default rounding method of 4-bit weights. */
import type { Graph } from "@slm/onnx";
import { findWeightUses, type LinearUse } from "./weight-uses.js";
import type { BlockMethod } from "../weights/block-method.js";

/**
 * Numbers that sums of products may take before nobody asked for them: 256 MiB of float64. A model of some ten million
 * parameters stays far below; the third powers of the same widths are what the method's time goes by.
 */
const MOST_SUMS = 2 ** 25;

/** How many numbers `weightGrams` would keep for a graph. */
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
 * The method for a graph: the one named; else `gptq` where there is calibration data and its sums fit in memory, as it
 * loses least; else `search`.
 *
 * @param hasData whether calibration data are there, or what they say is known already
 */
export function chooseMethod(graph: Graph, named: BlockMethod | undefined, hasData: boolean): BlockMethod {
  if (named !== undefined) return named;
  return hasData && sumsOf(graph) <= MOST_SUMS ? "gptq" : "search";
}
