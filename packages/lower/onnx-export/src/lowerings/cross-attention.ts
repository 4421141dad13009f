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
import type { HeadLayout, Recorder, Tensor } from "@slm/tensor";
import { reshape, transposeAxes } from "./emit.js";
import { checkHeadOrder } from "./heads.js";

export interface CrossAttentionInputs {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly bias: Tensor;
}

/** Emits cross-attention and returns its output `[batch, target, heads·headDim]`. */
export function attendSource(recorder: Recorder, inputs: CrossAttentionInputs, layout: HeadLayout): string {
  checkHeadOrder(layout);
  const { builder } = recorder;
  const { heads, kvHeads, headDim } = layout;
  const group = heads / kvHeads;
  const rows = foldQuery(recorder, inputs.query, layout);
  const folded = recorder.tensor(rows, [1, kvHeads, group, headDim]);
  const scores = recorder.matMul(folded, inputs.key, { scale: 1 / Math.sqrt(headDim) });
  const biased = builder.op("Add", [scores, recorder.nameOf(inputs.bias)]);
  const weights = builder.op("Softmax", [biased], { attributes: { axis: int(-1) } });
  const output = builder.op("MatMul", [weights, recorder.nameOf(inputs.value)]);
  const apart = reshape(recorder, output, [0, kvHeads, group, -1, headDim]);
  return reshape(recorder, transposeAxes(recorder, apart, [0, 3, 1, 2, 4]), [0, 0, heads * headDim]);
}

function foldQuery(recorder: Recorder, query: Tensor, { heads, kvHeads, headDim }: HeadLayout): string {
  const split = reshape(recorder, recorder.nameOf(query), [0, 0, kvHeads, heads / kvHeads, headDim]);
  return reshape(recorder, transposeAxes(recorder, split, [0, 2, 3, 1, 4]), [0, kvHeads, -1, headDim]);
}
