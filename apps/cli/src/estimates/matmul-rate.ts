/** How fast this machine multiplies matrices, measured in a moment. */
import { productRate, type ProductShape } from "@slm/bench";
import { withRuntime } from "../compute/open-engine.js";

/**
 * Rate of float32 matrix products of a shape on ONNX Runtime.
 *
 * Units: floating-point operations per second, a multiply-add counted as two.
 */
export async function measureMatmulRate(shape: ProductShape, threads: number | undefined): Promise<number> {
  return withRuntime(threads, (runtime) => productRate(runtime, shape));
}
