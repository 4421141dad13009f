/**
 * Keeps the values between a model's norms within float16, whose largest number is 65,504. T5's feed-forward blocks and residual stream
 * exceed it.
 *
 * Dividing a norm's input does not change its output, if epsilon is divided by the square. So the residual stream is divided by a power of
 * two, which does not round, and which grows with the sums from branch to branch (s to t below). Inside a branch another power of two, u,
 * moves from the weights at its start to the weights at its end.
 *
 * ```
 * x / s ------------------------------------------------- · s/t -> + -> (x + y) / t
 *    \-> norm -> value / u -> attention        -> output · u/t --/
 *              up / u -> relu, or · f(gate)     -> down · u/t
 * ```
 *
 * The weights alone bound the sums: the length of a normed row is at most sqrt(width) · gain, and the product of a weight row and a vector
 * is at most the product of their lengths (Cauchy-Schwarz). Models whose sums fit do not change.
 */
import {
  ACTIVATIONS,
  carryOf,
  EMBEDDING_WEIGHT,
  OPTIONAL_WEIGHTS,
  publishedOf,
  stackHeads,
  visionOf,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { LazyWeights } from "./lazy-weights.js";

/** Half of float16's range, so that rounded sums stay in it. */
const LARGEST = 2 ** 15;

/** A model whose sums fit float16. */
export interface FittedModel {
  /** The weights, with {@link carryOf} for each branch before which the divisor of the residual stream grows. */
  readonly weights: Weights;
  /** Divisors of the inputs of norms, by the name of the gain. Default: 1. */
  readonly divisors: ReadonlyMap<string, number>;
}

/**
 * Returns the model with sums that fit float16. The model does not change if they already fit, if anything except RMS norms reads them, or
 * if a plain GELU or SiLU reads values that are too large, because its argument cannot be divided.
 */
export function fitHalfRange(config: ModelConfig, weights: Weights): FittedModel {
  const same: FittedModel = { weights, divisors: new Map() };
  if (!isFittable(config)) return same;
  const factors = new Map<string, number>();
  const carries = new Map<string, number>();
  const divisors = new Map<string, number>();
  for (const side of SIDES) {
    let sum = embedded(weights);
    let divisor = 1;
    for (const branch of branchesOf(config, side)) {
      divisors.set(`${branch.name}Norm.weight`, divisor);
      const { output, inner } = BOUNDS[branch.kind](config, weights, branch);
      sum += output;
      const next = powerFor(sum);
      if (next !== divisor) carries.set(carryOf(branch.name), divisor / next);
      divisor = next;
      // Each half of a branch gets half of the exponent, so that weights do not become too small for float16.
      const own = inner === undefined ? 1 : Math.max(powerFor(inner), 2 ** Math.floor(Math.log2(next) / 2));
      const [first, last] = PARTS[branch.kind];
      for (const kind of ["weight", "bias"]) factors.set(`${branch.name}.${first}.${kind}`, 1 / own);
      factors.set(`${branch.name}.${last}.weight`, own / next);
      factors.set(`${branch.name}.${last}.bias`, 1 / next);
    }
    divisors.set(`${STACKS[side]}.norm.weight`, divisor);
  }
  if ([...factors.values()].every((factor) => factor === 1)) return same;
  const names = [...weights.keys(), ...carries.keys()];
  const fitted = new LazyWeights(names, (name) => {
    const carry = carries.get(name);
    if (carry !== undefined) return createHostTensor("float32", [1], Float32Array.of(carry));
    return scaled(weights.get(name)!, factors.get(name) ?? 1);
  });
  return { weights: fitted, divisors };
}

const SIDES = ["encoderLayers", "decoderLayers"] as const;
const STACKS = { encoderLayers: "encoder", decoderLayers: "decoder" } as const;

/** The weights at both ends of a branch, between which a factor can move. */
const PARTS = { attention: ["value", "output"], feedForward: ["up", "down"] } as const;

/** Whether the residual stream is read only by the RMS norms of branches. */
function isFittable(config: ModelConfig): boolean {
  const { norm = "rms", normPlacement = "pre", positions, embeddingNorm } = publishedOf(config);
  const isPlain = config.postNorm !== true && config.qkNorm !== true && visionOf(config) === undefined;
  const isCrossPlain =
    config.architecture === "decoder-only" ||
    (config.crossQkNorm !== true &&
      config.mergedAttention !== true &&
      config.decoderRecurrence === undefined);
  const isPlaced = positions === undefined || positions.kind === "relative-bias";
  const isAlone = embeddingNorm === undefined;
  return norm === "rms" && normPlacement === "pre" && isPlain && isCrossPlain && isPlaced && isAlone;
}

interface Branch {
  readonly name: string;
  readonly kind: keyof typeof PARTS;
  readonly side: (typeof SIDES)[number];
  /** Name of the gain of the norm before the value projection or the feed-forward block. */
  readonly gain: string;
}

/** Branches of a stack, in order. */
function branchesOf(config: ModelConfig, side: Branch["side"]): readonly Branch[] {
  const isPair = config.architecture === "encoder-decoder";
  const layers = side === "decoderLayers" ? config.decoderLayers : isPair ? config.encoderLayers : 0;
  return Array.from({ length: layers }, (_, layer): Branch[] => {
    const name = `${STACKS[side]}.layers.${layer}`;
    const branch = (part: string, kind: Branch["kind"], gain = `${name}.${part}Norm.weight`): Branch => ({
      name: `${name}.${part}`,
      kind,
      side,
      gain,
    });
    const crosses = isPair && side === "decoderLayers";
    return [
      branch("attention", "attention"),
      ...(crosses ? [branch("crossAttention", "attention", "encoder.norm.weight")] : []),
      branch("feedForward", "feedForward"),
    ];
  }).flat();
}

/** Upper bounds of a branch's numbers. */
interface BranchBound {
  /** The largest number that it adds to the residual stream. */
  readonly output: number;
  /** The largest input of its last weights; undefined if it cannot be divided. */
  readonly inner: number | undefined;
}

type BoundOf = (config: ModelConfig, weights: Weights, branch: Branch) => BranchBound;

const BOUNDS: Readonly<Record<Branch["kind"], BoundOf>> = {
  attention: (config, weights, { name, side, gain }) => {
    const { heads, kvHeads } = stackHeads(config, side);
    const value = product(weights, `${name}.value`, gain);
    // Every head returns a weighted mean of values, and several heads can read the same values.
    const length = Math.sqrt(heads / kvHeads) * value.length;
    return { output: last(weights, `${name}.output`, length), inner: value.largest };
  },
  feedForward: (config, weights, { name, gain }) => {
    const { activation = "gelu" } = config;
    const up = product(weights, `${name}.up`, gain);
    if (!ACTIVATIONS[activation].isGated) {
      const output = last(weights, `${name}.down`, up.length);
      return { output, inner: activation === "relu" ? up.largest : undefined };
    }
    // No activation is larger than its argument.
    const gate = product(weights, `${name}.gate`, gain).largest;
    return { output: last(weights, `${name}.down`, gate * up.length), inner: Math.max(1, gate) * up.largest };
  },
};

/** Bounds of a product with a normed row: largest number and length. */
function product(
  weights: Weights,
  name: string,
  gain: string,
): { readonly largest: number; readonly length: number } {
  const width = weights.get(`${name}.weight`)!.shape[1]!;
  const rows = rowLengths(numbersOf(weights, `${name}.weight`), width, numbersOf(weights, gain));
  const bias = numbersOf(weights, `${name}.bias`);
  const normed = Math.sqrt(width);
  return {
    largest: normed * largestOf(rows) + largestOf(bias),
    length: normed * lengthOf(rows) + lengthOf(bias),
  };
}

/** Bound of the numbers in a product with a vector of this length. */
function last(weights: Weights, name: string, length: number): number {
  const { shape } = weights.get(`${name}.weight`)!;
  const rows = rowLengths(numbersOf(weights, `${name}.weight`), shape[1]!);
  return length * largestOf(rows) + largestOf(numbersOf(weights, `${name}.bias`));
}

type Numbers = Float32Array | Float64Array;

/** Numbers of a weight; empty if the model does not have it. */
function numbersOf(weights: Weights, name: string): Numbers {
  const { data } = weights.get(name) ?? {};
  return data instanceof Float32Array ? data : new Float32Array(0);
}

/** Row lengths of a matrix with columns multiplied by gains. */
function rowLengths(matrix: Numbers, columns: number, gain?: Numbers): Float64Array {
  const lengths = new Float64Array(matrix.length / columns);
  for (let row = 0; row < lengths.length; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++)
      sum += (matrix[row * columns + column]! * (gain?.[column] ?? 1)) ** 2;
    lengths[row] = Math.sqrt(sum);
  }
  return lengths;
}

const lengthOf = (numbers: Numbers): number => rowLengths(numbers, Math.max(1, numbers.length))[0] ?? 0;

function largestOf(numbers: Numbers): number {
  let largest = 0;
  for (const value of numbers) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** The largest number in embedded tokens. */
const embedded = (weights: Weights): number =>
  Math.max(
    ...[EMBEDDING_WEIGHT, OPTIONAL_WEIGHTS.sourceEmbedding].map((name) =>
      largestOf(numbersOf(weights, name)),
    ),
  );

/** The smallest power of two, at least 1, that makes a number fit when divided by it. */
const powerFor = (largest: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(largest / LARGEST)));

function scaled(weight: HostTensor, factor: number): HostTensor {
  const { shape, data } = weight;
  if (factor === 1 || !(data instanceof Float32Array)) return weight;
  return createHostTensor(
    "float32",
    shape,
    data.map((value) => value * factor),
  );
}
