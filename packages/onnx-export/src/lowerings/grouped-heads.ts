/**
 * Attention with one product per query head, over the keys of its group, which are not repeated:
 *
 * ```
 * queries [batch, kvHeads, group, target, headDim], keys and values [batch, kvHeads, 1, ...]
 * ```
 *
 * With one query each product has one row, and ONNX Runtime's CPU kernels read keys and values once, without a copy. They copy them first
 * for products of several rows or with a factor, which took twice as long after 2,048 tokens (docs/log.md, 2026-11-26). So callers scale
 * queries or keys.
 */
import { int } from "@slm/onnx";
import { CONTRIB, type HeadLayout, type Lowering, type Recorder, type Tensor } from "@slm/tensor";
import { checkHeadOrder, type LoweringContext } from "./context.js";
import { transposedKeys } from "./cross-attention.js";
import { capped } from "./decomposed-attention.js";
import { inFloat32, reshape, transposeAxes } from "./emit.js";
import { HeadAxes } from "./head-axes.js";

type Grouping = Pick<HeadLayout, "heads" | "kvHeads" | "headDim">;

/** Factor of the scores. Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1. */
export const scoreScale = ({ headDim }: Grouping): number => 1 / Math.sqrt(headDim);

/** Rows `[batch, target, kvHeads·group·headDim]` to `[batch, kvHeads, group, target, headDim]`. */
export function groupedHeads(
  recorder: Recorder,
  rows: string,
  { heads, kvHeads, headDim }: Grouping,
): string {
  const apart = reshape(recorder, rows, [0, 0, kvHeads, heads / kvHeads, headDim]);
  return transposeAxes(recorder, apart, [0, 2, 3, 1, 4]);
}

/** The inverse of {@link groupedHeads}. */
export function headsTogether(recorder: Recorder, x: string, { heads, headDim }: Grouping): string {
  return reshape(recorder, transposeAxes(recorder, x, [0, 3, 1, 2, 4]), [0, 0, heads * headDim]);
}

/** Keys or values `[batch, kvHeads, ...]`, or a bias, to `[batch, kvHeads, 1, ...]`. */
export function forEveryGroup({ builder }: Recorder, x: string): string {
  return builder.op("Unsqueeze", [x, builder.ints([2])]);
}

/** x · keysᵀ, of keys as rows. */
export function productOfRows({ builder }: Recorder, x: string, keys: string): string {
  return builder.op("FusedMatMul", [x, keys], { domain: CONTRIB, attributes: { transB: int(1) } });
}

export function softmax({ builder }: Recorder, scores: string): string {
  return builder.op("Softmax", [scores], { attributes: { axis: int(-1) } });
}

/** Transposed and scaled keys of the source, `[batch, kvHeads, headDim, source]`, computed once instead of at every step. */
export function scaledTransposedKeys(context: LoweringContext): Lowering<"crossKey"> {
  const transposed = transposedKeys(context);
  return (recorder, inputs, layout) => {
    const keys = transposed(recorder, inputs, layout);
    const scale = recorder.builder.constant(context.device.precision, [], [scoreScale(layout)]);
    return recorder.record("Mul", [keys, scale], keys.shape);
  };
}

/**
 * Attention over the source, whose keys are already scaled. Without GQA there is no axis of groups.
 *
 * GroupQueryAttention is not used because it crashes the process when there are no new keys (onnxruntime 1.30).
 */
export function groupedCrossAttention(context: LoweringContext): Lowering<"crossAttention"> {
  return (recorder, { query, key, value, bias }, layout) => {
    checkHeadOrder(layout);
    const { builder } = recorder;
    const { heads, kvHeads, headDim } = layout;
    const axes = new HeadAxes(recorder, context);
    const isGrouped = heads !== kvHeads;
    const inGroups = (part: Tensor): string => {
      const name = recorder.nameOf(part);
      return isGrouped ? forEveryGroup(recorder, name) : name;
    };
    const rows = recorder.nameOf(query);
    const queries = isGrouped
      ? groupedHeads(recorder, rows, layout)
      : axes.split(rows, query.shape, heads, headDim);
    const scores = builder.op("MatMul", [queries, inGroups(key)]);
    const weights = inFloat32(recorder, scores, context.device.precision, (wide) => {
      const scored = capped(recorder, wide, layout.softcap);
      if (bias === undefined) return softmax(recorder, scored);
      return softmax(recorder, builder.op("Add", [scored, inGroups(bias)]));
    });
    const output = builder.op("MatMul", [weights, inGroups(value)]);
    const together = isGrouped ? headsTogether(recorder, output, layout) : axes.merge(output, query, layout);
    return recorder.tensor(together, query.shape);
  };
}
