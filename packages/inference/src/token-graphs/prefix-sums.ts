/** Prefix sums of each row, with operators that every provider computes on the device. */
import { int, type GraphBuilder } from "@slm/onnx";

/**
 * Length of the blocks that are summed sequentially. GPU kernels of `CumSum` take quadratic time, and a float32 sum over 128,000 values loses more
 * bits than one over 256 and then 500.
 */
const BLOCK = 256;

export interface PrefixSums {
  /** float32 `[rows, length]`: at each position, the sum of the row up to and including it. The sums never decrease. */
  readonly sums: string;
  /** At least the number of positions. Sums after the last position equal the total of the row. */
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
