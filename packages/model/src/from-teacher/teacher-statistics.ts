/** Statistics of a teacher on rows of a task, which decide the layers, channels, heads and neurons of a student. */
import { SlmError } from "@slm/core";
import { math, type Tensor } from "@slm/tensor";
import type { Parameters } from "../layers/blocks.js";
import type { DecoderOnlyConfig } from "../config/config.js";
import { decode } from "../decoder.js";
import { withObserver } from "../layers/observe.js";

/** Outputs of {@link observeTeacher}, sums over positions. */
export const STATISTICS = {
  /** Block influence of every layer, 1 - cosine of its input and output states: `[layers]`. */
  influence: ({ decoderLayers }) => [decoderLayers],
  /** Outer products of the normalized states that the layers and the output head read: `[width, width]`. */
  gram: ({ width }) => [width, width],
  /** Squares of every norm's output before its gain, in the order of {@link normNames}: `[norms, width]`. */
  norms: (config) => [normNames(config).length, config.width],
  /** Squares of attention's output before the output projection: `[layers, heads · headDim]`. */
  attention: ({ decoderLayers, heads, headDim }) => [decoderLayers, heads * headDim],
  /** Squares of the activations of feed-forward neurons: `[layers, feedForward]`. */
  neurons: ({ decoderLayers, feedForward }) => [decoderLayers, feedForward],
} as const satisfies Readonly<Record<string, (config: DecoderOnlyConfig) => readonly number[]>>;

export type Statistic = keyof typeof STATISTICS;
export const STATISTIC_NAMES = Object.keys(STATISTICS) as readonly Statistic[];

/** Means over positions. */
export type TeacherStatistics = Readonly<Record<Statistic, Float64Array>>;

const layersOf = ({ decoderLayers }: DecoderOnlyConfig): readonly string[] =>
  Array.from({ length: decoderLayers }, (_, layer) => `decoder.layers.${layer}`);

/** The norms that read the states between branches, in order. */
const preNorms = (config: DecoderOnlyConfig): readonly string[] => [
  ...layersOf(config).flatMap((layer) => [`${layer}.attentionNorm`, `${layer}.feedForwardNorm`]),
  "decoder.norm",
];

/** The norms of a teacher's states, and of the ends of its branches. */
export const normNames = (config: DecoderOnlyConfig): readonly string[] => [
  ...preNorms(config),
  ...(config.postNorm === true ? layersOf(config) : []).flatMap((layer) => [
    `${layer}.attentionPostNorm`,
    `${layer}.feedForwardPostNorm`,
  ]),
];

/** Keeps a cosine finite if a state is zero. */
const TINY = 1e-20;

/**
 * Computes the sums over positions.
 *
 * Shapes: ids int32 `[batch, length]`, mask float32 `[batch, length]` (1: the position counts) -> those of {@link STATISTICS}.
 * Source: Men et al. 2024 (arXiv:2403.03853), equation 1, for the influence; Ashkboos et al. 2024 (arXiv:2401.15024), section 3.2, for the
 * products of normalized states.
 */
export function observeTeacher(
  config: DecoderOnlyConfig,
  parameters: Parameters,
  ids: Tensor,
  mask: Tensor,
): Readonly<Record<Statistic, Tensor>> {
  const seen = new Map<string, Tensor>();
  withObserver(
    (name, x) => seen.set(name, rowsOf(x)),
    () => decode(config, parameters, ids),
  );
  const counted = math.reshape(mask, [mask.size, 1]);
  const read = (name: string): Tensor => {
    const found = seen.get(name);
    if (found === undefined) throw new SlmError("UNEXPECTED", `teacher: no layer read '${name}'`);
    return found;
  };
  const normalized = (name: string): Tensor => {
    const x = read(name);
    const meanSquare = math.div(math.sumAxes(math.square(x), [1]), config.width);
    return math.mul(math.div(x, math.sqrt(math.add(meanSquare, config.normEpsilon))), counted);
  };
  const squares = (x: Tensor): Tensor => math.sumAxes(math.square(math.mul(x, counted)), [0]);
  const pre = preNorms(config).map(normalized);
  const layers = layersOf(config);
  const boundaries = [...layers.map((layer) => `${layer}.attentionNorm`), "decoder.norm"].map(read);
  return {
    influence: math.concat(
      layers.map((_, layer) =>
        math.reshape(
          math.sum(math.mul(math.sub(1, cosines(boundaries[layer]!, boundaries[layer + 1]!)), counted)),
          [1],
        ),
      ),
      0,
    ),
    gram: pre.map((x) => math.matMul(math.transposeLast(x), x)).reduce((sum, part) => math.add(sum, part)),
    norms: math.concat(
      normNames(config).map((name, index) => squares(pre[index] ?? normalized(name))),
      0,
    ),
    attention: math.concat(
      layers.map((layer) => squares(read(`${layer}.attention.output`))),
      0,
    ),
    neurons: math.concat(
      layers.map((layer) => squares(read(`${layer}.feedForward.down`))),
      0,
    ),
  };
}

const rowsOf = (x: Tensor): Tensor => math.reshape(x, [x.size / x.shape.at(-1)!, x.shape.at(-1)!]);

/** Cosines of the rows of two matrices, `[rows, 1]`. */
function cosines(a: Tensor, b: Tensor): Tensor {
  const dot = (x: Tensor, y: Tensor): Tensor => math.sumAxes(math.mul(x, y), [1]);
  return math.div(dot(a, b), math.sqrt(math.add(math.mul(dot(a, a), dot(b, b)), TINY)));
}
