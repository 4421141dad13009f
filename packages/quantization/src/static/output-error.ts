/** Measures a MatMul's output error due to rounded weights, and selects the weights that keep 8 bits. */
import type { Graph } from "@slm/onnx";
import { float32sOf } from "../weights/float-bytes.js";
import type { Gram } from "../weights/quantize-blocks.js";
import { stridesOf, type WeightMatrix } from "../weights/weight-matrix.js";
import { findWeightUses } from "../rewrite/weight-uses.js";
import type { RoundedWeight } from "./rounded-weights.js";

/** Number of sampled outputs. The cost is this times the square of the inputs. */
const SAMPLED_OUTPUTS = 64;

/**
 * Mean square of x (W - V) divided by that of x W, for the activations x of `gram` and evenly spread outputs.
 *
 * Shapes: W as `matrix`, V = `rounded` in the same layout, gram `[inputs, inputs]`, the sum of xᵀx. Returns 0 if the product is always
 * zero.
 */
export function outputError(
  matrix: WeightMatrix,
  rounded: Float32Array,
  { values: gram }: Pick<Gram, "values">,
): number {
  const { values, inputs, outputs, layout } = matrix;
  const strides = stridesOf(layout, inputs, outputs);
  const sampled = Math.min(outputs, SAMPLED_OUTPUTS);
  const weight = new Float64Array(inputs);
  const change = new Float64Array(inputs);
  let signal = 0;
  let noise = 0;
  for (let sample = 0; sample < sampled; sample += 1) {
    const start = Math.floor((sample * outputs) / sampled) * strides.output;
    for (let input = 0; input < inputs; input += 1) {
      const at = start + input * strides.input;
      weight[input] = values[at]!;
      change[input] = values[at]! - rounded[at]!;
    }
    signal += energy(weight, gram);
    noise += energy(change, gram);
  }
  return signal > 0 ? noise / signal : 0;
}

/** v G vᵀ. */
function energy(vector: Float64Array, gram: Float64Array): number {
  const size = vector.length;
  let sum = 0;
  for (let row = 0; row < size; row += 1) {
    let inner = 0;
    for (let column = 0; column < size; column += 1) inner += gram[row * size + column]! * vector[column]!;
    sum += vector[row]! * inner;
  }
  return sum;
}

/** Weights with a larger output error, relative to the output's power (30 dB below it), are kept in 8 bits. */
const MAX_OUTPUT_ERROR = 0.001;

/** Largest share of such weights, so that 4-bit schemes stay small: 5 bits per weight. */
const LARGEST_SHARE = 0.25;

/** Selects weights with an output error above {@link MAX_OUTPUT_ERROR}, the largest error first, up to the share. */
export function sensitiveWeights(
  graph: Graph,
  rounded: ReadonlyMap<string, RoundedWeight>,
  grams: ReadonlyMap<string, Gram>,
): ReadonlySet<string> {
  const weights = new Map<string, { readonly error: number; readonly size: number }>();
  for (const use of findWeightUses(graph).uses) {
    const grid = rounded.get(use.weight);
    const gram = grams.get(use.weight);
    if (use.kind !== "linear" || grid === undefined || gram === undefined || weights.has(use.weight))
      continue;
    const { layout, weight } = use;
    const initializer = graph.initializers.get(weight)!;
    const [rows, columns] = initializer.shape as readonly [number, number];
    const [inputs, outputs] = layout === "inputs-first" ? [rows, columns] : [columns, rows];
    const matrix = { values: float32sOf(initializer), inputs, outputs, layout };
    weights.set(weight, { error: outputError(matrix, grid.values, gram), size: rows * columns });
  }
  let left = LARGEST_SHARE * [...weights.values()].reduce((sum, { size }) => sum + size, 0);
  const sensitive = new Set<string>();
  for (const [name, { error, size }] of [...weights].sort(([, one], [, other]) => other.error - one.error)) {
    if (error <= MAX_OUTPUT_ERROR) break;
    if (size > left) continue;
    left -= size;
    sensitive.add(name);
  }
  return sensitive;
}
