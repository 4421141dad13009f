/** Rotary position embedding, rotate-half layout (Su et al. 2021, arXiv:2104.09864). */
import { int } from "@slm/onnx";
import { CONTRIB, type Recorder } from "@slm/tensor";
import type { RotaryNames } from "../weights/graph-weights.js";
import { concat, sliceAxis } from "./emit.js";

/** ONNX Runtime's operator on `[batch, length, heads·headDim]`; `offset` int64 `[1]` is the first position. */
export function rotateFused(
  recorder: Recorder,
  part: {
    readonly x: string;
    readonly table: RotaryNames;
    readonly offset: string;
    readonly heads: number;
    readonly headDim: number;
  },
): string {
  const { x, table, offset, heads, headDim } = part;
  return recorder.builder.op("RotaryEmbedding", [x, offset, table.cos, table.sin], {
    domain: CONTRIB,
    attributes: { num_heads: int(heads), rotary_embedding_dim: int(headDim) },
  });
}

/**
 * Products of halves: `x [..., headDim]`, cos and sin broadcastable to `[..., headDim / 2]`.
 *
 * ```
 * first, second = halves of x
 * [first · cos - second · sin, second · cos + first · sin]
 * ```
 */
export function rotateHalves(
  recorder: Recorder,
  x: string,
  { cos, sin }: RotaryNames,
  headDim: number,
): string {
  const { builder } = recorder;
  const half = headDim / 2;
  return builder.scope("rotary", () => {
    const first = sliceAxis(recorder, x, [-1, 0, half]);
    const second = sliceAxis(recorder, x, [-1, half, headDim]);
    const times = (a: string, b: string): string => builder.op("Mul", [a, b]);
    const real = builder.op("Sub", [times(first, cos), times(second, sin)]);
    const imaginary = builder.op("Add", [times(second, cos), times(first, sin)]);
    return concat(recorder, [real, imaginary], -1);
  });
}
