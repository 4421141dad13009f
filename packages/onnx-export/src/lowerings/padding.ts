/** Biases that hide padding from attention: 0 where a token is, very negative elsewhere, always float32. */
import { SlmError } from "@slm/core";
import { MASKED, type Lowering, type Recorder } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { countUp, inPrecision, reshape, sizeOf } from "./emit.js";

/** 0 or very negative, by a bool of any shape. */
function biasWhere({ builder }: Recorder, allowed: string): string {
  const constant = (value: number): string => builder.constant("float32", [], [value]);
  return builder.op("Where", [allowed, constant(0), constant(MASKED)]);
}

/** Scores, float32, where a bool of any shape allows them: whatever lies elsewhere, as the rest of a buffer may hold anything. */
export function attendedOnly({ builder }: Recorder, allowed: string, scores: string): string {
  return builder.op("Where", [allowed, scores, builder.constant("float32", [], [MASKED])]);
}

/** lengths int32 `[batch]`, ids `[batch, source]` -> `[batch, 1, 1, source]`. */
export function lengthBias(recorder: Recorder, lengths: string, ids: string): string {
  const positions = countUp(recorder, sizeOf(recorder, ids, 1));
  const perRow = reshape(recorder, lengths, [-1, 1, 1, 1]);
  return biasWhere(recorder, recorder.builder.op("Less", [positions, perRow]));
}

/** float32 mask `[batch, source]`, 1 at tokens -> `[batch, 1, 1, source]`. */
export function maskBias(recorder: Recorder, mask: string): string {
  const { builder } = recorder;
  const isToken = builder.op("Greater", [mask, builder.constant("float32", [], [0.5])]);
  const axes = builder.ints([1, 2]);
  return builder.op("Unsqueeze", [biasWhere(recorder, isToken), axes]);
}

/**
 * Keys `[batch, kvHeads, headDim, source]` with zeros at padding, in graphs whose bias is an input; elsewhere as they are. The range of that
 * bias is bounded in float16 and narrow in quantized graphs, and what a model makes of padding is not: without this, scores of padding may
 * outweigh it.
 */
export function maskedKeys(recorder: Recorder, { sequence, device }: LoweringContext, keys: string): string {
  const { sourceBias } = sequence;
  if (sourceBias === undefined) return keys;
  const kept = inPrecision(recorder, tokensOfBias(recorder, sourceBias), device.precision);
  return recorder.builder.op("Mul", [keys, kept], { name: "maskedKeys" });
}

/** 1 where a bias is that of a token, else 0: it is 0 at tokens, and below -1 elsewhere in whatever range it was quantized. */
export const tokensOfBias = ({ builder }: Recorder, bias: string): string =>
  builder.op("Relu", [builder.op("Add", [bias, builder.constant("float32", [], [1])])]);

/** Computed from lengths when the graph runs. */
export function rangeBias(): Lowering<"lengthBias"> {
  return (recorder, { lengths, ids }) => {
    const [batch, source] = ids.shape as [number, number];
    const bias = lengthBias(recorder, recorder.nameOf(lengths), recorder.nameOf(ids));
    return recorder.tensor(bias, [batch, 1, 1, source]);
  };
}

/** An input of static graphs. @throws SlmError UNEXPECTED if the graph has none. */
export function inputBias({ sequence }: LoweringContext): Lowering<"lengthBias"> {
  return (recorder, { ids }) => {
    const { sourceBias } = sequence;
    if (sourceBias === undefined)
      throw new SlmError("UNEXPECTED", "export: a static graph needs its bias as an input");
    return recorder.tensor(sourceBias, [1, 1, 1, ids.shape[1]!]);
  };
}
