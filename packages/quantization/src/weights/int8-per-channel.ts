/**
 * Symmetric int8 weights with one scale per output, as in `DynamicQuantizeMatMul`.
 *
 * For output n: scale(n) = max over k of |w(k, n)| / L, code(k, n) = round(w(k, n) / scale(n)), zero point 0, where L is
 * 127, or 64 with a reduced range. Nothing is clipped, so |w - code * scale| <= scale / 2.
 * Source: onnxruntime's `quantize_dynamic` with symmetric int8 weights, per channel.
 */
import {
  checkMatrix,
  forEachWeight,
  stridesOf,
  type WeightLayout,
  type WeightMatrix,
} from "./weight-matrix.js";

/** Largest code. -128 is unused, so that negating a weight negates its code. */
const LIMIT = 127;

/** Largest code with a reduced range; see `int8Range`. */
const REDUCED_LIMIT = 64;

/** Columns with a smaller largest weight become zero, because their scale would not be a normal float32. */
const SMALLEST = 2 ** -110;

export interface Int8Weights {
  /** One per weight, in `layout`. */
  readonly codes: Int8Array;
  /** One per output; 1 if every weight is zero. */
  readonly scales: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
  readonly layout: WeightLayout;
}

export interface Int8Options {
  /** Layout of the codes. Default: the layout of the weights. */
  readonly layout?: WeightLayout;
  /** Use codes from -64 to 64: half the resolution. Default false. */
  readonly reduceRange?: boolean;
}

/**
 * Quantizes a matrix to int8 with one scale per output.
 *
 * Error: |w - dequantized| <= scale / 2, up to float32 rounding.
 *
 * @throws SlmError SHAPE_MISMATCH, DATA_INVALID as `checkMatrix` does.
 */
export function quantizeInt8PerChannel(matrix: WeightMatrix, options: Int8Options = {}): Int8Weights {
  checkMatrix(matrix);
  const { values, inputs, outputs } = matrix;
  const layout = options.layout ?? matrix.layout;
  const limit = options.reduceRange === true ? REDUCED_LIMIT : LIMIT;
  const to = stridesOf(layout, inputs, outputs);
  const largest = new Float64Array(outputs);
  forEachWeight(matrix, (at, _input, output) => {
    const size = Math.abs(values[at]!);
    if (size > largest[output]!) largest[output] = size;
  });
  const scales = Float32Array.from(largest, (size) => (size < SMALLEST ? 1 : size / limit));
  const codes = new Int8Array(values.length);
  forEachWeight(matrix, (at, input, output) => {
    codes[input * to.input + output * to.output] = Math.round(values[at]! / scales[output]!);
  });
  return { codes, scales, inputs, outputs, layout };
}

/** Dequantized weights: code(k, n) * scale(n), in the layout of the codes. */
export function dequantizeInt8(weights: Int8Weights): WeightMatrix {
  const { codes, scales, inputs, outputs, layout } = weights;
  const values = new Float32Array(codes.length);
  forEachWeight(weights, (at, _input, output) => {
    values[at] = codes[at]! * scales[output]!;
  });
  return { values, inputs, outputs, layout };
}
