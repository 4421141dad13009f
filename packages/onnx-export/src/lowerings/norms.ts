/** Root-mean-square norm, `x / sqrt(mean(x²) + epsilon) · weight`, and layer norm, in float32 at every precision. */
import { float, int, ints } from "@slm/onnx";
import type { Lowering, Recorder, Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { inFloat32 } from "./emit.js";
import { HeadAxes } from "./head-axes.js";

/**
 * The pattern that ONNX Runtime (and OpenVINO) fuses to one operator: `Pow, ReduceMean, Add, Sqrt, Div, Mul`.
 * ONNX Runtime's operator SimplifiedLayerNormalization is not part of the ONNX standard, so a checker rejects it.
 */
export function fusableNorm(context: LoweringContext): Lowering<"rmsNorm"> {
  return primitiveNorm(context, ({ builder }, x) =>
    builder.op("Pow", [x, builder.constant("float32", [], [2])]),
  );
}

/** The same with x·x, for compilers without `Pow`. */
export function decomposedNorm(context: LoweringContext): Lowering<"rmsNorm"> {
  return primitiveNorm(context, ({ builder }, x) => builder.op("Mul", [x, x]));
}

/** Emits `x / sqrt(mean(x²) + epsilon)` for the rows of a float32 value. */
type NormalizeRows = (recorder: Recorder, x: string, epsilon: number) => string;

function primitiveNorm(
  context: LoweringContext,
  square: (recorder: Recorder, x: string) => string,
): Lowering<"rmsNorm"> {
  return gainedNorm(context, (recorder, x, epsilon) => {
    const { builder } = recorder;
    const mean = ofRows(recorder, context, "ReduceMean", square(recorder, x));
    const shifted = builder.op("Add", [mean, builder.constant("float32", [], [epsilon])]);
    return builder.op("Div", [x, builder.op("Sqrt", [shifted])]);
  });
}

/**
 * The same for devices that compute float32 graphs in float16, where the square of 256 overflows. Rows are first divided by their largest
 * magnitude.
 *
 * ```
 * peak  = max(|x|, sqrt(epsilon)) of each row
 * small = x / peak
 * small / sqrt(mean(small²) + (sqrt(epsilon) / peak)²)
 * ```
 */
export function scaledNorm(context: LoweringContext): Lowering<"rmsNorm"> {
  return gainedNorm(context, (recorder, x, epsilon) => {
    const { builder } = recorder;
    const op = (opType: string, ...inputs: string[]): string => builder.op(opType, inputs);
    const scalar = (value: number): string => builder.constant("float32", [], [value]);
    const squared = (value: string): string => op("Mul", value, value);
    const magnitude = op("Max", x, op("Mul", x, scalar(-1)));
    const least = scalar(Math.sqrt(epsilon));
    const peak = op("Max", ofRows(recorder, context, "ReduceMax", magnitude), least);
    const small = op("Div", x, peak);
    const mean = ofRows(recorder, context, "ReduceMean", squared(small));
    return op("Div", small, op("Sqrt", op("Add", mean, squared(op("Div", least, peak)))));
  });
}

function gainedNorm(context: LoweringContext, normalize: NormalizeRows): Lowering<"rmsNorm"> {
  const { device, weights } = context;
  return (recorder, { x, weight }, { epsilon }) => {
    const gain = weights.store(recorder, weight, "as-stored").name;
    const normed = inFloat32(recorder, recorder.nameOf(x), device.precision, (wide) =>
      normalize(recorder, wide, dividedEpsilon(context, gain, epsilon)),
    );
    return recorder.record("Mul", [normed, gain], x.shape);
  };
}

/** The epsilon of a norm, divided by the square of its input's divisor. */
const dividedEpsilon = ({ divisors }: LoweringContext, gain: string, epsilon: number): number =>
  epsilon / (divisors.get(gain) ?? 1) ** 2;

/** Reduction axes became an input with opset 18. */
const AXES_AS_INPUT = 18;

/** Reduces the last axis to one number per row. */
function ofRows(
  { builder }: Recorder,
  { device }: LoweringContext,
  opType: "ReduceMax" | "ReduceMean",
  x: string,
): string {
  if (device.opset >= AXES_AS_INPUT)
    return builder.op(opType, [x, builder.ints([-1])], { attributes: { keepdims: int(1) } });
  return builder.op(opType, [x], { attributes: { axes: ints([-1]), keepdims: int(1) } });
}

/**
 * A norm of every head:
 *
 * ```
 * [batch, length, heads·headDim] -> [batch, length, heads, headDim] -> norm -> [batch, length, heads·headDim]
 * ```
 */
export function perHeadNorm(context: LoweringContext, norm: Lowering<"rmsNorm">): Lowering<"qkNorm"> {
  return (recorder, { x, weight }, { epsilon, headDim }) => {
    const heads = x.shape.at(-1)! / headDim;
    const axes = new HeadAxes(recorder, context);
    const apart = axes.apart(recorder.nameOf(x), x.shape, heads, headDim);
    const shape = [...x.shape.slice(0, -1), heads, headDim];
    const normed: Tensor = norm(recorder, { x: recorder.tensor(apart, shape), weight }, { epsilon });
    return recorder.tensor(axes.together(recorder.nameOf(normed), x.shape), x.shape);
  };
}

/** ONNX's own operator, opset 23. It computes in float32 (`stash_type` 1). */
export function standardNorm(context: LoweringContext): Lowering<"rmsNorm"> {
  return (recorder, { x, weight }, { epsilon }) => {
    const gain = context.weights.store(recorder, weight, "as-stored").name;
    return recorder.record("RMSNormalization", [recorder.nameOf(x), gain], x.shape, {
      attributes: {
        axis: int(-1),
        epsilon: float(dividedEpsilon(context, gain, epsilon)),
        stash_type: int(1),
      },
    });
  };
}

/** ONNX's own operator, opset 17, in float32 (`stash_type` 1). */
export function layerNormalization({ weights }: LoweringContext): Lowering<"layerNorm"> {
  return (recorder, { x, weight, bias }, { epsilon }) => {
    const stored = [weight, bias].map((tensor) => weights.store(recorder, tensor, "as-stored").name);
    return recorder.record("LayerNormalization", [recorder.nameOf(x), ...stored], x.shape, {
      attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) },
    });
  };
}
