/** Weights in host memory: initial values, and the check of a set of tensors against the model's parameters. */
import { SlmError } from "@slm/core";
import { createHostTensor, elementCount, type HostTensor, fromBfloat16, fromHalves } from "@slm/runtime";
import type { ModelConfig } from "../config/config.js";
import type { ParameterSpec, Sinusoids } from "./parameter-spec.js";
import { parameterSpecs } from "./parameters.js";

export type Weights = ReadonlyMap<string, HostTensor>;

/** Float32 values of a stored tensor. @throws SlmError DATA_INVALID for a dtype that slm does not store weights in. */
export function toFloat32(tensor: HostTensor, name: string): HostTensor {
  if (tensor.dtype === "float32") return tensor;
  const { shape, data } = tensor;
  if (tensor.dtype === "float16") return createHostTensor("float32", shape, fromHalves(data as Uint16Array));
  if (tensor.dtype === "bfloat16")
    return createHostTensor("float32", shape, fromBfloat16(data as Uint16Array));
  throw new SlmError(
    "DATA_INVALID",
    `weights: '${name}' is ${tensor.dtype}; weights are float32, float16 or bfloat16`,
  );
}

/** Initial weights by each parameter's rule. Normal values come from `random` (uniform in [0, 1)) by the Box-Muller transform. */
export const initializeWeights = (config: ModelConfig, random: () => number): Weights =>
  initializeParameters(parameterSpecs(config), random);

/** Like {@link initializeWeights}, for any list of parameters, in its order. */
export function initializeParameters(specs: readonly ParameterSpec[], random: () => number): Weights {
  const weights = new Map<string, HostTensor>();
  for (const { name, shape, initialization } of specs) {
    const values = new Float32Array(elementCount(shape));
    if (initialization.kind === "ones") values.fill(1);
    if (initialization.kind === "normal") {
      for (let i = 0; i < values.length; i++) values[i] = initialization.std * gaussian(random);
    }
    if (initialization.kind === "sinusoids") fillSinusoids(values, shape[1]!, initialization);
    weights.set(name, createHostTensor("float32", shape, values));
  }
  return weights;
}

/** Base of the frequencies. Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5. */
const SINUSOID_BASE = 10_000;

/**
 * Sines in the first half of every row, cosines in the second, with frequencies 10000^(-i / n). n is half of the width (Marian, Pegasus), or one
 * less, computed in float32 (M2M-100, as in fairseq). The last column of an odd width is a sine, or 0 in the second form.
 *
 * Source: transformers 4.57, `MarianSinusoidalPositionalEmbedding` and `M2M100SinusoidalPositionalEmbedding`.
 */
export function fillSinusoids(
  values: Float32Array,
  width: number,
  { spacing, first }: Omit<Sinusoids, "kind">,
): void {
  const round = Math.fround;
  const sines = spacing === "half" ? Math.ceil(width / 2) : Math.floor(width / 2);
  const angle =
    spacing === "half"
      ? (position: number, i: number): number => position / SINUSOID_BASE ** ((2 * i) / width)
      : (position: number, i: number): number =>
          round(position * round(Math.exp(round((-i * Math.log(SINUSOID_BASE)) / (sines - 1)))));
  for (let row = 0; row < values.length / width; row++) {
    for (let i = 0; i < sines; i++) {
      values[row * width + i] = Math.sin(angle(first + row, i));
      if (sines + i < width) values[row * width + sines + i] = Math.cos(angle(first + row, i));
    }
  }
}

function gaussian(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/**
 * Selects the model's parameters from a file's tensors, as float32 in the model's order.
 *
 * @throws SlmError SHAPE_MISMATCH for the first tensor that is missing, unknown or has the wrong shape.
 */
export function matchWeights(
  config: ModelConfig,
  tensors: ReadonlyMap<string, HostTensor>,
  where: string,
): Weights {
  const weights = new Map<string, HostTensor>();
  for (const { name, shape } of parameterSpecs(config)) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new SlmError("SHAPE_MISMATCH", `${where}: tensor '${name}' [${shape.join(", ")}] is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `${where}: tensor '${name}' should be [${shape.join(", ")}] according to config.json, got [${tensor.shape.join(", ")}]`,
      );
    }
    weights.set(name, toFloat32(tensor, name));
  }
  for (const name of tensors.keys()) {
    if (!weights.has(name))
      throw new SlmError("SHAPE_MISMATCH", `${where}: tensor '${name}' is not part of this model`);
  }
  return weights;
}
