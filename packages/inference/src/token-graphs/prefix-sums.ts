/** Sums of everything up to each place of a row, as operators that every provider computes where the row lies. */
import { int, type GraphBuilder } from "@slm/onnx";

/**
 * Places summed one by one. Kernels of `CumSum` on GPUs take time of the square of the length, and a float32 that is added to 128,000 others
 * in a row loses more bits than one added to 256 and then 500.
 */
const BLOCK = 256;

export interface PrefixSums {
  /** float32 `[rows, length]`: at each place the sum of the row up to it, that place included; they never fall. */
  readonly sums: string;
  /** At least as many as there are places; the sums after the last place are all of the row. */
  readonly length: number;
}

/**
 * Shapes: x float32 `[rows, count]`, nowhere negative.
 *
 * ```
 * x ─ Pad ─ Reshape [rows, blocks, 256] ─ CumSum ─┬──────────────────────────── Add ─ Reshape ─► sums
 *                                                 └─ last of each block ─ CumSum ─┘ (blocks before)
 * ```
 */
export function prefixSums(builder: GraphBuilder, x: string, count: number): PrefixSums {
  const axis = (at: number): string => builder.constant("int64", [], [at]);
  if (count <= BLOCK) return { sums: builder.op("CumSum", [x, axis(1)]), length: count };
  const blocks = Math.ceil(count / BLOCK);
  const length = blocks * BLOCK;
  const padded = length === count ? x : builder.op("Pad", [x, builder.ints([0, 0, 0, length - count])]);
  const divided = builder.op("Reshape", [padded, builder.ints([-1, blocks, BLOCK])]);
  const within = builder.op("CumSum", [divided, axis(2)]);
  const totals = builder.op("Gather", [within, axis(BLOCK - 1)], { attributes: { axis: int(2) } });
  const before = builder.op("CumSum", [totals, axis(1)], { attributes: { exclusive: int(1) } });
  const sums = builder.op("Add", [within, builder.op("Unsqueeze", [before, builder.ints([2])])]);
  return { sums: builder.op("Reshape", [sums, builder.ints([-1, length])]), length };
}
