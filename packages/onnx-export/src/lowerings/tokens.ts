/** Lowers operations that change the number of tokens. Static graphs process one row, so their rows have no `batch` axis. */
import { int } from "@slm/onnx";
import { checkMix, checkShift, shiftWeights, type Lowering, type Recorder, type Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { concat, sliceAxis, TO_THE_END, transposeAxes } from "./emit.js";

/** The axis of tokens in a graph's values. */
const tokenAxis = ({ device }: LoweringContext): 0 | 1 => (device.shapes === "static" ? 0 : 1);

/** Concatenates sequences. Later ops attend over all of them. */
export function joinedTokens(context: LoweringContext): Lowering<"concatTokens"> {
  return (recorder, { a, b }) => {
    const joined = concat(recorder, [recorder.nameOf(a), recorder.nameOf(b)], tokenAxis(context));
    context.sequence.replace(joined);
    const [batch, length, width] = a.shape as [number, number, number];
    return recorder.tensor(joined, [batch, length + b.shape[1]!, width]);
  };
}

export function slicedTokens(context: LoweringContext): Lowering<"tokensFrom"> {
  return (recorder, { x }, { first }) => {
    const [batch, length, width] = x.shape as [number, number, number];
    const to = context.device.shapes === "static" ? length : TO_THE_END;
    const rest = sliceAxis(recorder, recorder.nameOf(x), [tokenAxis(context), first, to]);
    return recorder.tensor(rest, [batch, length - first, width]);
  };
}

/** How to multiply a constant matrix with the tokens of every row. */
type TokenProduct = (
  context: LoweringContext,
  recorder: Recorder,
  x: Tensor,
  matrix: { readonly weights: Float32Array; readonly outputs: number },
) => Tensor;

/** A constant matrix times the tokens of every row. */
const mixedBy =
  (product: TokenProduct) =>
  (context: LoweringContext): Lowering<"mixTokens"> =>
  (recorder, { x }, { weights, outputs }) => {
    checkMix(weights, outputs, x.shape[1]!);
    return product(context, recorder, x, { weights, outputs });
  };

/** The same everywhere: an image is read only once, and every device has MatMul. */
const shiftedBy =
  (product: TokenProduct) =>
  (context: LoweringContext): Lowering<"shiftGrid"> =>
  (recorder, { x }, shift) => {
    const outputs = x.shape[1]!;
    checkShift(shift, outputs);
    return product(context, recorder, x, { weights: shiftWeights(shift), outputs });
  };

const matrixFirst: TokenProduct = ({ device }, recorder, x, { weights, outputs }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  const matrix = recorder.builder.constant(device.precision, [outputs, length], [...weights]);
  return recorder.record("MatMul", [matrix, recorder.nameOf(x)], [batch, outputs, width]);
};

/**
 * The same on the rows of static graphs, with the matrix as the weight of a Gemm, where devices support scales per output. Qualcomm's
 * compiler (onnxruntime-qnn 2.7.0) rejects a quantized constant as the first factor, or computes wrong results.
 *
 * ```
 * x [length, width] -> Transpose -> Gemm with the matrix [outputs, length] -> [width, outputs] -> Transpose -> [outputs, width]
 * ```
 */
const matrixAsWeights: TokenProduct = ({ device }, recorder, x, { weights, outputs }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  const { builder } = recorder;
  const matrix = builder.constant(device.precision, [outputs, length], [...weights]);
  const columns = transposeAxes(recorder, recorder.nameOf(x), [1, 0]);
  const mixed = builder.op("Gemm", [columns, matrix], { attributes: { transB: int(1) } });
  return recorder.tensor(transposeAxes(recorder, mixed, [1, 0]), [batch, outputs, width]);
};

export const mixedTokens = mixedBy(matrixFirst);
export const mixedRows = mixedBy(matrixAsWeights);
export const shiftedGrid = shiftedBy(matrixFirst);
export const shiftedRows = shiftedBy(matrixAsWeights);
