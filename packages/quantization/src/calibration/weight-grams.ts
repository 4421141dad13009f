/** Gram matrices of the activations that each weight multiplies, summed over calibration data. */
import type { Graph } from "@slm/onnx";
import { findWeightUses } from "../rewrite/weight-uses.js";
import type { Gram } from "../weights/quantize-blocks.js";
import { collectGrams } from "./collect.js";
import type { CollectOptions } from "./collector.js";

/** Gram matrices by weight. If several nodes read a weight, their matrices are added. */
export async function weightGrams(graph: Graph, options: CollectOptions): Promise<ReadonlyMap<string, Gram>> {
  const inputs = new Map<string, Set<string>>();
  const widths = new Map<string, number>();
  for (const use of findWeightUses(graph).uses) {
    if (use.kind !== "linear") continue;
    const [rows, columns] = graph.initializers.get(use.weight)!.shape as readonly [number, number];
    widths.set(use.input, use.layout === "inputs-first" ? rows : columns);
    const known = inputs.get(use.weight);
    if (known === undefined) inputs.set(use.weight, new Set([use.input]));
    else known.add(use.input);
  }
  const byValue = await collectGrams(graph, widths, options);
  return new Map(
    [...inputs].map(([weight, values]) => [weight, sumOf([...values].map((value) => byValue.get(value)!))]),
  );
}

function sumOf([first, ...others]: readonly Gram[]): Gram {
  if (others.length === 0) return first!;
  const values = first!.values.slice();
  for (const { values: more } of others)
    for (let at = 0; at < values.length; at += 1) values[at]! += more[at]!;
  return { size: first!.size, values };
}
