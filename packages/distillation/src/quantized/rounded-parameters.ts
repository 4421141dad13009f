/** Rounds a model's weights as a quantization scheme stores them, in a program, with learned or computed scales. */
import { SlmError } from "@slm/core";
import { tableFormat, WEIGHT_SCHEMES, type WeightFormat } from "@slm/devices";
import {
  EMBEDDING_WEIGHT,
  HEAD_WEIGHT,
  isMultiplied,
  OPTIONAL_WEIGHTS,
  parameterSpecs,
  weightReaders,
  type ModelConfig,
  type Parameters,
  type ParameterSpec,
  type WeightReader,
  type Weights,
} from "@slm/model";
import { elementCount } from "@slm/runtime";
import { roundWeights, weightScales, type Engine, type Tensor, type WeightGrid } from "@slm/tensor";
import { encoderForm } from "@slm/training";
import type { TrainedScheme } from "../config/quantize-config.js";

/** The block size with which `slm quantize` stores weights if it has calibration data. Smaller blocks represent the same weights. */
const BLOCK_SIZE = 32;

const blocks = (bits: 2 | 4 | 8): WeightGrid => ({ kind: "blocks", bits, blockSize: BLOCK_SIZE });

/** A format without a row does not compile. */
const GRIDS: Readonly<Record<Exclude<WeightFormat, "float32">, WeightGrid>> = {
  "int8-dynamic": { kind: "outputs" },
  "int8-block": blocks(8),
  "int4-block": blocks(4),
  "int2-block": blocks(2),
};

const TABLES: ReadonlySet<string> = new Set([EMBEDDING_WEIGHT, OPTIONAL_WEIGHTS.sourceEmbedding]);

const isRounded = (spec: ParameterSpec): boolean =>
  isMultiplied(spec) || TABLES.has(spec.name) || spec.name === HEAD_WEIGHT;

/** 2 bits, where learned scales measured better than computed ones (docs/benchmarks/quantization.md). */
const isLearned = (grid: WeightGrid): boolean => grid.kind === "blocks" && grid.bits === 2;

/** Name of the learned scales of a weight, as an auxiliary tensor of the training run. */
const scalesOf = (name: string): string => `auxiliary.scales.${name}`;

/** The grid of a weight in the graph of one of its readers. */
function gridOf(scheme: TrainedScheme, name: string, reader: WeightReader): WeightGrid {
  const format = WEIGHT_SCHEMES[scheme][reader];
  return GRIDS[TABLES.has(name) ? tableFormat(format) : format];
}

/** The grid of the last reader: the decoder, if it reads the weight. */
const ownGrid = (config: ModelConfig, scheme: TrainedScheme, name: string): WeightGrid =>
  gridOf(scheme, name, weightReaders(config, name).at(-1)!);

/**
 * Rounds every weight that the scheme quantizes. A weight that two graphs read is rounded for the decoder. If the encoder's graph stores it in
 * another format, its form there is added under the name of {@link encoderForm}.
 *
 * @param parameters weights, and {@link learnedScales}; other scales are computed from the weights
 */
export function roundParameters(
  config: ModelConfig,
  scheme: TrainedScheme,
  parameters: Parameters,
): Parameters {
  const rounded: Record<string, Tensor> = {};
  for (const spec of parameterSpecs(config).filter(isRounded)) {
    const { name } = spec;
    const own = ownGrid(config, scheme, name);
    const scales = parameters[scalesOf(name)];
    if (isLearned(own) && scales === undefined)
      throw new SlmError("UNEXPECTED", `distill.quantize: '${name}' has no scales`);
    rounded[name] = roundWeights(parameters[name]!, own, scales);
    if (weightReaders(config, name).length > 1 && gridOf(scheme, name, "encoder") !== own)
      rounded[encoderForm(name)] = roundWeights(rounded[name], gridOf(scheme, name, "encoder"));
  }
  return { ...parameters, ...rounded };
}

/** The weights whose scales are learned. */
const withLearnedScales = (config: ModelConfig, scheme: TrainedScheme): readonly ParameterSpec[] =>
  parameterSpecs(config).filter((spec) => isRounded(spec) && isLearned(ownGrid(config, scheme, spec.name)));

/** The scales that are learned, `[blocks]`. They start as {@link startingScales}. */
export const learnedScales = (config: ModelConfig, scheme: TrainedScheme): readonly ParameterSpec[] =>
  withLearnedScales(config, scheme).map(({ name, shape }) => ({
    name: scalesOf(name),
    shape: [elementCount(shape) / BLOCK_SIZE],
    initialization: { kind: "zeros" },
  }));

/** The scales computed from float32 weights, by the names of {@link learnedScales}. */
export async function startingScales(
  engine: Engine,
  config: ModelConfig,
  scheme: TrainedScheme,
  weights: Weights,
): Promise<Weights> {
  const specs = withLearnedScales(config, scheme);
  if (specs.length === 0) return new Map();
  const names = specs.map(({ name }) => name);
  const program = await engine.compile({
    name: "starting scales",
    forwardOnly: true,
    inputs: Object.fromEntries(specs.map(({ name, shape }) => [name, { dtype: "float32", shape }])),
    build: (x) =>
      Object.fromEntries(
        names.map((name) => [scalesOf(name), weightScales(x[name]!, ownGrid(config, scheme, name))]),
      ),
  });
  try {
    const feeds = Object.fromEntries(names.map((name) => [name, weights.get(name)!]));
    const { fetched } = await program.run({ feeds, fetch: names.map(scalesOf) });
    return new Map(Object.entries(fetched));
  } finally {
    await program.release();
  }
}

/**
 * Checks that a model can be trained for a scheme.
 *
 * @throws SlmError CONFIG_INVALID for a width that blocks do not divide, or a table that training does not round
 */
export function checkRounding(config: ModelConfig, scheme: TrainedScheme): void {
  for (const spec of parameterSpecs(config)) {
    const { name, shape } = spec;
    if (shape.length !== 2) continue;
    if (!isRounded(spec))
      throw new SlmError(
        "CONFIG_INVALID",
        `distill.quantize: the table '${name}' of a published model cannot be trained for a scheme`,
        { suggestions: ["leave out distill.quantize, and quantize after training: slm quantize EXPORT"] },
      );
    const inputs = shape[1]!;
    for (const reader of weightReaders(config, name)) {
      const grid = gridOf(scheme, name, reader);
      if (grid.kind === "outputs" || inputs % grid.blockSize === 0) continue;
      throw new SlmError(
        "CONFIG_INVALID",
        `distill.quantize: scheme ${scheme} stores blocks of ${grid.blockSize} weights, which do not divide the ${inputs} inputs of '${name}'`,
        {
          suggestions: [
            `make width, heads times headDim, and feedForward multiples of ${grid.blockSize}`,
            "leave out distill.quantize",
          ],
        },
      );
    }
  }
}
