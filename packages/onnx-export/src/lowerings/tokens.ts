/** Ops that change how many tokens there are. Rows of static graphs have no axis `batch`. */
import { checkMix, checkShift, shiftWeights, type Lowering, type Recorder, type Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { concat, sliceAxis } from "./emit.js";

/** Which axis of a graph's values counts tokens. */
const tokenAxis = ({ device }: LoweringContext): 0 | 1 => (device.shapes === "static" ? 0 : 1);

/** Sequences one after another; what follows attends over both. */
export function joinedTokens(context: LoweringContext): Lowering<"concatTokens"> {
  return (recorder, { a, b }) => {
    const joined = concat(recorder, [recorder.nameOf(a), recorder.nameOf(b)], tokenAxis(context));
    context.values.lengthen(joined);
    const [batch, length, width] = a.shape as [number, number, number];
    return recorder.tensor(joined, [batch, length + b.shape[1]!, width]);
  };
}

/** The end of an axis, as far as any sequence goes. */
const TO_THE_END = 2 ** 31 - 1;

export function slicedTokens(context: LoweringContext): Lowering<"tokensFrom"> {
  return (recorder, { x }, { first }) => {
    const [batch, length, width] = x.shape as [number, number, number];
    const to = context.device.shapes === "static" ? length : TO_THE_END;
    const rest = sliceAxis(recorder, recorder.nameOf(x), [tokenAxis(context), first, to]);
    return recorder.tensor(rest, [batch, length - first, width]);
  };
}

/** A constant matrix times the tokens of every row. */
export function mixedTokens(context: LoweringContext): Lowering<"mixTokens"> {
  return (recorder, { x }, { weights, outputs }) => {
    checkMix(weights, outputs, x.shape[1]!);
    return constantProduct(context, recorder, x, { weights, outputs });
  };
}

/** The same: a picture is read once, and every device has products. */
export function shiftedGrid(context: LoweringContext): Lowering<"shiftGrid"> {
  return (recorder, { x }, shift) => {
    const outputs = x.shape[1]!;
    checkShift(shift, outputs);
    return constantProduct(context, recorder, x, { weights: shiftWeights(shift), outputs });
  };
}

function constantProduct(
  { device }: LoweringContext,
  recorder: Recorder,
  x: Tensor,
  { weights, outputs }: { readonly weights: Float32Array; readonly outputs: number },
): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const matrix = recorder.builder.constant(device.precision, [outputs, length], [...weights]);
  return recorder.record("MatMul", [matrix, recorder.nameOf(x)], [batch, outputs, width]);
}
