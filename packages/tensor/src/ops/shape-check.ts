import { SlmError } from "@slm/core";
import type { Tensor } from "../recording/tf.js";

/**
 * Checks a tensor's shape; `null` accepts any size on that axis.
 *
 * @throws SlmError SHAPE_MISMATCH with op, input, expected and actual shape.
 */
export function expectShape(
  op: string,
  input: string,
  tensor: Tensor,
  expected: readonly (number | null)[],
): void {
  const fits =
    tensor.shape.length === expected.length &&
    expected.every((size, axis) => size === null || size === tensor.shape[axis]);
  if (fits) return;
  const wanted = expected.map((size) => size ?? "*").join(", ");
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${op}: ${input} should be [${wanted}], got [${tensor.shape.join(", ")}]`,
  );
}
