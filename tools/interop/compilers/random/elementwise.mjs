/** Random uses of operators on single elements, along one axis, and of reductions. */
import { C, I, T, W, names } from "../probe-table/inputs.mjs";
import { atLeast } from "./draw.mjs";

/** @typedef {import("./draw.mjs").Random} Random */
/** @typedef {import("./draw.mjs").RandomRow} RandomRow */
/** @typedef {import("../probe-table/inputs.mjs").Attributes} Attributes */

/** @type {(attributes?: (draw: import("./draw.mjs").Draw) => Attributes, since?: number) => RandomRow} */
const unary = (attributes = () => ({}), since = 13) => ({
  since,
  use: (draw, shape) => ({ x: [T(shape)], a: attributes(draw) }),
});

/** @type {(attributes?: (draw: import("./draw.mjs").Draw) => Attributes) => RandomRow} */
const binary = (attributes = () => ({})) => ({
  use: (draw, shape) => {
    const other = draw.broadcast(shape, true);
    const x = draw.chance(0.5) ? [T(shape), W(other)] : [T(shape), T(other)];
    return { x: draw.chance(0.2) ? x.toReversed() : x, a: attributes(draw) };
  },
});

/** @type {RandomRow} */
const variadic = {
  use: (draw, shape) => ({
    x: [T(shape), ...draw.list(draw.pick([0, 1, 1, 1, 2]), () => T(draw.broadcast(shape)))],
  }),
};

/** @type {(attributes?: (draw: import("./draw.mjs").Draw) => Attributes) => RandomRow} */
const overAxis = (attributes = () => ({})) => ({
  fits: atLeast(1),
  shape: (draw) => [...draw.shape(), draw.int(2, 6)].slice(-5),
  use: (draw, shape) => ({
    x: [T(shape)],
    a: { ...draw.some({ axis: draw.axis(shape.length) }), ...attributes(draw) },
  }),
});

/** Axes are an attribute before opset `asInput` and an input from then on. */
/** @type {(asInput: number) => RandomRow} */
const reduction = (asInput) => ({
  use: (draw, shape, opset) => {
    const axes = draw.axes(shape.length).map((axis) => draw.signed(axis, shape.length));
    const keep = draw.some({ keepdims: draw.int(0, 1) });
    if (axes.length === 0 || draw.chance(0.1)) {
      const noop = opset >= asInput && draw.chance(0.3) ? { noop_with_empty_axes: 1 } : {};
      return { x: [T(shape)], a: { ...keep, ...noop } };
    }
    return opset < asInput ? { x: [T(shape)], a: { axes, ...keep } } : { x: [T(shape), C(axes)], a: keep };
  },
});

/** @type {RandomRow} */
const arg = {
  ...overAxis((draw) => draw.some({ keepdims: draw.int(0, 1), select_last_index: draw.chance(0.2) ? 1 : 0 })),
};

/** @type {Random} */
const clip = (draw, shape) => {
  const x = draw.pick([[T(shape), W([]), W([])], [T(shape), W([])], [T(shape), null, W([])], [T(shape)]]);
  return { x };
};

/** @type {Random} */
const where = (draw, shape) => {
  const other = draw.broadcast(shape);
  return {
    x: [I(draw.broadcast(shape), "bool"), T(shape), draw.chance(0.5) ? W(other) : T(other)],
  };
};

/** @type {Random} */
const topK = (draw, shape) => {
  const axis = draw.int(0, shape.length - 1);
  const k = draw.int(1, shape[axis] ?? 1);
  const a = draw.some({ largest: draw.int(0, 1), sorted: draw.int(0, 1) });
  return { x: [T(shape), C([k])], a: { axis: draw.signed(axis, shape.length), ...a }, n: 2 };
};

/** @type {(attribute: string) => (draw: import("./draw.mjs").Draw) => Attributes} */
const positive = (attribute) => (draw) => draw.some({ [attribute]: draw.int(1, 40) / 20 });

/** @type {Readonly<Record<string, RandomRow>>} */
export const ELEMENTWISE = {
  ...Object.fromEntries(
    names(`Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Identity IsInf IsNaN Log Neg Not Reciprocal Relu
      Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh`).map((name) => [name, unary()]),
  ),
  HardSwish: unary(undefined, 14),
  Mish: unary(undefined, 18),
  "com.microsoft:QuickGelu": unary(positive("alpha")),
  Celu: unary(positive("alpha")),
  Elu: unary(positive("alpha")),
  LeakyRelu: unary(positive("alpha")),
  ThresholdedRelu: unary(positive("alpha")),
  HardSigmoid: unary((draw) => draw.some({ alpha: draw.int(1, 9) / 10, beta: draw.int(1, 9) / 10 })),
  Gelu: unary((draw) => draw.some({ approximate: draw.pick(["none", "tanh"]) }), 20),
  Softmax: overAxis(),
  LogSoftmax: overAxis(),
  Hardmax: overAxis(),
  LpNormalization: overAxis((draw) => draw.some({ p: draw.int(1, 2) })),
  CumSum: {
    fits: atLeast(1),
    shape: (draw) => [...draw.shape(), draw.int(2, 6)].slice(-5),
    use: (draw, shape) => ({
      x: [T(shape), C([draw.axis(shape.length)], "int64", [])],
      a: draw.chance(0.2) ? draw.some({ exclusive: 1, reverse: 1 }) : {},
    }),
  },
  ...Object.fromEntries(
    names("Add Sub Mul Div Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor Pow").map((name) => [
      name,
      binary(),
    ]),
  ),
  Mod: binary((draw) => draw.some({ fmod: 1 })),
  PRelu: {
    use: (draw, shape) => ({ x: [T(shape), W(draw.broadcast(shape))] }),
  },
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Clip: { use: clip },
  Where: { use: where },
  ReduceSum: reduction(13),
  ...Object.fromEntries(
    names(
      "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare",
    ).map((name) => [name, reduction(18)]),
  ),
  ArgMax: arg,
  ArgMin: arg,
  TopK: { fits: atLeast(1), shape: (draw) => [...draw.shape(), draw.int(2, 6)].slice(-5), use: topK },
};
