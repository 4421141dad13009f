/**
 * Cross-attention as two products around a softmax. Query heads of one KV head are rows of one product, so grouped
 * keys and values are never repeated:
 *
 * ```
 * query [batch, target, heads·headDim] -> [batch, kvHeads, group·target, headDim]
 *   · key   [batch, kvHeads, headDim, source] + bias [batch, 1, 1, source] -> softmax
 *   · value [batch, kvHeads, source, headDim] -> [batch, target, heads·headDim]
 * ```
 *
 * GroupQueryAttention is not used here: given no new keys it ends the process (onnxruntime 1.30).
 */
import { int } from "@slm/graph";
import type { HeadLayout, Lowering, OpSet, Recorder, Tensor } from "@slm/tensor";
import { inFloat32, reshape, transposeAxes } from "./emit.js";
import type { Precision } from "../profiles.js";
import { checkHeadOrder, type LoweringContext } from "./context.js";

/** Cross-attention with the scale inside the first product. */
export function foldedCrossAttention({ device }: LoweringContext): Lowering<"crossAttention"> {
  return (recorder, inputs, layout) => {
    checkHeadOrder(layout);
    return recorder.tensor(
      attendSource(recorder, inputs, { layout, dtype: device.precision }),
      inputs.query.shape,
    );
  };
}

function attendSource(
  recorder: Recorder,
  inputs: OpSet["crossAttention"]["inputs"],
  { layout, dtype }: { readonly layout: HeadLayout; readonly dtype: Precision },
): string {
  const { builder } = recorder;
  const { heads, kvHeads, headDim } = layout;
  const group = heads / kvHeads;
  const rows = foldQuery(recorder, inputs.query, layout);
  const folded = recorder.tensor(rows, [1, kvHeads, group, headDim]);
  const scores = recorder.matMul(folded, inputs.key, { scale: 1 / Math.sqrt(headDim) });
  const weights = inFloat32(recorder, scores, dtype, (wide) => {
    const { bias } = inputs;
    const biased = bias === undefined ? wide : builder.op("Add", [wide, recorder.nameOf(bias)]);
    return builder.op("Softmax", [biased], { attributes: { axis: int(-1) } });
  });
  const output = builder.op("MatMul", [weights, recorder.nameOf(inputs.value)]);
  const apart = reshape(recorder, output, [0, kvHeads, group, -1, headDim]);
  return reshape(recorder, transposeAxes(recorder, apart, [0, 3, 1, 2, 4]), [0, 0, heads * headDim]);
}

function foldQuery(recorder: Recorder, query: Tensor, { heads, kvHeads, headDim }: HeadLayout): string {
  const split = reshape(recorder, recorder.nameOf(query), [0, 0, kvHeads, heads / kvHeads, headDim]);
  return reshape(recorder, transposeAxes(recorder, split, [0, 2, 3, 1, 4]), [0, kvHeads, -1, headDim]);
}
