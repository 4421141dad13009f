/** Finds masks that are added to attention scores before Softmax. */
import type { Graph, GraphNode } from "@slm/onnx";
import type { ValueRange } from "../calibration/collect.js";

/** `Softmax(scores + mask)`. */
export interface MaskedScores {
  readonly add: GraphNode;
  readonly softmax: GraphNode;
  readonly scores: string;
  readonly mask: string;
}

/** What makes scores, directly or scaled. */
const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "FusedMatMul"]);
const SCALING: ReadonlySet<string> = new Set(["Mul", "Div", "Reshape"]);

/** Finds every masked Softmax. */
export function findMaskedScores(graph: Graph): readonly MaskedScores[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const isScores = (name: string): boolean => {
    const maker = makers.get(name);
    if (maker === undefined) return false;
    return PRODUCTS.has(maker.opType) || (SCALING.has(maker.opType) && isScores(maker.inputs[0]!));
  };
  return graph.nodes.flatMap((softmax) => {
    const add = softmax.opType === "Softmax" ? makers.get(softmax.inputs[0]!) : undefined;
    if (add?.opType !== "Add") return [];
    const [first, second] = add.inputs as readonly [string, string];
    if (isScores(first)) return [{ add, softmax, scores: first, mask: second }];
    return isScores(second) ? [{ add, softmax, scores: second, mask: first }] : [];
  });
}

/** Distance of a masked score below the lowest score, at which its weight is negligible: e^-20 is 2e-9. */
const NOTHING = 20;

/**
 * Gives masks and masked scores the narrowest range that still masks: a mask of -10,000 would leave no codes for the
 * scores themselves, and data without padding shows no mask at all. A mask that several layers add reaches as far down as the one with the
 * widest scores needs. The sum need not reach as far down as the lowest score with its mask: what is masked saturates at the lowest code,
 * below every score. Changes `ranges`.
 */
export function boundMasks(found: readonly MaskedScores[], ranges: Map<string, ValueRange>): void {
  const masks = new Map<string, ValueRange>();
  for (const { add, scores, mask } of found) {
    const seen = ranges.get(scores);
    if (seen === undefined) continue;
    const high = Math.max(0, ranges.get(mask)?.high ?? 0);
    const low = Math.min(masks.get(mask)?.low ?? 0, seen.low - seen.high - NOTHING);
    if (ranges.has(mask)) masks.set(mask, { low, high });
    if (ranges.has(add.outputs[0]!))
      ranges.set(add.outputs[0]!, { low: seen.low - NOTHING, high: seen.high + high });
  }
  for (const [mask, range] of masks) ranges.set(mask, range);
}
