/**
 * Finds what is added to attention scores before Softmax: masks, biases by distance, in any order.
 *
 * ```
 * product ─► (scaled, capped) ─► + bias ─► + mask ─┐
 *                                                  ├─► (Concat, where two sources are read with one softmax) ─► Softmax
 * product ─► (scaled, capped) ─► + mask ───────────┘
 * ```
 */
import type { Graph, GraphNode } from "@slm/onnx";
import type { ValueRange } from "../calibration/collect.js";
import { float32sOf } from "../weights/float-bytes.js";

/** A sum on the way from scores to their Softmax. */
interface ScoreSum {
  readonly add: GraphNode;
  /** What is added to the scores. */
  readonly added: string;
  /** Whether it hides keys, as far as the graph says. */
  readonly isMask: boolean;
}

/** Scores of one product, and what is added to them, in order; there is something. */
interface ScoreChain {
  readonly scores: string;
  readonly sums: readonly ScoreSum[];
}

/** `Softmax(scores + mask)`, of one product or of several that a Concat joins. */
export interface MaskedScores {
  readonly softmax: GraphNode;
  readonly joined?: GraphNode | undefined;
  readonly chains: readonly ScoreChain[];
}

/** What makes scores, directly or scaled and capped. */
const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "FusedMatMul"]);
const SCALING: ReadonlySet<string> = new Set(["Mul", "Div", "Reshape", "Tanh"]);

/** Nodes through which a mask comes as it is. */
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

/** Numbers from here down hide a key: no bias that is learnt is as low. */
const HIDING = -1000;

/** Finds every masked Softmax. */
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

/** Distance of a masked score below the lowest score, at which its weight is negligible: e^-20 is 2e-9. */
const NOTHING = 20;

/**
 * Gives masks and masked scores the narrowest range that still masks: a mask of -10,000 would leave no codes for the
 * scores themselves, and data without padding shows no mask at all. A mask that several layers add reaches as far down as the one with the
 * widest scores needs. The sum need not reach as far down as the lowest score with its mask: what is masked saturates at the lowest code,
 * below every score that the Softmax reads. Changes `ranges`.
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

/** Whether a sum hides keys: as the graph says, as its numbers do, and always where it is the only one. */
const masksScores = (
  { added, isMask }: ScoreSum,
  { sums }: ScoreChain,
  ranges: ReadonlyMap<string, ValueRange>,
): boolean => isMask || sums.length === 1 || (ranges.get(added)?.low ?? 0) <= HIDING;

/** Scores with the biases that hide nothing; undefined where a range is not known. */
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
    // A sum that is hidden in part was seen with what hides it.
    if (!isHidden && whole !== undefined) seen = whole;
    else seen = bias && { low: seen.low + bias.low, high: seen.high + bias.high };
  }
  return seen;
}
