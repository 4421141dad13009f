/** Elementwise ops: activations, products of gates, capped logits, and the residual sum. */
import { text } from "@slm/onnx";
import { CONTRIB, QUICK_GELU_SLOPE, type Lowering, type Recorder, type Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { capped } from "./decomposed-attention.js";

/** ONNX Runtime's own operator. */
export function fastGelu(): Lowering<"gelu"> {
  return (recorder, { x }) => recorder.record("FastGelu", [x], x.shape, { domain: CONTRIB });
}

/** ONNX's own operator, opset 20. */
export function standardGelu(): Lowering<"gelu"> {
  return (recorder, { x }) =>
    recorder.record("Gelu", [x], x.shape, { attributes: { approximate: text("tanh") } });
}

/** sqrt(2 / pi) and the cube's factor. Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2. */
const SLOPE = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/** x/2 · (1 + tanh(x · (SLOPE + SLOPE·CUBE · x²))), for opsets without a Gelu operator. */
export function primitiveGelu({ device }: LoweringContext): Lowering<"gelu"> {
  return (recorder, { x }) => {
    const { builder } = recorder;
    const input = recorder.nameOf(x);
    const scalar = (value: number): string => builder.constant(device.precision, [], [value]);
    const op = (opType: string, ...inputs: string[]): string => builder.op(opType, inputs);
    const slope = op("Add", op("Mul", op("Mul", input, input), scalar(SLOPE * CUBE)), scalar(SLOPE));
    const gate = op("Add", op("Tanh", op("Mul", input, slope)), scalar(1));
    return recorder.record("Mul", [op("Mul", input, scalar(0.5)), gate], x.shape);
  };
}

/** ONNX's own operator, exact form, opset 20. */
export function exactGelu(): Lowering<"erfGelu"> {
  return (recorder, { x }) =>
    recorder.record("Gelu", [x], x.shape, { attributes: { approximate: text("none") } });
}

/** x/2 · (1 + erf(x / sqrt(2))): works in older opsets; ONNX Runtime fuses the pattern to its own Gelu. */
export function primitiveErfGelu({ device }: LoweringContext): Lowering<"erfGelu"> {
  return (recorder, { x }) => {
    const { builder } = recorder;
    const input = recorder.nameOf(x);
    const scalar = (value: number): string => builder.constant(device.precision, [], [value]);
    const op = (opType: string, ...inputs: string[]): string => builder.op(opType, inputs);
    const gate = op("Add", op("Erf", op("Div", input, scalar(Math.SQRT2))), scalar(1));
    return recorder.record("Mul", [op("Mul", input, gate), scalar(0.5)], x.shape);
  };
}

export function rectified(): Lowering<"relu"> {
  return (recorder, { x }) => recorder.record("Relu", [x], x.shape);
}

/** x · sigmoid(x). */
export function sigmoidProduct(): Lowering<"silu"> {
  return (recorder, { x }) =>
    recorder.record("Mul", [recorder.nameOf(x), recorder.op("Sigmoid", [x])], x.shape);
}

/** x · sigmoid(1.702 · x), which ONNX Runtime fuses to its own QuickGelu. */
export function scaledSigmoidProduct({ device }: LoweringContext): Lowering<"quickGelu"> {
  return (recorder, { x }) => {
    const { builder } = recorder;
    const input = recorder.nameOf(x);
    const scaled = builder.op("Mul", [input, builder.constant(device.precision, [], [QUICK_GELU_SLOPE])]);
    return recorder.record("Mul", [input, builder.op("Sigmoid", [scaled])], x.shape);
  };
}

/** If `b` is a weight, it is broadcast over the missing axes. */
export function product(context: LoweringContext): Lowering<"multiply"> {
  return (recorder, { a, b }) =>
    recorder.record("Mul", [recorder.nameOf(a), operand(recorder, context, b)], a.shape);
}

/** Returns the name of a value or weight, and stores the weight. */
const operand = (recorder: Recorder, { weights }: LoweringContext, tensor: Tensor): string =>
  weights.isWeight(recorder, tensor)
    ? weights.store(recorder, tensor, "as-stored").name
    : recorder.nameOf(tensor);

export function cappedLogits(): Lowering<"softcap"> {
  return (recorder, { x }, { limit }) =>
    recorder.tensor(capped(recorder, recorder.nameOf(x), limit), x.shape);
}

/** If `b` is a weight, it is broadcast over the missing axes. */
export function residualSum(context: LoweringContext): Lowering<"add"> {
  return (recorder, { a, b }) =>
    recorder.record("Add", [recorder.nameOf(a), operand(recorder, context, b)], a.shape);
}
