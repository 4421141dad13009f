/** Which heads the operators of target `cpu` compute. */
import { SlmError } from "@slm/error";
import type { HeadLayout } from "@slm/tensor";

/** GroupQueryAttention refuses other head sizes. Source: onnxruntime 1.30, group_query_attention_helper.h. */
const HEAD_DIM_MULTIPLE = 8;

/** @throws SlmError OP_UNSUPPORTED for a head size that fused self-attention does not compute. */
export function checkHeadSize({ headDim }: Pick<HeadLayout, "headDim">): void {
  if (headDim % HEAD_DIM_MULTIPLE === 0) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `export: target cpu needs headDim to be a multiple of ${HEAD_DIM_MULTIPLE}, got ${headDim}`,
    { suggestions: [`train a model whose headDim is a multiple of ${HEAD_DIM_MULTIPLE}`] },
  );
}

/** @throws SlmError OP_UNSUPPORTED for heads in the order that only checkpoints have (`groupHeads` moves them). */
export function checkHeadOrder({ headOrder }: Pick<HeadLayout, "headOrder">): void {
  if (headOrder === "grouped") return;
  throw new SlmError("OP_UNSUPPORTED", `export: target cpu reads heads in grouped order, got '${headOrder}'`);
}
