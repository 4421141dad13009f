/** The weight matrix of a linear layer, independent of its storage layout. */
import { SlmError } from "@slm/core";

/** `inputs-first` is the `[K, N]` of ONNX `MatMul`; `outputs-first` is `[N, K]`, as in an embedding table or with `transB`. */
export type WeightLayout = "inputs-first" | "outputs-first";

/** Weight `w(k, n)` of `y(n) = sum over k of x(k) w(k, n)`. For an embedding table, rows are outputs and the width is the inputs. */
export interface WeightMatrix {
  /** Name for error messages. */
  readonly name?: string;
  readonly values: Float32Array;
  /** K: length of the dot products. */
  readonly inputs: number;
  /** N: number of dot products. */
  readonly outputs: number;
  readonly layout: WeightLayout;
}

/** Stride of each axis in `values`. */
export interface Strides {
  readonly input: number;
  readonly output: number;
}

/** The strides of a dense matrix in `layout`. */
export function stridesOf(layout: WeightLayout, inputs: number, outputs: number): Strides {
  return layout === "inputs-first" ? { input: outputs, output: 1 } : { input: 1, output: inputs };
}

/**
 * Checks a matrix: positive sizes, the right number of values, every value finite.
 *
 * @throws SlmError SHAPE_MISMATCH for sizes, DATA_INVALID for the first value that is not finite.
 */
export function checkMatrix(matrix: WeightMatrix): void {
  const { values, inputs, outputs, name } = matrix;
  const where = name === undefined ? "weights" : `weight '${name}'`;
  const sizes = [inputs, outputs];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0) || values.length !== inputs * outputs) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `quantize: ${where}: ${inputs} inputs times ${outputs} outputs must be the number of values, got ${values.length}`,
    );
  }
  for (let at = 0; at < values.length; at += 1) {
    if (Number.isFinite(values[at])) continue;
    throw new SlmError(
      "DATA_INVALID",
      `quantize: ${where}: every weight must be finite, got ${values[at]!} at element ${at}`,
      { suggestions: ["export a checkpoint from before the training diverged"] },
    );
  }
}

/**
 * Calls `visit` for every weight in storage order, which is the fastest.
 *
 * @param visit at: index in `values`; input, output: axes of the weight
 */
export function forEachWeight(
  { inputs, outputs, layout }: Pick<WeightMatrix, "inputs" | "outputs" | "layout">,
  visit: (at: number, input: number, output: number) => void,
): void {
  const inputsFirst = layout === "inputs-first";
  const [rows, columns] = inputsFirst ? [inputs, outputs] : [outputs, inputs];
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      if (inputsFirst) visit(at, row, column);
      else visit(at, column, row);
    }
  }
}
