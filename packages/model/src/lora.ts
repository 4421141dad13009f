/**
 * Low-rank adapters: a linear weight W [out, in] is used as W + alpha/rank · B·A while only A [rank, in] and B [out, rank]
 * are trained. B starts at zero, so an adapted model starts as the model it adapts.
 *
 * Source: Hu et al. 2022, section 4.1 (arXiv:2106.09685).
 */
import { SlmError } from "@slm/core";
import { math, type Tensor } from "@slm/tensor";
import { adapterDown, adapterUp, type Parameters } from "./layers/blocks.js";
import type { ModelConfig } from "./config/config.js";
import type { ParameterSpec } from "./parameters/parameter-spec.js";
import { isMultiplied, parameterSpecs } from "./parameters/parameters.js";

export interface LoraScale {
  /** Rows of A and columns of B. */
  readonly rank: number;
  /** B·A is multiplied by alpha / rank. */
  readonly alpha: number;
}

/** Scale of adapters of a rank. All ranks have the same alpha (section 4.1), so another rank does not need another learning rate. */
export const loraScale = (rank: number): LoraScale => ({ rank, alpha: 32 });

const WEIGHT = ".weight";
const A = ".loraA";
const B = ".loraB";

/** A linear weight; its name does not include `.weight`. */
interface Linear {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
}

/** Every matrix of a linear layer. Embeddings and positions are not among them: they are looked up. */
const linearsOf = (config: ModelConfig): Linear[] =>
  parameterSpecs(config)
    .filter(isMultiplied)
    .map(({ name, shape }) => ({
      name: name.slice(0, -WEIGHT.length),
      outputs: shape[0]!,
      inputs: shape[1]!,
    }));

/**
 * The adapters of every linear layer, `<linear>.loraA` and `<linear>.loraB`, in the model's order.
 *
 * @param rank positive integer
 */
export function loraSpecs(config: ModelConfig, rank: number): ParameterSpec[] {
  return linearsOf(config).flatMap(({ name, outputs, inputs }): ParameterSpec[] => [
    {
      name: name + A,
      shape: [rank, inputs],
      initialization: { kind: "normal", std: 1 / Math.sqrt(inputs) },
    },
    { name: name + B, shape: [outputs, rank], initialization: { kind: "zeros" } },
  ]);
}

const adaptedNames = (names: Iterable<string>): string[] =>
  [...names].filter((name) => name.endsWith(A)).map((name) => name.slice(0, -A.length));

function shouldBe(name: string, shape: readonly number[], actual: readonly number[] | undefined): void {
  if (actual?.join() === shape.join()) return;
  const got = actual === undefined ? "nothing" : `[${actual.join(", ")}]`;
  throw new SlmError("SHAPE_MISMATCH", `lora: '${name}' should be [${shape.join(", ")}], got ${got}`);
}

/** An adapter's tensors in a program: A, and B times alpha / rank. */
interface ScaledAdapter {
  readonly name: string;
  readonly weight: Tensor;
  readonly down: Tensor;
  /** Scales the small factor instead of the product. */
  readonly up: Tensor;
}

/** @throws SlmError SHAPE_MISMATCH if an adapter is missing or does not fit its weight or the rank. */
function scaledAdapters(
  parameters: Parameters,
  lora: Parameters,
  { rank, alpha }: LoraScale,
): readonly ScaledAdapter[] {
  return adaptedNames(Object.keys(lora)).map((name) => {
    const weight = parameters[name + WEIGHT];
    if (weight === undefined) {
      throw new SlmError("SHAPE_MISMATCH", `lora: '${name + A}' does not match any weight of this model`);
    }
    const [outputs, inputs] = weight.shape as [number, number];
    const [a, b] = [lora[name + A], lora[name + B]];
    shouldBe(name + A, [rank, inputs], a?.shape);
    shouldBe(name + B, [outputs, rank], b?.shape);
    return { name, weight, down: a!, up: math.mul(b!, alpha / rank) };
  });
}

/**
 * Parameters with separate adapters: a linear layer computes x·Wᵀ + (x·Aᵀ)·Bᵀ · alpha/rank. Gradients reach A and B without the product B·A and
 * without a gradient of the size of W, so a training step costs two thirds of a step that trains W.
 *
 * @param lora tensors with the names of {@link loraSpecs}; others are ignored.
 * @throws SlmError SHAPE_MISMATCH if an adapter is missing or does not fit its weight or the rank.
 */
export function withLora(parameters: Parameters, lora: Parameters, scale: LoraScale): Parameters {
  const beside: Record<string, Tensor> = {};
  for (const { name, down, up } of scaledAdapters(parameters, lora, scale)) {
    beside[adapterDown(name)] = down;
    beside[adapterUp(name)] = up;
  }
  return { ...parameters, ...beside };
}

/**
 * Parameters in which each adapted weight is W + alpha/rank · B·A, computed in the graph: for programs that only read the weights.
 *
 * @throws SlmError as {@link withLora}.
 */
export function withMergedLora(parameters: Parameters, lora: Parameters, scale: LoraScale): Parameters {
  const merged = scaledAdapters(parameters, lora, scale).map(({ name, weight, down, up }) => [
    name + WEIGHT,
    math.add(weight, math.matMul(up, down)),
  ]);
  return { ...parameters, ...(Object.fromEntries(merged) as Parameters) };
}
