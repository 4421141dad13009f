/** Weights in host memory: initial values, and the check of a set of tensors against the model's parameters. */
import { SlmError } from "@slm/core";
import { createHostTensor, elementCount, type HostTensor, fromBfloat16, fromHalves } from "@slm/runtime";
import type { ModelConfig } from "./config.js";
import type { ParameterSpec } from "./parameter-spec.js";
import { parameterSpecs } from "./parameters.js";

export type Weights = ReadonlyMap<string, HostTensor>;

/** Float32 values of a stored tensor. @throws SlmError DATA_INVALID for a dtype weights are not stored in. */
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

/** Initial weights by each parameter's rule; normal values from `random` (uniform in [0, 1)) by Box and Muller. */
export const initializeWeights = (config: ModelConfig, random: () => number): Weights =>
  initializeParameters(parameterSpecs(config), random);

/** As {@link initializeWeights}, for any list of parameters, in its order. */
export function initializeParameters(specs: readonly ParameterSpec[], random: () => number): Weights {
  const weights = new Map<string, HostTensor>();
  for (const { name, shape, initialization } of specs) {
    const values = new Float32Array(elementCount(shape));
    if (initialization.kind === "ones") values.fill(1);
    if (initialization.kind === "normal") {
      for (let i = 0; i < values.length; i++) values[i] = initialization.std * gaussian(random);
    }
    weights.set(name, createHostTensor("float32", shape, values));
  }
  return weights;
}

function gaussian(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/**
 * Selects the model's parameters from a file's tensors, as float32 in the model's order.
 *
 * @throws SlmError SHAPE_MISMATCH naming the first missing, unknown or misshapen tensor.
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
        `${where}: tensor '${name}' should be [${shape.join(", ")}] by config.json, got [${tensor.shape.join(", ")}]`,
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
