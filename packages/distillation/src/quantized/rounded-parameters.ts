/** Rounds a model's weights as a quantization scheme stores them, in a program. */
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
} from "@slm/model";
import { roundWeights, type Tensor, type WeightGrid } from "@slm/tensor";
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

/** The grid of a weight in the graph of one of its readers. */
function gridOf(scheme: TrainedScheme, name: string, reader: WeightReader): WeightGrid {
  const format = WEIGHT_SCHEMES[scheme][reader];
  return GRIDS[TABLES.has(name) ? tableFormat(format) : format];
}

/**
 * Rounds every weight that the scheme quantizes. A weight that two graphs read is rounded for the decoder. If the encoder's graph stores it in
 * another format, its form there is added under the name of {@link encoderForm}.
 */
export function roundParameters(
  config: ModelConfig,
  scheme: TrainedScheme,
  parameters: Parameters,
): Parameters {
  const rounded: Record<string, Tensor> = {};
  for (const spec of parameterSpecs(config).filter(isRounded)) {
    const { name } = spec;
    const readers = weightReaders(config, name);
    const own = gridOf(scheme, name, readers.at(-1)!);
    rounded[name] = roundWeights(parameters[name]!, own);
    if (readers.length > 1 && gridOf(scheme, name, "encoder") !== own)
      rounded[encoderForm(name)] = roundWeights(rounded[name], gridOf(scheme, name, "encoder"));
  }
  return { ...parameters, ...rounded };
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
