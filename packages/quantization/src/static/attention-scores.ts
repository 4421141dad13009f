/**
 * Finds masks and relative position biases that are added to attention scores before Softmax, in any order.
 *
 * ```
 * product ─► (scaled, capped) ─► + bias ─► + mask ─┐
 *                                                  ├─► (Concat, if one softmax covers two sources) ─► Softmax
 * product ─► (scaled, capped) ─► + mask ───────────┘
 * ```
 */
import type { Graph, GraphNode } from "@slm/onnx";
import type { ValueRange } from "../calibration/collect.js";
import { float32sOf } from "../weights/float-bytes.js";

/** An addition between scores and their Softmax. */
interface ScoreSum {
  readonly add: GraphNode;
  /** The value that is added to the scores. */
  readonly added: string;
  /** Whether the graph shows that it masks keys. */
  readonly isMask: boolean;
}

/** The scores of one product and at least one addition, in order. */
interface ScoreChain {
  readonly scores: string;
  readonly sums: readonly ScoreSum[];
}

/** `Softmax(scores + mask)`, for one product or several that are concatenated. */
export interface MaskedScores {
  readonly softmax: GraphNode;
  readonly joined?: GraphNode | undefined;
  readonly chains: readonly ScoreChain[];
}

/** Operators between the product and the scores: scaling and softcapping. */
const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "FusedMatMul"]);
const SCALING: ReadonlySet<string> = new Set(["Mul", "Div", "Reshape", "Tanh"]);

/** Operators that do not change the values of a mask. */
const PASSING: ReadonlySet<string> = new Set([
  "Concat",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Expand",
  "Tile",
  "Identity",
  "Cast",
]);

/** Lower numbers mask a key. No learnt bias is this low. */
const HIDING = -1000;

/** Finds every Softmax with a mask. */
export function findMaskedScores(graph: Graph): readonly MaskedScores[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const isScores = (name: string): boolean => {
    const maker = makers.get(name);
    if (maker === undefined) return false;
    return PRODUCTS.has(maker.opType) || (SCALING.has(maker.opType) && isScores(maker.inputs[0]!));
  };
  const hides = (name: string): boolean => {
    const constant = graph.initializers.get(name);
    if (constant !== undefined)
      return constant.dtype === "float32" && float32sOf(constant).some((value) => value <= HIDING);
    if (inputs.has(name)) return true;
    const maker = makers.get(name);
    if (maker === undefined) return false;
    const from = { Gather: [0], Where: [1, 2] }[maker.opType];
    if (from !== undefined)
      return from.some((at) => graph.initializers.has(maker.inputs[at]!) && hides(maker.inputs[at]!));
    return PASSING.has(maker.opType) && maker.inputs.some((input) => input !== "" && hides(input));
  };
  const chainOf = (name: string): ScoreChain | undefined => {
    if (isScores(name)) return { scores: name, sums: [] };
    const add = makers.get(name);
    if (add?.opType !== "Add") return undefined;
    for (const [own, added] of [add.inputs, [...add.inputs].reverse()] as [string, string][]) {
      const inner = chainOf(own);
      if (inner !== undefined)
        return { ...inner, sums: [...inner.sums, { add, added, isMask: hides(added) }] };
    }
    return undefined;
  };
  return graph.nodes.flatMap((softmax): MaskedScores[] => {
    if (softmax.opType !== "Softmax") return [];
    const maker = makers.get(softmax.inputs[0]!);
    const joined = maker?.opType === "Concat" ? maker : undefined;
    const chains = (joined?.inputs ?? [softmax.inputs[0]!]).map(chainOf);
    const isMasked =
      chains.every((chain) => chain !== undefined) && chains.some(({ sums }) => sums.length > 0);
    return isMasked ? [{ softmax, joined, chains }] : [];
  });
}

/** Distance of a masked score from the lowest score. Its weight is then negligible: e^-20 is 2e-9. */
const NOTHING = 20;

/**
 * Sets masks and masked scores to the narrowest range that still masks. A mask of -10,000 would leave no codes for the scores, and data
 * without padding would show no mask. A mask that several layers share gets the range that the widest scores need. The sum can have a
 * smaller range, because masked scores saturate at the lowest code, below every score that the Softmax reads. Changes `ranges`.
 */
export function boundMasks(found: readonly MaskedScores[], ranges: Map<string, ValueRange>): void {
  const masks = new Map<string, ValueRange>();
  const update = (name: string, range: ValueRange): void => {
    if (ranges.has(name)) ranges.set(name, range);
  };
  for (const { joined, chains } of found) {
    const spans = chains.map((chain) => unmasked(chain, ranges));
    const seen = spans.filter((span) => span !== undefined);
    if (seen.length < spans.length) continue;
    const [low, high] = [
      Math.min(...seen.map((span) => span.low)),
      Math.max(...seen.map((span) => span.high)),
    ];
    const floor = low - NOTHING;
    let top = high;
    for (const [at, chain] of chains.entries()) {
      let own = seen[at]!.high;
      let isHidden = false;
      for (const sum of chain.sums) {
        if (masksScores(sum, chain, ranges)) {
          isHidden = true;
          const above = Math.max(0, ranges.get(sum.added)?.high ?? 0);
          own += above;
          const least = Math.min(masks.get(sum.added)?.low ?? 0, low - high - NOTHING);
          if (ranges.has(sum.added)) masks.set(sum.added, { low: least, high: above });
        }
        if (isHidden) update(sum.add.outputs[0]!, { low: floor, high: own });
      }
      top = Math.max(top, own);
    }
    if (joined !== undefined) update(joined.outputs[0]!, { low: floor, high: top });
  }
  for (const [mask, range] of masks) ranges.set(mask, range);
}

/** Whether an addition masks keys, according to the graph or its numbers. The only addition always does. */
const masksScores = (
  { added, isMask }: ScoreSum,
  { sums }: ScoreChain,
  ranges: ReadonlyMap<string, ValueRange>,
): boolean => isMask || sums.length === 1 || (ranges.get(added)?.low ?? 0) <= HIDING;

/** Range of the scores with biases but without masks; undefined if a range is unknown. */
function unmasked(chain: ScoreChain, ranges: ReadonlyMap<string, ValueRange>): ValueRange | undefined {
  let seen = ranges.get(chain.scores);
  let isHidden = false;
  for (const sum of chain.sums) {
    if (seen === undefined) return undefined;
    if (masksScores(sum, chain, ranges)) {
      isHidden = true;
      continue;
    }
    const [whole, bias] = [ranges.get(sum.add.outputs[0]!), ranges.get(sum.added)];
    // The range of a partly masked sum includes the mask.
    if (!isHidden && whole !== undefined) seen = whole;
    else seen = bias && { low: seen.low + bias.low, high: seen.high + bias.high };
  }
  return seen;
}
