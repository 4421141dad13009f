/** Biases that mask padding: 0 at tokens, very negative elsewhere, always float32. */
import { SlmError } from "@slm/core";
import { MASKED, type Lowering, type Recorder } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { countUp, inPrecision, reshape, sizeOf } from "./emit.js";

/** 0 where a bool of any shape is true, very negative elsewhere. */
function biasWhere({ builder }: Recorder, allowed: string): string {
  const constant = (value: number): string => builder.constant("float32", [], [value]);
  return builder.op("Where", [allowed, constant(0), constant(MASKED)]);
}

/** float32 scores where a bool of any shape is true. Scores elsewhere are replaced, because the rest of a buffer can contain anything. */
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
 * In graphs whose bias is an input, sets keys `[batch, kvHeads, headDim, source]` to zero at padding. The bias is bounded in float16 and
 * narrow in quantized graphs, but scores of padding are not bounded and could exceed it.
 */
export function maskedKeys(recorder: Recorder, { sequence, device }: LoweringContext, keys: string): string {
  const { sourceBias } = sequence;
  if (sourceBias === undefined) return keys;
  const kept = inPrecision(recorder, tokensOfBias(recorder, sourceBias), device.precision);
  return recorder.builder.op("Mul", [keys, kept], { name: "maskedKeys" });
}

/** 1 where the bias is that of a token, else 0. The bias is 0 at tokens and below -1 elsewhere, in any quantized range. */
export const tokensOfBias = ({ builder }: Recorder, bias: string): string =>
  builder.op("Relu", [builder.op("Add", [bias, builder.constant("float32", [], [1])])]);

/** Computed from lengths at run time. */
export function rangeBias(): Lowering<"lengthBias"> {
  return (recorder, { lengths, ids }) => {
    const [batch, source] = ids.shape as [number, number];
    const bias = lengthBias(recorder, recorder.nameOf(lengths), recorder.nameOf(ids));
    return recorder.tensor(bias, [batch, 1, 1, source]);
  };
}

/** An input of static graphs. @throws SlmError UNEXPECTED if the graph does not have it. */
export function inputBias({ sequence }: LoweringContext): Lowering<"lengthBias"> {
  return (recorder, { ids }) => {
    const { sourceBias } = sequence;
    if (sourceBias === undefined)
      throw new SlmError("UNEXPECTED", "export: a static graph needs its bias as an input");
    return recorder.tensor(sourceBias, [1, 1, 1, ids.shape[1]!]);
  };
}
