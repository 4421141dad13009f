import { SlmError } from "@slm/core";
import { forEachWeight, stridesOf, type WeightMatrix } from "./weight-matrix.js";

/**
 * Relative difference of two matrices: ||exact - approximate|| / ||exact||, Frobenius norms. Layouts can differ. 0 if both are zero.
 *
 * @throws SlmError SHAPE_MISMATCH if the sizes differ.
 */
export function relativeError(exact: WeightMatrix, approximate: WeightMatrix): number {
  const { inputs, outputs } = exact;
  if (approximate.inputs !== inputs || approximate.outputs !== outputs) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `quantize: expected ${inputs} inputs and ${outputs} outputs, got ${approximate.inputs} and ${approximate.outputs}`,
    );
  }
  const { input: inputStride, output: outputStride } = stridesOf(approximate.layout, inputs, outputs);
  let distance = 0;
  let size = 0;
  forEachWeight(exact, (at, input, output) => {
    const value = exact.values[at]!;
    distance += (value - approximate.values[input * inputStride + output * outputStride]!) ** 2;
    size += value ** 2;
  });
  return distance === 0 ? 0 : Math.sqrt(distance / size);
}
