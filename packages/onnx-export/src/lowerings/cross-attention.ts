/** Cross-attention, and the keys and values of the source that the encoder computes once. */
import type { HeadLayout, Lowering, Recorder, Tensor } from "@slm/tensor";
import { checkHeadOrder, type LoweringContext } from "./context.js";
import { transposeAxes } from "./emit.js";
import { HeadAxes } from "./head-axes.js";
import { maskedKeys } from "./padding.js";
import { addBias, attend } from "./decomposed-attention.js";

/** Rows to transposed keys `[batch, kvHeads, headDim, source]`. */
export function transposedKeys(context: LoweringContext): Lowering<"crossKey"> {
  return (recorder, { x }, { kvHeads, headDim }) => {
    const [batch, source] = x.shape as [number, number];
    const apart = new HeadAxes(recorder, context).apart(recorder.nameOf(x), x.shape, kvHeads, headDim);
    const keys = maskedKeys(recorder, context, transposeAxes(recorder, apart, [0, 2, 3, 1]));
    return recorder.tensor(keys, [batch, kvHeads, headDim, source]);
  };
}

/** Rows to `[batch, kvHeads, source, headDim]`. */
export function keyRows(context: LoweringContext): Lowering<"crossKey"> {
  return (recorder, { x }, layout) => headRows(recorder, context, x, layout);
}

/** Rows to `[batch, kvHeads, source, headDim]`. */
export function valueRows(context: LoweringContext): Lowering<"crossValue"> {
  return (recorder, { x }, layout) => headRows(recorder, context, x, layout);
}

function headRows(
  recorder: Recorder,
  context: LoweringContext,
  x: Tensor,
  { kvHeads, headDim }: HeadLayout,
): Tensor {
  const [batch, source] = x.shape as [number, number];
  const split = new HeadAxes(recorder, context).split(recorder.nameOf(x), x.shape, kvHeads, headDim);
  return recorder.tensor(split, [batch, kvHeads, source, headDim]);
}

/**
 * Attention over the source.
 *
 * @param keys layout: `transposed` `[batch, kvHeads, headDim, source]` or `rows` `[batch, kvHeads, source, headDim]`.
 */
export function decomposedCrossAttention(
  context: LoweringContext,
  keys: "transposed" | "rows",
): Lowering<"crossAttention"> {
  return (recorder, { query, key, value, bias }, layout) => {
    checkHeadOrder(layout);
    const { heads, headDim } = layout;
    const axes = new HeadAxes(recorder, context);
    const name = recorder.nameOf(key);
    const parts = {
      query: axes.split(recorder.nameOf(query), query.shape, heads, headDim),
      key: keys === "transposed" ? name : transposeAxes(recorder, name, [0, 1, 3, 2]),
      value: recorder.nameOf(value),
      mask: bias === undefined ? (scores: string) => scores : addBias(recorder, recorder.nameOf(bias)),
    };
    return attend(recorder, context, parts, { query, layout });
  };
}
