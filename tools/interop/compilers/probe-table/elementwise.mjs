/** Elementwise operators with one input, with two broadcast inputs, and along one axis. */
import { C, I, T, W, base, moving, names, sizes } from "./inputs.mjs";

/**
 * @typedef {import("./inputs.mjs").OfRank} OfRank
 * @typedef {import("./inputs.mjs").Row} Row
 * @typedef {import("./inputs.mjs").Use} Use
 */

/** One input of any rank. */
/** @type {(uses?: Partial<Use>[]) => Row} */
export const unary = (uses = [{}]) => ({
  uses: uses.map((use) => ({ x: [T(base)], ...use })),
  rank: (rank) => ({ x: [T(sizes(rank))], ...uses[0] }),
});

/** Two broadcast inputs, one computed and one constant, in both orders. */
/** @type {(uses?: Partial<Use>[]) => Row & { rank: OfRank }} */
const binary = (uses = [{}]) => ({
  uses: uses.flatMap((use) => [
    { x: [T(base), T(base)], ...use },
    { x: [T(base), W([6])], ...use },
    { x: [W([6]), T(base)], ...use },
    { x: [T(base), T([5, 1])], ...use },
    { x: [T([4, 1, 1]), T([3, 1, 5, 6])], ...use },
    { x: [T(base), W([])], ...use },
  ]),
  rank: (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))], ...uses[0] }),
});

/** @type {Row} */
const variadic = {
  uses: [2, 1, 3].map((count) => ({ x: Array.from({ length: count }, () => T(base)) })),
  rank: (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))] }),
};

/** @type {(axes: number[], extra?: Use[]) => Row} */
const overAxis = (axes, extra = []) => ({
  uses: [...axes.map((axis) => ({ x: [T(base)], a: { axis } })), { x: [T(base)] }, ...extra],
  rank: (rank) => ({ x: [T(sizes(rank))], a: { axis: -1 } }),
});

/** @type {Readonly<Record<string, Row>>} */
export const ELEMENTWISE = {
  ...Object.fromEntries(
    names(`Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Cos Cosh Dropout Erf Exp Floor HardSwish Identity IsInf IsNaN Log
      Mish Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh`).map(
      (name) => [name, unary()],
    ),
  ),
  Celu: unary([{}, { a: { alpha: 0.5 } }]),
  Elu: unary([{}, { a: { alpha: 0.5 } }]),
  Gelu: unary([{}, { a: { approximate: "tanh" } }]),
  HardSigmoid: unary([{}, { a: { alpha: 0.3, beta: 0.4 } }]),
  LeakyRelu: unary([{}, { a: { alpha: 0.3 } }]),
  Selu: unary(),
  Shrink: unary(),
  Swish: unary([{ opset: 24 }]),
  ThresholdedRelu: unary([{}, { a: { alpha: 0.3 } }]),
  Hardmax: overAxis([-1, 1]),
  Softmax: overAxis(
    [-1, 1, 3],
    [
      { x: [T(base)], a: { axis: 1 }, opset: 12 },
      { x: [T(base)], a: { axis: 3 }, opset: 12 },
    ],
  ),
  LogSoftmax: overAxis([-1, 1, 3], [{ x: [T(base)], a: { axis: 1 }, opset: 12 }]),
  LpNormalization: overAxis([-1, 1], [{ x: [T(base)], a: { p: 1 } }]),
  CumSum: moving(
    [
      { a: {}, axis: 3 },
      { a: { exclusive: 1 }, axis: 1 },
      { a: { reverse: 1 }, axis: 1 },
      { a: {}, axis: -1 },
    ].map(({ a, axis }) => ({ x: [T(base), C([axis], "int64", [])], a })),
    (rank) => ({ x: [T(sizes(rank)), C([0], "int64", [])] }),
    [1, 2, 3, 4, 5],
  ),

  ...Object.fromEntries(
    names(
      "Add Sub Mul Div Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor BitwiseAnd BitwiseOr BitwiseXor",
    ).map((name) => [name, binary()]),
  ),
  Pow: {
    uses: [
      ...binary().uses,
      { x: [T(base), C([2], "float32", [])] },
      { x: [T(base), C([2], "int64", [])] },
      { x: [T(base), C([0.5], "float32", [1])] },
    ],
    rank: binary().rank,
  },
  Mod: binary([{}, { a: { fmod: 1 } }]),
  BitShift: binary([{ a: { direction: "LEFT" } }, { a: { direction: "RIGHT" } }]),
  PRelu: moving(
    [
      { x: [T([1, 4, 5, 6]), W([4, 1, 1])] },
      { x: [T([1, 4, 5, 6]), W([1])] },
      { x: [T([1, 4, 5, 6]), W([6])] },
      { x: [T([1, 4, 5, 6]), T([4, 1, 1])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), W([1])] }),
    [1, 2, 3, 4, 5],
  ),
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Clip: moving(
    [
      { x: [T(base), W([]), W([])] },
      { x: [T(base), W([])] },
      { x: [T(base), null, W([])] },
      { x: [T(base)] },
      { x: [T(base), T([]), T([])] },
      { x: [T(base)], a: { min: 0, max: 6 }, opset: 6 },
    ],
    (rank) => ({ x: [T(sizes(rank)), W([]), W([])] }),
  ),
  Where: moving(
    [
      { x: [I(base, "bool"), T(base), T(base)] },
      { x: [I([5, 6], "bool"), T(base), W([])] },
      { x: [I(base, "bool"), T([6]), T(base)] },
      { x: [C([1, 0, 1, 0, 1, 0], "bool"), T(base), T(base)] },
    ],
    (rank) => ({ x: [I(sizes(rank), "bool"), T(sizes(rank)), T(sizes(rank))] }),
  ),
};
